/**
 * The log of pushed rows: one folder of segments a source, `<folder>/source-<name>/`, one batch a record or several records in a row. The online
 * store is derived from it (`logged-features.ts`), and the offline copy of a pushed source is made from it (`offline/pushed-rows.ts`).
 *
 * A record is JSON: producer `p`, sequence `s`, when it arrived `t` (microseconds), part `i` of `n`, and rows: columns `c` with lists of
 * values `r`, or objects `o` where rows have different columns. Numbers that JSON has no word for are objects `{"$": "NaN"}` and the record
 * says so (`x`). A batch of which parts are missing was never acknowledged and is no batch.
 *
 * A row's place is `offset of its record * 2^16 + its position there`: it grows with the log and never changes.
 */
import path from "node:path";
import { arrivalColumn, type SourceDefinition } from "../../data/source.ts";
import type { Micros } from "../../kernel/clock.ts";
import { KarkhanaError } from "../../kernel/error.ts";
import type { SegmentReader } from "../../storage/segments/port.ts";
import type { SourceRow } from "./source-rows.ts";

export interface PushedBatch {
  readonly producer: string;
  readonly sequence: number;
  readonly arrivedUs: Micros;
  readonly rows: readonly SourceRow[];
}

/** A batch as it lies in the log. */
export interface LoggedBatch extends PushedBatch {
  /** Of its first record. */
  readonly offset: number;
  /** Where the next batch begins. */
  readonly end: number;
  /** Place of each row. */
  readonly places: Float64Array;
}

/** Rows encoded before the turn of the event loop is given back, and rows of a record. */
export const rowsARecord = 250;
/** Takes a place in the log and says nothing. */
export const fillerRecord: Uint8Array = Buffer.from("-");
const placesARecord = 65_536;
/** Records read at a time. */
const recordsARead = 64;

export function pushLogFolder(folder: string, source: string): string {
  // Never a name that something else in the log folder has.
  return path.join(folder, `source-${encodeURIComponent(source).replaceAll("*", "%2A")}`);
}

/** Place of the first row of a record. */
export function placeOf(offset: number): number {
  return offset * placesARecord;
}

/** A row as it is applied and copied: of a pushed source its place and when it arrived are the log's to say, not the sender's. */
export function rowInLog({ format }: SourceDefinition, row: SourceRow, place: number, arrivedUs: Micros): SourceRow {
  // A file's rows have their own numbers, by which a row that is loaded and pushed counts once.
  return format === "pushed" ? { ...row, [arrivalColumn]: arrivedUs, _row: place } : row;
}

/** Records of a batch, made a few rows at a time; `breathe` is awaited between. */
export async function encodeBatch({ producer, sequence, arrivedUs, rows }: PushedBatch, breathe: () => Promise<void>): Promise<Uint8Array[]> {
  const parts = Math.max(1, Math.ceil(rows.length / rowsARecord));
  const records: Uint8Array[] = [];
  for (let part = 0; part < parts; part++) {
    if (part > 0) await breathe();
    const own = rows.slice(part * rowsARecord, (part + 1) * rowsARecord);
    const head = { p: producer, s: sequence, t: arrivedUs, ...(parts === 1 ? {} : { i: part, n: parts }) };
    const columns = sharedColumns(own);
    const body = columns === undefined ? { o: own } : { c: columns, r: own.map((row) => columns.map((name) => row[name])) };
    const text = own.some(isUnusual) ? JSON.stringify({ ...head, x: 1, ...body }, inWords) : JSON.stringify({ ...head, ...body });
    records.push(Buffer.from(text));
  }
  return records;
}

function sharedColumns(rows: readonly SourceRow[]): string[] | undefined {
  const [first] = rows;
  if (first === undefined) return undefined;
  const columns = Object.keys(first);
  // Assigned to, this one would be no column.
  if (columns.includes("__proto__")) return undefined;
  for (const row of rows) {
    let count = 0;
    for (const name in row) {
      if (columns[count] !== name) return undefined;
      count++;
    }
    if (count !== columns.length) return undefined;
  }
  return columns;
}

