/**
 * Questions that saw only the beginning of a source's log: a row counts for one if its place lies below the question's limit, besides what
 * was known and when. That is what an online store had applied when it was asked.
 *
 * A limit changes a question only if a row of its key that was known by then lies at or above it. Those questions get a key number of their
 * own, `(key, limit)`, and with it their own copy of the key's rows below the limit; all others share the key's rows as ever. So the work is
 * that of the ordinary join, and the rows of the few keys that were written to between a row's arrival and its being applied.
 *
 * Where rows are versions of facts, the end of a version depends on the limit too: the versions of every fact that ever had the key are
 * taken below the limit first, and ended by each other then.
 */
import { whereSql } from "../../data/rules.ts";
import type { SourceDefinition } from "../../data/source.ts";
import { isVersioned, versionsSql } from "../../data/versions.ts";
import type { DuckDb } from "../../storage/duckdb/duckdb.ts";
import { quoteIdentifier as q } from "../../storage/duckdb/quote.ts";
import { askedSql, keysSql, limitsTable, matchSql, type PointInTime } from "./point-in-time.ts";

export interface RowLimits {
  /** Column of the spine: BIGINT, rows with `_row` below it count; null where all do. */
  readonly column: string;
  /** Relation of the source as it arrives (`asStream`), every version of it. That of the source itself where its rows are no versions. */
  readonly stream: string;
  /** Rows that questions may get copies of. Questions beyond are left out, those of the keys with most rows first. */
  readonly maxRows: number;
}

/** Questions whose limit could not be kept: `_n`. */
export function leftOutTable(p: PointInTime): string {
  return `${p.prefix}_left_out`;
}

/** Relation of a source as it was when only rows below a place had been applied. @param stream as `RowLimits.stream` */
export function relationBelow(source: SourceDefinition, stream: string, place: number): string {
  const rows = `(SELECT * FROM (${stream}) WHERE _row < ${place})`;
  return isVersioned(source) ? versionsSql(source, rows, whereSql(source)) : rows;
}

/** Everything that `limitRows` makes. */
export function limitingTables(p: PointInTime): string[] {
  const each = p.bindings.flatMap((_, i) => [openTable(p, i), limitsTable(p, i)]);
  return [`${asked(p).prefix}_keys`, lateTable(p), ownTable(p), leftOutTable(p), ...each];
}

/** @returns how to ask so that limits are kept; as given, and `leftOutTable` not made, if no question has rows at or above its limit */
export async function limitRows(duck: DuckDb, p: PointInTime, limits: RowLimits, firstUs: number, lastUs: number): Promise<PointInTime> {
  const [extent] = await duck.rows(`SELECT min(${q(limits.column)}) AS least FROM ${p.spine}`);
  if (extent?.["least"] == null) return p;
  await duck.run(keysSql(asked(p)));
  await duck.run(`CREATE OR REPLACE TABLE ${lateTable(p)} AS
SELECT _k, _row, min(_known) OVER (PARTITION BY _k ORDER BY _row DESC ROWS UNBOUNDED PRECEDING) AS known FROM (${lateSql(p, limits, Number(extent["least"]), lastUs)})`);
  let isAny = false;
  for (const binding of p.bindings.keys()) {
    await duck.run(openSql(p, limits, binding));
    const [found] = await duck.rows(`SELECT count(*) AS n FROM ${openTable(p, binding)}`);
    isAny ||= Number(found?.["n"]) > 0;
  }
  if (!isAny) return p;
  await duck.run(ownSql(p, limits, firstUs));
  for (const binding of p.bindings.keys())
    await duck.run(
      `CREATE OR REPLACE TABLE ${limitsTable(p, binding)} AS SELECT _n, _below FROM ${openTable(p, binding)} JOIN ${ownTable(p)} USING (_k, _below) WHERE fits`,
    );
  await duck.run(`CREATE OR REPLACE TABLE ${leftOutTable(p)} AS SELECT DISTINCT _n FROM (${allOpen(p)}) JOIN ${ownTable(p)} USING (_k, _below) WHERE NOT fits`);
  return { ...p, limited: { ownVersions: isVersioned(p.plan.view.source) ? ownVersionsSql(p, limits) : undefined } };
}

/** The questions by their key alone, before they get keys of their own. */
function asked(p: PointInTime): PointInTime {
  return { ...p, prefix: `${p.prefix}_asked` };
}

