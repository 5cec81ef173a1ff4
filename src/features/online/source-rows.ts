import { parseExpressionOf, toFunction } from "../../data/expression.ts";
import type { ColumnType, SourceDefinition } from "../../data/source.ts";
import { KarkhanaError, codeOf } from "../../kernel/error.ts";
import { parseIso } from "../../kernel/time.ts";
import { sumLimit, type ViewPlan } from "../view-plan.ts";
import type { Row } from "./blocks.ts";
import { headKeyMaker } from "./keys.ts";

/** A pushed row: the source's columns, timestamps as microseconds or ISO 8601 text; `_row` names it, so that sent again it counts once. */
export type SourceRow = Readonly<Record<string, unknown>>;

type Value = string | number | boolean | null;

/** A row as a view keeps it, and the key it belongs to. */
export interface ViewRow {
  readonly view: number;
  readonly headKey: Uint8Array;
  readonly row: Row;
}

/** Evaluates a source's expressions on pushed rows. `undefined`: the source's `where` leaves the row out. @throws ROW_REFUSED, MEASURE_OUT_OF_RANGE */
export type RowReader = (row: SourceRow, sequence: number) => readonly ViewRow[];

export function rowReader(source: SourceDefinition, plans: readonly ViewPlan[]): RowReader {
  const { schema } = source;
  const event = parseExpressionOf("timestamp", source.eventTime, schema, `source ${source.name}, eventTime`);
  const known = parseExpressionOf("timestamp", source.knownTime ?? source.eventTime, schema, `source ${source.name}, knownTime`);
  const where = source.where === undefined ? undefined : toFunction(parseExpressionOf("boolean", source.where, schema, `source ${source.name}, where`));
  const eventOf = toFunction(event);
  const knownOf = toFunction(known);
  const columns = Object.entries(schema);
  const keyOf = plans.map((plan) => headKeyMaker(plan.hash, plan.keyTypes));
  return (raw, sequence) => {
    const row: Record<string, Value> = {};
    for (const [name, type] of columns) row[name] = columnValue(raw, name, type);
    if (where !== undefined && where(row) !== true) return [];
    const eventUs = timeOf(eventOf(row), "eventTime", source.eventTime);
    const knownUs = timeOf(knownOf(row), "knownTime", source.knownTime ?? source.eventTime);
    const id = rowId(raw);
    const found: ViewRow[] = [];
    for (const [view, plan] of plans.entries()) {
      const headKey = keyOf[view]!(plan.keyColumns.map((column) => row[column]));
      if (headKey === undefined) continue;
      // In the order of `blocks.ts`: event, known, row id, sequence, measures.
      const kept = [eventUs, knownUs, id, sequence];
      for (const measure of plan.measures) {
        const value = measure.valueOf(row);
        if (value !== null && Math.abs(value) >= sumLimit)
          throw new KarkhanaError("MEASURE_OUT_OF_RANGE", { view: plan.view.name, measure: measure.text, value: value / measure.scale });
        kept.push(value ?? Number.NaN);
      }
      found.push({ view, headKey, row: kept });
    }
    return found;
  };
}

function columnValue(raw: SourceRow, name: string, type: ColumnType): Value {
  const value = Object.hasOwn(raw, name) ? raw[name] : undefined;
  if (value === null || value === undefined) return null;
  if (typeof value === "number") {
    // DuckDB's columns carry null as NaN and booleans as 0 and 1.
    if (Number.isNaN(value)) return null;
    if (type === "float64") return value;
    if ((type === "int64" || type === "timestamp") && Number.isSafeInteger(value)) return value;
    if (type === "boolean" && (value === 0 || value === 1)) return value === 1;
  } else if (typeof value === "string") {
    if (type === "string" && value.isWellFormed()) return value;
    if (type === "timestamp") return isoTime(value, name);
  } else if (typeof value === "boolean" && type === "boolean") return value;
  throw new KarkhanaError("ROW_REFUSED", { field: name, problem: `expected ${expectation[type]}`, value: shown(value) });
}

const expectation: Readonly<Record<ColumnType, string>> = {
  int64: "a whole number",
  float64: "a number",
  string: "text",
  boolean: "true or false",
  timestamp: "whole microseconds since 1970 or ISO 8601 text",
};

function isoTime(text: string, field: string): number {
  try {
    return parseIso(text.slice(0, 64), field);
  } catch (error) {
    if (codeOf(error) !== "INVALID_ARGUMENT") throw error;
    throw new KarkhanaError("ROW_REFUSED", { field, problem: `expected ${expectation.timestamp}`, value: shown(text) });
  }
}

function timeOf(value: Value, field: string, expression: string): number {
  if (typeof value === "number" && Number.isSafeInteger(value)) return value;
  throw new KarkhanaError("ROW_REFUSED", { field, problem: `${expression} gives no time`, value: shown(value) });
}

function rowId(raw: SourceRow): number {
  const id = Object.hasOwn(raw, "_row") ? raw["_row"] : undefined;
  if (id === undefined || id === null) return -1;
  if (typeof id === "number" && Number.isSafeInteger(id) && id >= 0) return id;
  throw new KarkhanaError("ROW_REFUSED", { field: "_row", problem: "expected a whole number from 0", value: shown(id) });
}

/** Never the whole of a hostile value. */
function shown(value: unknown): string | number | boolean | null {
  if (typeof value === "string") return value.length <= 100 ? value : `${value.slice(0, 100)}…`;
  if (typeof value === "number" || typeof value === "boolean" || value === null) return value;
  return Array.isArray(value) ? "a list" : typeof value;
}
