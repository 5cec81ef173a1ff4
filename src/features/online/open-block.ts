import { sumLimit } from "../measure.ts";
import { blockCapacity, END, entryStride, EVENT, formatVersion, headerLength, isReadable, LAST, MEASURES, ROW_ID, rowStride, TOTALS } from "./blocks.ts";
import type { ValueMemory } from "./value-memory.ts";

/** The view of a store's memory that was made last: many values lie in one. */
let lentBuffer: ArrayBufferLike | undefined;
let lentFloats: Float64Array = new Float64Array(0);

function floatsUnder({ buffer }: Uint8Array): Float64Array {
  if (buffer !== lentBuffer) {
    lentFloats = new Float64Array(buffer, 0, buffer.byteLength >>> 3);
    lentBuffer = buffer;
  }
  return lentFloats;
}

const empty = new Float64Array(headerLength).fill(1, 1, 2);

export interface JoinOptions {
  /** Rows on their way in, and the places of the key's among them, in any order; they are put in the order of event time. */
  readonly floats: Float64Array;
  readonly places: number[];
  readonly numMeasures: number;
  /** Positions of the measures that are added up. */
  readonly summed: readonly number[];
  /** As in `KeyRows.finish`. */
  readonly retainUs: number;
  /** Whether old blocks become tiles: then one that has any is looked at whole. */
  readonly isFolded: boolean;
  readonly memory: ValueMemory;
}

/**
 * What most batches do to most keys: a few rows that nothing has of yet join the open block of a head of which nothing else changes. The same
 * head as `KeyRows.place` and `finish` give, in one pass over it and with one object made: at a thousand keys a batch these are what it costs.
 * @param head lent @returns the new head, or undefined if there is more to do than that
 */
export function joinOpen(head: Uint8Array | undefined, options: JoinOptions): Uint8Array | undefined {
  const { floats, places, numMeasures, memory } = options;
  if (head !== undefined && ((head.byteOffset | head.length) & 7) !== 0) return undefined;
  const old = head === undefined ? empty : floatsUnder(head);
  const from = head === undefined ? 0 : head.byteOffset >>> 3;
  const end = from + (head === undefined ? headerLength : head.length >>> 3);
  const stride = rowStride(numMeasures);
  const entries = from + headerLength;
  const open = entries + old[from + 2]! * entryStride(numMeasures);
  const numRows = (end - open) / stride + places.length;
  if (numRows > blockCapacity) return undefined;
  if (head !== undefined && !isReadable(old[from]!)) return undefined;
  if (!isQuiet(old, entries, open, options) || !areNew(old, open, end, options) || !fit(old, entries, open, end, options)) return undefined;
  sortByEvent(floats, places);
  const length = open - from + numRows * stride;
  const at = memory.room(length);
  const out = memory.floats;
  out[at] = formatVersion;
  out[at + 1] = old[from + 1]!;
  out[at + 2] = old[from + 2]!;
  out[at + 3] = numRows;
  const kept = merge(old, open, end, options, out, at + length);
  if (kept > entries) out.set(old.subarray(entries, kept), at + headerLength);
  return memory.bytes(at, length);
}

/** Nothing of the index is to be dropped, folded or written anew for a row that is older than the open block. */
function isQuiet(old: Float64Array, entries: number, open: number, { floats, places, numMeasures, retainUs, isFolded }: JoinOptions): boolean {
  if (open === entries) return true;
  if (isFolded) return false;
  const newest = open - entryStride(numMeasures);
  const newestUs = old[newest + LAST]!;
  if (old[entries + LAST]! < newestUs - retainUs) return false;
  const openFrom = old[newest + END]!;
  for (let i = 0; i < places.length; i++) if (floats[places[i]! + EVENT]! < openFrom) return false;
  return true;
}

/** No row is there already, or twice among those that come. */
function areNew(old: Float64Array, open: number, end: number, { floats, places, numMeasures }: JoinOptions): boolean {
  const stride = rowStride(numMeasures);
  for (let i = 0; i < places.length; i++) {
    const id = floats[places[i]! + ROW_ID]!;
    if (id < 0) continue;
    for (let at = open + ROW_ID; at < end; at += stride) if (old[at] === id) return false;
    for (let j = 0; j < i; j++) if (floats[places[j]! + ROW_ID] === id) return false;
  }
  return true;
}

/** All rows of the key can be added up exactly. */
function fit(old: Float64Array, entries: number, open: number, end: number, { floats, places, numMeasures, summed }: JoinOptions): boolean {
  const stride = rowStride(numMeasures);
  const size = entryStride(numMeasures);
  for (let k = 0; k < summed.length; k++) {
    const j = summed[k]!;
    let total = 0;
    for (let at = entries + TOTALS + 3 * j + 2; at < open; at += size) total += old[at]!;
    for (let at = open + MEASURES + j; at < end; at += stride) total += Math.abs(old[at]!) || 0;
    for (let i = 0; i < places.length; i++) total += Math.abs(floats[places[i]! + MEASURES + j]!) || 0;
    if (!(total < sumLimit)) return false;
  }
  return true;
}

/** Few, and mostly in order: insertion. Rows of equal times stay as they came. */
function sortByEvent(floats: Float64Array, places: number[]): void {
  for (let i = 1; i < places.length; i++) {
    const row = places[i]!;
    const event = floats[row + EVENT]!;
    let at = i;
    for (; at > 0 && floats[places[at - 1]! + EVENT]! > event; at--) places[at] = places[at - 1]!;
    places[at] = row;
  }
}

/** From the newest, until all that come are placed. @param to end of `out` @returns end of what must still be copied, as it lies */
function merge(old: Float64Array, open: number, end: number, { floats, places, numMeasures }: JoinOptions, out: Float64Array, to: number): number {
  const stride = rowStride(numMeasures);
  let at = end - stride;
  for (let next = places.length - 1; next >= 0; to -= stride) {
    const row = places[next]!;
    const isNext = at < open || floats[row + EVENT]! >= old[at + EVENT]!;
    if (isNext) {
      for (let i = 0, put = to - stride; i < stride; i++) out[put + i] = floats[row + i]!;
      next--;
    } else {
      for (let i = 0, put = to - stride; i < stride; i++) out[put + i] = old[at + i]!;
      at -= stride;
    }
  }
  return at + stride;
}
