/**
 * A version's folder of blobs: its model file (`model.json`, or another library's file under its own name, or `remote.json`, or a graph), the
 * files that belong to it, then `manifest.json`, which is written last, so that a folder with a manifest is whole.
 * The manifest pins what must hold for the version to answer as it did when it was trained: the slots' order, the codes of
 * categories, and stored rows whose scores must come out the same: to the bit where they are computed here, within a tolerance where a
 * runtime with instructions of its own, or another server, computes them.
 */
import type { FeatureService, VectorSlot } from "../features/definition.ts";
import type { CategoryDictionary } from "../features/vector.ts";
import { codeOf, KarkhanaError } from "../kernel/error.ts";
import { sha256 } from "../kernel/hashing.ts";
import type { TrainedModel } from "../learn/model.ts";
import { encodeModel } from "../learn/model-file.ts";
import type { BlobStore } from "../storage/blobs/port.ts";
import type { ServableModel } from "./formats/model.ts";
import { parseModel, type ReadingOptions } from "./formats/open.ts";
import { foreignManifestFormat, isFileName, manifestFormat, readManifest, tensorManifestFormat, type VersionManifest } from "./manifest.ts";
import { scorerOfTabular, type RowScorer } from "./row-scorer.ts";
import { tensorScorer, type ScoreOutput } from "./tensor-scorer.ts";
import { openVersionModel, type ModelDecoder, type VersionFiles } from "./version-model.ts";

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

/** A model of another library, as it saved it; or the declaration of one that is elsewhere or is put together. */
export interface ModelFile {
  /** A plain file name; `remote.json` and `ensemble.json` are declarations. */
  readonly file: string;
  readonly bytes: Uint8Array;
  readonly reading?: ReadingOptions;
  /** Files that belong to it, by name: the steps of a graph, a quantisation report. */
  readonly others?: ReadonlyMap<string, Uint8Array>;
  /** Which number is the prediction, for a model of tensors; default worked out. */
  readonly output?: ScoreOutput;
  /** How far a load may score from what is stored, against 1 or the score, where it is not computed here. Default 1e-5. */
  readonly tolerance?: number;
  /** What the library itself predicted for the self-check rows; the version is refused where we answer differently. */
  readonly expectedScores?: readonly number[];
}

export interface VersionArtifact {
  readonly manifest: VersionManifest;
  readonly predictor: RowScorer;
  readonly servable: ServableModel;
  /** Length of the model file. */
  readonly modelBytes: number;
}

const defaultTolerance = 1e-5;
const maxFiles = 100;
/** Self-check rows scored in one turn of the event loop. */
const rowsATurn = 8;

/** Writing the same artifact again gives the same bytes. @throws what reading its model file throws, MODEL_SELF_CHECK_FAILED, SHAPE_MISMATCH */
export async function writeVersionArtifact(blobs: BlobStore, path: string, artifact: NewVersionArtifact): Promise<VersionManifest> {
  const { service, selfCheckVectors, categories } = artifact;
  const model = fileOf(artifact.model);
  const { file, bytes, reading, others, expectedScores } = model;
  for (const name of [file, ...others.keys()])
    if (!isFileName(name) || (name !== file && name === ownModelFile && file === ownModelFile))
      throw new KarkhanaError("INVALID_ARGUMENT", { field: "model.file", problem: "expected a plain file name", value: name.slice(0, 120) });
  if (others.size > maxFiles) throw new KarkhanaError("INVALID_ARGUMENT", { field: "model.others", problem: `at most ${maxFiles} files`, value: others.size });
  if (selfCheckVectors.length === 0)
    throw new KarkhanaError("INVALID_ARGUMENT", { field: "selfCheckVectors", problem: "at least one row is needed to check a load against", value: "none" });
  for (const vector of selfCheckVectors) {
    if (vector.length !== service.slots.length)
      throw new KarkhanaError("SHAPE_MISMATCH", { field: "selfCheckVectors", expected: service.slots.length, actual: vector.length });
  }
  const rows = selfCheckVectors.map((vector) => Array.from(vector, (x) => (Number.isFinite(x) ? x : null)));
  const opened = await open(model, service.slots, categories, model.output, path, parseModel);
  const { output } = opened;
  const tolerance = model.tolerance ?? defaultTolerance;
  let scores: number[];
  try {
    scores = await scoresOf(opened.predictor, rows);
    if (expectedScores !== undefined) agreeWithLibrary(scores, expectedScores, output === undefined ? undefined : tolerance, path);
    if (output !== undefined) {
      refuseNoProbability(scores, output, path);
      await refuseNoBatch(opened.predictor, rows, scores, tolerance, path);
    }
  } finally {
    await opened.servable.close();
  }
  const isOwn = file === ownModelFile;
  const manifest: VersionManifest = {
    format: output !== undefined ? tensorManifestFormat : isOwn ? manifestFormat : foreignManifestFormat,
    model: artifact.modelName,
    definitionHash: artifact.definitionHash,
    serviceHash: service.hash,
    slots: service.slots,
    categories,
    modelHash: sha256(bytes),
    ...(isOwn ? {} : { modelFile: file, reading }),
    ...(output === undefined ? {} : { output, files: Object.fromEntries(Array.from(others, ([name, content]) => [name, sha256(content)])) }),
    selfCheck: { vectors: rows, scores, ...(output === undefined ? {} : { tolerance }) },
  };
  await blobs.put(`${path}/${file}`, bytes);
  if (output !== undefined) for (const [name, content] of others) await blobs.put(`${path}/${name}`, content);
  await blobs.put(`${path}/manifest.json`, new TextEncoder().encode(JSON.stringify(manifest)));
  return manifest;
}

