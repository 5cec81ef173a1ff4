import type { Clock } from "../kernel/clock.ts";
import { KarkhanaError } from "../kernel/error.ts";
import type { NewId } from "../kernel/ids.ts";
import { defaultWorkspace } from "../kernel/workspace.ts";
import type { BlobStore } from "../storage/blobs/port.ts";
import type { SqlDatabase, SqlTransaction } from "../storage/sql/port.ts";
import { tables } from "../storage/sql/tables.ts";
import { createRunArtifacts, type RunArtifacts } from "./artifacts.ts";
import { createExperimentRecords, experimentKey, insertExperiment } from "./experiments.ts";
import { groupCommit, type GroupedWrites } from "./group-commit.ts";
import type { LoggedModels } from "./logged-model.ts";
import { createLoggedModels } from "./logged-models.ts";
import { requireBatch, requireName, requireTags } from "./names.ts";
import type { Experiment, Metric, Run, RunBatch, RunStatus, Tracking } from "./port.ts";
import { readHistory, readRuns, type TrackingQueries } from "./read.ts";
import type { ExperimentRecords, RunRecords } from "./records.ts";
import { createPurging, type ArtifactUser, type Purging } from "./purge.ts";
import { decodePlace, encodePlace } from "./run-page.ts";
import { createModelFiles, createRunFiles, type ModelFiles, type RunFiles } from "./run-files.ts";
import { createRunRecords } from "./runs.ts";
import { createSigning, type Signing } from "./signing.ts";
import { createUploads, type Uploads } from "./uploads.ts";
import { createSavedViews, type SavedViews } from "./saved-views.ts";
import { createRunTable, type RunTable } from "./table/port.ts";
import type { LifecycleStage, TrackingTables } from "./tables.ts";
import { holdWorkspace } from "./workspaces.ts";
import { writeMetrics, writeModelMetrics, writeParams, writeTags } from "./write.ts";

export interface TrackingParts {
  readonly database: SqlDatabase;
  readonly blobs: BlobStore;
  readonly clock: Clock;
  readonly newId: NewId;
  /** What addresses of artifacts that this program keeps begin with; default: below its own proxy. */
  readonly artifactRoot?: string;
  /** Asked before artifacts are deleted for good; default: nobody needs them. */
  readonly artifactUser?: ArtifactUser;
}

/** What the platform logs with, and what people and other programs manage with: the same rows. */
export interface TrackingStore extends Tracking, RunArtifacts {
  readonly experiments: ExperimentRecords;
  readonly runs: RunRecords;
  readonly files: RunFiles;
  readonly table: RunTable;
  readonly views: SavedViews;
  readonly loggedModels: LoggedModels;
  readonly modelFiles: ModelFiles;
  readonly purging: Purging;
  readonly uploads: Uploads;
  readonly signing: Signing;
  /** What addresses of artifacts that this program keeps begin with; "file:" where clients share its machine and open the files themselves. */
  readonly artifactRoot: string;
  /** All of it reads and writes this workspace; what is in another is not there. */
  readonly workspace: string;
  /** The same rooms of another workspace. Whether there is one of that name is the caller's to know. */
  inWorkspace(workspace: string): TrackingStore;
}

/** The rooms of `default`. */
export function createTracking(given: TrackingParts): TrackingStore {
  const shared: Shared = {
    ...given,
    artifactRoot: given.artifactRoot ?? "mlflow-artifacts:",
    grouped: groupCommit(given.database),
    uploads: createUploads(given),
    signing: createSigning(given),
    inWorkspace: (workspace) => {
      const held = opened.get(workspace);
      if (held !== undefined) return held;
      const made = openWorkspace(shared, workspace);
      opened.set(workspace, made);
      return made;
    },
  };
  const opened = new Map<string, TrackingStore>();
  return shared.inWorkspace(defaultWorkspace);
}

/** What all workspaces of a database use together: one queue of writes, one key. */
interface Shared extends TrackingParts {
  readonly artifactRoot: string;
  readonly grouped: GroupedWrites;
  readonly uploads: Uploads;
  readonly signing: Signing;
  readonly inWorkspace: (workspace: string) => TrackingStore;
}

