import type { DuckDb } from "../storage/duckdb/duckdb.ts";
import { quoteIdentifier, quoteLiteral } from "../storage/duckdb/quote.ts";
import { numHistogramBins, type ColumnProfile, type NumberProfile, type TextProfile } from "./report.ts";
import type { ColumnType, Schema } from "./source.ts";
import { isVectorType } from "./vector-column.ts";

const shares: readonly number[] = [0.005, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.995];
const maxTop = 20;

/** @param relation a subquery in parentheses with the schema's columns, timestamps as BIGINT microseconds */
export async function profileColumns(duck: DuckDb, schema: Schema, relation: string): Promise<ColumnProfile[]> {
  const profiles: ColumnProfile[] = [];
  for (const [column, type] of Object.entries(schema)) {
    const isText = type === "string" || type === "boolean" || isVectorType(type);
    profiles.push(isText ? await profileText(duck, column, type, relation) : await profileNumbers(duck, column, type, relation));
  }
  return profiles;
}

async function profileNumbers(duck: DuckDb, column: string, type: ColumnType, relation: string): Promise<NumberProfile> {
  const value = quoteIdentifier(column);
  const finite = type === "float64" ? `isfinite(${value})` : `${value} IS NOT NULL`;
  const [row = {}] = await duck.rows(
    `SELECT count(*) AS rows, count(*) - count(${value}) AS nulls, count(${value}) FILTER (WHERE NOT (${finite})) AS odd,
      approx_count_distinct(${value}) AS distinct_values, min(${value}) FILTER (WHERE ${finite}) AS low, max(${value}) FILTER (WHERE ${finite}) AS high,
      avg(${value}) FILTER (WHERE ${finite}) AS mean, quantile_disc(${value}, [${shares.join(", ")}]) FILTER (WHERE ${finite}) AS quantiles FROM ${relation}`,
  );
  const quantiles = Array.isArray(row["quantiles"]) ? row["quantiles"].map(Number) : [];
  const from = quantiles[0];
  const to = quantiles.at(-1);
  return {
    kind: "number",
    column,
    type,
    numRows: count(row["rows"]),
    numNulls: count(row["nulls"]),
    numNotFinite: count(row["odd"]),
    numDistinct: count(row["distinct_values"]),
    min: numberOrNull(row["low"]),
    max: numberOrNull(row["high"]),
    mean: numberOrNull(row["mean"]),
    quantiles: quantiles.map((quantile, index) => ({ share: shares[index] ?? 0, value: quantile })),
    histogram: from === undefined || to === undefined ? null : { from, to, counts: await histogram(duck, value, finite, from, to, relation) },
  };
}

async function histogram(duck: DuckDb, value: string, finite: string, from: number, to: number, relation: string): Promise<number[]> {
  const last = numHistogramBins - 1;
  const low = `(${quoteLiteral(from)})`;
  // A constant column falls into the first bin.
  const position = to === from ? "0e0" : `(${value} - ${low}) / ((${quoteLiteral(to)}) - ${low}) * ${numHistogramBins}`;
  const rows = await duck.rows(
    `SELECT CAST(greatest(0, least(${last}, floor(${position}))) AS INTEGER) AS bin, count(*) AS n FROM ${relation} WHERE ${finite} GROUP BY bin`,
  );
  const counts: number[] = Array.from({ length: numHistogramBins }, () => 0);
  for (const row of rows) counts[count(row["bin"])] = count(row["n"]);
  return counts;
}

async function profileText(duck: DuckDb, column: string, type: ColumnType, relation: string): Promise<TextProfile> {
  const value = quoteIdentifier(column);
  const counted = `(SELECT CAST(${value} AS VARCHAR) AS text, count(*) AS n FROM ${relation} GROUP BY text)`;
  const rows = await duck.rows(
    `SELECT text, n, sum(n) OVER () AS rows, count(text) OVER () AS distinct_values, coalesce(sum(n) FILTER (WHERE text IS NULL) OVER (), 0) AS nulls
      FROM ${counted} ORDER BY text IS NULL, n DESC, text LIMIT ${maxTop}`,
  );
  const first = rows[0] ?? {};
  const top = rows.flatMap((row) => (typeof row["text"] === "string" ? [{ value: row["text"].slice(0, 200), count: count(row["n"]) }] : []));
  return { kind: "text", column, type, numRows: count(first["rows"]), numNulls: count(first["nulls"]), numDistinct: count(first["distinct_values"]), top };
}

function count(value: unknown): number {
  return typeof value === "number" ? value : 0;
}

function numberOrNull(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}