function fileOf(model: TrainedModel | ModelFile): VersionFiles & Pick<ModelFile, "output" | "tolerance" | "expectedScores"> {
  if ("kind" in model) return { file: ownModelFile, bytes: encodeModel(model), others: new Map(), reading: {} };
  return {
    ...model,
    file: model.file === ownModelFile ? `xgboost-${ownModelFile}` : model.file,
    others: model.others ?? new Map(),
    reading: model.reading ?? {},
  };
}

/** What pins a version, without opening its model. @throws ARTIFACT_MISSING, ARTIFACT_FORMAT_UNKNOWN, ARTIFACT_INVALID */
export async function readVersionManifest(blobs: Pick<BlobStore, "get">, path: string): Promise<VersionManifest> {
  return readManifest(await read(blobs, `${path}/manifest.json`), path);
}

/** The caller closes what is opened. @throws ARTIFACT_MISSING, ARTIFACT_FORMAT_UNKNOWN, ARTIFACT_INVALID, MODEL_NOT_REPRODUCIBLE, MODEL_SELF_CHECK_FAILED, REMOTE_UNREACHABLE, RUNTIME_ABSENT */
export async function loadVersionArtifact(
  blobs: Pick<BlobStore, "get">,
  path: string,
  decoder: ModelDecoder = parseModel,
  timerMs?: () => number,
): Promise<VersionArtifact> {
  const manifest = await readVersionManifest(blobs, path);
  const file = manifest.modelFile ?? ownModelFile;
  const pinned = async (name: string, hash: string): Promise<Uint8Array> => {
    const bytes = await read(blobs, `${path}/${name}`);
    if (sha256(bytes) !== hash) throw new KarkhanaError("ARTIFACT_INVALID", { path, problem: `${name} is not the file the manifest was written for` });
    return bytes;
  };
  const bytes = await pinned(file, manifest.modelHash);
  const others = new Map<string, Uint8Array>();
  for (const [name, hash] of Object.entries(manifest.files ?? {})) others.set(name, await pinned(name, hash));
  const files = { file, bytes, others, reading: manifest.reading ?? {} };
  const { servable, predictor } = await open(files, manifest.slots, manifest.categories, manifest.output, path, decoder, timerMs);
  try {
    await selfCheck(manifest, predictor, path);
  } catch (error) {
    await servable.close();
    throw error;
  }
  return { manifest, servable, predictor, modelBytes: Array.from(others.values()).reduce((sum, { length }) => sum + length, bytes.length) };
}

interface Opened {
  readonly predictor: RowScorer;
  readonly servable: ServableModel;
  /** Of a model that answers tensors: where its prediction stands. */
  readonly output: ScoreOutput | undefined;
}

/** Faults that are not of the file: said as they are. */
const notOfTheFile: readonly unknown[] = ["MODEL_NOT_REPRODUCIBLE", "RUNTIME_ABSENT", "REMOTE_UNREACHABLE", "REMOTE_REFUSED", "QUANTIZATION_UNREPORTED"];

