import type { Kysely, Selectable } from "kysely";

import { isOneOf } from "../storage/sql/one-of.ts";
import { decodeHistoryPlace, encodeHistoryPlace } from "./history-page.ts";
import type { Metric, Run } from "./port.ts";
import type { Page } from "./records.ts";
import type { TrackingTables } from "./tables.ts";

export type TrackingQueries = Kysely<TrackingTables>;
type RunRow = Selectable<TrackingTables["tracking_runs"]>;
export type MetricRow = Selectable<TrackingTables["tracking_metrics"]>;

/** Bounds what one statement brings at a time. */
const idsPerQuery = 1000;

/** Runs of the rows, in their order: three queries a thousand runs, whatever their number of metrics. */
export async function readRuns(db: TrackingQueries, rows: readonly RunRow[]): Promise<Run[]> {
  const runs: Run[] = [];
  for (let from = 0; from < rows.length; from += idsPerQuery) {
    const part = rows.slice(from, from + idsPerQuery);
    const ids = part.map((row) => row.run_id);
    const own = isOneOf(db, "run_id", ids);
    const paramsOfAll = () => db.selectFrom("tracking_params").selectAll().where(own).orderBy("run_id").orderBy("key").execute();
    const tagsOfAll = () => db.selectFrom("tracking_tags").selectAll().where(own).orderBy("run_id").orderBy("key").execute();
    const latestOfAll = () => db.selectFrom("tracking_latest_metrics").selectAll().where(own).orderBy("run_id").orderBy("key").execute();
    // PostgreSQL answers them beside each other; a transaction has one connection.
    const [params, tags, metrics] = db.isTransaction
      ? [await paramsOfAll(), await tagsOfAll(), await latestOfAll()]
      : await Promise.all([paramsOfAll(), tagsOfAll(), latestOfAll()]);
    const paramsOf = Map.groupBy(params, (p) => p.run_id);
    const tagsOf = Map.groupBy(tags, (t) => t.run_id);
    const metricsOf = Map.groupBy(metrics, (m) => m.run_id);
    for (const row of part) {
      runs.push({
        ...runOf(row),
        params: Object.fromEntries((paramsOf.get(row.run_id) ?? []).map((p) => [p.key, p.value])),
        tags: Object.fromEntries((tagsOf.get(row.run_id) ?? []).map((t) => [t.key, t.value])),
        metrics: Object.fromEntries((metricsOf.get(row.run_id) ?? []).map((m) => [m.key, toMetric(m)])),
      });
    }
  }
  return runs;
}

/** Without what other tables hold of it. */
export function runOf(row: RunRow): Run {
  const experimentId = String(row.experiment_id);
  return {
    runId: row.run_id,
    experimentId,
    name: row.name,
    status: row.status,
    startUs: row.start_us,
    ...(row.end_us === null ? {} : { endUs: row.end_us }),
    // The layout MLflow's tools expect below an artifact root.
    artifactPath: `${row.home}${experimentId}/${row.run_id}/artifacts`,
    params: {},
    tags: {},
    metrics: {},
  };
}

export async function readHistory(db: TrackingQueries, runId: string, key: string): Promise<Metric[]> {
  const rows = await db
    .selectFrom("tracking_metrics")
    .selectAll()
    .where("run_id", "=", runId)
    .where("key", "=", key)
    .orderBy("timestamp_ms")
    .orderBy("step")
    .orderBy("value")
    .orderBy("is_nan")
    .execute();
  return rows.map(toMetric);
}

/** Keyset: a page starts after the last row of the one before, in the order of the table's key. @throws SEARCH_INVALID for a token it did not make */
export async function historyPage(
  db: TrackingQueries,
  runId: string,
  key: string,
  { limit, token }: { limit?: number | undefined; token?: string | undefined },
): Promise<Page<Metric>> {
  let query = db.selectFrom("tracking_metrics").select(["step", "timestamp_ms", "value", "is_nan"]).where("run_id", "=", runId).where("key", "=", key);
  if (token !== undefined) {
    const { row } = decodeHistoryPlace(token);
    query = query.where((eb) => eb(eb.refTuple("timestamp_ms", "step", "value", "is_nan"), ">", eb.tuple(...row)));
  }
  if (limit !== undefined) query = query.limit(limit + 1);
  const rows = await query.orderBy("timestamp_ms").orderBy("step").orderBy("value").orderBy("is_nan").execute();
  const last = limit !== undefined && rows.length > limit ? rows[limit - 1] : undefined;
  const items = rows.slice(0, limit).map((row) => toMetric({ ...row, key }));
  return last === undefined ? { items } : { items, nextToken: encodeHistoryPlace([last.timestamp_ms, last.step, last.value, last.is_nan]) };
}

export function toRow(runId: string, metric: Metric): MetricRow {
  const isNan = Number.isNaN(metric.value);
  // -0 and 0 are one value to both databases; keep the plain one.
  const value = isNan || metric.value === 0 ? 0 : metric.value;
  return { run_id: runId, key: metric.key, step: metric.step, timestamp_ms: metric.timestampMs, value, is_nan: isNan ? 1 : 0 };
}

export function toMetric(row: Omit<MetricRow, "run_id">): Metric {
  return { key: row.key, value: row.is_nan === 1 ? Number.NaN : row.value, step: row.step, timestampMs: row.timestamp_ms };
}
