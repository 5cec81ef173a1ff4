import type { VectorSlot } from "../features/definition.ts";
import { KarkhanaError } from "../kernel/error.ts";
import type { ReadingOptions } from "./formats/open.ts";

export const manifestFormat = 1;
/** Since a version may hold another library's file; programs that know only format 1 refuse it by its number. */
export const foreignManifestFormat = 2;

export interface VersionManifest {
  readonly format: typeof manifestFormat | typeof foreignManifestFormat;
  readonly model: string;
  readonly definitionHash: string;
  readonly serviceHash: string;
  readonly slots: readonly VectorSlot[];
  /** For each categorical slot its values; a value's position is its code. */
  readonly categories: Readonly<Record<string, readonly string[]>>;
  /** SHA-256 of the model file. */
  readonly modelHash: string;
  /** Name of the model file; absent for our own `model.json`. */
  readonly modelFile?: string;
  readonly reading?: ReadingOptions;
  /** Rows and the calibrated scores this version gave them when it was written; null is missing. */
  readonly selfCheck: { readonly vectors: readonly (readonly (number | null)[])[]; readonly scores: readonly number[] };
}

/** Parses a manifest and checks every part that serving relies on. @throws ARTIFACT_FORMAT_UNKNOWN, ARTIFACT_INVALID */
export function readManifest(bytes: Uint8Array, path: string): VersionManifest {
  const invalid = (problem: string): KarkhanaError => new KarkhanaError("ARTIFACT_INVALID", { path, problem: `manifest.json: ${problem}` });
  let raw: unknown;
  try {
    raw = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw invalid("is not JSON");
  }
  if (!isRecord(raw)) throw invalid("is not an object");
  if (raw["format"] !== manifestFormat && raw["format"] !== foreignManifestFormat)
    throw new KarkhanaError("ARTIFACT_FORMAT_UNKNOWN", { path, format: raw["format"] ?? "none", known: `${manifestFormat} and ${foreignManifestFormat}` });
  const { modelFile, reading } = raw;
  if (raw["format"] === foreignManifestFormat && !(typeof modelFile === "string" && /^[\w-][\w.-]{0,99}$/.test(modelFile)))
    throw invalid("modelFile is no file name");
  if (reading !== undefined && !isReading(reading)) throw invalid("reading is not of whole iterations and a missing value");
  for (const name of ["model", "definitionHash", "serviceHash", "modelHash"]) if (typeof raw[name] !== "string") throw invalid(`${name} is not text`);
  const { slots, categories, selfCheck } = raw;
  if (!Array.isArray(slots) || !slots.every(isSlot)) throw invalid("slots are not a list of name and type");
  if (!isRecord(categories) || !Object.values(categories).every((values) => Array.isArray(values) && values.every((v) => typeof v === "string")))
    throw invalid("categories are not lists of text");
  if (!isRecord(selfCheck) || !isSelfCheck(selfCheck, slots.length))
    throw invalid("selfCheck is not rows of one number a slot, at least one, each with its score");
  return raw as unknown as VersionManifest;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isReading(value: unknown): boolean {
  if (!isRecord(value)) return false;
  const { missing, iterations = {} } = value;
  const isCount = (x: unknown): boolean => x === undefined || (typeof x === "number" && Number.isSafeInteger(x) && x >= 0);
  return (missing === undefined || typeof missing === "number") && isRecord(iterations) && isCount(iterations["begin"]) && isCount(iterations["count"]);
}

function isSlot(value: unknown): boolean {
  return isRecord(value) && typeof value["name"] === "string" && (value["type"] === "numeric" || value["type"] === "categorical");
}

function isSelfCheck({ vectors, scores }: Record<string, unknown>, numSlots: number): boolean {
  if (!Array.isArray(vectors) || !Array.isArray(scores) || vectors.length === 0 || vectors.length !== scores.length) return false;
  const rowsFit = vectors.every((row) => Array.isArray(row) && row.length === numSlots && row.every((x) => x === null || typeof x === "number"));
  return rowsFit && scores.every((score) => typeof score === "number");
}
