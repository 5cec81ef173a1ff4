/**
 * An import brings each run over whole (record, history, files), reads back what is here, compares it with what was read there, and only
 * then notes it in the journal. Killed at any moment it starts again where the journal ends; run twice it finds everything noted.
 */
import { createHash } from "node:crypto";
import { codeOf, KarkhanaError, toErrorRecord } from "../../kernel/error.ts";
import { canonicalJson, type Canonical } from "../../kernel/hashing.ts";
import type { ModelCatalog } from "../../registry/catalog.ts";
import { takeInModel } from "../../registry/intake.ts";
import type { BlobStore } from "../../storage/blobs/port.ts";
import type { SqlDatabase } from "../../storage/sql/port.ts";
import { homeOf } from "../../kernel/workspace.ts";
import { createTrackingIntake, type TrackingIntake } from "../../tracking/intake.ts";
import type { Metric } from "../../tracking/port.ts";
import type { TrackingStore } from "../../tracking/store.ts";
import { pointText, RunDigest } from "./digest.ts";
import { importJournal, type ImportJournal } from "./journal.ts";
import { Tally, type ImportReport, type RunCounts } from "./report.ts";
import type { MlflowSource, SourceExperiment, SourceFile, SourceModel, SourceRun } from "./source.ts";
import { storedPlace } from "./stored-place.ts";

export interface ImportParts {
  readonly database: SqlDatabase;
  readonly blobs: BlobStore;
  readonly tracking: Pick<TrackingStore, "runs" | "experiments" | "loggedModels" | "workspace">;
  readonly catalog: Pick<ModelCatalog, "getModel" | "getVersion">;
  /** Told now and then: what is being brought, and how much has been. */
  readonly onProgress: (progress: ImportProgress) => void;
}

export interface ImportProgress {
  readonly experiment: string;
  readonly runs: number;
  readonly points: number;
  readonly files: number;
  readonly bytes: number;
}

interface Work extends ImportParts {
  readonly source: MlflowSource;
  readonly intake: TrackingIntake;
  readonly journal: ImportJournal;
  readonly tally: Tally;
  /** By the model's id: the folder of the experiment here that holds its files. */
  readonly homes: Map<string, string>;
}

const historyPage = 25_000;

export async function importMlflow(source: MlflowSource, parts: ImportParts): Promise<ImportReport> {
  const { database } = parts;
  const work: Work = {
    ...parts,
    source,
    intake: createTrackingIntake(database, parts.tracking.workspace),
    journal: importJournal(database, source.identity),
    tally: new Tally(),
    homes: new Map(),
  };
  for await (const experiment of source.experiments()) {
    await part(work, "experiments", `experiment ${experiment.name}`, () => takeExperiment(work, experiment));
  }
  for await (const model of source.models()) await part(work, "models", `registered model ${model.name}`, () => takeModel(work, model));
  return work.tally.report(source.identity, source.refused);
}

/** One thing that cannot be brought does not keep the others away; trouble of this machine ends the import. */
async function part(work: Work, kind: "experiments" | "runs" | "models" | "logged models", what: string, take: () => Promise<void>): Promise<void> {
  try {
    await take();
  } catch (error) {
    const code = codeOf(error);
    if (code === undefined || code === "INTERNAL" || code === "DISK_FULL" || code.startsWith("STORAGE_")) throw error;
    work.tally.failed(kind, what, toErrorRecord(error).message);
  }
}

