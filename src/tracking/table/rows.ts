import { tables } from "../../storage/sql/tables.ts";
import type { RunStatus } from "../port.ts";
import type { LifecycleStage, TrackingTables } from "../tables.ts";
import type { RunTableParts } from "./query.ts";

/** Keys of what a table shows beside a run's own attributes. */
export interface RunColumns {
  readonly metrics: readonly string[];
  readonly params: readonly string[];
  readonly tags: readonly string[];
}

export interface RunRow {
  readonly runId: string;
  readonly experimentId: string;
  readonly name: string;
  readonly status: RunStatus;
  readonly stage: LifecycleStage;
  readonly userId: string;
  readonly startUs: number;
  readonly endUs: number | null;
  readonly metrics: Readonly<Record<string, number>>;
  readonly params: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
}

/** Rows in the order of the ids, with the named columns only, whatever else the runs hold; a run that is gone is left out. */
export async function readRunRows({ database, workspace }: RunTableParts, ids: readonly string[], columns: RunColumns): Promise<RunRow[]> {
  if (ids.length === 0) return [];
  const db = tables<TrackingTables>(database.db);
  const { metrics, params, tags } = columns;
  const runs = await db.selectFrom("tracking_runs").selectAll().where("run_id", "in", ids).where("workspace", "=", workspace).execute();
  const values = async (table: "tracking_params" | "tracking_tags", keys: readonly string[]): Promise<Map<string, Record<string, string>>> => {
    const found = new Map<string, Record<string, string>>();
    if (keys.length === 0) return found;
    const rows = await db.selectFrom(table).selectAll().where("run_id", "in", ids).where("key", "in", keys).execute();
    for (const { run_id, key, value } of rows) entryOf(found, run_id)[key] = value;
    return found;
  };
  const paramsOf = await values("tracking_params", params);
  const tagsOf = await values("tracking_tags", tags);
  const metricsOf = new Map<string, Record<string, number>>();
  if (metrics.length > 0) {
    const rows = await db
      .selectFrom("tracking_latest_metrics")
      .select(["run_id", "key", "value", "is_nan"])
      .where("run_id", "in", ids)
      .where("key", "in", metrics)
      .execute();
    for (const { run_id, key, value, is_nan } of rows) entryOf(metricsOf, run_id)[key] = is_nan === 1 ? Number.NaN : value;
  }
  const rowOf = new Map(runs.map((row) => [row.run_id, row]));
  return ids.flatMap((runId): RunRow[] => {
    const row = rowOf.get(runId);
    if (row === undefined) return [];
    return [
      {
        runId,
        experimentId: String(row.experiment_id),
        name: row.name,
        status: row.status,
        stage: row.stage,
        userId: row.user_id,
        startUs: row.start_us,
        endUs: row.end_us,
        metrics: metricsOf.get(runId) ?? {},
        params: paramsOf.get(runId) ?? {},
        tags: tagsOf.get(runId) ?? {},
      },
    ];
  });
}

/** Keys come from clients: "__proto__" is one like any other. */
function entryOf<V>(found: Map<string, Record<string, V>>, runId: string): Record<string, V> {
  const held = found.get(runId);
  if (held !== undefined) return held;
  const made: Record<string, V> = Object.create(null) as Record<string, V>;
  found.set(runId, made);
  return made;
}