function lateTable(p: PointInTime): string {
  return `${p.prefix}_late`;
}

function openTable(p: PointInTime, binding: number): string {
  return `${p.prefix}_open_${binding}`;
}

function ownTable(p: PointInTime): string {
  return `${p.prefix}_own`;
}

function allOpen(p: PointInTime): string {
  return p.bindings.map((_, i) => `SELECT _n, _k, _below FROM ${openTable(p, i)}`).join(" UNION ALL ");
}

/** Rows that a question with the least limit may not count: with each key they say something of. A version says something of every key its fact has had. */
function lateSql(p: PointInTime, { stream }: RowLimits, least: number, lastUs: number): string {
  const { source } = p.plan.view;
  const keys = `${asked(p).prefix}_keys`;
  const isLate = `v._row >= ${least} AND v._known <= ${lastUs}`;
  if (!isVersioned(source)) return `SELECT k._k, v._row, v._known FROM (${p.relation}) v JOIN ${keys} k ON ${matchSql(p.plan, "v")} WHERE ${isLate}`;
  const id = q(source.id);
  return `SELECT k._k, v._row, v._known FROM (${stream}) v JOIN (${stream}) o ON o.${id} = v.${id} JOIN ${keys} k ON ${matchSql(p.plan, "o")} WHERE ${isLate}
UNION SELECT k._k, v._row, v._known FROM (${stream}) v JOIN ${keys} k ON ${matchSql(p.plan, "v")} WHERE v.${id} IS NULL AND ${isLate}`;
}

/** Questions by which one of those rows was known: the least known time among them, from the first at or above the limit on, tells. */
function openSql(p: PointInTime, { column }: RowLimits, binding: number): string {
  const limited = `SELECT a._n, a._event, a._k, s.${q(column)} AS _below FROM (${askedSql(asked(p), binding)}) a JOIN ${p.spine} s ON s._n = a._n WHERE s.${q(column)} IS NOT NULL`;
  return `CREATE OR REPLACE TABLE ${openTable(p, binding)} AS SELECT o._n, o._k, o._below FROM (${limited}) o
ASOF JOIN ${lateTable(p)} l ON o._k = l._k AND o._below <= l._row WHERE l.known <= o._event`;
}

/** Keys with a limit, fewest rows first, and whether what they need still fits. */
function ownSql(p: PointInTime, { stream, maxRows }: RowLimits, firstUs: number): string {
  const { plan } = p;
  const reached = Number.isFinite(plan.reachUs) ? `WHERE s._event >= ${firstUs - plan.reachUs}` : "";
  const counts = `SELECT k._k, count(*) AS n FROM (${stream}) s JOIN (SELECT * FROM ${asked(p).prefix}_keys WHERE _k IN (SELECT _k FROM (${allOpen(p)}))) k ON ${matchSql(plan, "s")} ${reached} GROUP BY k._k`;
  return `CREATE OR REPLACE TABLE ${ownTable(p)} AS
SELECT o._k, o._below, sum(coalesce(c.n, 0)) OVER (ORDER BY coalesce(c.n, 0), o._k, o._below ROWS UNBOUNDED PRECEDING) <= ${maxRows} AS fits
FROM (SELECT DISTINCT _k, _below FROM (${allOpen(p)})) o LEFT JOIN (${counts}) c ON c._k = o._k`;
}

/** Versions below their key's limit, as a relation of the source's columns with `_own_key`. */
function ownVersionsSql(p: PointInTime, { stream }: RowLimits): string {
  const { source } = p.plan.view;
  if (!isVersioned(source)) return "";
  const id = q(source.id);
  const below = `(${stream}) s JOIN ${p.prefix}_keys k ON ${matchSql(p.plan, "s")} AND s._row < k._below WHERE k.limited`;
  const versions = `(SELECT f._own_key, v.* FROM (SELECT DISTINCT k._k AS _own_key, k._below, s.${id} AS fact FROM ${below} AND s.${id} IS NOT NULL) f
JOIN (${stream}) v ON v.${id} = f.fact AND v._row < f._below
UNION ALL BY NAME SELECT k._k AS _own_key, s.* FROM ${below} AND s.${id} IS NULL)`;
  return versionsSql(source, versions, whereSql(source), ["_own_key"]);
}