async function takeExperiment(work: Work, experiment: SourceExperiment): Promise<void> {
  const { source, intake, tally } = work;
  const experimentId = await intake.experiment(experiment);
  const home = `${homeOf(work.tracking.workspace)}${experimentId}`;
  const joined = await work.tracking.experiments.get(experimentId);
  // One that was here before may have tags of its own.
  const tags = Object.keys(experiment.tags).map((key) => [key, joined.tags[key]]);
  requireSame(`experiment ${experiment.name}`, [experiment.name, experiment.tags], [joined.name, Object.fromEntries(tags)]);
  tally.add("experiments", 1);
  // Before the runs, which name the models they made.
  for await (const model of source.loggedModels(experiment.sourceId)) {
    await part(work, "logged models", `model ${model.modelId}`, async () => {
      await intake.loggedModel({ ...model, experimentId });
      work.homes.set(model.modelId, home);
      await takeFiles(work, source.modelFiles(model.modelId), `model ${model.modelId}`, `${home}/models/${model.modelId}/artifacts`);
      const { name, stage, status, createdUs, params, tags: own, sourceRunId } = model;
      const here = await work.tracking.loggedModels.get(model.modelId, { allowDeleted: true });
      requireSame(
        `model ${model.modelId}`,
        { name, stage, status, createdUs, params, tags: own, sourceRunId },
        { ...pick(here, ["name", "stage", "status", "createdUs", "params", "tags"]), sourceRunId: here.sourceRunId ?? null },
      );
      tally.add("logged models", 1);
    });
  }
  for await (const run of source.runs(experiment.sourceId)) {
    await part(work, "runs", `run ${run.runId}`, () => takeRun(work, experiment.name, experimentId, run));
  }
}

async function takeRun(work: Work, experiment: string, experimentId: string, run: SourceRun): Promise<void> {
  const { source, intake, journal, tally, onProgress } = work;
  const item = `run ${run.runId}`;
  const fingerprint = createHash("sha256")
    .update(JSON.stringify([experimentId, run]))
    .digest("hex");
  const noted = await journal.get(item, fingerprint);
  if (isCounts(noted)) {
    tally.run(noted, true);
    onProgress({ experiment, ...tally.progress });
    return;
  }
  const there = new RunDigest();
  there.content(run);
  await intake.run({ ...run, experimentId });
  for (const key of run.metricKeys) {
    const seen = new Set<string>();
    for await (const batch of source.history(run.runId, key)) {
      const fresh = source.pointsAreUnique ? batch : batch.filter((metric) => !seen.has(pointText(metric)) && seen.add(pointText(metric)) !== undefined);
      for (const metric of fresh) there.point(metric);
      for (let from = 0; from < fresh.length; from += 5000) await intake.metrics(run.runId, fresh.slice(from, from + 5000));
    }
  }
  const { files, bytes } = await takeFiles(work, source.runFiles(run.runId), item, `${homeOf(work.tracking.workspace)}${experimentId}/${run.runId}/artifacts`);
  const here = await readBack(work, run);
  if (here.hash !== there.hash) throw new KarkhanaError("IMPORT_DIFFERS", { what: item, there: countsText(there), here: countsText(here) });
  const counts: RunCounts = { params: there.params, tags: there.tags, datasets: there.datasets, points: there.points, files, bytes };
  await journal.put(item, fingerprint, counts);
  tally.run(counts, false);
  onProgress({ experiment, ...tally.progress });
}

/** The run as this program would now tell it to anyone. */
async function readBack({ tracking }: Work, { runId }: SourceRun): Promise<RunDigest> {
  const { run, stage, userId, datasets } = await tracking.runs.get(runId);
  const here = new RunDigest();
  here.content({ ...run, stage, userId, datasets, endUs: run.endUs ?? null });
  for (const key of Object.keys(run.metrics)) {
    for (let token: string | undefined; ;) {
      const page: { items: readonly Metric[]; nextToken?: string } = await tracking.runs.metricHistory(runId, key, { limit: historyPage, token });
      for (const metric of page.items) here.point(metric);
      token = page.nextToken;
      if (token === undefined) break;
    }
  }
  return here;
}

