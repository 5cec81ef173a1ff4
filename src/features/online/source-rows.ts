import { parseExpressionOf, toFunction } from "../../data/expression.ts";
import type { ColumnType, ScalarColumnType, SourceDefinition } from "../../data/source.ts";
import { timingOf } from "../../data/timing.ts";
import { encodeVector, isVectorType, maxDimensions, readVector } from "../../data/vector-column.ts";
import { deletedSql } from "../../data/versions.ts";
import { KarkhanaError, codeOf } from "../../kernel/error.ts";
import { parseIso } from "../../kernel/time.ts";
import { sumLimit } from "../measure.ts";
import { maxTupleBytes, type ViewPlan } from "../view-plan.ts";
import { encodeValue } from "./blocks.ts";
import { hasDigest, headKeyMaker } from "./keys.ts";
import { inlineId } from "./text-ids.ts";

/** A pushed row: the source's columns, timestamps as microseconds or ISO 8601 text; `_row` names it, so that sent again it counts once. */
export type SourceRow = Readonly<Record<string, unknown>>;

export type Value = string | number | boolean | null;

/** A row as a view keeps it, and the key it belongs to. Texts that do not fit a number have no id yet: `texts` says where they go. */
export interface ViewRow {
  readonly view: number;
  readonly headKey: Buffer;
  readonly row: number[];
  readonly texts: readonly (readonly [place: number, text: string])[];
}

/** What a source's expressions say of a pushed row. */
export interface ReadRow {
  /** Position in its batch. */
  readonly index: number;
  readonly eventUs: number;
  readonly knownUs: number;
  readonly id: number;
  /** What the row tells of, where the source's rows are versions. */
  readonly fact: string | number | undefined;
  /** `outside`: the source's `where` leaves it out; `deleted`: the fact is no more. */
  readonly fate: "counts" | "outside" | "deleted" | "late" | "ahead" | "keyless";
  /** Empty unless it counts. */
  readonly found: readonly ViewRow[];
  /** Why a view leaves the row out that others take: its embedding is none. */
  readonly problem?: KarkhanaError;
}

/** @throws ROW_REFUSED, MEASURE_OUT_OF_RANGE */
export type RowReader = (row: SourceRow, sequence: number, index: number) => ReadRow;

const noTexts: ViewRow["texts"] = [];
const none: readonly ViewRow[] = [];

export function rowReader(source: SourceDefinition, plans: readonly ViewPlan[]): RowReader {
  const { schema } = source;
  const condition = (text: string | undefined, field: string): ((row: Readonly<Record<string, Value>>) => boolean) | undefined => {
    if (text === undefined) return undefined;
    const value = toFunction(parseExpressionOf("boolean", text, schema, `source ${source.name}, ${field}`));
    return (row) => value(row) === true;
  };
  // Said here as well as in SQL: a source that is only pushed is never a relation.
  deletedSql(source);
  const isDeleted = condition(source.deleted, "deleted");
  const isTaken = condition(source.where, "where");
  const { latenessUs, aheadUs } = timingOf(source);
  const eventOf = toFunction(parseExpressionOf("timestamp", source.eventTime, schema, `source ${source.name}, eventTime`));
  const knownOf = toFunction(parseExpressionOf("timestamp", source.knownTime ?? source.eventTime, schema, `source ${source.name}, knownTime`));
  const columns = Object.entries(schema);
  const readers = plans.map((plan, view) => viewRowReader(plan, view));
  return (raw, sequence, index) => {
    const row: Record<string, Value> = {};
    for (const [name, type] of columns) row[name] = columnValue(raw, name, type);
    const outside = isTaken !== undefined && !isTaken(row);
    // A row that is left out need not have times.
    if (outside && source.id === undefined) return { index, eventUs: 0, knownUs: 0, id: -1, fact: undefined, fate: "outside", found: none };
    const eventUs = timeOf(eventOf(row), "eventTime", source.eventTime);
    const knownUs = timeOf(knownOf(row), "knownTime", source.knownTime ?? source.eventTime);
    const id = rowId(raw);
    const fact = source.id === undefined ? undefined : factOf(row[source.id], source.id, id);
    const fated = (fate: ReadRow["fate"], found: readonly ViewRow[]): ReadRow => ({ index, eventUs, knownUs, id, fact, fate, found });
    if (knownUs - eventUs > latenessUs) return fated("late", none);
    if (eventUs - knownUs > aheadUs) return fated("ahead", none);
    if (isDeleted !== undefined && isDeleted(row)) return fated("deleted", none);
    if (outside) return fated("outside", none);
    const found: ViewRow[] = [];
    // A version without a key still ends the one before.
    let keyless = readers.length > 0 && fact === undefined;
    let problem: KarkhanaError | undefined;
    for (const readView of readers) {
      const result = readView(row, eventUs, knownUs, id, sequence);
      if (result !== undefined) keyless = false;
      if (result instanceof KarkhanaError) problem ??= result;
      else if (result) found.push(result);
    }
    const counted = fated(keyless ? "keyless" : "counts", found);
    return problem === undefined ? counted : { ...counted, problem };
  };
}

