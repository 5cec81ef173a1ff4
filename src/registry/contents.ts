import { sql } from "kysely";
import type { Clock } from "../kernel/clock.ts";
import type { SqlTransaction } from "../storage/sql/port.ts";
import { tables } from "../storage/sql/tables.ts";
import type { WorkspaceContents } from "../tracking/workspaces.ts";
import { modelKey, placeOfKey } from "./model-key.ts";
import { moveModel, removeModel } from "./rename.ts";
import type { RegistryQueries } from "./read.ts";
import type { RegistryTables } from "./tables.ts";

/** Registered models and webhooks of a workspace that is deleted. */
export function registryContents(clock: Clock): readonly WorkspaceContents[] {
  return [registeredModels(clock), webhooks];
}

function registeredModels(clock: Clock): WorkspaceContents {
  const keysIn = async (queries: RegistryQueries, workspace: string): Promise<string[]> =>
    (await queries.selectFrom("registry_models").select("model").where("workspace", "=", workspace).execute()).map((row) => row.model);
  return {
    kind: "registered_models",
    count: (trx, workspace) => countIn(trx, "registry_models", workspace),
    conflicts: async (trx, workspace, to) => {
      const queries = tables<RegistryTables>(trx);
      const there = new Set(await keysIn(queries, to));
      return (await keysIn(queries, workspace)).map((key) => placeOfKey(key).name).filter((name) => there.has(modelKey(to, name)));
    },
    move: async (trx, workspace, to) => {
      const queries = tables<RegistryTables>(trx);
      for (const key of await keysIn(queries, workspace)) await moveModel(queries, key, modelKey(to, placeOfKey(key).name), clock.nowUs());
    },
    remove: async (trx, workspace) => {
      const queries = tables<RegistryTables>(trx);
      for (const key of await keysIn(queries, workspace)) await removeModel(queries, key);
      return undefined;
    },
  };
}

const webhooks: WorkspaceContents = {
  kind: "webhooks",
  count: (trx, workspace) => countIn(trx, "registry_webhooks", workspace),
  // Two webhooks may have one name.
  conflicts: async () => [],
  move: async (trx, workspace, to) =>
    void (await tables<RegistryTables>(trx).updateTable("registry_webhooks").set({ workspace: to }).where("workspace", "=", workspace).execute()),
  remove: async (trx, workspace) => {
    const queries = tables<RegistryTables>(trx);
    const own = queries.selectFrom("registry_webhooks").select("webhook_id").where("workspace", "=", workspace);
    for (const table of ["registry_deliveries", "registry_webhook_events"] as const) await queries.deleteFrom(table).where("webhook_id", "in", own).execute();
    await queries.deleteFrom("registry_webhooks").where("workspace", "=", workspace).execute();
    return undefined;
  },
};

async function countIn(trx: SqlTransaction, table: string, workspace: string): Promise<number> {
  const { rows } = await sql<{ held: number }>`select count(*) as held from ${sql.table(table)} where workspace = ${workspace}`.execute(trx);
  return rows[0]?.held ?? 0;
}
