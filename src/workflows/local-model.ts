/**
 * A model that lies on this machine, to be adopted as a version: a file of a known format, or a folder with
 *
 *   model.txt | model.ubj | model.onnx …   a library's file
 *   remote.json                            or a model on another server
 *   ensemble.json, and its steps' files    or a graph
 *   version.json                           optional: {"categories": {"origin": ["ATL", …]}, "output": {"name": "probabilities", "column": 1},
 *                                          "golden": {"vectors": [[…]], "scores": […]}, "tolerance": 1e-5}
 */
import { readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { KarkhanaError } from "../kernel/error.ts";
import { sha256 } from "../kernel/hashing.ts";
import type { ModelFile } from "../serving/artifact.ts";
import { findModelFile } from "../serving/formats/detect.ts";
import { readEnsemble } from "../serving/oip/ensemble.ts";
import { isScoreOutput, type ScoreOutput } from "../serving/tensor-scorer.ts";
import { graphFile, remoteFile } from "../serving/version-model.ts";

export interface LocalModel {
  readonly model: ModelFile;
  readonly categories: Readonly<Record<string, readonly string[]>>;
  /** Rows that the model's own library scored; undefined where nobody said. */
  readonly golden: { readonly vectors: readonly Float64Array[]; readonly scores: readonly number[] } | undefined;
  /** Of all its files: the same content again is the same version. */
  readonly hash: string;
}

const versionFile = "version.json";
const maxFileBytes = 2 ** 31;
const maxFiles = 100;

/** @throws INVALID_ARGUMENT, MODEL_FORMAT_UNKNOWN, MODEL_FILE_INVALID naming the field of version.json */
export async function readLocalModel(place: string): Promise<LocalModel> {
  const found = await stat(place).catch((cause: unknown) => {
    throw new KarkhanaError(
      "INVALID_ARGUMENT",
      { field: "model", problem: "expected models:/name/version, or a file or folder that is there", value: place },
      { cause },
    );
  });
  if (!found.isDirectory()) return localModel(path.basename(place), new Map([[path.basename(place), await bytesOf(place)]]), {});
  const names = (await readdir(place, { withFileTypes: true })).filter((entry) => entry.isFile()).map((entry) => entry.name);
  if (names.length > maxFiles)
    throw new KarkhanaError("INVALID_ARGUMENT", { field: "model", problem: `expected a folder of at most ${maxFiles} files`, value: place });
  const files = new Map<string, Uint8Array>();
  for (const name of names.toSorted()) files.set(name, await bytesOf(path.join(place, name)));
  const said = files.get(versionFile);
  files.delete(versionFile);
  const known = [remoteFile, graphFile].find((name) => files.has(name));
  return localModel(known ?? findModelFile(place, [...files.keys()]), files, said === undefined ? {} : parseVersion(said));
}

async function bytesOf(file: string): Promise<Uint8Array> {
  const { size } = await stat(file);
  if (size > maxFileBytes) throw new KarkhanaError("INVALID_ARGUMENT", { field: "model", problem: "expected files of at most 2 GB", value: file });
  return readFile(file);
}

interface Said {
  readonly categories?: Readonly<Record<string, readonly string[]>>;
  readonly output?: ScoreOutput;
  readonly golden?: NonNullable<LocalModel["golden"]>;
  readonly tolerance?: number;
}

function localModel(file: string, files: ReadonlyMap<string, Uint8Array>, { categories = {}, output, golden, tolerance }: Said): LocalModel {
  // Only a graph has steps, and only what is quantised a report beside it: other files of a folder are not the version's.
  const steps = file === graphFile ? readEnsemble(files.get(file)!).steps.flatMap((step) => (step.kind === "model" ? [step.model] : [])) : [];
  const others = new Map([...files].filter(([name]) => steps.includes(name) || name === "quantization.json"));
  const hash = sha256(
    JSON.stringify([file, output, categories, ...[[file, files.get(file)!] as const, ...others].map(([name, bytes]) => [name, sha256(bytes)])]),
  );
  const model = { file, bytes: files.get(file)!, others, ...(output && { output }), ...(tolerance === undefined ? {} : { tolerance }) };
  return { model: golden === undefined ? model : { ...model, expectedScores: golden.scores }, categories, golden, hash };
}

function parseVersion(bytes: Uint8Array): Said {
  const invalid = (field: string, problem: string): KarkhanaError => new KarkhanaError("MODEL_FILE_INVALID", { field: `${versionFile}${field}`, problem });
  let raw: unknown;
  try {
    raw = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw invalid("", "is not JSON");
  }
  if (!isRecord(raw)) throw invalid("", "expected an object");
  const unknown = Object.keys(raw).find((key) => !["categories", "output", "golden", "tolerance"].includes(key));
  if (unknown !== undefined) throw invalid(`.${unknown.slice(0, 60)}`, "is not one of categories, output, golden, tolerance");
  const { categories, output, golden, tolerance } = raw;
  if (categories !== undefined && !isCategories(categories)) throw invalid(".categories", "expected lists of text by slot");
  if (output !== undefined && !isScoreOutput(output)) throw invalid(".output", 'expected {"name": …, "column": …}');
  if (tolerance !== undefined && !(typeof tolerance === "number" && tolerance >= 0 && tolerance <= 0.1)) throw invalid(".tolerance", "expected 0 to 0.1");
  return {
    ...(categories === undefined ? {} : { categories }),
    ...(output === undefined ? {} : { output }),
    ...(tolerance === undefined ? {} : { tolerance }),
    ...(golden === undefined ? {} : { golden: readGolden(golden, invalid) }),
  };
}

function readGolden(raw: unknown, invalid: (field: string, problem: string) => KarkhanaError): NonNullable<LocalModel["golden"]> {
  const { vectors, scores } = isRecord(raw) ? raw : {};
  const isRow = (row: unknown): row is (number | null)[] => Array.isArray(row) && row.every((x) => x === null || typeof x === "number");
  if (!Array.isArray(vectors) || vectors.length === 0 || vectors.length > 10_000 || !vectors.every(isRow))
    throw invalid(".golden.vectors", "expected 1 to 10000 rows of numbers, null where a value is missing");
  if (!Array.isArray(scores) || scores.length !== vectors.length || !scores.every((x): x is number => typeof x === "number"))
    throw invalid(".golden.scores", "expected a number for each row");
  return { vectors: vectors.map((row) => Float64Array.from(row, (x) => x ?? Number.NaN)), scores };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCategories(value: unknown): value is Record<string, readonly string[]> {
  return isRecord(value) && Object.values(value).every((list) => Array.isArray(list) && list.every((item) => typeof item === "string"));
}
