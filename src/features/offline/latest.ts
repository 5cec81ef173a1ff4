/**
 * The newest row as of t. Rows of a key are ranked by (event, known, sequence); the newest row seen by t is the one of the greatest rank among
 * those with max(known, event) <= t, a running maximum that an ASOF join reads. Versions that were replaced later are few and hold for an
 * interval only: they are joined by it, and the greater rank wins.
 */
import { isVersioned } from "../../data/versions.ts";
import { askedSql, endsTies, never, type PointInTime } from "./point-in-time.ts";

export function newestTable(p: PointInTime): string {
  return `${p.prefix}_newest`;
}

export function newestSql(p: PointInTime): string {
  if (endsTies(p)) return `CREATE OR REPLACE TABLE ${newestTable(p)} AS SELECT _k, event AS ts, rk FROM ${p.prefix}_rows WHERE ends`;
  return `CREATE OR REPLACE TABLE ${newestTable(p)} AS SELECT _k, greatest(known, event) AS ts, max(rk) OVER w AS rk FROM ${p.prefix}_rows WHERE until = ${never}
WINDOW w AS (PARTITION BY _k ORDER BY greatest(known, event) RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)`;
}

export function latestTable(p: PointInTime, binding: number): string {
  return `${p.prefix}_latest_${binding}`;
}

/** Table: `_n` and `f<j>` of each latest feature, for the questions whose newest row is not older than the ttl. */
export function latestSql(p: PointInTime, binding: number): string {
  const { features, latestUs } = p.plan;
  const columns = features.map((f, j) => (f.aggregate === "latest" ? `, r.m${f.measure} AS f${j}` : ""));
  const lasting = `SELECT s._n, s._event, s._k, w.rk FROM (${askedSql(p, binding)}) s ASOF JOIN ${newestTable(p)} w ON s._k = w._k AND s._event >= w.ts`;
  const replaced = `SELECT s._n, s._event, s._k, r.rk FROM (${askedSql(p, binding)}) s JOIN ${p.prefix}_rows r
    ON s._k = r._k AND r.until < ${never} AND s._event >= greatest(r.known, r.event) AND s._event < r.until`;
  const seen = isVersioned(p.plan.view.source)
    ? `SELECT _n, _event, _k, max(rk) AS rk FROM (${lasting} UNION ALL ${replaced}) GROUP BY _n, _event, _k`
    : lasting;
  const fresh = latestUs === undefined || !Number.isFinite(latestUs) ? "" : ` WHERE w._event - r.event <= ${latestUs}`;
  return `CREATE OR REPLACE TABLE ${latestTable(p, binding)} AS SELECT w._n${columns.join("")} FROM (${seen}) w JOIN ${p.prefix}_rows r ON r._k = w._k AND r.rk = w.rk${fresh}`;
}
