/**
 * How the rows of one key of one view lie in the store. Everything is float64, little endian; m is the number of measures.
 *
 *   head    = [format, nextId, numSealed, numOpen] + numSealed entries + numOpen rows
 *   entry   = [id, end, first, last, minKnown, maxKnown, minUntil, rows] + m * ([sum, present, absolute] or, of values, [least, present, greatest])
 *   block   = rows
 *   row     = [event, known, until, row id, sequence] + m measures: a number to sum, a value, or the id of a text (`text-ids.ts`)
 *
 * NaN is null; a value that is NaN lies as -0, which no value is (`measure.ts`). Until is Infinity for a version that nothing has replaced.
 *
 * Rows are in the order of event time. A sealed block holds the events below its `end` that no earlier block holds; the open block, in the
 * head itself, holds the rest: a key with few rows is one value. Rows of equal event time share a block.
 * An entry of id 0 is a tile: rows that no question tells apart any more, of which only the totals are left (`tiles.ts`). Tiles come first.
 * A block is never changed in place: a changed one gets a new id, so a reader that finds a block finds the one its head spoke of.
 */
import { KarkhanaError } from "../../kernel/error.ts";
import type { Measure } from "../measure.ts";

export const headerLength = 4;
/** Read as well: the one before, which has no tiles. */
export const formatVersion = 3;

/** A block is cut when it holds more rows than this ... */
export const blockCapacity = 128;
/** ... into pieces of about this many, so that late rows still find room. */
const pieceRows = 96;
/** Rows that stay in the open block when it is cut. */
const openRows = 32;

export const EVENT = 0;
export const KNOWN = 1;
export const UNTIL = 2;
export const ROW_ID = 3;
export const SEQUENCE = 4;
export const MEASURES = 5;
export const rowStride = (numMeasures: number): number => MEASURES + numMeasures;

export const ID = 0;
export const END = 1;
export const FIRST = 2;
export const LAST = 3;
export const MIN_KNOWN = 4;
export const MAX_KNOWN = 5;
export const MIN_UNTIL = 6;
export const ROWS = 7;
export const TOTALS = 8;
export const entryStride = (numMeasures: number): number => TOTALS + 3 * numMeasures;

/** Whole rows, flat. */
export type Rows = Float64Array;

/** Rows on their way in: their places in flat rows, in the order of event time. */
export interface Incoming {
  readonly floats: Float64Array;
  readonly places: readonly number[];
}

/** What a head holds. `entries` and `open` are flat. */
export interface Head {
  readonly nextId: number;
  readonly entries: Float64Array;
  readonly open: Rows;
}

const noFloats = new Float64Array(0);
const noHead: Head = { nextId: 1, entries: noFloats, open: noFloats };

/** @param bytes lent by a store: the head is good for as long as they are; `keptHead` makes it one's own */
export function decodeHead(bytes: Uint8Array | undefined, numMeasures: number): Head {
  if (bytes === undefined) return noHead;
  const isAligned = bytes.byteOffset % 8 === 0 && bytes.length % 8 === 0;
  const all = isAligned ? new Float64Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 3) : toFloats(bytes);
  checkFormat(all);
  const openAt = headerLength + all[2]! * entryStride(numMeasures);
  return { nextId: all[1]!, entries: all.subarray(headerLength, openAt), open: all.subarray(openAt) };
}

export function keptHead({ nextId, entries, open }: Head): Head {
  return { nextId, entries: entries.slice(), open: open.slice() };
}

export function isReadable(format: number): boolean {
  return format === formatVersion || format === formatVersion - 1;
}

/** @throws STORAGE_CORRUPT rather than reading numbers where they do not lie */
export function checkFormat(head: Float64Array): void {
  if (isReadable(head[0]!)) return;
  throw new KarkhanaError("STORAGE_CORRUPT", { path: "online features", store: `a head of format ${formatVersion}`, problem: `its format is ${head[0]}` });
}

/** Writes all of a head but its open rows, which begin at `openAt`. @param numOpen numbers of them */
export function writeHead(all: Float64Array, nextId: number, entries: Float64Array, numOpen: number, numMeasures: number): void {
  all[0] = formatVersion;
  all[1] = nextId;
  all[2] = entries.length / entryStride(numMeasures);
  all[3] = numOpen / rowStride(numMeasures);
  all.set(entries, headerLength);
}

