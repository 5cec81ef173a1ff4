import { sumLimit } from "../measure.ts";
import type { ViewPlan } from "../view-plan.ts";
import type { KeyValue } from "../../storage/kv/port.ts";
import {
  areApart,
  blockCapacity,
  cutPoints,
  decodeHead,
  describeBlock,
  END,
  entryStride,
  EVENT,
  headerLength,
  ID,
  keptHead,
  LAST,
  MEASURES,
  mergeRows,
  ROW_ID,
  rowStride,
  SEQUENCE,
  toBytes,
  toFloats,
  TOTALS,
  writeHead,
  type Head,
  type Incoming,
  type Rows,
} from "./blocks.ts";
import { blockKey } from "./keys.ts";
import type { IncomingRows } from "./incoming-rows.ts";
import { joinOpen } from "./open-block.ts";
import { isSameTile, mergedTile, tileId, tilesOf } from "./tiles.ts";
import type { ValueMemory } from "./value-memory.ts";

/** A row left out because the key's sum of this measure would no longer be exact. */
export interface RefusedRow {
  readonly index: number;
  readonly measure: number;
  readonly value: number;
}

/** Writes being gathered for one batch, beside heads. A block written and dropped again within it is in neither list. */
export interface Writes {
  readonly puts: KeyValue[];
  readonly deletes: Uint8Array[];
}

/** Where what is made of a key's rows goes. */
export interface Placing {
  readonly folding: Folding | undefined;
  /** Event time before the key's newest sealed row by which a block lies entirely is dropped. */
  readonly retainUs: number;
  readonly memory: ValueMemory;
  /** Room left behind a head for rows of later batches that are written with this one. */
  readonly spareRows: number;
  /** Keys whose heads change, once each for all batches that are written together. */
  readonly heads: KeyRows[];
  readonly writes: Writes;
}

const none: Float64Array = new Float64Array(0);
const noHead: Head = decodeHead(undefined, 0);
const owned = (length: number): Float64Array => new Float64Array(length);

const summedOf = new WeakMap<ViewPlan, readonly number[]>();

/** Positions of the measures that are added up. */
function summedMeasures(plan: ViewPlan): readonly number[] {
  let summed = summedOf.get(plan);
  if (summed === undefined) summedOf.set(plan, (summed = plan.measures.flatMap(({ kind }, j) => (kind === "sum" ? [j] : []))));
  return summed;
}

/** Which old rows of a key may become tiles. */
export interface Folding {
  /** Only rows of events before it ... */
  readonly beforeUs: number;
  /** ... and so far before the key's newest sealed row. */
  readonly behindUs: number;
}

/** Places of a key's rows, used again for every key. */
const joined = new Int32Array(blockCapacity);

/** A batch does not read more blocks of one key only to add them up. */
const foldedAtOnce = 8;

/** New rows of one key of one view, on their way into its blocks. */
export class KeyRows {
  readonly headKey: Uint8Array;
  readonly plan: ViewPlan;
  readonly #rows: IncomingRows;
  /** Numbers of the first and the last of the rows. */
  #first = -1;
  #last = -1;
  #pendingHead: Uint8Array | undefined;
  /** Numbers from where it begins that are its own. */
  #room = 0;
  /** Whether `place` has set what follows. */
  #isPlaced = false;
  #head: Head = noHead;
  #toOpen: number[] = [];
  /** By position of the sealed block, ascending. */
  #toSealed: [position: number, places: number[]][] = [];
  /** Positions of the blocks that become tiles: from, to. */
  #folded: readonly [number, number] = [0, 0];
  /** Pushed rows left out because their time is added up already. */
  behind = 0;

  constructor(plan: ViewPlan, headKey: Uint8Array, rows: IncomingRows) {
    this.plan = plan;
    this.headKey = headKey;
    this.#rows = rows;
  }

  get isEmpty(): boolean {
    return this.#first < 0;
  }

