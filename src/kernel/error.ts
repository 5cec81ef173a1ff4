import { errorCatalogue, type ErrorCode } from "./error-catalogue.ts";

export type ErrorDetails = Readonly<Record<string, unknown>>;

/** What crosses a process or worker boundary in place of the class, which does not survive one. */
export interface ErrorRecord {
  readonly code: ErrorCode;
  readonly message: string;
  readonly remedy: string;
  readonly retryable: boolean;
  readonly details: ErrorDetails;
}

/**
 * The one error class. Match on `code`, never on `instanceof`: an error posted from a worker loses its class.
 * @example throw new KarkhanaError("MODEL_NOT_FOUND", { model: "late_arrival" })
 */
export class KarkhanaError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;
  readonly remedy: string;
  readonly retryable: boolean;

  constructor(code: ErrorCode, details: ErrorDetails = {}, options?: ErrorOptions) {
    const entry = errorCatalogue[code];
    super(fill(entry.text, details), options);
    this.name = "KarkhanaError";
    this.code = code;
    this.details = details;
    this.remedy = fill(entry.remedy, details);
    this.retryable = entry.retryable;
  }
}

/** The code of anything thrown, or undefined if it is not ours (or a record of ours). */
export function codeOf(error: unknown): ErrorCode | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  const { code } = error;
  return typeof code === "string" && Object.hasOwn(errorCatalogue, code) ? (code as ErrorCode) : undefined;
}

/** A plain copy of any thrown value; what is not ours becomes INTERNAL with its message kept. */
export function toErrorRecord(error: unknown): ErrorRecord {
  const code = codeOf(error);
  if (code !== undefined) {
    const { message, details } = error as { message?: unknown; details?: unknown };
    const entry = errorCatalogue[code];
    const kept = typeof details === "object" && details !== null ? (details as ErrorDetails) : {};
    return {
      code,
      message: typeof message === "string" ? message : fill(entry.text, kept),
      remedy: fill(entry.remedy, kept),
      retryable: entry.retryable,
      details: kept,
    };
  }
  const problem = error instanceof Error ? error.message : String(error);
  return { ...toErrorRecord(new KarkhanaError("INTERNAL", { problem })) };
}

/** The error a record stands for, for rethrowing on this side of a boundary. */
export function fromErrorRecord(record: ErrorRecord): KarkhanaError {
  return new KarkhanaError(record.code, record.details);
}

function fill(text: string, details: ErrorDetails): string {
  return text.replaceAll(/\{(\w+)\}/g, (whole, name: string) => (Object.hasOwn(details, name) ? show(details[name]) : whole));
}

function show(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "bigint") return value.toString();
  return JSON.stringify(value) ?? String(value);
}
