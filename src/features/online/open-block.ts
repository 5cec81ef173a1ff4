import { sumLimit } from "../measure.ts";
import { blockCapacity, END, entryStride, EVENT, formatVersion, headerLength, isReadable, LAST, MEASURES, ROW_ID, rowStride, TOTALS } from "./blocks.ts";
import type { Placing } from "./key-rows.ts";

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

/** A head of no rows. */
const empty = Float64Array.of(formatVersion, 1, 0, 0);

/**
 * What most batches do to most keys: a few rows that nothing has of yet join the open block of a head of which nothing else changes. The same
 * head as `KeyRows.place` and `finish` give, in one pass over it and with one object made: at a thousand keys a batch these are what it costs.
 * @param head lent, or in memory of which `room` numbers are its own: then it is changed where it lies, if they suffice
 * @param floats rows on their way in
 * @param places of the key's among them, in any order, the first `count`; they are put in the order of event time
 * @param summed positions of the measures that are added up
 * @returns the new head, or undefined if there is more to do than that
 */
export function joinOpen(
  head: Uint8Array | undefined,
  room: number,
  floats: Float64Array,
  places: Int32Array,
  count: number,
  numMeasures: number,
  summed: readonly number[],
  { memory, retainUs, folding, spareRows }: Placing,
): Uint8Array | undefined {
  if (head !== undefined && ((head.byteOffset | head.length) & 7) !== 0) return undefined;
  const old = head === undefined ? empty : floatsUnder(head);
  const from = head === undefined ? 0 : head.byteOffset >>> 3;
  const end = from + (head === undefined ? headerLength : head.length >>> 3);
  const stride = rowStride(numMeasures);
  const size = entryStride(numMeasures);
  const entries = from + headerLength;
  const open = entries + old[from + 2]! * size;
  const numRows = (end - open) / stride + count;
  if (numRows > blockCapacity || !isReadable(old[from]!)) return undefined;
  if (open > entries) {
    // Old blocks are to be looked at, or dropped, or a row is older than the open block.
    const newest = open - size;
    if (folding !== undefined || old[entries + LAST]! < old[newest + LAST]! - retainUs) return undefined;
    for (let i = 0; i < count; i++) if (floats[places[i]! + EVENT]! < old[newest + END]!) return undefined;
  }
  if (!areNew(old, open, end, floats, places, count, stride)) return undefined;
  for (let k = 0; k < summed.length; k++) {
    const j = summed[k]!;
    let total = 0;
    for (let at = entries + TOTALS + 3 * j + 2; at < open; at += size) total += old[at]!;
    for (let at = open + MEASURES + j; at < end; at += stride) total += Math.abs(old[at]!) || 0;
    for (let i = 0; i < count; i++) total += Math.abs(floats[places[i]! + MEASURES + j]!) || 0;
    if (!(total < sumLimit)) return undefined;
  }
  sortByEvent(floats, places, count);
  const length = open - from + numRows * stride;
  if (length <= room) {
    merge(old, open, end, floats, places, count, stride, old, from + length);
    old[from + 3] = numRows;
    return new Uint8Array(old.buffer, 8 * from, 8 * length);
  }
  const at = memory.room(length + spareRows * stride);
  const out = memory.floats;
  const kept = merge(old, open, end, floats, places, count, stride, out, at + length);
  out[at] = formatVersion;
  out[at + 1] = old[from + 1]!;
  out[at + 2] = old[from + 2]!;
  out[at + 3] = numRows;
  if (kept > entries) out.set(old.subarray(entries, kept), at + headerLength);
  return memory.bytes(at, length);
}

/** No row is there already, or twice among those that come. */
function areNew(old: Float64Array, open: number, end: number, floats: Float64Array, places: Int32Array, count: number, stride: number): boolean {
  for (let i = 0; i < count; i++) {
    const id = floats[places[i]! + ROW_ID]!;
    if (id < 0) continue;
    for (let at = open + ROW_ID; at < end; at += stride) if (old[at] === id) return false;
    for (let j = 0; j < i; j++) if (floats[places[j]! + ROW_ID] === id) return false;
  }
  return true;
}

/** Few, and mostly in order: insertion. Rows of equal times stay as they came. */
function sortByEvent(floats: Float64Array, places: Int32Array, count: number): void {
  for (let i = 1; i < count; i++) {
    const row = places[i]!;
    const event = floats[row + EVENT]!;
    let at = i;
    for (; at > 0 && floats[places[at - 1]! + EVENT]! > event; at--) places[at] = places[at - 1]!;
    places[at] = row;
  }
}

/** From the newest, until all that come are placed. @param to end of `out` @returns end of what must still be copied, as it lies */
function merge(
  old: Float64Array,
  open: number,
  end: number,
  floats: Float64Array,
  places: Int32Array,
  count: number,
  stride: number,
  out: Float64Array,
  to: number,
): number {
  let at = end - stride;
  for (let next = count - 1, put = to - stride; next >= 0; put -= stride) {
    const row = places[next]!;
    if (at < open || floats[row + EVENT]! >= old[at + EVENT]!) {
      for (let i = 0; i < stride; i++) out[put + i] = floats[row + i]!;
      next--;
    } else {
      for (let i = 0; i < stride; i++) out[put + i] = old[at + i]!;
      at -= stride;
    }
  }
  return at + stride;
}
