/**
 * Aggregates that look at each row of a window (min, max, first, last, lists, distinct, percentiles): questions meet the rows of their window
 * in a join on key and time bucket, so the work is the number of rows in the windows. All of a view's windows share one join, by its longest.
 */
import { quoteLiteral } from "../../storage/duckdb/quote.ts";
import { isSum, type PlannedFeature, type PlannedWindow, type ViewPlan } from "../view-plan.ts";
import { askedSql, floorSql, type PointInTime } from "./point-in-time.ts";

/** A window is cut into about this many buckets: fewer make questions meet rows in vain, more repeat the questions. */
const bucketsAWindow = 8;

/** Questions answered by one statement: what it holds in memory is the values of their windows. */
export const questionsAtOnce = 50_000;

export function scanned({ features }: ViewPlan): PlannedFeature[] {
  return features.filter((f) => !isSum(f) && f.aggregate !== "latest");
}

function longestOf(plan: ViewPlan): PlannedWindow {
  return plan.windows[Math.max(...scanned(plan).map((f) => f.window))]!;
}

function bucketUs(plan: ViewPlan): number | undefined {
  const { lengthUs } = longestOf(plan);
  return Number.isFinite(lengthUs) ? Math.max(1, Math.ceil(lengthUs / bucketsAWindow)) : undefined;
}

function bucketSql(us: string, size: number): string {
  return `(${floorSql(us, size)} // ${size})`;
}

export function scanTable(p: PointInTime, binding: number): string {
  return `${p.prefix}_scan_${binding}`;
}

/** The rows once more, with their time bucket. */
export function bucketsSql(p: PointInTime): string {
  const size = bucketUs(p.plan);
  return `CREATE OR REPLACE TABLE ${bucketsTable(p)} AS SELECT *, ${size === undefined ? "0" : bucketSql("event", size)} AS b FROM ${p.prefix}_rows`;
}

export function bucketsTable(p: PointInTime): string {
  return `${p.prefix}_buckets`;
}

/** Query: `_n` and `f<j>` of each scanned feature for questions with `from <= _n < to` that have rows in their longest window. */
export function scanSql(p: PointInTime, binding: number, from: number, to: number): string {
  const { plan } = p;
  const features = scanned(plan);
  const longest = longestOf(plan);
  const size = bucketUs(plan);
  const windows = [...new Set(features.map((f) => f.window))];
  const starts = windows.map((w) => `, ${startSql(plan.windows[w]!)} AS from${w}`).join("");
  const buckets = size === undefined ? "0" : `unnest(range(${bucketSql(startSql(longest), size)}, ${bucketSql("_event - 1", size)} + 1))`;
  const columns = features.map((f) => `, ${aggregateSql(f)} AS f${plan.features.indexOf(f)}`);
  const longestAt = plan.windows.indexOf(longest);
  return `SELECT s._n${columns.join("")} FROM (SELECT _n, _event, _k${starts}, ${buckets} AS b FROM (${askedSql(p, binding)}) WHERE _n >= ${from} AND _n < ${to}) s
JOIN ${bucketsTable(p)} r ON s._k = r._k AND s.b = r.b AND r.enter <= s._event AND r.until > s._event AND r.event >= s.from${longestAt}
GROUP BY s._n`;
}

function startSql({ lengthUs, hopUs }: PlannedWindow): string {
  return Number.isFinite(lengthUs) ? floorSql(`_event - ${lengthUs}`, hopUs) : "CAST(-4611686018427387904 AS BIGINT)";
}

function aggregateSql(feature: PlannedFeature): string {
  const m = `r.m${feature.measure}`;
  const here = `FILTER (WHERE ${m} IS NOT NULL AND r.event >= s.from${feature.window})`;
  switch (feature.aggregate) {
    case "min":
    case "max":
      return `${feature.aggregate}(${m}) ${here}`;
    case "first":
      return `arg_min(${m}, r.rk) ${here}`;
    case "last":
      return `arg_max(${m}, r.rk) ${here}`;
    case "lastN":
      return `arg_max(${m}, r.rk, ${feature.n}) ${here}`;
    case "distinct":
      return `CAST(count(DISTINCT ${m}) ${here} AS DOUBLE)`;
    case "approxDistinct": {
      const hashes = `list_sort(list(DISTINCT ${m}) ${here})`;
      return `CASE WHEN len(${hashes}) < ${feature.n} THEN CAST(len(${hashes}) AS DOUBLE) ELSE ${(feature.n - 1) * 2 ** 52}e0 / ${hashes}[${feature.n}] END`;
    }
    case "percentile": {
      const values = `list_sort(list(${m}) ${here})`;
      return `${values}[CAST(ceil(${quoteLiteral(feature.p)} * CAST(len(${values}) AS DOUBLE)) AS BIGINT)]`;
    }
    default: {
      const ranked = `list_sort(list_transform(map_entries(histogram(${m}) ${here}), lambda e: {c: -CAST(e.value AS BIGINT), v: e.key}))`;
      return `list_transform(${ranked}[1:${feature.n}], lambda e: e.v)`;
    }
  }
}

/** What a question without any row in its windows is answered. */
export function emptySql(feature: PlannedFeature): string {
  return feature.aggregate === "count" || feature.aggregate === "distinct" || feature.aggregate === "approxDistinct" ? "0e0" : "NULL";
}
