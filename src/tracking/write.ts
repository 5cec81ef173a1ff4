import { KarkhanaError } from "../kernel/error.ts";
import { RowInsert } from "../storage/sql/insert-rows.ts";
import type { Metric } from "./port.ts";
import { toRow, type MetricRow, type TrackingQueries } from "./read.ts";
import { requireLoggedModels } from "./run-models.ts";

/** 10 host parameters a row at most, far below SQLite's 32,766 of a statement. */
const rowsPerInsert = 1000;

const metricColumns = { run_id: "text", key: "text", step: "bigint", timestamp_ms: "bigint", value: "double precision", is_nan: "bigint" } as const;
const latestColumns = { ...metricColumns, experiment_id: "bigint" } as const;
const metricInsert = new RowInsert<MetricRow>("tracking_metrics", metricColumns, "on conflict (run_id, key, timestamp_ms, step, value, is_nan) do nothing");
const latestInsert = new RowInsert<MetricRow & { experiment_id: number }>(
  "tracking_latest_metrics",
  latestColumns,
  `on conflict (run_id, key) do update set step = excluded.step, timestamp_ms = excluded.timestamp_ms, value = excluded.value, is_nan = excluded.is_nan
   where (excluded.step, excluded.timestamp_ms, excluded.value, excluded.is_nan)
     > (tracking_latest_metrics.step, tracking_latest_metrics.timestamp_ms, tracking_latest_metrics.value, tracking_latest_metrics.is_nan)`,
);

/** A run and the experiment it is of, as the tables name them. */
export interface RunKey {
  readonly runId: string;
  readonly experimentId: number;
}

/** Appends to the history and moves the latest values; a metric that is already there adds nothing. */
export async function writeMetrics(trx: TrackingQueries, { runId, experimentId }: RunKey, metrics: readonly Metric[]): Promise<void> {
  const rows = metrics.map((metric) => toRow(runId, metric));
  await metricInsert.into(trx, rows);
  await latestInsert.into(
    trx,
    latestOf(rows).map((row) => ({ ...row, experiment_id: experimentId })),
  );
}

/** Beside the run's history: what was measured of a logged model. @throws LOGGED_MODEL_NOT_FOUND */
export async function writeModelMetrics(
  trx: TrackingQueries,
  { workspace, runId }: { readonly workspace: string; readonly runId: string },
  metrics: readonly Metric[],
): Promise<void> {
  const rows = metrics.flatMap((metric) =>
    metric.modelId === undefined
      ? []
      : [{ ...toRow(runId, metric), model_id: metric.modelId, dataset_name: metric.datasetName ?? "", dataset_digest: metric.datasetDigest ?? "" }],
  );
  if (rows.length === 0) return;
  await requireLoggedModels(
    trx,
    workspace,
    rows.map((row) => row.model_id),
  );
  for (let from = 0; from < rows.length; from += rowsPerInsert) {
    await trx
      .insertInto("tracking_logged_model_metrics")
      .values(rows.slice(from, from + rowsPerInsert))
      .onConflict((c) => c.columns(["model_id", "key", "timestamp_ms", "step", "run_id", "value", "is_nan", "dataset_name", "dataset_digest"]).doNothing())
      .execute();
  }
}

/** One row a key, the highest; by key, so that two batches take their row locks in one order and cannot deadlock. */
function latestOf(rows: readonly MetricRow[]): MetricRow[] {
  const latest = new Map<string, MetricRow>();
  for (const row of rows) {
    const held = latest.get(row.key);
    if (held === undefined || isLater(row, held)) latest.set(row.key, row);
  }
  return [...latest.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** MLflow's order (step, timestamp, value), in which NaN counts as 0; the flag breaks that tie so that the order is total. */
function isLater(a: MetricRow, b: MetricRow): boolean {
  if (a.step !== b.step) return a.step > b.step;
  if (a.timestamp_ms !== b.timestamp_ms) return a.timestamp_ms > b.timestamp_ms;
  if (a.value !== b.value) return a.value > b.value;
  return a.is_nan > b.is_nan;
}

/** @throws PARAM_CHANGED; the caller's transaction then takes the whole batch back */
export async function writeParams(trx: TrackingQueries, runId: string, params: Readonly<Record<string, string>>): Promise<void> {
  const rows = Object.entries(params)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => ({ run_id: runId, key, value }));
  for (let from = 0; from < rows.length; from += rowsPerInsert) {
    const part = rows.slice(from, from + rowsPerInsert);
    await trx
      .insertInto("tracking_params")
      .values(part)
      .onConflict((c) => c.columns(["run_id", "key"]).doNothing())
      .execute();
    const held = await trx
      .selectFrom("tracking_params")
      .select(["key", "value"])
      .where("run_id", "=", runId)
      .where(
        "key",
        "in",
        part.map((row) => row.key),
      )
      .execute();
    for (const { key, value: old } of held) {
      const value = params[key];
      if (value !== old) throw new KarkhanaError("PARAM_CHANGED", { runId, key, old, value });
    }
  }
}

/** A tag takes its last value. */
export async function writeTags(trx: TrackingQueries, runId: string, tags: Readonly<Record<string, string>>): Promise<void> {
  const rows = Object.entries(tags)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => ({ run_id: runId, key, value }));
  for (let from = 0; from < rows.length; from += rowsPerInsert) {
    await trx
      .insertInto("tracking_tags")
      .values(rows.slice(from, from + rowsPerInsert))
      .onConflict((c) => c.columns(["run_id", "key"]).doUpdateSet((eb) => ({ value: eb.ref("excluded.value") })))
      .execute();
  }
}