  /** @param place of the row among the view's @param index in its batch */
  add(place: number, index: number): void {
    const { stride, nexts, indexes } = this.#rows;
    const number = (place / stride) | 0;
    indexes[number] = index;
    nexts[number] = -1;
    if (this.#first < 0) this.#first = number;
    else nexts[this.#last] = number;
    this.#last = number;
  }

  clear(): void {
    this.#first = -1;
    this.#last = -1;
    this.behind = 0;
    if (!this.#isPlaced) return;
    this.#isPlaced = false;
    this.#toOpen = [];
    this.#toSealed = [];
    this.#head = noHead;
    this.#folded = [0, 0];
  }

  /** The head as batches leave it that are not written yet. */
  get pendingHead(): Uint8Array | undefined {
    return this.#pendingHead;
  }

  /** Once it is written, or will not be. */
  release(): void {
    this.#pendingHead = undefined;
    this.#room = 0;
  }

  #putHead(value: Uint8Array, { heads }: Placing): void {
    if (this.#pendingHead === undefined) heads.push(this);
    this.#pendingHead = value;
  }

  /**
   * Does all that `place` and `finish` would, if it is only that the rows join the open block.
   * @param head lent @returns false, with nothing done, if there is more to do
   */
  join(head: Uint8Array | undefined, placing: Placing): boolean {
    const { measures } = this.plan;
    const { stride, floats, nexts } = this.#rows;
    let count = 0;
    for (let row = this.#first; row >= 0; row = nexts[row]!) {
      if (count === joined.length) return false;
      joined[count++] = row * stride;
    }
    const value = joinOpen(head, this.#room, floats, joined, count, measures.length, summedMeasures(this.plan), placing);
    if (value === undefined) return false;
    const length = value.length >>> 3;
    if (length > this.#room) this.#room = length + placing.spareRows * stride;
    this.#putHead(value, placing);
    return true;
  }

  /**
   * Finds each row's block by what the head says.
   * @param head lent: `finish` must come before it is taken back, or `keepHead`
   * @returns keys of the sealed blocks that must be loaded, and the rows left out
   */
  place(head: Uint8Array | undefined, { folding }: Placing): { readonly blocks: readonly Uint8Array[]; readonly refused: readonly RefusedRow[] } {
    const { floats, indexes, nexts, stride: rowFloats } = this.#rows;
    const { measures } = this.plan;
    const m = measures.length;
    const stride = entryStride(m);
    this.#isPlaced = true;
    this.#head = decodeHead(head, m);
    const { entries } = this.#head;
    const openFrom = entries.length === 0 ? Number.NEGATIVE_INFINITY : entries[entries.length - stride + END]!;
    const summed = summedMeasures(this.plan);
    const absolute = absoluteTotals(this.#head, m, summed);
    let refused: RefusedRow[] | undefined;
    let toSealed: Map<number, number[]> | undefined;
    this.#toOpen = [];
    for (let number = this.#first; number >= 0; number = nexts[number]!) {
      const row = number * rowFloats;
      let tooLarge = -1;
      for (let k = 0; k < summed.length; k++) if (absolute[summed[k]!]! + Math.abs(floats[row + MEASURES + summed[k]!]!) >= sumLimit) tooLarge = summed[k]!;
      if (tooLarge >= 0) {
        (refused ??= []).push({ index: indexes[number]!, measure: tooLarge, value: floats[row + MEASURES + tooLarge]! / measures[tooLarge]!.scale });
        continue;
      }
      for (let k = 0; k < summed.length; k++) absolute[summed[k]!] = absolute[summed[k]!]! + (Math.abs(floats[row + MEASURES + summed[k]!]!) || 0);
      const event = floats[row + EVENT]!;
      if (event >= openFrom) {
        this.#toOpen.push(row);
        continue;
      }
      const position = firstEndAfter(entries, stride, event);
      if (entries[position * stride + ID] === tileId) {
        if (floats[row + SEQUENCE]! >= 0) this.behind++;
        continue;
      }
      toSealed ??= new Map();
      const own = toSealed.get(position);
      if (own === undefined) toSealed.set(position, [row]);
      else own.push(row);
    }
    this.#toSealed = toSealed === undefined ? [] : [...toSealed].sort((x, y) => x[0] - y[0]);
    const positions = this.#toSealed.map(([position]) => position);
    // The index is written anew only if a row comes; without one, old blocks wait for the next.
    if (folding !== undefined && (positions.length > 0 || this.#toOpen.length > 0)) this.#folded = this.#foldable(folding, positions[0]);
    for (let position = this.#folded[0]; position < this.#folded[1]; position++) positions.push(position);
    return { blocks: positions.map((position) => blockKey(this.headKey, entries[position * stride + ID]!)), refused: refused ?? [] };
  }

  /** @param firstChanged position of the first block that rows come into */
  #foldable({ beforeUs, behindUs }: Folding, firstChanged = Number.POSITIVE_INFINITY): readonly [number, number] {
    const { entries } = this.#head;
    const size = entryStride(this.plan.measures.length);
    if (entries.length === 0) return [0, 0];
    const before = Math.min(beforeUs, entries[entries.length - size + LAST]! - behindUs);
    let from = 0;
    while (from * size < entries.length && entries[from * size + ID] === tileId) from++;
    let to = from;
    while (to - from < foldedAtOnce && to < firstChanged && to * size < entries.length && entries[to * size + END]! <= before) to++;
    return [from, to];
  }

  /** The key's tiles with those of the blocks that are added up now. @param blocks theirs, in order */
  #tiles(blocks: readonly Uint8Array[], writes: Writes): Float64Array {
    const { entries } = this.#head;
    const { measures, tileUs } = this.plan;
    const size = entryStride(measures.length);
    const [from, to] = this.#folded;
    const tiles: Float64Array[] = from === 0 ? [] : [entries.subarray((from - 1) * size, from * size)];
    for (let position = from; position < to; position++) {
      const at = position * size;
      writes.deletes.push(blockKey(this.headKey, entries[at + ID]!));
      for (const tile of tilesOf(toFloats(blocks[position - from]!), entries[at + END]!, this.plan)) {
        const last = tiles.at(-1);
        if (last !== undefined && isSameTile(last, tile, tileUs!)) tiles[tiles.length - 1] = mergedTile(last, tile, measures);
        else tiles.push(tile);
      }
    }
    return concatenated([entries.subarray(0, Math.max(0, from - 1) * size), ...tiles]);
  }

  keepHead(): void {
    this.#head = keptHead(this.#head);
  }

  /**
   * @param blocks the blocks `place` asked for, in its order
   */
  finish(blocks: readonly Uint8Array[], placing: Placing): void {
    const { retainUs, memory, writes } = placing;
    if (this.#toSealed.length === 0 && this.#toOpen.length === 0) return;
    const m = this.plan.measures.length;
    const stride = rowStride(m);
    const { entries } = this.#head;
    let { nextId, open } = this.#head;
    const fresh = new Map<number, Rows>();
    const seal = (rows: Rows, end: number): Float64Array => {
      const id = nextId++;
      fresh.set(id, rows);
      return describeBlock(id, end, rows, this.plan.measures);
    };
    const size = entryStride(m);
    const [foldFrom, foldTo] = this.#folded;
    const folds = foldTo > foldFrom;
    const parts: Float64Array[] = folds ? [this.#tiles(blocks.slice(this.#toSealed.length), writes)] : [];
    let copied = folds ? foldTo * size : 0;
    for (const [i, [position, incoming]] of this.#toSealed.entries()) {
      const at = position * size;
      writes.deletes.push(blockKey(this.headKey, entries[at + ID]!));
      parts.push(entries.subarray(copied, at));
      const rows = mergeRows(toFloats(blocks[i]!), this.#inOrder(incoming), stride, owned);
      parts.push(...pieces(rows, stride, false).map((piece) => seal(piece.rows, piece.end ?? entries[at + END]!)));
      copied = at + size;
    }
    parts.push(entries.subarray(copied));
    if (this.#toOpen.length > 0) {
      const openAt = headerLength + entries.length;
      let whole: Float64Array = none;
      // Mostly the rows only join those of the head: then they are merged where they are to lie.
      const merged = mergeRows(open, this.#inOrder(this.#toOpen), stride, (length) => (whole = roomIn(memory, openAt + length)).subarray(openAt));
      const cut = pieces(merged, stride, true);
      open = cut.pop()!.rows;
      if (parts.length === 1 && cut.length === 0 && !this.#expires(retainUs)) {
        writeHead(whole, nextId, entries, open.length, m);
        this.#room = 0;
        this.#putHead(toBytes(whole), placing);
        return;
      }
      parts.push(...cut.map((piece) => seal(piece.rows, piece.end!)));
    }
    const kept = this.#expire(parts.length === 1 ? entries : concatenated(parts), retainUs, fresh, writes);
    for (const [id, rows] of fresh) writes.puts.push({ key: blockKey(this.headKey, id), value: toBytes(rows) });
    const head = roomIn(memory, headerLength + kept.length + open.length);
    writeHead(head, nextId, kept, open.length, m);
    head.set(open, headerLength + kept.length);
    this.#room = 0;
    this.#putHead(toBytes(head), placing);
  }

  /** In the order of event time, the last sent of each row id. */
  #inOrder(places: readonly number[]): Incoming {
    const { floats, stride } = this.#rows;
    if (places.length === 1) return { floats, places };
    const kept = hasTwins(floats, places, stride) ? lastOfEach(floats, places) : places.slice();
    // Small numbers: a difference of times would be an object each.
    return { floats, places: kept.sort((a, b) => Math.sign(floats[a + EVENT]! - floats[b + EVENT]!)) };
  }

  #expires(retainUs: number): boolean {
    const { entries } = this.#head;
    const size = entryStride(this.plan.measures.length);
    return entries.length > 0 && entries[LAST]! < entries[entries.length - size + LAST]! - retainUs;
  }

  /** The open block is not asked: a single row with a time far ahead would otherwise make the key forget everything. */
  #expire(entries: Float64Array, retainUs: number, fresh: Map<number, Rows>, writes: Writes): Float64Array {
    const size = entryStride(this.plan.measures.length);
    const before = entries.length === 0 ? 0 : entries[entries.length - size + LAST]! - retainUs;
    let at = 0;
    for (; at < entries.length && entries[at + LAST]! < before; at += size) {
      const id = entries[at + ID]!;
      if (id !== tileId && !fresh.delete(id)) writes.deletes.push(blockKey(this.headKey, id));
    }
    return entries.subarray(at);
  }
}

/** Whether two rows have one id. */
function hasTwins(floats: Float64Array, places: readonly number[], stride: number): boolean {
  if (places.length > 64) return !areApart(none, floats, places, stride);
  for (let i = 1; i < places.length; i++) {
    const id = floats[places[i]! + ROW_ID]!;
    if (id >= 0) for (let j = 0; j < i; j++) if (floats[places[j]! + ROW_ID] === id) return true;
  }
  return false;
}

/** The last sent of each row id, and all that have none. */
function lastOfEach(floats: Float64Array, places: readonly number[]): number[] {
  const kept: number[] = [];
  const known = new Map<number, number>();
  for (const row of places) {
    const id = floats[row + ROW_ID]!;
    const before = id < 0 ? undefined : known.get(id);
    if (before === undefined) {
      if (id >= 0) known.set(id, kept.length);
      kept.push(row);
    } else if (floats[row + SEQUENCE]! >= floats[kept[before]! + SEQUENCE]!) kept[before] = row;
  }
  return kept;
}

/** Used again for every key: nothing waits while it holds one's totals. */
let totals: Float64Array = new Float64Array(16);

/** Sum of absolute values of each summed measure over all rows of the key. */
function absoluteTotals({ entries, open }: Head, numMeasures: number, summed: readonly number[]): Float64Array {
  if (totals.length < numMeasures) totals = new Float64Array(numMeasures);
  for (const j of summed) {
    let total = 0;
    for (let at = TOTALS + 3 * j + 2; at < entries.length; at += entryStride(numMeasures)) total += entries[at]!;
    for (let at = MEASURES + j; at < open.length; at += rowStride(numMeasures)) total += Math.abs(open[at]!) || 0;
    totals[j] = total;
  }
  return totals;
}

/** Position of the block that holds an event below the last end. */
function firstEndAfter(entries: Float64Array, stride: number, event: number): number {
  let low = 0;
  let high = entries.length / stride - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (event < entries[middle * stride + END]!) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Rows of a block, cut if there are too many; each piece but the last ends where the next begins. */
function pieces(rows: Rows, stride: number, isOpen: boolean): { readonly rows: Rows; readonly end: number | undefined }[] {
  const cuts = cutPoints(rows, stride, isOpen);
  if (cuts.length === 0) return [{ rows, end: undefined }];
  return [0, ...cuts].map((from, i) => {
    const to = cuts[i];
    return { rows: rows.slice(from * stride, to === undefined ? rows.length : to * stride), end: to === undefined ? undefined : rows[to * stride + EVENT]! };
  });
}

function roomIn(memory: ValueMemory, length: number): Float64Array {
  const at = memory.room(length);
  return memory.floats.subarray(at, at + length);
}

function concatenated(parts: readonly Float64Array[]): Float64Array {
  const all = new Float64Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
