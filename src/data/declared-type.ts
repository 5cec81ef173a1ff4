import type { ColumnType } from "./source.ts";
import { isVectorType } from "./vector-column.ts";

/** Whole numbers beyond it are not exact in a double, which is what every reader computes with. */
const largestWhole = Number.MAX_SAFE_INTEGER;

const wholeTypes = /^(U?(TINYINT|SMALLINT|INTEGER)|BIGINT)$/;
const wideWholeTypes = /^(UBIGINT|U?HUGEINT)$/;
const fractionTypes = /^(FLOAT|DOUBLE|DECIMAL\(\d+,\d+\))$/;
const timeTypes = /^(TIMESTAMP(_S|_MS|_NS)?|TIMESTAMP WITH TIME ZONE|DATE)$/;
const listTypes = /^(U?(TINYINT|SMALLINT|INTEGER)|U?BIGINT|FLOAT|DOUBLE|DECIMAL\(\d+,\d+\))\[\d*\]$/;
const textTypes = /^(VARCHAR|UUID|ENUM\(.*\))$/s;

/**
 * SQL that reads a column of DuckDB type `found` as the declared type, null where the value does not have it; undefined if the two types
 * have nothing to do with each other. Only lossless readings: 15.0 is a whole number, 15.5 is not; a whole number may serve as text.
 * Timestamps become BIGINT microseconds; without a zone they are UTC.
 */
export function castSql(declared: ColumnType, found: string, raw: string): string | undefined {
  if (isVectorType(declared)) return listTypes.test(found) ? vectorText(raw) : undefined;
  switch (declared) {
    case "int64":
      if (wholeTypes.test(found)) return found === "BIGINT" ? whole(raw, raw) : `CAST(${raw} AS BIGINT)`;
      if (wideWholeTypes.test(found)) return whole(raw, raw);
      return fractionTypes.test(found) ? whole(raw, `CASE WHEN ${raw} = floor(${raw}) THEN ${raw} END`) : undefined;
    case "float64":
      return wholeTypes.test(found) || wideWholeTypes.test(found) || fractionTypes.test(found) ? `CAST(${raw} AS DOUBLE)` : undefined;
    case "string":
      return textTypes.test(found) || wholeTypes.test(found) || wideWholeTypes.test(found) ? `CAST(${raw} AS VARCHAR)` : undefined;
    case "boolean":
      return found === "BOOLEAN" ? raw : undefined;
    default:
      if (found === "VARCHAR") return castTextSql(declared, raw);
      return timeTypes.test(found) ? instant(raw) : undefined;
  }
}

/** What to do about a column of times that is declared as one and holds numbers; empty for other columns. */
export function numbersAsTimes(declared: ColumnType, found: string, column: string): string {
  const isNumber = wholeTypes.test(found) || wideWholeTypes.test(found) || fractionTypes.test(found);
  if (declared !== "timestamp" || !isNumber) return "";
  return `; declare it int64 and say what its numbers count: "timestamp '1970-01-01' + seconds(${column})", of milliseconds seconds(${column} / 1000)`;
}

/** The same for text, as CSV and JSON hold every value. */
export function castTextSql(declared: ColumnType, raw: string): string {
  if (isVectorType(declared)) return vectorText(raw);
  switch (declared) {
    case "int64":
      return whole(raw, `CASE WHEN regexp_full_match(${raw}, '\\s*[+-]?[0-9]+(\\.0*)?\\s*') THEN ${raw} END`);
    case "float64":
      return `TRY_CAST(${raw} AS DOUBLE)`;
    case "string":
      return raw;
    case "boolean":
      return `TRY_CAST(${raw} AS BOOLEAN)`;
    default:
      return instant(`TRY_CAST(${raw} AS TIMESTAMPTZ)`);
  }
}

function vectorText(raw: string): string {
  return `CAST(TRY_CAST(${raw} AS FLOAT[]) AS VARCHAR)`;
}

function whole(raw: string, value: string): string {
  const cast = raw === value ? `TRY_CAST(${raw} AS BIGINT)` : `TRY_CAST((${value}) AS BIGINT)`;
  return `CASE WHEN ${cast} BETWEEN -${largestWhole} AND ${largestWhole} THEN ${cast} END`;
}

function instant(time: string): string {
  return `CASE WHEN epoch_us(${time}) BETWEEN -${largestWhole} AND ${largestWhole} THEN epoch_us(${time}) END`;
}
