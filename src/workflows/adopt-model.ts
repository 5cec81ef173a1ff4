/**
 * From a version that a client registered to one the project serves: `models:/name@champion` to our deployment, without Python.
 * The logged file is read, checked against the model's features and written with its manifest as a version of the project's model, which then
 * owes the five proofs like any other.
 */
import { codeOf, KarkhanaError } from "../kernel/error.ts";
import { seededRng } from "../kernel/rng.ts";
import type { ModelDefinition } from "../project/definition.ts";
import type { ModelCatalog } from "../registry/catalog.ts";
import { categoriesKey, readModelFolder, type FolderFormat } from "../registry/mlflow/model-folder.ts";
import { versionAt } from "../registry/mlflow/source.ts";
import { proofKinds, type Registry } from "../registry/port.ts";
import { writeVersionArtifact } from "../serving/artifact.ts";
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
  readonly format: FolderFormat;
}

const selfCheckRows = 32;

/**
 * The same reference to the same version again answers with the version made the first time.
 * @param waive why the proofs are not owed; without it they are
 * @throws MODEL_FOLDER_REFUSED, MODEL_FILES_ELSEWHERE, ARTIFACT_INVALID where its features are not the model's
 */
export async function adoptVersion(parts: AdoptParts, model: ModelDefinition, reference: string, waive?: string): Promise<Adopted> {
  const { catalog, registry, tracking, blobs } = parts;
  const found = await versionAt(catalog, reference);
  const source = `models:/${found.model}/${found.version}`;
  const folder = await catalog.artifactPath(found.model, found.version);
  if (folder === "") throw new KarkhanaError("MODEL_FILES_ELSEWHERE", { source, place: found.downloadUri });
  const mlmodel = await fileOf(blobs, folder, "MLmodel", source);
  const names = (await blobs.list(folder)).filter((entry) => !entry.isFolder).map((entry) => entry.path.slice(folder.length + 1));
  const { format, file, categories } = readModelFolder(source, mlmodel, names);
  const wanted = model.service.slots.filter((slot) => slot.type === "categorical").map((slot) => slot.name);
  const untold = wanted.filter((name) => categories[name] === undefined);
  if (untold.length > 0)
    throw new KarkhanaError("MODEL_FOLDER_REFUSED", {
      path: source,
      problem: `the values behind the codes of ${untold.join(", ")} are not said`,
      instead: `log it with metadata={"${categoriesKey}": {"${untold[0] ?? ""}": [...]}}, the values in the order of their codes`,
    });
  const bytes = await fileOf(blobs, folder, file, source);

  const { experimentId } = await tracking.experiment(parts.projectName);
  const requestId = `adopt/${model.name}/${model.service.hash}/${source}/${found.createdUs}`;
  const made = await tracking.createRun({
    experimentId,
    name: `adopted ${source.slice("models:/".length)}`,
    requestId,
    tags: { model: model.name, source, format },
  });
  const { artifactPath } = await tracking.getRun(made.runId);
  try {
    await writeVersionArtifact(blobs, `${artifactPath}/model`, {
      modelName: model.name,
      definitionHash: model.hash,
      service: model.service,
      model: { file, bytes },
      categories: Object.fromEntries(wanted.map((name) => [name, categories[name] ?? []])),
      selfCheckVectors: vectors(model.service.slots.length),
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
  if (waive !== undefined) for (const kind of proofKinds) await registry.waive(model.name, version, kind, waive);
  return { model: model.name, version, source, format };
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

/** Rows whose scores are stored with the version and must come out the same at every load: small and large numbers, and missing ones. */
function vectors(numSlots: number): Float64Array[] {
  const rng = seededRng("adopted");
  return Array.from({ length: selfCheckRows }, (_, row) =>
    Float64Array.from({ length: numSlots }, () => (rng.int(10) === 0 ? Number.NaN : row === 0 ? 0 : Math.round((rng.next() - 0.3) * 10 ** rng.int(5)))),
  );
}
