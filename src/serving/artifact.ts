/**
 * A version's folder of blobs: its model file (`model.json`, or another library's file under its own name), then `manifest.json`, which
 * is written last, so that a folder with a manifest is whole.
 * The manifest pins what must hold for the version to answer as it did when it was trained: the slots' order, the codes of
 * categories, and stored rows whose scores must come out the same to the bit.
 */
import type { FeatureService, VectorSlot } from "../features/definition.ts";
import { codeOf, KarkhanaError } from "../kernel/error.ts";
import { sha256 } from "../kernel/hashing.ts";
import type { TrainedModel } from "../learn/model.ts";
import { encodeModel } from "../learn/model-file.ts";
import { createPredictor, type Predictor } from "../learn/predictor.ts";
import type { BlobStore } from "../storage/blobs/port.ts";
import type { ServableModel, TabularModel } from "./formats/model.ts";
import { openModel, parseModel, type ParsedModel, type ReadingOptions } from "./formats/open.ts";
import { foreignManifestFormat, manifestFormat, readManifest, type VersionManifest } from "./manifest.ts";

const ownModelFile = "model.json";

export interface NewVersionArtifact {
  readonly modelName: string;
  readonly definitionHash: string;
  readonly service: FeatureService;
  readonly model: TrainedModel | ModelFile;
  readonly categories: Readonly<Record<string, readonly string[]>>;
  /** Some dozens of rows of the training or holdout set, shape [numSlots] each; scored here, checked at every load. */
  readonly selfCheckVectors: readonly Float64Array[];
}

/** A model of another library, as it saved it. */
export interface ModelFile {
  /** A plain file name. */
  readonly file: string;
  readonly bytes: Uint8Array;
  readonly reading?: ReadingOptions;
  /** What the library itself predicted for the self-check rows; the version is refused where we answer differently. */
  readonly expectedScores?: readonly number[];
}

export interface VersionArtifact {
  readonly manifest: VersionManifest;
  readonly predictor: Predictor;
  readonly servable: ServableModel;
  /** Length of the model file. */
  readonly modelBytes: number;
}

/** Writing the same artifact again gives the same bytes. @throws what reading its model file throws, MODEL_SELF_CHECK_FAILED, SHAPE_MISMATCH */
export async function writeVersionArtifact(blobs: BlobStore, path: string, artifact: NewVersionArtifact): Promise<VersionManifest> {
  const { service, selfCheckVectors } = artifact;
  const { file, bytes, reading, expectedScores } = fileOf(artifact.model);
  if (!/^[\w-][\w.-]{0,99}$/.test(file) || ["manifest.json", "profile.json"].includes(file))
    throw new KarkhanaError("INVALID_ARGUMENT", { field: "model.file", problem: "expected a plain file name", value: file.slice(0, 120) });
  const { predictor, servable } = await open(file, bytes, reading, service.slots, path, parseModel);
  await servable.close();
  if (selfCheckVectors.length === 0)
    throw new KarkhanaError("INVALID_ARGUMENT", { field: "selfCheckVectors", problem: "at least one row is needed to check a load against", value: "none" });
  const rows = selfCheckVectors.map((vector) => Array.from(vector, (x) => (Number.isFinite(x) ? x : null)));
  for (const vector of selfCheckVectors) {
    if (vector.length !== service.slots.length)
      throw new KarkhanaError("SHAPE_MISMATCH", { field: "selfCheckVectors", expected: service.slots.length, actual: vector.length });
  }
  const scores = rows.map((row) => scoreRow(predictor, row));
  if (expectedScores !== undefined) agreeWithLibrary(scores, expectedScores, path);
  const isOwn = file === ownModelFile;
  const manifest: VersionManifest = {
    format: isOwn ? manifestFormat : foreignManifestFormat,
    model: artifact.modelName,
    definitionHash: artifact.definitionHash,
    serviceHash: service.hash,
    slots: service.slots,
    categories: artifact.categories,
    modelHash: sha256(bytes),
    ...(isOwn ? {} : { modelFile: file, reading }),
    selfCheck: { vectors: rows, scores },
  };
  await blobs.put(`${path}/${file}`, bytes);
  await blobs.put(`${path}/manifest.json`, new TextEncoder().encode(JSON.stringify(manifest)));
  return manifest;
}

function fileOf(model: TrainedModel | ModelFile): Omit<ModelFile, "reading"> & { readonly reading: ReadingOptions } {
  if ("kind" in model) return { file: ownModelFile, bytes: encodeModel(model), reading: {} };
  return { ...model, file: model.file === ownModelFile ? `xgboost-${ownModelFile}` : model.file, reading: model.reading ?? {} };
}

/** Turns a model file into a model, here or on another thread. */
export type ModelDecoder = (name: string, bytes: Uint8Array, reading: ReadingOptions) => ParsedModel | Promise<ParsedModel>;