function openWorkspace(shared: Shared, workspace: string): TrackingStore {
  const parts = { ...shared, workspace };
  const tracking = new SqlTracking(parts);
  const artifacts = createRunArtifacts(parts.blobs, async (runId) => (await tracking.getRun(runId)).artifactPath);
  const runs = createRunRecords(parts);
  const loggedModels = createLoggedModels(parts);
  const files = createRunFiles(parts.blobs, (runId) => runs.place(runId));
  const modelFiles = createModelFiles(parts.blobs, (modelId) => loggedModels.get(modelId, { allowDeleted: true }));
  return Object.assign(tracking, artifacts, {
    experiments: createExperimentRecords(parts),
    runs,
    files,
    table: createRunTable(parts),
    views: createSavedViews(parts),
    loggedModels,
    modelFiles,
    purging: createPurging(parts),
    uploads: shared.uploads,
    signing: shared.signing,
    artifactRoot: parts.artifactRoot,
    workspace,
    inWorkspace: shared.inWorkspace,
  });
}

const maxPage = 50_000;

class SqlTracking implements Tracking {
  readonly #database: SqlDatabase;
  readonly #clock: Clock;
  readonly #newId: NewId;
  readonly #workspace: string;
  readonly #db: TrackingQueries;
  readonly #grouped: GroupedWrites;

  constructor({ database, clock, newId, workspace, grouped }: Shared & { readonly workspace: string }) {
    this.#database = database;
    this.#clock = clock;
    this.#newId = newId;
    this.#workspace = workspace;
    this.#db = tables<TrackingTables>(database.db);
    this.#grouped = grouped;
  }

  async experiment(name: string): Promise<Experiment> {
    requireName("name", name);
    const found = await experimentNamed(this.#db, this.#workspace, name);
    if (found !== undefined) return found;
    return this.#database.transaction(async (t) => {
      const trx = tables<TrackingTables>(t);
      const createdUs = this.#clock.nowUs();
      const workspace = this.#workspace;
      await holdWorkspace(t, this.#database.dialect, workspace);
      const experimentId = await insertExperiment(trx, { workspace, name, createdUs });
      if (experimentId !== undefined) return { experimentId: String(experimentId), name, createdUs };
      const made = await experimentNamed(trx, workspace, name);
      if (made === undefined) throw new KarkhanaError("INTERNAL", { problem: `experiment ${name} vanished under its lock` });
      return made;
    });
  }

  async listExperiments(): Promise<Experiment[]> {
    const rows = await this.#db
      .selectFrom("tracking_experiments")
      .selectAll()
      .where("workspace", "=", this.#workspace)
      .where("stage", "=", "active")
      .orderBy("experiment_id")
      .execute();
    return rows.map(toExperiment);
  }

  async createRun(input: Parameters<Tracking["createRun"]>[0], trx?: SqlTransaction): Promise<Run> {
    const { name, requestId, tags } = input;
    const experimentId = experimentKey(input.experimentId);
    requireName("name", name);
    requireTags(tags ?? {});
    return this.#in(trx, async (db) => {
      const experiment = await db
        .selectFrom("tracking_experiments")
        .select(["stage", "home"])
        .where("experiment_id", "=", experimentId)
        .where("workspace", "=", this.#workspace)
        .executeTakeFirst();
      if (experiment === undefined) throw new KarkhanaError("EXPERIMENT_NOT_FOUND", { experimentId: input.experimentId });
      if (experiment.stage !== "active") throw new KarkhanaError("EXPERIMENT_DELETED", { experimentId: input.experimentId });
      const runId = this.#newId();
      const made = await db
        .insertInto("tracking_runs")
        .values({
          run_id: runId,
          experiment_id: experimentId,
          request_id: requestId ?? null,
          name,
          status: "RUNNING",
          start_us: this.#clock.nowUs(),
          end_us: null,
          workspace: this.#workspace,
          home: experiment.home,
        })
        .onConflict((c) => c.column("request_id").doNothing())
        .returningAll()
        .executeTakeFirst();
      if (made !== undefined) await writeTags(db, runId, tags ?? {});
      const row =
        made ??
        (await db
          .selectFrom("tracking_runs")
          .selectAll()
          .where("request_id", "=", requestId ?? null)
          .executeTakeFirstOrThrow());
      const [run] = await readRuns(db, [row]);
      if (run === undefined) throw new KarkhanaError("INTERNAL", { problem: `run ${row.run_id} vanished in its own transaction` });
      return run;
    });
  }

