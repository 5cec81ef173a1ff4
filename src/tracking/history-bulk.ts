import { sql } from "kysely";
import { isOneOf } from "../storage/sql/one-of.ts";
import type { Metric } from "./port.ts";
import { toMetric, type MetricRow, type TrackingQueries } from "./read.ts";

export interface RunMetric extends Metric {
  readonly runId: string;
}

/** One metric of several runs: by run, time, step, value, the first `limit` of all. Runs that are not there have none. */
export async function bulkHistory(
  db: TrackingQueries,
  { workspace, runIds }: { readonly workspace: string; readonly runIds: readonly string[] },
  key: string,
  limit: number,
): Promise<RunMetric[]> {
  if (runIds.length === 0) return [];
  const own = await db.selectFrom("tracking_runs").select("run_id").where("run_id", "in", runIds).where("workspace", "=", workspace).execute();
  if (own.length === 0) return [];
  const rows = await db
    .selectFrom("tracking_metrics")
    .selectAll()
    .where(
      "run_id",
      "in",
      own.map((row) => row.run_id),
    )
    .where("key", "=", key)
    .orderBy("run_id")
    .orderBy("timestamp_ms")
    .orderBy("step")
    .orderBy("value")
    .orderBy("is_nan")
    .limit(limit)
    .execute();
  return rows.map((row) => ({ ...toMetric(row), runId: row.run_id }));
}

export interface SampleQuery {
  /** Points a run at most. */
  readonly limit: number;
  /** Both ends belong to it. */
  readonly steps?: { readonly from: number; readonly to: number } | undefined;
}

/** Beyond so many points the database is to choose before it sends. */
const maxUnchosen = 4000;

/**
 * Evenly chosen points of one metric of each run, by step, time and value: the first of each of `limit` equal parts, and the very last.
 * As MLflow 3.17 samples, so that a chart looks alike; the choice is the database's, whatever the length of the histories.
 * @returns in the order of the ids
 */
export async function sampledHistory(db: TrackingQueries, runIds: readonly string[], key: string, sample: SampleQuery): Promise<RunMetric[]> {
  if (runIds.length === 0) return [];
  const rowsOf = Map.groupBy((await shortHistories(db, runIds, key, sample)) ?? (await chosenRows(db, runIds, key, sample)), (row) => row.run_id);
  const { limit } = sample;
  return runIds.flatMap((runId) => {
    const found = rowsOf.get(runId) ?? [];
    // The last point replaces the one before it where there is no place for both.
    const kept = found.length > limit ? [...found.slice(0, limit - 1), ...found.slice(-1)] : found;
    return kept.map((row) => ({ ...toMetric(row), runId }));
  });
}

/** Mostly no history is longer than asked for, and all of them are what is chosen. @returns undefined if one is */
async function shortHistories(db: TrackingQueries, runIds: readonly string[], key: string, { limit, steps }: SampleQuery): Promise<MetricRow[] | undefined> {
  const most = Math.min(runIds.length * limit, maxUnchosen);
  const all = db
    .selectFrom("tracking_metrics")
    .selectAll()
    .where(isOneOf(db, "run_id", runIds))
    .where("key", "=", key);
  const rows = await (steps === undefined ? all : all.where("step", ">=", steps.from).where("step", "<=", steps.to)).limit(most + 1).execute();
  if (rows.length > most) return undefined;
  const counts = new Map<string, number>();
  for (const { run_id: runId } of rows) {
    const count = (counts.get(runId) ?? 0) + 1;
    if (count > limit) return undefined;
    counts.set(runId, count);
  }
  return rows.sort((a, b) => a.step - b.step || a.timestamp_ms - b.timestamp_ms || a.value - b.value || a.is_nan - b.is_nan);
}

async function chosenRows(db: TrackingQueries, runIds: readonly string[], key: string, { limit, steps }: SampleQuery): Promise<readonly MetricRow[]> {
  const inSteps = steps === undefined ? sql`` : sql` and step >= ${steps.from} and step <= ${steps.to}`;
  const own = sql`run_id in (${sql.join(runIds)}) and key = ${key}${inSteps}`;
  const { rows } = await sql<MetricRow>`
    with numbered as (
      select *, ntile(${sql.lit(limit)}) over (partition by run_id order by step, timestamp_ms, value, is_nan) as part,
        row_number() over (partition by run_id order by step desc, timestamp_ms desc, value desc, is_nan desc) as from_end
      from tracking_metrics where ${own}
    ), chosen as (
      select *, row_number() over (partition by run_id, part order by step, timestamp_ms, value, is_nan) as in_part from numbered
    )
    select run_id, key, step, timestamp_ms, value, is_nan
    from chosen where in_part = 1 or from_end = 1
    order by step, timestamp_ms, value, is_nan`.execute(db);
  return rows;
}
