import { sql } from "kysely";
import type { BlobStore } from "../storage/blobs/port.ts";
import type { SqlDatabase } from "../storage/sql/port.ts";
import { tables } from "../storage/sql/tables.ts";
import type { TrackingQueries } from "./read.ts";
import { filesBelow } from "./run-files.ts";
import type { TrackingTables } from "./tables.ts";

/** What was deleted and can be deleted for good: a whole experiment, or the deleted runs of one that is active. */
export interface Deleted {
  readonly kind: "experiment" | "runs";
  readonly experimentId: string;
  readonly name: string;
  readonly runs: number;
  readonly loggedModels: number;
  readonly files: number;
  readonly bytes: number;
  /** False: there are so many files that these are the first ones only. */
  readonly isCounted: boolean;
}

/** More is not looked at for one answer: a person decides, and the store is asked a folder at a time. */
const maxEntries = 200;
const maxFiles = 20_000;

/** Written out, as in the index of deleted runs, or SQLite would not see that it is the one. */
const isDeleted = sql.lit("deleted" as const);

interface Parts {
  readonly database: SqlDatabase;
  readonly blobs: BlobStore;
  readonly workspace: string;
}

/** By experiment, at most 200 of them. */
export async function listDeleted({ database, blobs, workspace }: Parts): Promise<Deleted[]> {
  const db = tables<TrackingTables>(database.db);
  const experiments = await db
    .selectFrom("tracking_experiments as e")
    .select(["e.experiment_id", "e.name", "e.home", "e.stage"])
    .where("e.workspace", "=", workspace)
    .where((eb) =>
      eb.or([
        eb("e.stage", "=", "deleted"),
        eb.exists(eb.selectFrom("tracking_runs as r").select("r.run_id").whereRef("r.experiment_id", "=", "e.experiment_id").where("r.stage", "=", isDeleted)),
      ]),
    )
    .orderBy("e.experiment_id")
    .limit(maxEntries)
    .execute();
  const found: Deleted[] = [];
  let left = maxFiles;
  for (const { experiment_id: id, name, home, stage } of experiments) {
    const own = { experimentId: String(id), name };
    if (stage === "deleted") {
      const size = await sizeOf(blobs, [`${home}${id}`], left);
      left -= size.files;
      found.push({
        kind: "experiment",
        ...own,
        runs: await countIn(db, "tracking_runs", id),
        loggedModels: await countIn(db, "tracking_logged_models", id),
        ...size,
      });
      continue;
    }
    const runs = await db.selectFrom("tracking_runs").select(["run_id", "home"]).where("experiment_id", "=", id).where("stage", "=", isDeleted).execute();
    const folders = runs.map((run) => `${run.home}${id}/${run.run_id}`);
    const size = await sizeOf(blobs, folders, left);
    left -= size.files;
    found.push({ kind: "runs", ...own, runs: runs.length, loggedModels: 0, ...size });
  }
  return found;
}

/** Ids of an experiment's deleted runs, the oldest first. */
export async function deletedRuns({ database, workspace }: Omit<Parts, "blobs">, experimentKey: number): Promise<string[]> {
  const rows = await tables<TrackingTables>(database.db)
    .selectFrom("tracking_runs")
    .select("run_id")
    .where("experiment_id", "=", experimentKey)
    .where("workspace", "=", workspace)
    .where("stage", "=", isDeleted)
    .orderBy("start_us")
    .execute();
  return rows.map((row) => row.run_id);
}

async function sizeOf(blobs: BlobStore, folders: readonly string[], limit: number): Promise<Pick<Deleted, "files" | "bytes" | "isCounted">> {
  let [files, bytes] = [0, 0];
  for (const folder of folders)
    for await (const { sizeBytes } of filesBelow(blobs, folder)) {
      if (files >= limit) return { files, bytes, isCounted: false };
      files++;
      bytes += sizeBytes;
    }
  return { files, bytes, isCounted: true };
}

async function countIn(db: TrackingQueries, table: "tracking_runs" | "tracking_logged_models", experimentKey: number): Promise<number> {
  const { held } = await db
    .selectFrom(table)
    .select((eb) => eb.fn.countAll<number>().as("held"))
    .where("experiment_id", "=", experimentKey)
    .executeTakeFirstOrThrow();
  return held;
}