/** @throws ARTIFACT_MISSING, ARTIFACT_FORMAT_UNKNOWN, ARTIFACT_INVALID, MODEL_NOT_REPRODUCIBLE, MODEL_SELF_CHECK_FAILED */
export async function loadVersionArtifact(blobs: Pick<BlobStore, "get">, path: string, decoder: ModelDecoder = parseModel): Promise<VersionArtifact> {
  const manifest = readManifest(await read(blobs, `${path}/manifest.json`), path);
  const file = manifest.modelFile ?? ownModelFile;
  const bytes = await read(blobs, `${path}/${file}`);
  if (sha256(bytes) !== manifest.modelHash)
    throw new KarkhanaError("ARTIFACT_INVALID", { path, problem: `${file} is not the file the manifest was written for` });
  const opened = await open(file, bytes, manifest.reading ?? {}, manifest.slots, path, decoder);
  try {
    selfCheck(manifest, opened.predictor, path);
  } catch (error) {
    await opened.servable.close();
    throw error;
  }
  return { manifest, ...opened, modelBytes: bytes.length };
}

async function open(
  file: string,
  bytes: Uint8Array,
  reading: ReadingOptions,
  slots: readonly VectorSlot[],
  path: string,
  decoder: ModelDecoder,
): Promise<{ readonly predictor: Predictor; readonly servable: ServableModel }> {
  const invalid = (problem: string, cause?: unknown): KarkhanaError => new KarkhanaError("ARTIFACT_INVALID", { path, problem }, { cause });
  let parsed: ParsedModel;
  try {
    parsed = await decoder(file, bytes, reading);
  } catch (cause) {
    if (codeOf(cause) === "MODEL_NOT_REPRODUCIBLE") throw cause;
    throw invalid(`${file}: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
  }
  const servable = await openModel(parsed);
  const { tabular } = servable;
  try {
    if (tabular === undefined) throw invalid(`${file} takes no rows of features: ${servable.kind} answers tensors only`);
    const names = slots.map((slot) => slot.name);
    const areGeneric = tabular.featureNames.every((name) => /^(Column_|f)\d+$/.test(name));
    const fit = tabular.numFeatures === names.length && (areGeneric || tabular.featureNames.join(" ") === names.join(" "));
    if (!fit) throw invalid("the model's features are not the manifest's slots");
    if (tabular.numOutputs !== 1 || tabular.numScores !== 1) throw invalid(`${file} gives ${tabular.numOutputs} numbers a row, where a version gives one`);
    return { predictor: parsed.format === "karkhana" ? createPredictor(parsed.model) : predictorOf(tabular), servable };
  } catch (error) {
    await servable.close();
    throw error;
  }
}

function predictorOf({ numFeatures, scoreRows, predictRows }: TabularModel): Predictor {
  const one = new Float64Array(1);
  const ofRow =
    (rows: TabularModel["scoreRows"]) =>
    (vector: Float64Array, offset: number): number => {
      rows(vector.subarray(offset, offset + numFeatures), 1, one);
      return one[0]!;
    };
  return { numFeatures, scoreRow: ofRow(scoreRows), predictRow: ofRow(predictRows), scoreRows, predictRows };
}

function selfCheck({ selfCheck: { vectors, scores } }: VersionManifest, predictor: Predictor, path: string): void {
  for (const [row, values] of vectors.entries()) {
    const actual = scoreRow(predictor, values);
    if (!Object.is(actual, scores[row])) throw new KarkhanaError("MODEL_SELF_CHECK_FAILED", { path, row, expected: scores[row], actual });
  }
}

/** Libraries compute the last transform in float32 or with another `exp`: what differs more than that is another model. */
const relativeTolerance = 1e-6;

function agreeWithLibrary(scores: readonly number[], expected: readonly number[], path: string): void {
  if (expected.length !== scores.length)
    throw new KarkhanaError("SHAPE_MISMATCH", { field: "expectedScores", expected: scores.length, actual: expected.length });
  for (const [row, actual] of scores.entries())
    if (!(Math.abs(actual - expected[row]!) <= relativeTolerance * Math.max(1e-3, Math.abs(expected[row]!))))
      throw new KarkhanaError("MODEL_SELF_CHECK_FAILED", { path, row, expected: expected[row], actual });
}

function scoreRow(predictor: Predictor, row: readonly (number | null)[]): number {
  return predictor.predictRow(
    Float64Array.from(row, (x) => x ?? Number.NaN),
    0,
  );
}

async function read(blobs: Pick<BlobStore, "get">, path: string): Promise<Uint8Array> {
  try {
    return await blobs.get(path);
  } catch (cause) {
    if (codeOf(cause) === "BLOB_NOT_FOUND") throw new KarkhanaError("ARTIFACT_MISSING", { path }, { cause });
    throw cause;
  }
}
