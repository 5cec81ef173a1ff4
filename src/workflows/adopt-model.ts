/**
 * From a version that a client registered, or from files on this machine, to a version the project serves: `models:/name@champion`, a network,
 * a model on another server or a graph to our deployment, without Python. The files are read, checked against the model's features and written with its manifest as a version of the project's model, which then
 * owes the five proofs like any other.
 */
import { codeOf, KarkhanaError } from "../kernel/error.ts";
import { seededRng } from "../kernel/rng.ts";
import type { ModelDefinition } from "../project/definition.ts";
import type { ModelCatalog } from "../registry/catalog.ts";
import { categoriesKey, readModelFolder, type FolderFormat } from "../registry/mlflow/model-folder.ts";
import { versionAt } from "../registry/mlflow/source.ts";
import { proofKinds, type Registry } from "../registry/port.ts";
import path from "node:path";
import type { VectorSlot } from "../features/definition.ts";
import { writeVersionArtifact, type ModelFile } from "../serving/artifact.ts";
import { detectFormat } from "../serving/formats/detect.ts";
import type { ScoreOutput } from "../serving/tensor-scorer.ts";
import { graphFile, remoteFile } from "../serving/version-model.ts";
import { readLocalModel, type LocalModel } from "./local-model.ts";
import type { BlobStore } from "../storage/blobs/port.ts";
import type { TrackingStore } from "../tracking/store.ts";

export interface AdoptParts {
  readonly projectName: string;
  readonly catalog: ModelCatalog;
  readonly registry: Pick<Registry, "registerVersion" | "waive">;
  readonly tracking: Pick<TrackingStore, "experiment" | "createRun" | "finishRun" | "getRun">;
  readonly blobs: BlobStore;
}

export interface Adopted {
  readonly model: string;
  readonly version: number;
  /** What it was made from: "models:/name/version". */
  readonly source: string;
  readonly format: FolderFormat | "karkhana" | "remote" | "ensemble";
}

const selfCheckRows = 32;

export interface AdoptOptions {
  /** Why the proofs are not owed; without it they are. */
  readonly waive?: string | undefined;
  /** Which number is the prediction, of a model that answers tensors; default worked out. */
  readonly output?: ScoreOutput | undefined;
}

/** A model's files with what has to be known of them. */
interface Material {
  /** Names it in the registry's history. */
  readonly source: string;
  readonly format: Adopted["format"];
  readonly model: ModelFile;
  readonly categories: Readonly<Record<string, readonly string[]>>;
  readonly golden: LocalModel["golden"];
  /** Of this very content: adopting it again is the same request. */
  readonly identity: string;
}

/**
 * The same model again answers with the version made the first time.
 * @param reference `models:/name/version`, `models:/name@alias`, or a file or folder on this machine
 * @throws MODEL_FOLDER_REFUSED, MODEL_FILES_ELSEWHERE, ARTIFACT_INVALID where its features are not the model's, and what reading a local model throws
 */
