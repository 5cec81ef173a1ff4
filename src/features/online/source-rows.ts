import { parseExpressionOf, toFunction } from "../../data/expression.ts";
import type { ColumnType, ScalarColumnType, SourceDefinition } from "../../data/source.ts";
import { timingOf } from "../../data/timing.ts";
import { encodeVector, isVectorType, maxDimensions, readVector } from "../../data/vector-column.ts";
import { deletedSql } from "../../data/versions.ts";
import { KarkhanaError, codeOf } from "../../kernel/error.ts";
import { parseIso } from "../../kernel/time.ts";
import { sumLimit, type SourceValues } from "../measure.ts";
import { maxTupleBytes, type ViewPlan } from "../view-plan.ts";
import { encodeValue, EVENT, KNOWN, MEASURES, ROW_ID, SEQUENCE, UNTIL } from "./blocks.ts";
import { IncomingRows } from "./incoming-rows.ts";
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
  readonly texts: readonly PlacedText[];
}

type PlacedText = readonly [place: number, text: string];

/** Where the rows of a batch go whose source has no versions. */
export interface RowSink {
  /** By view. */
  readonly rows: readonly IncomingRows[];
  /** @param at the row's place among the view's @param texts places in the view's rows that want a text's id */
  readonly take: (view: number, values: SourceValues, at: number, index: number, texts: readonly PlacedText[]) => void;
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
  readonly problem?: KarkhanaError | undefined;
}

/** @param sink takes what is found in place of the answer's list; without one `found` says it @throws ROW_REFUSED, MEASURE_OUT_OF_RANGE */
export type RowReader = (row: SourceRow, sequence: number, index: number, sink?: RowSink) => ReadRow;

/** Whoever read the row could make no columns of it, and says why. */
export const problemColumn = "_problem";

const noTexts: readonly PlacedText[] = [];
const none: readonly ViewRow[] = [];
/** What a view says of a row without a key of its own, or that its condition leaves out. */
const keyless = -1;
const leftOut = -2;

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
  const names = Object.keys(schema);
  const types = Object.values(schema);
  const writers = plans.map((plan) => viewRowWriter(plan));
  const headKeysOf = plans.map((plan) => headKeyMaker(plan.hash, plan.keyTypes));
  const ownRows = plans.map((plan) => new IncomingRows(plan.measures.length));
  const places = plans.map(() => 0);
  const texts: PlacedText[][] = plans.map(() => []);
  // Nobody keeps a row's values: written over by the next row.
  const row: Record<string, Value> = Object.fromEntries(names.map((name) => [name, null]));
  return (raw, sequence, index, sink) => {
    if (Object.hasOwn(raw, problemColumn))
      throw new KarkhanaError("ROW_REFUSED", { field: "row", problem: String(raw[problemColumn]).slice(0, 500), value: null });
    for (let i = 0; i < names.length; i++) row[names[i]!] = columnValue(raw, names[i]!, types[i]!);
    const outside = isTaken !== undefined && !isTaken(row);
    // A row that is left out need not have times.
    if (outside && source.id === undefined) return { index, eventUs: 0, knownUs: 0, id: -1, fact: undefined, fate: "outside", found: none };
    const eventUs = timeOf(eventOf(row), "eventTime", source.eventTime);
    const knownUs = timeOf(knownOf(row), "knownTime", source.knownTime ?? source.eventTime);
    const id = rowId(raw);
    const fact = source.id === undefined ? undefined : factOf(row[source.id], source.id, id);
    if (knownUs - eventUs > latenessUs) return { index, eventUs, knownUs, id, fact, fate: "late", found: none };
    if (eventUs - knownUs > aheadUs) return { index, eventUs, knownUs, id, fact, fate: "ahead", found: none };
    if (isDeleted !== undefined && isDeleted(row)) return { index, eventUs, knownUs, id, fact, fate: "deleted", found: none };
    if (outside) return { index, eventUs, knownUs, id, fact, fate: "outside", found: none };
    // A version without a key still ends the one before.
    let isKeyless = plans.length > 0 && fact === undefined;
    let problem: KarkhanaError | undefined;
    const rows = sink?.rows ?? ownRows;
    // Every view first: one that refuses the row refuses it for all.
    for (let view = 0; view < plans.length; view++) {
      texts[view]!.length = 0;
      if (sink === undefined) rows[view]!.clear();
      const place = writers[view]!(row, eventUs, knownUs, id, sequence, rows[view]!, texts[view]!);
      if (place !== keyless) isKeyless = false;
      if (place instanceof KarkhanaError) problem ??= place;
      places[view] = place instanceof KarkhanaError ? leftOut : place;
    }
    if (isKeyless) return { index, eventUs, knownUs, id, fact, fate: "keyless", found: none };
    const found: ViewRow[] | undefined = sink === undefined ? [] : undefined;
    for (let view = 0; view < plans.length; view++) {
      const at = places[view]!;
      if (at < 0) continue;
      const own = texts[view]!.length === 0 ? noTexts : [...texts[view]!];
      if (sink !== undefined) {
        sink.take(view, row, at, index, own);
        continue;
      }
      const { floats, stride } = rows[view]!;
      const headKey = headKeysOf[view]!(plans[view]!.keyColumns.map((column) => row[column]))!;
      found?.push({ view, headKey, row: [...floats.subarray(at, at + stride)], texts: own.map(([place, text]) => [place - at, text] as const) });
    }
    return { index, eventUs, knownUs, id, fact, fate: "counts", found: found ?? none, problem };
  };
}

