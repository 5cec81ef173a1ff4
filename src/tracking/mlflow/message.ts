/**
 * Requests as MLflow's own server reads them: a query string (lists by repeating the key) or a JSON object, lenient about 64-bit numbers
 * sent as strings, unknown fields ignored, and refusals in the words its clients and tests expect.
 */
import { KarkhanaError } from "../../kernel/error.ts";

export type Fields = Readonly<Record<string, unknown>>;

export function refuse(problem: string): never {
  throw new KarkhanaError("MLFLOW_REQUEST_REFUSED", { problem });
}

/** One request's fields, read by name and type. A null is a field not sent. */
export class Message {
  readonly #fields: Fields;
  readonly #isQuery: boolean;
  readonly #source: string | undefined;

  /**
   * @param isQuery of a query string, in which a list of one looks like the one
   * @param source the JSON that the fields were read from: refusals show a number as it was written (9.0, not 9)
   */
  constructor(fields: Fields, isQuery = false, source?: string) {
    this.#fields = fields;
    this.#isQuery = isQuery;
    this.#source = source;
  }

  raw(name: string): unknown {
    const value = Object.hasOwn(this.#fields, name) ? this.#fields[name] : undefined;
    return value === null ? undefined : value;
  }

  /** MLflow reads an empty string as one not sent. */
  text(name: string): string | undefined {
    const value = this.raw(name);
    if (value === undefined) return undefined;
    return typeof value === "string" ? value : this.#refuseType(name, value);
  }

  requiredText(name: string): string {
    const value = this.text(name);
    return value === undefined || value === "" ? refuseMissing(name) : value;
  }

  /** Clients send both spellings, or only the older one. */
  runId(): string {
    return this.text("run_id") || this.text("run_uuid") || refuseMissing("run_id");
  }

  experimentId(): string {
    return experimentIdOf(this.requiredText("experiment_id"));
  }

  integer(name: string): number | undefined {
    const value = this.raw(name);
    return value === undefined || value === "" ? undefined : (integerOf(value) ?? this.#refuseType(name, value));
  }

  number(name: string): number | undefined {
    const value = this.raw(name);
    return value === undefined || value === "" ? undefined : (numberOf(value) ?? this.#refuseType(name, value));
  }

  texts(name: string): string[] {
    const raw = this.raw(name) ?? [];
    const value = this.#isQuery && typeof raw === "string" ? [raw] : raw;
    if (!Array.isArray(value)) return refuseType(name, value);
    return value.map((item: unknown) => (typeof item === "string" ? item : refuseType(name, value)));
  }

  item(name: string): Message | undefined {
    const value = this.raw(name);
    if (value === undefined) return undefined;
    return isFields(value) ? new Message(value) : refuseType(name, value);
  }

  /** Each item with the name its own refusals use: "metrics[3]". */
  items(name: string): { path: string; message: Message }[] {
    const value = this.raw(name) ?? [];
    if (!Array.isArray(value)) return refuseType(name, value);
    return value.map((item: unknown, i) => {
      if (!isFields(item)) return refuseType(name, value);
      return { path: `${name}[${i}]`, message: new Message(item) };
    });
  }

  #refuseType(name: string, value: unknown): never {
    return refuseType(name, typeof value === "number" && this.#source !== undefined && isWrittenAsFloat(this.#source, name) ? new PythonFloat(value) : value);
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A whole number that was written with a point or an exponent. */
class PythonFloat {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

function isWrittenAsFloat(json: string, name: string): boolean {
  let found = false;
  JSON.parse(json, (key, value: unknown, context?: { source?: string }) => {
    if (key === name && typeof value === "number" && /[.eE]/.test(context?.source ?? "")) found = true;
    return value;
  });
  return found;
}

export function refuseMissing(name: string): never {
  return refuse(`Missing value for required parameter '${name}'. See the API docs for more information about request parameters.`);
}

export function refuseType(name: string, value: unknown): never {
  return refuse(
    `${invalidValue(name, value, ` Hint: Value was of type '${pythonType(value)}'.`)} See the API docs for more information about request parameters.`,
  );
}

export function invalidValue(name: string, value: unknown, problem?: string): string {
  return `Invalid value ${pythonJson(value)} for parameter '${name}' supplied${problem === undefined ? "." : `: ${problem}`}`;
}

export function experimentIdOf(text: string): string {
  return /^-?\d+$/.test(text) ? text : refuse(`Invalid experiment ID '${text}'. Experiment ID must be a valid integer.`);
}

function integerOf(value: unknown): number | undefined {
  const number = typeof value === "string" && /^-?\d+$/.test(value) ? Number(value) : value;
  return typeof number === "number" && Number.isSafeInteger(number) ? number : undefined;
}

/** Doubles may be sent by name, since JSON has no NaN. */
function numberOf(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  if (typeof value !== "string") return undefined;
  if (value === "NaN") return Number.NaN;
  return /^-?(Infinity|\d+\.?\d*([eE][-+]?\d+)?|\.\d+([eE][-+]?\d+)?)$/.test(value) ? Number(value) : undefined;
}

/** As json.dumps writes it by default: a space after each comma and colon, ASCII only. */
export function pythonDumps(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(pythonDumps).join(", ")}]`;
  if (typeof value === "object" && value !== null)
    return `{${Object.entries(value)
      .map(([key, item]) => `${pythonDumps(key)}: ${pythonDumps(item)}`)
      .join(", ")}}`;
  return asciiOnly(JSON.stringify(value) ?? "null");
}

function asciiOnly(json: string): string {
  return json.replaceAll(/[^\x20-\x7e]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** A double as Python prints it. */
export function pythonFloat(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  return Number.isInteger(value) && Math.abs(value) < 1e16 ? value.toFixed(1) : String(value);
}

function pythonType(value: unknown): string {
  if (value instanceof PythonFloat) return "float";
  if (typeof value === "string") return "str";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "number") return Number.isInteger(value) ? "int" : "float";
  return Array.isArray(value) ? "list" : "dict";
}

/** As json.dumps writes it with sorted keys, no spaces and ASCII only. */
function pythonJson(value: unknown): string {
  if (value instanceof PythonFloat) return pythonFloat(value.value);
  const sorted = (part: unknown): unknown =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(
          Object.entries(part)
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([k, v]) => [k, sorted(v)]),
        )
      : Array.isArray(part)
        ? part.map(sorted)
        : part;
  const json = JSON.stringify(sorted(value)) ?? "null";
  return asciiOnly(json.slice(0, 2000));
}
