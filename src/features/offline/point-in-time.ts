/**
 * Point-in-time aggregates as DuckDB SQL: the tables that all of a view's features are made from, and the sums.
 *
 * A source row counts for a question at t while enter <= t < exit, where enter = max(known, event + 1), and exit = min(until, event floored
 * to the hop + hop + W), not before enter, in whole microseconds (an exact window's hop is 1): exactly event in [start of window, t) and
 * known <= t < until. So with running sums by key,
 *   aggregate(t) = entered(t) - left_W(t),
 * where `entered` is shared by all windows: one sorted pass for the view, one more for each window, and an ASOF join for each.
 * Sums are of whole numbers, so their order does not matter and rows with equal times are harmless. Running sums are taken over RANGE
 * frames: rows of one key with equal times carry equal sums, so it does not matter which of them an ASOF join finds (it may be any).
 *
 * Measured on the 3,000,000 flights against the alternatives (2 threads, one key, three sums): union of spine and rows with RANGE frames
 * and EXCLUDE GROUP 5 s a window; one wide union of all changes 8.6 s on a third of the rows; this plan about 1 s a window.
 */
import { timelySql } from "../../data/timing.ts";
import { isVersioned } from "../../data/versions.ts";
import { quoteIdentifier as q } from "../../storage/duckdb/quote.ts";
import type { Measure } from "../measure.ts";
import { isSum, type PlannedFeature, type PlannedWindow, type ViewPlan } from "../view-plan.ts";

/** One way a spine reads a view: the spine columns that carry the entity's keys, in the entity's order. */
export interface SpineBinding {
  readonly fields: readonly string[];
}

/** Tables named `<prefix>_...`: the spine must be a table with `_n` (unique, from 0), `_event` and the bound fields. */
export interface PointInTime {
  readonly plan: ViewPlan;
  readonly prefix: string;
  readonly spine: string;
  /** SQL relation of the source: its columns, `_row`, `_event`, `_known` and, if its rows are versions, `_until`. */
  readonly relation: string;
  readonly bindings: readonly SpineBinding[];
  /**
   * Given where some questions count only rows below a limit (`limited.ts`): `limitsTable` has them. `ownVersions`: relation of the versions
   * that those count, where the source's rows are versions.
   */
  readonly limited?: { readonly ownVersions: string | undefined };
}

/** Table of the questions with a limit: `_n`, and `_below`, which the `_row` of a row that counts does not reach. */
export function limitsTable(p: PointInTime, binding: number): string {
  return `${p.prefix}_limits_${binding}`;
}

/** Later than every time. */
export const never = "4611686018427387904";

/** Key tuples asked for, numbered: sorting and joining by a number is cheaper than by text. A tuple with a null matches nothing. */
export function keysSql(p: PointInTime): string {
  const asked = p.bindings.map(({ fields }, binding) => {
    const [limit, limits] =
      p.limited === undefined ? ["", ""] : [`, coalesce(b._below, ${never}) AS _below, b._below IS NOT NULL AS limited`, limitsJoin(p, binding)];
    const present = fields.map((f) => `s.${q(f)} IS NOT NULL`).join(" AND ");
    return `SELECT ${fields.map((f, i) => `s.${q(f)} AS k${i}`).join(", ")}${limit} FROM ${p.spine} s${limits} WHERE ${present}`;
  });
  return `CREATE OR REPLACE TABLE ${p.prefix}_keys AS SELECT CAST(row_number() OVER () AS INTEGER) AS _k, * FROM (SELECT DISTINCT * FROM (${asked.join(" UNION ALL ")}))`;
}

/** The spine's questions with the number of their key. */
export function askedSql(p: PointInTime, binding: number): string {
  const on = p.bindings[binding]!.fields.map((field, i) => `s.${q(field)} = k.k${i}`).join(" AND ");
  const [limits, limit] = p.limited === undefined ? ["", ""] : [limitsJoin(p, binding), ` AND k._below = coalesce(b._below, ${never})`];
  return `SELECT s._n, s._event, k._k FROM ${p.spine} s${limits} JOIN ${p.prefix}_keys k ON ${on}${limit}`;
}

function limitsJoin(p: PointInTime, binding: number): string {
  return ` LEFT JOIN ${limitsTable(p, binding)} b ON b._n = s._n`;
}

/** Whether a row of the source has the key. */
export function matchSql({ keyColumns }: ViewPlan, row: string): string {
  return keyColumns.map((column, i) => `${row}.${q(column)} = k.k${i}`).join(" AND ");
}