  async logBatch(runId: string, batch: RunBatch, trx?: SqlTransaction): Promise<void> {
    requireBatch(batch);
    const write = async (db: TrackingQueries): Promise<void> => {
      const { stage, experimentId } = await requireRun(db, this.#workspace, runId);
      if (stage !== "active") throw new KarkhanaError("RUN_DELETED", { runId });
      await writeParams(db, runId, batch.params ?? {});
      await writeMetrics(db, { runId, experimentId }, batch.metrics ?? []);
      await writeModelMetrics(db, { workspace: this.#workspace, runId }, batch.metrics ?? []);
      await writeTags(db, runId, batch.tags ?? {});
    };
    return trx === undefined ? this.#grouped(write) : write(tables<TrackingTables>(trx));
  }

  /** Repeating it does not move the end; a status that is not an end opens the run again, as MLflow's resume does. */
  async finishRun(runId: string, status: RunStatus, trx?: SqlTransaction): Promise<void> {
    return this.#in(trx, async (db) => {
      const isEnd = status !== "RUNNING" && status !== "SCHEDULED";
      const nowUs = this.#clock.nowUs();
      const result = await db
        .updateTable("tracking_runs")
        .set((eb) => ({ status, end_us: isEnd ? eb.fn.coalesce("end_us", eb.val(nowUs)) : null }))
        .where("run_id", "=", runId)
        .where("workspace", "=", this.#workspace)
        .executeTakeFirst();
      if (result.numUpdatedRows === 0n) throw new KarkhanaError("RUN_NOT_FOUND", { runId });
    });
  }

  async getRun(runId: string): Promise<Run> {
    const rows = await this.#db.selectFrom("tracking_runs").selectAll().where("run_id", "=", runId).where("workspace", "=", this.#workspace).execute();
    const [run] = await readRuns(this.#db, rows);
    if (run === undefined) throw new KarkhanaError("RUN_NOT_FOUND", { runId });
    return run;
  }

  async listRuns(experimentId: string, page: { limit?: number; token?: string } = {}): Promise<{ runs: Run[]; nextToken?: string }> {
    const limit = page.limit ?? 100;
    if (!Number.isInteger(limit) || limit < 1 || limit > maxPage) {
      throw new KarkhanaError("INVALID_ARGUMENT", { field: "limit", problem: `expected a whole number from 1 to ${maxPage}`, value: limit });
    }
    let query = this.#db
      .selectFrom("tracking_runs")
      .selectAll()
      .where("experiment_id", "=", experimentKey(experimentId))
      .where("workspace", "=", this.#workspace)
      .where("stage", "=", "active");
    if (page.token !== undefined) {
      const { startUs, runId } = decodePlace(page.token);
      query = query.where((eb) => eb(eb.refTuple("start_us", "run_id"), "<", eb.tuple(startUs, runId)));
    }
    // One row more than asked for says whether there is a next page.
    const rows = await query
      .orderBy("start_us", "desc")
      .orderBy("run_id", "desc")
      .limit(limit + 1)
      .execute();
    const last = rows.length > limit ? rows[limit - 1] : undefined;
    const runs = await readRuns(this.#db, rows.slice(0, limit));
    return last === undefined ? { runs } : { runs, nextToken: encodePlace({ startUs: last.start_us, runId: last.run_id }) };
  }

  async metricHistory(runId: string, key: string): Promise<Metric[]> {
    await requireRun(this.#db, this.#workspace, runId);
    return readHistory(this.#db, runId, key);
  }

  #in<T>(trx: SqlTransaction | undefined, work: (db: TrackingQueries) => Promise<T>): Promise<T> {
    return trx === undefined ? this.#database.transaction((t) => work(tables<TrackingTables>(t))) : work(tables<TrackingTables>(trx));
  }
}

async function requireRun(db: TrackingQueries, workspace: string, runId: string): Promise<{ stage: LifecycleStage; experimentId: number }> {
  const row = await db
    .selectFrom("tracking_runs")
    .select(["stage", "experiment_id"])
    .where("run_id", "=", runId)
    .where("workspace", "=", workspace)
    .executeTakeFirst();
  if (row === undefined) throw new KarkhanaError("RUN_NOT_FOUND", { runId });
  return { stage: row.stage, experimentId: row.experiment_id };
}

async function experimentNamed(db: TrackingQueries, workspace: string, name: string): Promise<Experiment | undefined> {
  const row = await db.selectFrom("tracking_experiments").selectAll().where("workspace", "=", workspace).where("name", "=", name).executeTakeFirst();
  return row === undefined ? undefined : toExperiment(row);
}

function toExperiment(row: { experiment_id: number; name: string; created_us: number }): Experiment {
  return { experimentId: String(row.experiment_id), name: row.name, createdUs: row.created_us };
}