function isUnusual(row: SourceRow): boolean {
  for (const name in row) {
    const value = row[name];
    if (typeof value === "number" ? !Number.isFinite(value) : typeof value === "bigint" || (typeof value === "object" && value !== null && !isPlainList(value)))
      return true;
  }
  return false;
}

function isPlainList(value: object): boolean {
  return Array.isArray(value) && value.every((one) => one === null || (typeof one === "number" && Number.isFinite(one)));
}

function inWords(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return { $: `${value}n` };
  if (typeof value === "number" && !Number.isFinite(value)) return { $: String(value) };
  if (value instanceof Float32Array) return [...value];
  // An object that looks like such a word is no value of any column; it must only stay an object.
  return typeof value === "object" && value !== null && "$" in value ? { object: 1 } : value;
}

function fromWords(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || !("$" in value) || typeof value.$ !== "string") return value;
  return value.$.endsWith("n") ? BigInt(value.$.slice(0, -1)) : Number(value.$);
}

interface Part {
  readonly producer: string;
  readonly sequence: number;
  readonly arrivedUs: number;
  readonly part: number;
  readonly parts: number;
  readonly rows: readonly SourceRow[];
}

/**
 * Whole batches from an offset on, in order, as far as the log goes now. An offset that retention has passed begins at what is left.
 * @throws STORAGE_CORRUPT for a record that is none of ours
 */
export async function* readBatches(reader: SegmentReader, from: number): AsyncGenerator<LoggedBatch> {
  let parts: { readonly offset: number; readonly part: Part }[] = [];
  for (let at = from; ;) {
    const records = await reader.read(at, recordsARead);
    for (const { offset, payload } of records) {
      if (payload.length === fillerRecord.length) continue;
      const part = decodePart(payload, offset);
      // What came before of another batch was cut off by a crash.
      if (part.part === 0) parts = [];
      if (part.part !== parts.length) {
        parts = [];
        continue;
      }
      parts.push({ offset, part });
      if (parts.length < part.parts) continue;
      yield joined(parts);
      parts = [];
    }
    const last = records.at(-1);
    if (last === undefined) return;
    at = last.offset + 1;
  }
}

function joined(parts: readonly { readonly offset: number; readonly part: Part }[]): LoggedBatch {
  const [{ offset, part }] = parts as [{ offset: number; part: Part }];
  const rows = parts.length === 1 ? part.rows : parts.flatMap((one) => one.part.rows);
  const places = new Float64Array(rows.length);
  let next = 0;
  for (const one of parts) for (let i = 0; i < one.part.rows.length; i++) places[next++] = placeOf(one.offset) + i;
  return { producer: part.producer, sequence: part.sequence, arrivedUs: part.arrivedUs, rows, offset, end: offset + parts.length, places };
}

function decodePart(payload: Uint8Array, offset: number): Part {
  const text = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString("utf8");
  let record: unknown;
  try {
    record = JSON.parse(text);
    if (isObject(record) && record["x"] === 1) record = JSON.parse(text, fromWords);
  } catch (error) {
    throw damaged(offset, error instanceof Error ? error.message : "");
  }
  if (!isObject(record)) throw damaged(offset, "expected an object");
  const { p: producer, s: sequence, t: arrivedUs, i: part = 0, n: parts = 1, c: columns, r: lists, o: objects } = record;
  if (typeof producer !== "string" || typeof sequence !== "number" || typeof arrivedUs !== "number" || typeof part !== "number" || typeof parts !== "number")
    throw damaged(offset, "expected producer, sequence and time");
  if (Array.isArray(objects)) return { producer, sequence, arrivedUs, part, parts, rows: objects as SourceRow[] };
  if (!Array.isArray(columns) || !Array.isArray(lists)) throw damaged(offset, "expected rows");
  const names = columns as string[];
  const rows = (lists as unknown[][]).map((values) => {
    const row: Record<string, unknown> = {};
    for (let i = 0; i < names.length; i++) row[names[i]!] = values[i];
    return row;
  });
  return { producer, sequence, arrivedUs, part, parts, rows };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function damaged(offset: number, problem: string): KarkhanaError {
  return new KarkhanaError("STORAGE_CORRUPT", { path: `the log of pushed rows, record ${offset}`, store: "a batch of pushed rows", problem });
}
