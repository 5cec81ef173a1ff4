import type { VectorSlot } from "../features/definition.ts";
import { KarkhanaError } from "../kernel/error.ts";
import type { ReadingOptions } from "./formats/open.ts";
import { isScoreOutput, type ScoreOutput } from "./tensor-scorer.ts";

export const manifestFormat = 1;
/** Since a version may hold another library's file; programs that know only format 1 refuse it by its number. */
export const foreignManifestFormat = 2;
/** Since a version may be a model that answers tensors: a network, one on another server, a graph of several files. */
export const tensorManifestFormat = 3;
const formats: readonly unknown[] = [manifestFormat, foreignManifestFormat, tensorManifestFormat];

export interface VersionManifest {
  readonly format: typeof manifestFormat | typeof foreignManifestFormat | typeof tensorManifestFormat;
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
  /** Of a model that answers tensors: which of its numbers is the prediction. */
  readonly output?: ScoreOutput;
  /** SHA-256 of the files beside the model file, by name. */
  readonly files?: Readonly<Record<string, string>>;
  /**
   * Rows and the calibrated scores this version gave them when it was written; null is missing. A load gives the same bits, or with a
   * tolerance scores no further off than that, against 1 or the score.
   */
  readonly selfCheck: {
    readonly vectors: readonly (readonly (number | null)[])[];
    readonly scores: readonly number[];
    readonly tolerance?: number;
  };
}

/** Plain, and none that the version's folder needs for itself. */
export function isFileName(name: unknown): name is string {
  return typeof name === "string" && /^[\w-][\w.-]{0,99}$/.test(name) && !["manifest.json", "profile.json", "evaluation.json"].includes(name);
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
  if (!formats.includes(raw["format"]))
    throw new KarkhanaError("ARTIFACT_FORMAT_UNKNOWN", { path, format: raw["format"] ?? "none", known: formats.join(", ") });
  const { modelFile, reading, files, output } = raw;
  if (raw["format"] !== manifestFormat && !isFileName(modelFile)) throw invalid("modelFile is no file name");
  if (raw["format"] === tensorManifestFormat) {
    if (!isScoreOutput(output)) throw invalid("output is no name and column");
    if (!isRecord(files) || !Object.entries(files).every(([name, hash]) => isFileName(name) && typeof hash === "string"))
      throw invalid("files are not hashes by file name");
  }
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

function isSelfCheck({ vectors, scores, tolerance }: Record<string, unknown>, numSlots: number): boolean {
  if (tolerance !== undefined && !(typeof tolerance === "number" && tolerance >= 0 && tolerance <= 0.1)) return false;
  if (!Array.isArray(vectors) || !Array.isArray(scores) || vectors.length === 0 || vectors.length !== scores.length) return false;
  const rowsFit = vectors.every((row) => Array.isArray(row) && row.length === numSlots && row.every((x) => x === null || typeof x === "number"));
  return rowsFit && scores.every((score) => typeof score === "number");
}