export function toBytes(floats: Float64Array): Uint8Array {
  return new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength);
}

/** A copy: bytes from a store are on loan and may lie on any address. */
export function toFloats(bytes: Uint8Array): Float64Array {
  const floats = new Float64Array(bytes.length >>> 3);
  new Uint8Array(floats.buffer).set(bytes);
  return floats;
}

/** A value as it lies in a row. */
export function encodeValue(value: number | null): number {
  return value === null ? Number.NaN : Number.isNaN(value) ? -0 : value;
}

/** @param lying never NaN: that is null */
export function decodeValue(lying: number): number {
  return lying === 0 && 1 / lying < 0 ? Number.NaN : lying;
}

/** Whether one lying value is below another: NaN, lying as -0, is above all. */
export function isBelow(a: number, b: number): boolean {
  if (a === 0 && 1 / a < 0) return false;
  return a < b || (b === 0 && 1 / b < 0);
}

/** The entry of a block: its extent in event and known time, and its totals. */
export function describeBlock(id: number, end: number, rows: Rows, measures: readonly Pick<Measure, "kind">[]): Float64Array {
  const numMeasures = measures.length;
  const stride = rowStride(numMeasures);
  const entry = new Float64Array(entryStride(numMeasures));
  entry[ID] = id;
  entry[END] = end;
  entry[FIRST] = rows[EVENT]!;
  entry[LAST] = rows[rows.length - stride + EVENT]!;
  entry[ROWS] = rows.length / stride;
  let minKnown = Number.POSITIVE_INFINITY;
  let maxKnown = Number.NEGATIVE_INFINITY;
  let minUntil = Number.POSITIVE_INFINITY;
  for (let at = 0; at < rows.length; at += stride) {
    const known = rows[at + KNOWN]!;
    if (known < minKnown) minKnown = known;
    if (known > maxKnown) maxKnown = known;
    const until = rows[at + UNTIL]!;
    if (until < minUntil) minUntil = until;
  }
  for (let j = 0; j < numMeasures; j++) {
    if (measures[j]!.kind === "sum") addSums(rows, stride, j, entry);
    else addExtremes(rows, stride, j, entry);
  }
  entry[MIN_KNOWN] = minKnown;
  entry[MAX_KNOWN] = maxKnown;
  entry[MIN_UNTIL] = minUntil;
  return entry;
}

function addSums(rows: Rows, stride: number, j: number, entry: Float64Array): void {
  const total = TOTALS + 3 * j;
  for (let at = MEASURES + j; at < rows.length; at += stride) {
    const value = rows[at]!;
    if (Number.isNaN(value)) continue;
    entry[total] = entry[total]! + value;
    entry[total + 1] = entry[total + 1]! + 1;
    entry[total + 2] = entry[total + 2]! + Math.abs(value);
  }
}

function addExtremes(rows: Rows, stride: number, j: number, entry: Float64Array): void {
  let present = 0;
  let [least, greatest] = [0, 0];
  for (let at = MEASURES + j; at < rows.length; at += stride) {
    const value = rows[at]!;
    if (Number.isNaN(value)) continue;
    if (present === 0 || isBelow(value, least)) least = value;
    if (present === 0 || isBelow(greatest, value)) greatest = value;
    present++;
  }
  entry.set([least, present, greatest], TOTALS + 3 * j);
}

/**
 * Two lists of rows as one, both in the order of event time and each id once in each. An incoming row whose id is there already takes
 * its place if its sequence is not lower, and is dropped otherwise. Rows without an id (negative) are always new.
 * @param room gives where the merged rows lie, for their number of numbers
 */
