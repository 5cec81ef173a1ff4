/**
 * How the rows of one key of one view lie in the store. Everything is float64, little endian; m is the number of measures.
 *
 *   head    = [format, nextId, numSealed, numOpen] + numSealed entries + numOpen rows
 *   entry   = [id, end, first, last, minKnown, maxKnown, rows] + m * [sum, present, absolute]
 *   block   = rows
 *   row     = [event, known, row id, sequence] + m measures (NaN is null)
 *
 * Rows are in the order of event time. A sealed block holds the events below its `end` that no earlier block holds; the open block, in the
 * head itself, holds the rest: a key with few rows is one value. Rows of equal event time share a block.
 * A block is never changed in place: a changed one gets a new id, so a reader that finds a block finds the one its head spoke of.
 */
export const headerLength = 4;
export const formatVersion = 1;

/** A block is cut when it holds more rows than this ... */
export const blockCapacity = 128;
/** ... into pieces of about this many, so that late rows still find room. */
const pieceRows = 96;
/** Rows that stay in the open block when it is cut. */
const openRows = 32;

export const EVENT = 0;
export const KNOWN = 1;
export const ROW_ID = 2;
export const SEQUENCE = 3;
export const MEASURES = 4;
export const rowStride = (numMeasures: number): number => MEASURES + numMeasures;

export const ID = 0;
export const END = 1;
export const FIRST = 2;
export const LAST = 3;
export const MIN_KNOWN = 4;
export const MAX_KNOWN = 5;
export const ROWS = 6;
export const TOTALS = 7;
export const entryStride = (numMeasures: number): number => TOTALS + 3 * numMeasures;

/** Whole rows, flat. */
export type Rows = Float64Array;

export interface SealedBlock {
  readonly id: number;
  readonly end: number;
  /** The entry's numbers, shape [entryStride]. */
  readonly entry: Float64Array;
  /** Present only once loaded or changed. */
  readonly rows?: Rows;
}

export interface Head {
  nextId: number;
  sealed: SealedBlock[];
  open: Rows;
}

export function decodeHead(bytes: Uint8Array | undefined, numMeasures: number): Head {
  if (bytes === undefined) return { nextId: 1, sealed: [], open: new Float64Array(0) };
  const all = toFloats(bytes);
  const stride = entryStride(numMeasures);
  const numSealed = all[2]!;
  const sealed = Array.from({ length: numSealed }, (_, i): SealedBlock => {
    const entry = all.subarray(headerLength + i * stride, headerLength + (i + 1) * stride);
    return { id: entry[ID]!, end: entry[END]!, entry };
  });
  return { nextId: all[1]!, sealed, open: all.subarray(headerLength + numSealed * stride) };
}

export function encodeHead(head: Head, numMeasures: number): Uint8Array {
  const stride = entryStride(numMeasures);
  const all = new Float64Array(headerLength + head.sealed.length * stride + head.open.length);
  all.set([formatVersion, head.nextId, head.sealed.length, head.open.length / rowStride(numMeasures)]);
  for (const [i, block] of head.sealed.entries()) all.set(block.entry, headerLength + i * stride);
  all.set(head.open, headerLength + head.sealed.length * stride);
  return toBytes(all);
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

/** The entry of a block: its extent in event and known time, and its totals. */
export function describeBlock(id: number, end: number, rows: Rows, numMeasures: number): Float64Array {
  const stride = rowStride(numMeasures);
  const entry = new Float64Array(entryStride(numMeasures));
  entry[ID] = id;
  entry[END] = end;
  entry[FIRST] = rows[EVENT]!;
  entry[LAST] = rows[rows.length - stride + EVENT]!;
  entry[ROWS] = rows.length / stride;
  let minKnown = Number.POSITIVE_INFINITY;
  let maxKnown = Number.NEGATIVE_INFINITY;
  for (let at = 0; at < rows.length; at += stride) {
    const known = rows[at + KNOWN]!;
    if (known < minKnown) minKnown = known;
    if (known > maxKnown) maxKnown = known;
    for (let j = 0; j < numMeasures; j++) {
      const value = rows[at + MEASURES + j]!;
      if (Number.isNaN(value)) continue;
      const total = TOTALS + 3 * j;
      entry[total] = entry[total]! + value;
      entry[total + 1] = entry[total + 1]! + 1;
      entry[total + 2] = entry[total + 2]! + Math.abs(value);
    }
  }
  entry[MIN_KNOWN] = minKnown;
  entry[MAX_KNOWN] = maxKnown;
  return entry;
}

/**
 * Two lists of rows as one, both in the order of event time. An incoming row whose id is there already takes its place if its
 * sequence is not lower, and is dropped otherwise. Rows without an id (negative) are always new.
 */
export function mergeRows(existing: Rows, incoming: Rows, stride: number): Rows {
  const places = new Map<number, number>();
  if (existing.length > 0) for (let at = 0; at < existing.length; at += stride) if (existing[at + ROW_ID]! >= 0) places.set(existing[at + ROW_ID]!, at);
  const dropped = new Set<number>();
  const taken: number[] = [];
  for (let at = 0; at < incoming.length; at += stride) {
    const place = places.get(incoming[at + ROW_ID]!);
    if (place !== undefined) {
      if (incoming[at + SEQUENCE]! < existing[place + SEQUENCE]!) continue;
      dropped.add(place);
    }
    taken.push(at);
  }
  const merged = new Float64Array(existing.length - dropped.size * stride + taken.length * stride);
  let to = 0;
  let next = 0;
  for (let at = 0; at < existing.length; at += stride) {
    if (dropped.has(at)) continue;
    for (; next < taken.length && incoming[taken[next]! + EVENT]! < existing[at + EVENT]!; next++, to += stride)
      copyRow(incoming, taken[next]!, merged, to, stride);
    copyRow(existing, at, merged, to, stride);
    to += stride;
  }
  for (; next < taken.length; next++, to += stride) copyRow(incoming, taken[next]!, merged, to, stride);
  return merged;
}

function copyRow(from: Rows, at: number, into: Rows, to: number, stride: number): void {
  for (let i = 0; i < stride; i++) into[to + i] = from[at + i]!;
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
