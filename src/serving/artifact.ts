/**
 * A version's folder of blobs: `model.json`, then `manifest.json`, which is written last, so that a folder with a manifest is whole.
 * The manifest pins what must hold for the version to answer as it did when it was trained: the slots' order, the codes of
 * categories, and stored rows whose scores must come out the same to the bit.
 */
import type { FeatureService } from "../features/definition.ts";
import { codeOf, KarkhanaError } from "../kernel/error.ts";
import { sha256 } from "../kernel/hashing.ts";
import type { TrainedModel } from "../learn/model.ts";
import { decodeModel, encodeModel } from "../learn/model-file.ts";
import { createPredictor, type Predictor } from "../learn/predictor.ts";
import type { BlobStore } from "../storage/blobs/port.ts";
import { manifestFormat, readManifest, type VersionManifest } from "./manifest.ts";

export interface NewVersionArtifact {
  readonly modelName: string;
  readonly definitionHash: string;
  readonly service: FeatureService;
  readonly model: TrainedModel;
  readonly categories: Readonly<Record<string, readonly string[]>>;
  /** Some dozens of rows of the training or holdout set, shape [numSlots] each; scored here, checked at every load. */
  readonly selfCheckVectors: readonly Float64Array[];
}

export interface VersionArtifact {
  readonly manifest: VersionManifest;
  readonly model: TrainedModel;
  readonly predictor: Predictor;
  /** Length of model.json. */
  readonly modelBytes: number;
}

/** Writing the same artifact again gives the same bytes. */
export async function writeVersionArtifact(blobs: BlobStore, path: string, artifact: NewVersionArtifact): Promise<VersionManifest> {
  const { service, model, selfCheckVectors } = artifact;
  const bytes = encodeModel(model);
  const predictor = createPredictor(model);
  if (selfCheckVectors.length === 0)
    throw new KarkhanaError("INVALID_ARGUMENT", { field: "selfCheckVectors", problem: "at least one row is needed to check a load against", value: "none" });
  const rows = selfCheckVectors.map((vector) => Array.from(vector, (x) => (Number.isFinite(x) ? x : null)));
  for (const vector of selfCheckVectors) {
    if (vector.length !== service.slots.length)
      throw new KarkhanaError("SHAPE_MISMATCH", { field: "selfCheckVectors", expected: service.slots.length, actual: vector.length });
  }
  const manifest: VersionManifest = {
    format: manifestFormat,
    model: artifact.modelName,
    definitionHash: artifact.definitionHash,
    serviceHash: service.hash,
    slots: service.slots,
    categories: artifact.categories,
    modelHash: sha256(bytes),
    selfCheck: { vectors: rows, scores: rows.map((row) => scoreRow(predictor, row)) },
  };
  await blobs.put(`${path}/model.json`, bytes);
  await blobs.put(`${path}/manifest.json`, new TextEncoder().encode(JSON.stringify(manifest)));
  return manifest;
}

/** Turns model.json into a model, here or on another thread. */
export type ModelDecoder = (bytes: Uint8Array) => TrainedModel | Promise<TrainedModel>;

/** @throws ARTIFACT_MISSING, ARTIFACT_FORMAT_UNKNOWN, ARTIFACT_INVALID, MODEL_SELF_CHECK_FAILED */
export async function loadVersionArtifact(blobs: BlobStore, path: string, decoder: ModelDecoder = decodeModel): Promise<VersionArtifact> {
  const manifest = readManifest(await read(blobs, `${path}/manifest.json`), path);
  const bytes = await read(blobs, `${path}/model.json`);
  if (sha256(bytes) !== manifest.modelHash)
    throw new KarkhanaError("ARTIFACT_INVALID", { path, problem: "model.json is not the file the manifest was written for" });
  const model = await decode(bytes, path, decoder);
  const names = model.features.map((f) => f.name).join(" ");
  if (names !== manifest.slots.map((s) => s.name).join(" "))
    throw new KarkhanaError("ARTIFACT_INVALID", { path, problem: "the model's features are not the manifest's slots" });
  const predictor = createPredictor(model);
  selfCheck(manifest, predictor, path);
  return { manifest, model, predictor, modelBytes: bytes.length };
}

function selfCheck({ selfCheck: { vectors, scores } }: VersionManifest, predictor: Predictor, path: string): void {
  for (const [row, values] of vectors.entries()) {
    const actual = scoreRow(predictor, values);
    if (!Object.is(actual, scores[row])) throw new KarkhanaError("MODEL_SELF_CHECK_FAILED", { path, row, expected: scores[row], actual });
  }
}

function scoreRow(predictor: Predictor, row: readonly (number | null)[]): number {
  return predictor.predictRow(
    Float64Array.from(row, (x) => x ?? Number.NaN),
    0,
  );
}

async function decode(bytes: Uint8Array, path: string, decoder: ModelDecoder): Promise<TrainedModel> {
  try {
    return await decoder(bytes);
  } catch (cause) {
    throw new KarkhanaError("ARTIFACT_INVALID", { path, problem: `model.json: ${cause instanceof Error ? cause.message : String(cause)}` }, { cause });
  }
}

async function read(blobs: BlobStore, path: string): Promise<Uint8Array> {
  try {
    return await blobs.get(path);
  } catch (cause) {
    if (codeOf(cause) === "BLOB_NOT_FOUND") throw new KarkhanaError("ARTIFACT_MISSING", { path }, { cause });
    throw cause;
  }
}