/** Rows of the source, `s`, that count for a key, and the SQL of the key's number. */
function keyedSql(p: PointInTime): { readonly from: string; readonly key: string } {
  const of = `JOIN ${p.prefix}_keys k ON ${matchSql(p.plan, "s")}`;
  if (p.limited === undefined) return { from: `(${p.relation}) s ${of}`, key: "k._k" };
  const { ownVersions } = p.limited;
  if (ownVersions === undefined) return { from: `(${p.relation}) s ${of} AND s._row < k._below`, key: "k._k" };
  return {
    from: `(SELECT k._k AS _own_key, s.* FROM (${p.relation}) s ${of} WHERE NOT k.limited
UNION ALL BY NAME SELECT s.* FROM (${ownVersions}) s ${of} AND s._own_key = k._k) s`,
    key: "s._own_key",
  };
}

/** Whether features look at rows in their order: then each row needs its rank by (event, known, sequence) within its key. */
function needsRank({ features }: ViewPlan): boolean {
  return features.some((f) => !isSum(f));
}

/**
 * Whether the newest row at a time is the last of its event time, as its rank says (`ends`): rows are known as they happen and never replaced,
 * and somebody asks.
 */
export function endsTies({ plan: { view, latestUs } }: PointInTime): boolean {
  return latestUs !== undefined && view.source.knownTime === undefined && !isVersioned(view.source);
}

/** Rows that can reach a question of the spine: their key asked for, not left before the first question, entered by the last. */
export function rowsSql(p: PointInTime, firstUs: number, lastUs: number): string {
  const { plan } = p;
  const { from, key } = keyedSql(p);
  const until = isVersioned(plan.view.source) ? `coalesce(s._until, ${never})` : `CAST(${never} AS BIGINT)`;
  const conditions = [
    "s._known IS NOT NULL",
    `s._known <= ${lastUs}`,
    `s._event <= ${lastUs}`,
    ...(Number.isFinite(plan.reachUs) ? [`s._event >= ${firstUs - plan.reachUs}`] : []),
    timelySql(plan.view.source),
    ...plan.validSql,
    ...(plan.where === undefined ? [] : [`${plan.where.sql} IS NOT NULL`]),
  ];
  const rank = needsRank(plan) ? ", row_number() OVER ranks AS rk" : "";
  const last = endsTies(p) ? ", lead(event) OVER ranks IS DISTINCT FROM event AS ends" : "";
  const ranks = rank === "" ? "" : " WINDOW ranks AS (PARTITION BY _k ORDER BY event, known, _row)";
  const columns = (wanted: (m: Measure) => boolean): string => plan.measures.map((m, i) => (wanted(m) ? `, ${m.sql} AS m${i}` : "")).join("");
  return `CREATE OR REPLACE TABLE ${p.prefix}_rows AS SELECT *${rank}${last}${columns((m) => m.squareOf !== undefined)} FROM (
SELECT ${key} AS _k, s._row, s._event AS event, s._known AS known, greatest(s._known, s._event + 1) AS enter, ${until} AS until${columns((m) => m.squareOf === undefined)}
FROM ${from}
WHERE ${conditions.join(" AND ")})${ranks}`;
}

/** What decides the type of the sums: rows, and for each summed measure the greatest value, the sum of absolute values and the number of nulls. */
export function statisticsSql(p: PointInTime): string {
  const perMeasure = p.plan.measures.map((m, i) =>
    m.kind === "sum" ? `, max(abs(m${i})) AS max${i}, sum(abs(m${i})) AS total${i}, count(*) - count(m${i}) AS nulls${i}` : "",
  );
  return `SELECT count(*) AS numRows${perMeasure.join("")} FROM ${p.prefix}_rows`;
}

export interface SumTypes {
  /** DOUBLE is faster, and exact while the sum of absolute values stays below 2^53; HUGEINT otherwise. */
  readonly sums: readonly ("DOUBLE" | "HUGEINT")[];
  /** Whether the measure's own non-null count must be kept; without nulls the row count serves. */
  readonly hasNulls: readonly boolean[];
}

/** Windows that sums need, by position. */
function summedWindows({ features }: ViewPlan): number[] {
  return [...new Set(features.flatMap((f) => (isSum(f) ? [f.window] : [])))].sort((a, b) => a - b);
}

/** A lifetime whose rows are never replaced loses nothing. */
function loses(p: PointInTime, { lengthUs }: PlannedWindow): boolean {
  return Number.isFinite(lengthUs) || isVersioned(p.plan.view.source);
}

/** The running sums a view needs: of the rows entered, and for each window of those that have left again. */
export function runningTables(p: PointInTime): (number | undefined)[] {
  const windows = summedWindows(p.plan);
  return windows.length === 0 ? [] : [undefined, ...windows.filter((w) => loses(p, p.plan.windows[w]!))];
}