async function open(
  files: VersionFiles,
  slots: readonly VectorSlot[],
  categories: CategoryDictionary,
  output: ScoreOutput | undefined,
  path: string,
  decoder: ModelDecoder,
  timerMs?: () => number,
): Promise<Opened> {
  const { file } = files;
  const invalid = (problem: string, cause?: unknown): KarkhanaError => new KarkhanaError("ARTIFACT_INVALID", { path, problem }, { cause });
  const because = (cause: unknown): KarkhanaError => invalid(`${file}: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
  let servable: ServableModel;
  try {
    servable = await openVersionModel(files, decoder);
  } catch (cause) {
    if (notOfTheFile.includes(codeOf(cause))) throw cause;
    throw because(cause);
  }
  const { tabular } = servable;
  try {
    if (tabular === undefined) {
      let scorer: ReturnType<typeof tensorScorer>;
      try {
        scorer = tensorScorer(servable, { slots, categories, output, timerMs });
      } catch (cause) {
        throw because(cause);
      }
      return { predictor: scorer, servable, output: scorer.output };
    }
    const names = slots.map((slot) => slot.name);
    const areGeneric = tabular.featureNames.every((name) => /^(Column_|f)\d+$/.test(name));
    const fit = tabular.numFeatures === names.length && (areGeneric || tabular.featureNames.join(" ") === names.join(" "));
    if (!fit) throw invalid("the model's features are not the manifest's slots");
    if (tabular.numOutputs !== 1 || tabular.numScores !== 1) throw invalid(`${file} gives ${tabular.numOutputs} numbers a row, where a version gives one`);
    return { predictor: scorerOfTabular(tabular), servable, output: undefined };
  } catch (error) {
    await servable.close();
    throw error;
  }
}

async function selfCheck({ selfCheck: { vectors, scores, tolerance } }: VersionManifest, predictor: RowScorer, path: string): Promise<void> {
  const found = await scoresOf(predictor, vectors);
  for (const [row, actual] of found.entries()) {
    const expected = scores[row]!;
    const same = Object.is(actual, expected) || (tolerance !== undefined && Math.abs(actual - expected) <= tolerance * Math.max(1, Math.abs(expected)));
    if (!same) throw new KarkhanaError("MODEL_SELF_CHECK_FAILED", { path, row, expected, actual });
  }
}

/** Libraries compute the last transform in float32 or with another `exp`: what differs more than that is another model. */
const relativeTolerance = 1e-6;

/** @param tolerance of a model that is not computed here */
function agreeWithLibrary(scores: readonly number[], expected: readonly number[], tolerance: number | undefined, path: string): void {
  if (expected.length !== scores.length)
    throw new KarkhanaError("SHAPE_MISMATCH", { field: "expectedScores", expected: scores.length, actual: expected.length });
  for (const [row, actual] of scores.entries()) {
    const size = Math.abs(expected[row]!);
    const allowed = tolerance === undefined ? relativeTolerance * Math.max(1e-3, size) : tolerance * Math.max(1, size);
    if (!(Math.abs(actual - expected[row]!) <= allowed)) throw new KarkhanaError("MODEL_SELF_CHECK_FAILED", { path, row, expected: expected[row], actual });
  }
}

/** Of a graph's or a network's many numbers the wrong one is easily taken: a version answers the probability of the outcome. */
function refuseNoProbability(scores: readonly number[], { name, column }: ScoreOutput, path: string): void {
  const row = scores.findIndex((score) => !(score >= 0 && score <= 1));
  if (row >= 0)
    throw new KarkhanaError("ARTIFACT_INVALID", {
      path,
      problem: `output ${name}, column ${column} is ${scores[row]} for self-check row ${row}, which is no probability`,
    });
}

/** A dynamic first dimension is not always a batch: it may be a sequence, whose elements look at each other. */
async function refuseNoBatch(
  predictor: RowScorer,
  rows: readonly (readonly (number | null)[])[],
  alone: readonly number[],
  tolerance: number,
  path: string,
): Promise<void> {
  const together = new Float64Array(rows.length);
  await predictor.predictRows(
    Float64Array.from(rows.flat(), (x) => x ?? Number.NaN),
    rows.length,
    together,
  );
  const row = alone.findIndex((score, i) => !(Math.abs(score - together[i]!) <= tolerance));
  if (row >= 0)
    throw new KarkhanaError("ARTIFACT_INVALID", {
      path,
      problem: `self-check row ${row} is scored ${together[row]} beside other rows and ${alone[row]} alone: the model's first dimension is no batch`,
    });
}

async function scoresOf(predictor: RowScorer, rows: readonly (readonly (number | null)[])[]): Promise<number[]> {
  const scores: number[] = [];
  for (const row of rows) {
    // A model just loaded scores slowly; requests are answered between.
    if (scores.length % rowsATurn === rowsATurn - 1) await nextTurn();
    scores.push(
      await predictor.predictRow(
        Float64Array.from(row, (x) => x ?? Number.NaN),
        0,
      ),
    );
  }
  return scores;
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

async function read(blobs: Pick<BlobStore, "get">, path: string): Promise<Uint8Array> {
  try {
    return await blobs.get(path);
  } catch (cause) {
    if (codeOf(cause) === "BLOB_NOT_FOUND") throw new KarkhanaError("ARTIFACT_MISSING", { path }, { cause });
    throw cause;
  }
}
