import { isVectorType } from "../data/vector-column.ts";
import fc from "fast-check";
import { csv, type SourceDefinition } from "../data/source.ts";
import { parseExpressionOf, toSql } from "../data/expression.ts";
import { whereSql } from "../data/rules.ts";
import { isVersioned, versionsSql } from "../data/versions.ts";
import { quoteIdentifier as q, quoteLiteral } from "../storage/duckdb/quote.ts";
import { entity, featureService, featureView, window, type FeatureService, type FeatureViewDefinition } from "./definition.ts";
import type { TimedRow } from "./naive.ts";
import type { RequestFields } from "./vector.ts";

/** Small streams with every trap in them, for tests of both engines. */
export const minute = 60_000_000;

export const trips: SourceDefinition = csv("trips", {
  path: "trips.csv",
  schema: { at: "timestamp", told: "timestamp", a: "string", b: "string", n: "int64", amount: "float64", delay: "int64", ok: "boolean" },
  eventTime: "at",
  knownTime: "told",
});

const features = {
  count_5m: window("5m").count(),
  count_1h: window("1h").count(),
  sum_5m: window("5m").sum("delay"),
  mean_1h: window("1h").mean("delay"),
  amount_17m: window("17m").sum("amount"),
  mean_amount_1h: window("1h").mean("amount / 3"),
  late_17m: window("17m").share("delay >= 15"),
  ok_1h: window("1h").share("ok"),
};
const single = featureView("by_a", { entity: entity("a", { keys: ["a"] }), source: trips, on: { a: "a" }, features });
/** Parts that look alike when written one after the other: ("1", "23") and ("12", "3"). */
const pair = featureView("by_pair", { entity: entity("pair", { keys: ["x", "y"] }), source: trips, on: { x: "a", y: "b" }, features });
const byNumber = featureView("by_number", {
  entity: entity("number", { keys: ["n"] }),
  source: trips,
  on: { n: "n" },
  features: { n_1h: window("1h").count() },
});

export const tripViews: readonly FeatureViewDefinition[] = [single, pair, byNumber];
export const tripService: FeatureService = featureService("trips", [
  single.at({ a: "a" }, "a"),
  single.at({ a: "b" }, "b_as_a"),
  pair.at({ x: "a", y: "b" }, "pair"),
  byNumber.at({ n: "n" }, "number"),
]);

export interface Question {
  readonly timeUs: number;
  readonly fields: RequestFields;
}

/** Times on a grid of minutes, so that ties and exact boundaries (t, t - W, block edges) are common; some a microsecond beside it. */
export const timeUs: fc.Arbitrary<number> = fc
  .tuple(fc.integer({ min: 0, max: 150 }), fc.constantFrom(0, 0, 0, -1, 1))
  .map(([m, off]) => 1_000_000 * minute + m * minute + off);
const key = fc.option(fc.constantFrom("1", "12", "23", "3", "é", ""), { freq: 8 });
const number = fc.option(fc.integer({ min: -1, max: 1 }), { freq: 8 });

export const tripRow: fc.Arbitrary<TimedRow> = fc
  .record({
    at: timeUs,
    lag: fc.constantFrom(0, 0, -3 * minute, 1, minute, 5 * minute, 5 * minute + 1, 59 * minute, 60 * minute, 90 * minute),
    a: key,
    b: key,
    n: number,
    amount: fc.option(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { freq: 5 }),
    delay: fc.option(fc.integer({ min: -20, max: 40 }), { freq: 5 }),
    ok: fc.option(fc.boolean(), { freq: 5 }),
  })
  .map(({ at, lag, ...values }) => ({ eventUs: at, knownUs: at + lag, values: { at, told: at + lag, ...values } }));

export const question: fc.Arbitrary<Question> = fc.record({ timeUs, fields: fc.record({ a: key, b: key, n: number }) });

/** Rows as a relation of SQL text, as `data/relation.ts` gives them: columns, `_row`, `_event`, `_known`. */
export function relationOfRows(source: SourceDefinition, rows: readonly TimedRow[]): string {
  const types = { int64: "BIGINT", float64: "DOUBLE", string: "VARCHAR", boolean: "BOOLEAN", timestamp: "BIGINT" };
  const columns = Object.entries(source.schema);
  const tuples = rows.map(
    (row, i) =>
      `(${[i, ...columns.map(([name, type]) => (typeof row.values[name] === "number" && type !== "float64" ? String(row.values[name]) : quoteLiteral(row.values[name] ?? null)))].join(",")})`,
  );
  const empty = `(${[-1, ...columns.map(() => "NULL")].join(",")})`;
  const selected = columns.map(([name, type], i) => `CAST(c${i} AS ${isVectorType(type) ? "VARCHAR" : types[type]}) AS ${q(name)}`).join(", ");
  const time = (text: string, field: string): string => toSql(parseExpressionOf("timestamp", text, source.schema, field));
  const timed = `(SELECT *, ${time(source.eventTime, "eventTime")} AS _event, ${time(source.knownTime ?? source.eventTime, "knownTime")} AS _known
    FROM (SELECT CAST(r AS BIGINT) AS _row, ${selected} FROM (VALUES ${[empty, ...tuples].join(",")}) t(r, ${columns.map((_, i) => `c${i}`).join(", ")}) WHERE r >= 0))`;
  return isVersioned(source) ? versionsSql(source, timed, whereSql(source)) : `(SELECT * FROM ${timed} WHERE ${whereSql(source)})`;
}

export function spineOfQuestions(questions: readonly Question[]): string {
  const text = (value: string | number | null | undefined): string => quoteLiteral(value ?? null);
  const rows = questions.map(({ timeUs: t, fields }, i) => `(${i}, ${t}, ${text(fields["a"])}, ${text(fields["b"])}, ${fields["n"] ?? "NULL"})`);
  return `SELECT CAST(r AS BIGINT) AS _row, CAST(t AS BIGINT) AS _event, CAST(a AS VARCHAR) AS a, CAST(b AS VARCHAR) AS b, CAST(n AS BIGINT) AS n FROM (VALUES ${rows.join(",")}) s(r, t, a, b, n)`;
}