/** Files one by one: each is copied, read back, compared by its hash and noted. */
async function takeFiles(work: Work, files: AsyncIterable<SourceFile>, owner: string, folder: string): Promise<{ files: number; bytes: number }> {
  const { blobs, journal, tally } = work;
  let [count, bytes] = [0, 0];
  for await (const file of files) {
    const item = `file ${folder}/${file.path}`;
    const noted = await journal.get(item, String(file.sizeBytes));
    if (typeof noted === "number") {
      count++;
      bytes += noted;
      tally.files(1, noted);
      continue;
    }
    try {
      const sent = createHash("sha256");
      let size = 0;
      const through = async function* (): AsyncGenerator<Uint8Array> {
        for await (const chunk of file.open()) {
          sent.update(chunk);
          size += chunk.length;
          yield chunk;
        }
      };
      await blobs.put(`${folder}/${file.path}`, through());
      const kept = createHash("sha256");
      for await (const chunk of await blobs.stream(`${folder}/${file.path}`)) kept.update(chunk);
      if (kept.digest("hex") !== sent.digest("hex") || (file.sizeBytes !== undefined && file.sizeBytes !== size))
        throw new KarkhanaError("IMPORT_DIFFERS", {
          what: `${owner}: ${file.path}`,
          there: `${file.sizeBytes ?? size} bytes`,
          here: `${size} bytes of another content`,
        });
      await journal.put(item, String(file.sizeBytes), size);
      count++;
      bytes += size;
      tally.files(1, size);
    } catch (error) {
      if (codeOf(error) !== "BLOB_PATH_REFUSED") throw error;
      tally.refuse(`${owner}: ${file.path.slice(0, 200)}`, toErrorRecord(error).message);
    }
  }
  return { files: count, bytes };
}

async function takeModel(work: Work, model: SourceModel): Promise<void> {
  const { database, source, tally } = work;
  const versions = [];
  for (const { storage, ...version } of model.versions) {
    const place = await storedPlace(storage, version, work);
    versions.push({
      ...version,
      downloadUri: place === undefined ? storage : `mlflow-artifacts:/${place}`,
      artifactPath: place ?? "",
      source: place === undefined || /^(runs|models):/.test(version.source) ? version.source : `mlflow-artifacts:/${place}`,
    });
  }
  await takeInModel(database, { identity: source.identity, workspace: work.tracking.workspace }, { ...model, versions });
  await verifyModel(work, model);
  tally.add("registered models", 1);
  tally.add("versions", versions.length);
  tally.add("aliases", Object.keys(model.aliases).length);
}

async function verifyModel({ catalog }: Work, model: SourceModel): Promise<void> {
  const here = await catalog.getModel(model.name);
  const aliasesHere = Object.keys(model.aliases).map((alias) => [alias, here.aliases[alias]]);
  requireSame(
    `registered model ${model.name}`,
    { description: model.description ?? "", tags: model.tags, aliases: model.aliases, createdUs: model.createdUs },
    { description: here.description ?? "", tags: here.tags, aliases: Object.fromEntries(aliasesHere), createdUs: here.createdUs },
  );
  for (const v of model.versions) {
    const { stage, description, tags, runId, createdUs } = await catalog.getVersion(model.name, v.version);
    requireSame(
      `version ${v.version} of ${model.name}`,
      { stage: v.stage, description: v.description ?? "", tags: v.tags, runId: v.runId, createdUs: v.createdUs },
      { stage, description: description ?? "", tags, runId, createdUs },
    );
  }
}

function pick<T extends object, K extends keyof T>(from: T, keys: readonly K[]): Pick<T, K> {
  return Object.fromEntries(keys.map((key) => [key, from[key]])) as Pick<T, K>;
}

/** @throws IMPORT_DIFFERS */
function requireSame(what: string, there: Canonical, here: Canonical): void {
  const [a, b] = [canonicalJson(there), canonicalJson(here)];
  if (a !== b) throw new KarkhanaError("IMPORT_DIFFERS", { what, there: a.slice(0, 500), here: b.slice(0, 500) });
}

function countsText(digest: RunDigest): string {
  return `${digest.params} params, ${digest.tags} tags, ${digest.datasets} datasets, ${digest.points} points, hash ${digest.hash}`;
}

function isCounts(value: unknown): value is RunCounts {
  return typeof value === "object" && value !== null && "points" in value && "files" in value;
}