/** @returns undefined without a key, null if the view's own condition leaves the row out, an error if its embedding does */
function viewRowReader(
  plan: ViewPlan,
  view: number,
): (row: Record<string, Value>, eventUs: number, knownUs: number, id: number, sequence: number) => ViewRow | KarkhanaError | null | undefined {
  const keyOf = headKeyMaker(plan.hash, plan.keyTypes);
  const { keyColumns, measures, where } = plan;
  const hasEmbedding = plan.validSql.length > 0;
  return (row, eventUs, knownUs, id, sequence) => {
    const headKey = keyOf(keyColumns.length === 1 ? [row[keyColumns[0]!]] : keyColumns.map((column) => row[column]));
    if (headKey === undefined) return undefined;
    if (where !== undefined && where.valueOf(row) === null) return null;
    if (hasEmbedding && hasDigest(headKey)) return new KarkhanaError("EMBEDDING_INVALID", { field: "key", problem: `is longer than ${maxTupleBytes} bytes` });
    // In the order of `blocks.ts`: event, known, until, row id, sequence, measures.
    const kept = [eventUs, knownUs, Number.POSITIVE_INFINITY, id, sequence];
    let texts: (readonly [number, string])[] | undefined;
    for (const measure of measures) {
      let value: string | number | null;
      try {
        value = measure.valueOf(row);
      } catch (error) {
        if (error instanceof KarkhanaError && error.code === "EMBEDDING_INVALID") return error;
        throw error;
      }
      if (typeof value === "string") {
        const inline = inlineId(value);
        if (inline === undefined) (texts ??= []).push([kept.length, value]);
        kept.push(inline ?? 0);
      } else if (measure.kind === "value") kept.push(encodeValue(value));
      else if (value !== null && Math.abs(value) >= sumLimit)
        throw new KarkhanaError("MEASURE_OUT_OF_RANGE", { view: plan.view.name, measure: measure.text, value: value / measure.scale });
      else kept.push(value ?? Number.NaN);
    }
    return { view, headKey, row: kept, texts: texts ?? noTexts };
  };
}

function factOf(value: Value | undefined, column: string, id: number): string | number | undefined {
  if (value === null || value === undefined) return undefined;
  if (id < 0)
    throw new KarkhanaError("ROW_REFUSED", { field: "_row", problem: `rows are versions by ${column}: each needs its place in the stream`, value: null });
  return typeof value === "boolean" ? String(value) : value;
}

/** @throws ROW_REFUSED if the row's value is not of the column's type */
export function columnValue(raw: SourceRow, name: string, type: ColumnType): Value {
  const value = Object.hasOwn(raw, name) ? raw[name] : undefined;
  if (value === null || value === undefined) return null;
  if (isVectorType(type)) {
    const vector = readVector(value);
    if (vector !== undefined && vector.length <= maxDimensions) return encodeVector(vector);
    throw new KarkhanaError("ROW_REFUSED", { field: name, problem: `expected a list of numbers, ${type}`, value: shown(value) });
  }
  if (typeof value === "number") {
    // DuckDB's columns carry booleans as 0 and 1, and nulls of other columns than float64 as NaN.
    if (type === "float64") return value;
    if (Number.isNaN(value)) return null;
    if ((type === "int64" || type === "timestamp") && Number.isSafeInteger(value)) return value;
    if (type === "boolean" && (value === 0 || value === 1)) return value === 1;
  } else if (typeof value === "string") {
    if (type === "string" && value.isWellFormed()) return value;
    if (type === "timestamp") return isoTime(value, name);
  } else if (typeof value === "boolean" && type === "boolean") return value;
  throw new KarkhanaError("ROW_REFUSED", { field: name, problem: `expected ${expectation[type]}`, value: shown(value) });
}

const expectation: Readonly<Record<ScalarColumnType, string>> = {
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
