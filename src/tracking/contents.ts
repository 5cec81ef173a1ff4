import { sql } from "kysely";
import type { BlobStore } from "../storage/blobs/port.ts";
import type { SqlDatabase } from "../storage/sql/port.ts";
import { tables } from "../storage/sql/tables.ts";
import { removeExperiments, type ArtifactUser } from "./purge.ts";
import type { TrackingTables } from "./tables.ts";
import type { WorkspaceContents } from "./workspaces.ts";

interface Parts {
  readonly database: SqlDatabase;
  readonly blobs: BlobStore;
  readonly artifactUser?: ArtifactUser;
}

/** Experiments with all that is theirs, and saved views, of a workspace that is deleted. */
export function trackingContents(parts: Parts): readonly WorkspaceContents[] {
  return [experiments(parts), views];
}

function experiments(parts: Parts): WorkspaceContents {
  return {
    kind: "experiments",
    count: async (trx, workspace) => {
      const { held } = await tables<TrackingTables>(trx)
        .selectFrom("tracking_experiments")
        .select((eb) => eb.fn.countAll<number>().as("held"))
        .where("workspace", "=", workspace)
        .executeTakeFirstOrThrow();
      return held;
    },
    conflicts: async (trx, workspace, to) => {
      const queries = tables<TrackingTables>(trx);
      const there = queries.selectFrom("tracking_experiments").select("name").where("workspace", "=", to);
      const rows = await queries.selectFrom("tracking_experiments").select("name").where("workspace", "=", workspace).where("name", "in", there).execute();
      return rows.map((row) => row.name);
    },
    // Files stay where they are: each record says itself where that is.
    move: async (trx, workspace, to) => {
      const queries = tables<TrackingTables>(trx);
      for (const table of ["tracking_experiments", "tracking_runs", "tracking_logged_models"] as const)
        await queries.updateTable(table).set({ workspace: to }).where("workspace", "=", workspace).execute();
    },
    remove: (trx, workspace) => removeExperiments(parts, trx, workspace),
  };
}

/** A way of looking is nothing that has to be kept: it stands in no deletion's way. */
const views: WorkspaceContents = {
  kind: "views",
  count: async () => 0,
  conflicts: async () => [],
  move: async (trx, workspace, to) => {
    await sql`insert into tracking_views (workspace, name, query, updated_us)
      select ${to}, v.name, v.query, v.updated_us from tracking_views as v where v.workspace = ${workspace}
        and not exists (select 1 from tracking_views as t where t.workspace = ${to} and t.name = v.name)`.execute(trx);
    await views.remove(trx, workspace);
  },
  remove: async (trx, workspace) => {
    await sql`delete from tracking_views where workspace = ${workspace}`.execute(trx);
    return undefined;
  },
};