/** Running sums by key of rows entered (`window` undefined) or left again, at the time they change. */
export function runningSql(p: PointInTime, types: SumTypes, window: number | undefined): string {
  const at = window === undefined ? "enter" : exitSql(p, p.plan.windows[window]!);
  const sums = p.plan.measures.map((m, i) => {
    if (m.kind !== "sum") return "";
    const sum = `, sum(CAST(coalesce(m${i}, 0) AS ${types.sums[i]!})) OVER w AS s${i}`;
    return types.hasNulls[i]! ? `${sum}, count(m${i}) OVER w AS n${i}` : sum;
  });
  return `CREATE OR REPLACE TABLE ${runningTable(p, window)} AS SELECT _k, ${at} AS ts, count(*) OVER w AS c${sums.join("")} FROM ${p.prefix}_rows
WINDOW w AS (PARTITION BY _k ORDER BY ${at} RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)`;
}

function exitSql(p: PointInTime, { lengthUs, hopUs }: PlannedWindow): string {
  const passed = Number.isFinite(lengthUs) ? [`${floorSql("event", hopUs)} + ${hopUs + lengthUs}`] : [];
  const replaced = isVersioned(p.plan.view.source) ? ["until"] : [];
  return `greatest(enter, least(${[...passed, ...replaced].join(", ")}))`;
}

/** The greatest multiple of `step` that is not above a whole number. */
export function floorSql(us: string, step: number): string {
  return step === 1 ? us : `((${us}) - (((${us}) % ${step}) + ${step}) % ${step})`;
}

export function runningTable(p: PointInTime, window: number | undefined): string {
  return `${p.prefix}_${window === undefined ? "entered" : `left_${window}`}`;
}

/** Table `<prefix>_answer_<i>`: `_n` and a DOUBLE `f<j>` for each of the view's summed features, for the spine rows whose key is not null. */
export function sumsSql(p: PointInTime, types: SumTypes, binding: number): string {
  const left = runningTables(p).filter((w) => w !== undefined);
  const joins = left.map((w) => `ASOF LEFT JOIN ${runningTable(p, w)} x${w} ON s._k = x${w}._k AND s._event >= x${w}.ts`);
  const features = p.plan.features.map((f, j) => (isSum(f) ? `, ${sumSql(f, p.plan, types, left.includes(f.window))} AS f${j}` : ""));
  return `CREATE OR REPLACE TABLE ${sumsTable(p, binding)} AS
SELECT s._n${features.join("")}
FROM (${askedSql(p, binding)}) s
ASOF LEFT JOIN ${runningTable(p, undefined)} e ON s._k = e._k AND s._event >= e.ts
${joins.join("\n")}`;
}

export function sumsTable(p: PointInTime, binding: number): string {
  return `${p.prefix}_answer_${binding}`;
}

function sumSql(feature: PlannedFeature, plan: ViewPlan, types: SumTypes, losing: boolean): string {
  const inWindow = (column: string): string => (losing ? `(coalesce(e.${column}, 0) - coalesce(x${feature.window}.${column}, 0))` : `coalesce(e.${column}, 0)`);
  const present = (i: number): string => inWindow(types.hasNulls[i]! ? `n${i}` : "c");
  const i = feature.measure;
  if (feature.aggregate === "count") return `CAST(${i < 0 ? inWindow("c") : present(i)} AS DOUBLE)`;
  const { scale } = plan.measures[i]!;
  const sum = `CAST(${inWindow(`s${i}`)} AS DOUBLE)`;
  if (feature.aggregate === "std" || feature.aggregate === "variance") return varianceSql(feature, scale, (column) => inWindow(column), present(i));
  const value = feature.aggregate === "sum" ? sum : `${sum} / CAST(${present(i)} AS DOUBLE)`;
  return `CASE WHEN ${present(i)} > 0 THEN ${scale === 1 ? value : `${value} / ${scale}e0`} END`;
}

/** n * sum of squares - sum * sum as a whole number, rounded once: text to DOUBLE is the one cast of HUGEINT that rounds to nearest. */
function varianceSql({ aggregate, measure, squares }: PlannedFeature, scale: number, inWindow: (column: string) => string, present: string): string {
  const whole = (i: number): string => `CAST(${inWindow(`s${i}`)} AS HUGEINT)`;
  const sumOfSquares = `((${whole(squares + 2)} * 1073741824 + ${whole(squares + 1)}) * 1073741824 + ${whole(squares)})`;
  const n = `CAST(${present} AS HUGEINT)`;
  const spread = `CAST(CAST(${n} * ${sumOfSquares} - ${whole(measure)} * ${whole(measure)} AS VARCHAR) AS DOUBLE)`;
  const variance = `${spread} / CAST(${n} * (${n} - 1) AS DOUBLE) / ${scale * scale}e0`;
  return `CASE WHEN ${present} > 1 THEN ${aggregate === "std" ? `sqrt(${variance})` : variance} END`;
}
