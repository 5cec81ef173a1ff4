import { codeOf, KarkhanaError } from "../kernel/error.ts";
import type { BlobStore } from "../storage/blobs/port.ts";
import type { SqlDatabase, SqlTransaction } from "../storage/sql/port.ts";
import { tables } from "../storage/sql/tables.ts";
import { deletedRuns, listDeleted, type Deleted } from "./deleted.ts";
import { experimentKey } from "./experiments.ts";
import type { TrackingQueries } from "./read.ts";
import { deleteFilesBelow } from "./run-files.ts";
import type { TrackingTables } from "./tables.ts";

/**
 * Deletion for good, of what was deleted before: rows and files go, the name is free, nothing brings it back.
 *
 *   rows gone and the folder noted, in one transaction -> files deleted -> the note marked done
 *
 * A crash after the first step leaves files that nobody can reach; `finish` removes them at the next start.
 */
export interface Purging {
  /** @throws RUN_NOT_FOUND, NOT_DELETED_YET, ARTIFACTS_IN_USE */
  purgeRun(runId: string): Promise<void>;
  /** With all its runs and logged models. @throws EXPERIMENT_NOT_FOUND, NOT_DELETED_YET, ARTIFACTS_IN_USE */
  purgeExperiment(experimentId: string): Promise<{ readonly runs: number }>;
  /** What these would take, for whoever has to decide. */
  deleted(): Promise<Deleted[]>;
  /** The deleted runs of an experiment that is active, one after the other; those that a version uses stay. @throws EXPERIMENT_NOT_FOUND */
  purgeRunsOf(experimentId: string): Promise<{ readonly runs: number; readonly inUse: number }>;
  /** Deletes the files of what was purged before a crash. */
  finish(): Promise<void>;
}

/** Who still needs files below a folder, told to a person; undefined: nobody. */
export type ArtifactUser = (trx: SqlTransaction, folder: string) => Promise<string | undefined>;

const runTables = [
  "tracking_run_models",
  "tracking_logged_model_metrics",
  "tracking_dataset_tags",
  "tracking_datasets",
  "tracking_latest_metrics",
  "tracking_metrics",
  "tracking_params",
  "tracking_tags",
] as const;
const modelTables = ["tracking_run_models", "tracking_logged_model_metrics", "tracking_logged_model_params", "tracking_logged_model_tags"] as const;
/** Of one statement's list. */
const idsPerQuery = 500;

interface Parts {
  readonly database: SqlDatabase;
  readonly blobs: BlobStore;
  readonly artifactUser?: ArtifactUser;
  readonly workspace: string;
}

export function createPurging(parts: Parts): Purging {
  const { database, workspace } = parts;
  const purgeRun = async (runId: string): Promise<void> => {
    const folder = await database.transaction(async (t) => {
      const trx = tables<TrackingTables>(t);
      const run = await trx
        .selectFrom("tracking_runs")
        .select(["experiment_id", "stage", "home"])
        .where("run_id", "=", runId)
        .where("workspace", "=", workspace)
        .executeTakeFirst();
      if (run === undefined) throw new KarkhanaError("RUN_NOT_FOUND", { runId });
      if (run.stage !== "deleted") throw new KarkhanaError("NOT_DELETED_YET", { what: `Run ${runId}` });
      const noted = `${run.home}${run.experiment_id}/${runId}`;
      await requireUnused(parts, t, noted);
      await deleteRuns(trx, [runId]);
      await note(trx, noted, run.experiment_id);
      return noted;
    });
    await removeFiles(parts, folder);
  };
  return {
    purgeRun,
    purgeExperiment: async (experimentId) => {
      const key = experimentKey(experimentId);
      const { folder, runs } = await database.transaction(async (t) => {
        const trx = tables<TrackingTables>(t);
        const experiment = await trx
          .selectFrom("tracking_experiments")
          .select(["stage", "home"])
          .where("experiment_id", "=", key)
          .where("workspace", "=", workspace)
          .executeTakeFirst();
        if (experiment === undefined) throw new KarkhanaError("EXPERIMENT_NOT_FOUND", { experimentId });
        // Experiment 0 is there for ever: its row is the lock under which the next id is taken.
        if (experiment.stage !== "deleted" || key === 0) throw new KarkhanaError("NOT_DELETED_YET", { what: `Experiment ${experimentId}` });
        const noted = `${experiment.home}${key}`;
        await requireUnused(parts, t, noted);
        const held = await deleteExperiment(trx, key);
        await note(trx, noted, key);
        return { folder: noted, runs: held };
      });
      await removeFiles(parts, folder);
      return { runs };
    },
    deleted: () => listDeleted(parts),
    purgeRunsOf: async (experimentId) => {
      const key = experimentKey(experimentId);
      const row = await tables<TrackingTables>(database.db)
        .selectFrom("tracking_experiments")
        .select("stage")
        .where("experiment_id", "=", key)
        .where("workspace", "=", workspace)
        .executeTakeFirst();
      if (row === undefined) throw new KarkhanaError("EXPERIMENT_NOT_FOUND", { experimentId });
      let [runs, inUse] = [0, 0];
      for (const runId of await deletedRuns(parts, key)) {
        try {
          await purgeRun(runId);
          runs++;
        } catch (error) {
          // Gone or restored by somebody meanwhile: it is not ours to delete any more.
          if (codeOf(error) === "RUN_NOT_FOUND" || codeOf(error) === "NOT_DELETED_YET") continue;
          if (codeOf(error) !== "ARTIFACTS_IN_USE") throw error;
          inUse++;
        }
      }
      return { runs, inUse };
    },
    finish: async () => {
      const pending = await tables<TrackingTables>(database.db).selectFrom("tracking_purges").select("folder").where("is_done", "=", 0).execute();
      for (const { folder } of pending) await removeFiles(parts, folder);
    },
  };
}

