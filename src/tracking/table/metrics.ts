import { sql } from "kysely";
import type { Metric } from "../port.ts";
import { isOwnRun, type RunTableParts } from "./query.ts";

/** Latest value of a metric, and how much of it was logged. */
export interface LatestMetric extends Metric {
  readonly points: number;
  readonly firstStep: number;
  readonly lastStep: number;
}

/** By key. Histories are counted, not read. */
export async function readMetrics(parts: RunTableParts, runId: string): Promise<LatestMetric[]> {
  const rows = await parts.database.readApart(sql<{
    key: string;
    value: number;
    is_nan: number;
    step: number;
    timestamp_ms: number;
    points: number;
    first: number;
    last: number;
  }>`
    select l.key, l.value, l.is_nan, l.step, l.timestamp_ms, h.points, h.first, h.last
    from tracking_latest_metrics as l
    join (select m.key, count(*) as points, min(m.step) as first, max(m.step) as last from tracking_metrics as m where m.run_id = ${runId} group by m.key) as h
      on h.key = l.key
    where l.run_id = ${runId} and ${isOwnRun(runId, parts)} order by l.key`);
  return rows.map((row) => ({
    key: row.key,
    value: row.is_nan === 1 ? Number.NaN : row.value,
    step: row.step,
    timestampMs: row.timestamp_ms,
    points: row.points,
    firstStep: row.first,
    lastStep: row.last,
  }));
}
