import { sql } from "kysely";
import { isOwnRun, type RunTableParts } from "./query.ts";

export interface SeriesQuery {
  readonly runId: string;
  readonly key: string;
  readonly axis: "step" | "time";
  /** At most this many places on the axis. */
  readonly buckets: number;
  /** Part of the axis, both ends included: steps, or milliseconds since 1970. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
}

/**
 * A metric's history thin enough to draw. Up to `buckets` points are given as they were logged. More are cut into that many stretches of
 * equal length of the axis, each with its lowest, highest and mean value: no peak is lost and none is made up.
 */
export interface Series {
  /** Points logged in that part of the axis. */
  readonly total: number;
  /** Of these, NaN or infinite: they have no place on a scale. */
  readonly notFinite: number;
  readonly thinned: boolean;
  /** shape [points]: step, or milliseconds; of a stretch its first. Ascending. */
  readonly x: readonly number[];
  /** shape [points]: the value, or a stretch's mean; null for NaN and the infinities. */
  readonly y: readonly (number | null)[];
  /** shape [points] if thinned, else empty. */
  readonly low: readonly (number | null)[];
  readonly high: readonly (number | null)[];
}

export async function readSeries(parts: RunTableParts, query: SeriesQuery): Promise<Series> {
  const { database } = parts;
  const { runId, key, buckets, from, to } = query;
  const axis = query.axis === "step" ? sql.ref("m.step") : sql.ref("m.timestamp_ms");
  const finite = sql`m.is_nan = 0 and m.value between ${-Number.MAX_VALUE} and ${Number.MAX_VALUE}`;
  const part = sql`from tracking_metrics as m where m.run_id = ${runId} and m.key = ${key} and ${isOwnRun(runId, parts)}
    ${from === undefined ? sql`` : sql`and ${axis} >= ${from}`} ${to === undefined ? sql`` : sql`and ${axis} <= ${to}`}`;
  const [extent] = await database.readApart(sql<{ total: number; usable: number | null; low: number | null; high: number | null }>`
    select count(*) as total, sum(case when ${finite} then 1 else 0 end) as usable, min(${axis}) as low, max(${axis}) as high ${part}`);
  const total = extent?.total ?? 0;
  const notFinite = total - (extent?.usable ?? 0);
  const [low, high] = [extent?.low ?? 0, extent?.high ?? 0];
  if (total <= buckets) {
    const rows = await database.readApart(sql<{ x: number; y: number; usable: number }>`
      select ${axis} as x, m.value as y, case when ${finite} then 1 else 0 end as usable ${part} order by x, m.timestamp_ms, m.step, m.value, m.is_nan`);
    return { total, notFinite, thinned: false, x: rows.map((r) => r.x), y: rows.map((r) => (r.usable === 1 ? r.y : null)), low: [], high: [] };
  }
  const rows = await database.readApart(sql<{ x: number; mean: number | null; low: number | null; high: number | null }>`
    select min(q.x) as x, avg(q.y) as mean, min(q.y) as low, max(q.y) as high
    from (select ${axis} as x, (${axis} - ${low}) * ${buckets} / (${high - low + 1}) as bucket, case when ${finite} then m.value else null end as y ${part}) as q
    group by q.bucket order by q.bucket`);
  return {
    total,
    notFinite,
    thinned: true,
    x: rows.map((r) => r.x),
    y: rows.map((r) => r.mean),
    low: rows.map((r) => r.low),
    high: rows.map((r) => r.high),
  };
}