export async function adoptVersion(parts: AdoptParts, model: ModelDefinition, reference: string, options: AdoptOptions = {}): Promise<Adopted> {
  const { registry, tracking, blobs } = parts;
  const found = reference.startsWith("models:") ? await registered(parts, reference) : await local(reference);
  const { source, format, categories, golden } = found;
  const wanted = model.service.slots.filter((slot) => slot.type === "categorical").map((slot) => slot.name);
  const untold = wanted.filter((name) => categories[name] === undefined);
  if (untold.length > 0)
    throw new KarkhanaError("MODEL_FOLDER_REFUSED", {
      path: source,
      problem: `the values behind the codes of ${untold.join(", ")} are not said`,
      instead: reference.startsWith("models:")
        ? `log it with metadata={"${categoriesKey}": {"${untold[0] ?? ""}": [...]}}, the values in the order of their codes`
        : `say them in version.json beside it: {"categories": {"${untold[0] ?? ""}": [...]}}, the values in the order of their codes`,
    });
  const { experimentId } = await tracking.experiment(parts.projectName);
  const requestId = `adopt/${model.name}/${model.service.hash}/${found.identity}`;
  const made = await tracking.createRun({
    experimentId,
    name: `adopted ${source.replace(/^models:\//, "")}`,
    requestId,
    tags: { model: model.name, source, format },
  });
  const { artifactPath } = await tracking.getRun(made.runId);
  const own = Object.fromEntries(wanted.map((name) => [name, categories[name] ?? []]));
  try {
    await writeVersionArtifact(blobs, `${artifactPath}/model`, {
      modelName: model.name,
      definitionHash: model.hash,
      service: model.service,
      model: { ...found.model, ...(options.output && { output: options.output }) },
      categories: own,
      selfCheckVectors: golden?.vectors ?? vectors(model.service.slots, own, format === "lightgbm" || format === "xgboost"),
    });
  } catch (error) {
    await tracking.finishRun(made.runId, "FAILED");
    throw error;
  }
  await tracking.finishRun(made.runId, "FINISHED");
  const { version } = await registry.registerVersion({
    model: model.name,
    runId: made.runId,
    artifactPath: `${artifactPath}/model`,
    definitionHash: model.hash,
    serviceHash: model.service.hash,
    datasetHash: "",
    requestId,
  });
  if (options.waive !== undefined) for (const kind of proofKinds) await registry.waive(model.name, version, kind, options.waive);
  return { model: model.name, version, source, format };
}

async function registered({ catalog, blobs }: AdoptParts, reference: string): Promise<Material> {
  const found = await versionAt(catalog, reference);
  const source = `models:/${found.model}/${found.version}`;
  const folder = await catalog.artifactPath(found.model, found.version);
  if (folder === "") throw new KarkhanaError("MODEL_FILES_ELSEWHERE", { source, place: found.downloadUri });
  const mlmodel = await fileOf(blobs, folder, "MLmodel", source);
  const names = (await blobs.list(folder)).filter((entry) => !entry.isFolder).map((entry) => entry.path.slice(folder.length + 1));
  const { format, file, categories } = readModelFolder(source, mlmodel, names);
  const bytes = await fileOf(blobs, folder, file, source);
  return { source, format, model: { file, bytes }, categories, golden: undefined, identity: `${source}/${found.createdUs}` };
}

async function local(place: string): Promise<Material> {
  const { model, categories, golden, hash } = await readLocalModel(place);
  const format = model.file === remoteFile ? "remote" : model.file === graphFile ? "ensemble" : detectFormat(model.file, model.bytes);
  return { source: path.basename(path.resolve(place)), format, model, categories, golden, identity: `files/${hash}` };
}

async function fileOf(blobs: BlobStore, folder: string, file: string, source: string): Promise<Uint8Array> {
  try {
    return await blobs.get(`${folder}/${file}`);
  } catch (cause) {
    if (codeOf(cause) !== "BLOB_NOT_FOUND") throw cause;
    const details = {
      path: source,
      problem: `there is no ${file} in ${folder}`,
      instead: "register the folder that log_model wrote, not one above or below it",
    };
    throw new KarkhanaError("MODEL_FOLDER_REFUSED", details, { cause });
  }
}

/** Rows whose scores are stored with the version and must come out the same at every load: small and large numbers, and missing ones where the model knows them. */
function vectors(slots: readonly VectorSlot[], categories: Readonly<Record<string, readonly string[]>>, withMissing: boolean): Float64Array[] {
  const rng = seededRng("adopted");
  const valueOf = ({ name, type }: VectorSlot, row: number): number => {
    if (withMissing && rng.int(10) === 0) return Number.NaN;
    if (!withMissing && type === "categorical") return rng.int(Math.max(1, categories[name]?.length ?? 1));
    return row === 0 ? 0 : Math.round((rng.next() - 0.3) * 10 ** rng.int(5));
  };
  return Array.from({ length: selfCheckRows }, (_, row) => Float64Array.from(slots, (slot) => valueOf(slot, row)));
}