/** Writes a row as the view keeps it. @returns its place among `rows`, `keyless`, `leftOut`, or an error if its embedding leaves it out */
function viewRowWriter(
  plan: ViewPlan,
): (row: SourceValues, eventUs: number, knownUs: number, id: number, sequence: number, rows: IncomingRows, texts: PlacedText[]) => number | KarkhanaError {
  const { keyColumns, keyTypes, measures, where } = plan;
  const headKeyOf = plan.validSql.length > 0 ? headKeyMaker(plan.hash, keyTypes) : undefined;
  return (row, eventUs, knownUs, id, sequence, rows, texts) => {
    for (let i = 0; i < keyColumns.length; i++) {
      const part = row[keyColumns[i]!];
      if (typeof part !== keyTypes[i] || Number.isNaN(part)) return keyless;
    }
    if (where !== undefined && where.valueOf(row) === null) return leftOut;
    if (headKeyOf !== undefined && hasDigest(headKeyOf(keyColumns.map((column) => row[column]))!))
      return new KarkhanaError("EMBEDDING_INVALID", { field: "key", problem: `is longer than ${maxTupleBytes} bytes` });
    const at = rows.next();
    const { floats } = rows;
    floats[at + EVENT] = eventUs;
    floats[at + KNOWN] = knownUs;
    floats[at + UNTIL] = Number.POSITIVE_INFINITY;
    floats[at + ROW_ID] = id;
    floats[at + SEQUENCE] = sequence;
    for (let j = 0; j < measures.length; j++) {
      const measure = measures[j]!;
      let value: string | number | null;
      try {
        value = measure.valueOf(row);
      } catch (error) {
        if (error instanceof KarkhanaError && error.code === "EMBEDDING_INVALID") return error;
        throw error;
      }
      const to = at + MEASURES + j;
      if (typeof value === "string") {
        const inline = inlineId(value);
        if (inline === undefined) texts.push([to, value]);
        floats[to] = inline ?? 0;
      } else if (measure.kind === "value") floats[to] = encodeValue(value);
      else if (value !== null && Math.abs(value) >= sumLimit)
        throw new KarkhanaError("MEASURE_OUT_OF_RANGE", { view: plan.view.name, measure: measure.text, value: value / measure.scale });
      else floats[to] = value ?? Number.NaN;
    }
    return at;
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