/** All experiments of a workspace that is deleted, whatever their stage. @returns what deletes their files once that is committed @throws ARTIFACTS_IN_USE */
export async function removeExperiments(parts: Omit<Parts, "workspace">, trx: SqlTransaction, workspace: string): Promise<(() => Promise<void>) | undefined> {
  const queries = tables<TrackingTables>(trx);
  const rows = await queries.selectFrom("tracking_experiments").select(["experiment_id", "home"]).where("workspace", "=", workspace).execute();
  const folders: string[] = [];
  for (const { experiment_id: key, home } of rows) {
    const folder = `${home}${key}`;
    await requireUnused(parts, trx, folder);
    await deleteExperiment(queries, key);
    await note(queries, folder, key);
    folders.push(folder);
  }
  if (folders.length === 0) return undefined;
  return async () => {
    for (const folder of folders) await removeFiles(parts, folder);
  };
}

async function requireUnused({ artifactUser }: Pick<Parts, "artifactUser">, trx: SqlTransaction, folder: string): Promise<void> {
  const user = await artifactUser?.(trx, folder);
  if (user !== undefined) throw new KarkhanaError("ARTIFACTS_IN_USE", { folder, user });
}

async function removeFiles({ database, blobs }: Pick<Parts, "database" | "blobs">, folder: string): Promise<void> {
  await deleteFilesBelow(blobs, folder);
  await tables<TrackingTables>(database.db).updateTable("tracking_purges").set({ is_done: 1 }).where("folder", "=", folder).execute();
}

/** @returns how many runs it had */
async function deleteExperiment(trx: TrackingQueries, key: number): Promise<number> {
  const runs = await trx.selectFrom("tracking_runs").select("run_id").where("experiment_id", "=", key).execute();
  await deleteRuns(
    trx,
    runs.map((row) => row.run_id),
  );
  const models = await trx.selectFrom("tracking_logged_models").select("model_id").where("experiment_id", "=", key).execute();
  await deleteModels(
    trx,
    models.map((row) => row.model_id),
  );
  await trx.deleteFrom("tracking_experiment_tags").where("experiment_id", "=", key).execute();
  await trx.deleteFrom("tracking_experiments").where("experiment_id", "=", key).execute();
  return runs.length;
}

async function deleteRuns(trx: TrackingQueries, runIds: readonly string[]): Promise<void> {
  for (let from = 0; from < runIds.length; from += idsPerQuery) {
    const ids = runIds.slice(from, from + idsPerQuery);
    for (const table of runTables) await trx.deleteFrom(table).where("run_id", "in", ids).execute();
    await trx.deleteFrom("tracking_runs").where("run_id", "in", ids).execute();
  }
}

async function deleteModels(trx: TrackingQueries, modelIds: readonly string[]): Promise<void> {
  for (let from = 0; from < modelIds.length; from += idsPerQuery) {
    const ids = modelIds.slice(from, from + idsPerQuery);
    for (const table of modelTables) await trx.deleteFrom(table).where("model_id", "in", ids).execute();
    await trx.deleteFrom("tracking_logged_models").where("model_id", "in", ids).execute();
  }
}

async function note(trx: TrackingQueries, folder: string, experimentId: number): Promise<void> {
  await trx.insertInto("tracking_purges").values({ folder, experiment_id: experimentId, is_done: 0 }).execute();
}