export function mergeRows(existing: Rows, { floats, places }: Incoming, stride: number, room: (length: number) => Float64Array): Rows {
  let replaced: Set<number> | undefined;
  let taken = places;
  // A block's rows are walked sooner than a table of them is made, and most batches have nothing that is there.
  const isMany = places.length > 64;
  const found = isMany && !areApart(existing, floats, places, stride) ? placesById(existing, stride) : undefined;
  for (let i = 0; i < (isMany && found === undefined ? 0 : places.length); i++) {
    const row = places[i]!;
    const id = floats[row + ROW_ID]!;
    const place = id < 0 ? -1 : found === undefined ? placeOf(existing, id, stride) : (found.get(id) ?? -1);
    const isOlder = place >= 0 && floats[row + SEQUENCE]! < existing[place + SEQUENCE]!;
    if (isOlder && taken === places) taken = places.slice(0, i);
    else if (!isOlder && taken !== places) (taken as number[]).push(row);
    if (place >= 0 && !isOlder) (replaced ??= new Set()).add(place);
  }
  const merged = room(existing.length + (taken.length - (replaced?.size ?? 0)) * stride);
  let to = merged.length;
  let at = existing.length - stride;
  let next = taken.length - 1;
  let left = replaced?.size ?? 0;
  // From the newest: rows mostly come in at that end, and what lies before the oldest of them is copied at once.
  while (at >= 0 && (next >= 0 || left > 0)) {
    if (left > 0 && replaced!.has(at)) {
      left--;
      at -= stride;
      continue;
    }
    to -= stride;
    if (next >= 0 && floats[taken[next]! + EVENT]! >= existing[at + EVENT]!) {
      const row = taken[next--]!;
      for (let i = 0; i < stride; i++) merged[to + i] = floats[row + i]!;
    } else {
      for (let i = 0; i < stride; i++) merged[to + i] = existing[at + i]!;
      at -= stride;
    }
  }
  for (; next >= 0; next--) {
    const row = taken[next]!;
    to -= stride;
    for (let i = 0; i < stride; i++) merged[to + i] = floats[row + i]!;
  }
  if (at >= 0) merged.set(existing.subarray(0, at + stride));
  return merged;
}

/** Used again for every key: sets and maps of its ids would cost more than all else that is done with its rows. */
let ids: Float64Array = new Float64Array(512);

/**
 * Whether no row id stands twice among rows that lie in a block and rows on their way in. Ids come from clients: sorting takes no longer for
 * ones that were chosen to, as a table of them might.
 * @param places of the rows on their way in, in `floats`
 */
export function areApart(existing: Rows, floats: Float64Array, places: readonly number[], stride: number): boolean {
  const most = existing.length / stride + places.length;
  if (most > ids.length) ids = new Float64Array(2 * most);
  let count = 0;
  for (let at = ROW_ID; at < existing.length; at += stride) if (existing[at]! >= 0) ids[count++] = existing[at]!;
  let isAscending = true;
  for (let i = 0; i < places.length; i++) {
    const id = floats[places[i]! + ROW_ID]!;
    if (id < 0) continue;
    isAscending &&= count === 0 || id > ids[count - 1]!;
    ids[count++] = id;
  }
  // Rows that the log gave their places come in order.
  if (isAscending && existing.length === 0) return true;
  const sorted = ids.subarray(0, count).sort();
  for (let i = 1; i < count; i++) if (sorted[i] === sorted[i - 1]) return false;
  return true;
}

function placesById(rows: Rows, stride: number): Map<number, number> {
  const places = new Map<number, number>();
  for (let at = 0; at < rows.length; at += stride) places.set(rows[at + ROW_ID]!, at);
  return places;
}

function placeOf(rows: Rows, id: number, stride: number): number {
  for (let at = 0; at < rows.length; at += stride) if (rows[at + ROW_ID] === id) return at;
  return -1;
}

/** Row numbers at which to cut, ascending, never between rows of equal event time; none if the block is small enough. */
export function cutPoints(rows: Rows, stride: number, isOpen: boolean): number[] {
  const numRows = rows.length / stride;
  if (numRows <= blockCapacity) return [];
  const numPieces = isOpen ? Math.floor((numRows - openRows) / pieceRows) : Math.ceil(numRows / pieceRows);
  const size = isOpen ? pieceRows : numRows / numPieces;
  const cuts: number[] = [];
  let last = 0;
  for (let piece = 1; piece < numPieces + Number(isOpen); piece++) {
    let cut = Math.max(Math.round(piece * size), last + 1);
    while (cut < numRows && rows[cut * stride + EVENT] === rows[(cut - 1) * stride + EVENT]) cut++;
    if (cut >= numRows) break;
    cuts.push(cut);
    last = cut;
  }
  return cuts;
}
