import { sumLimit } from "../measure.ts";
import type { ViewPlan } from "../view-plan.ts";
import type { KeyValue } from "../../storage/kv/port.ts";
import {
  cutPoints,
  decodeHead,
  describeBlock,
  encodeHead,
  END,
  entryStride,
  EVENT,
  ID,
  LAST,
  MEASURES,
  mergeRows,
  ROW_ID,
  rowStride,
  SEQUENCE,
  toBytes,
  toFloats,
  TOTALS,
  type Head,
  type Row,
  type Rows,
} from "./blocks.ts";
import { blockKey } from "./keys.ts";

/** A row left out because the key's sum of this measure would no longer be exact. */
export interface RefusedRow {
  readonly index: number;
  readonly measure: number;
  readonly value: number;
}

/** Writes being gathered for one batch. A block written and dropped again within it is in neither list. */
export interface Writes {
  readonly puts: KeyValue[];
  readonly deletes: Uint8Array[];
}

/** New rows of one key of one view, on their way into its blocks. */
export class KeyRows {
  readonly headKey: Uint8Array;
  readonly plan: ViewPlan;
  readonly #rows: Row[] = [];
  /** Each row's place in its batch. */
  readonly #indexes: number[] = [];
  #head: Head = decodeHead(undefined, 0);
  #toOpen: Row[] = [];
  /** By position of the sealed block, ascending. */
  #toSealed: [position: number, rows: Row[]][] = [];

  constructor(plan: ViewPlan, headKey: Uint8Array) {
    this.plan = plan;
    this.headKey = headKey;
  }

  add(row: Row, index: number): void {
    this.#rows.push(row);
    this.#indexes.push(index);
  }

  /**
   * Finds each row's block by what the head says.
   * @returns keys of the sealed blocks that must be loaded, and the rows left out
   */
  place(head: Uint8Array | undefined): { readonly blocks: readonly Uint8Array[]; readonly refused: readonly RefusedRow[] } {
    const m = this.plan.measures.length;
    const stride = entryStride(m);
    this.#head = decodeHead(head, m);
    const { entries } = this.#head;
    const openFrom = entries.length === 0 ? Number.NEGATIVE_INFINITY : entries[entries.length - stride + END]!;
    const summed = this.plan.measures.flatMap(({ kind }, j) => (kind === "sum" ? [j] : []));
    const absolute = absoluteTotals(this.#head, m, summed);
    const refused: RefusedRow[] = [];
    const toSealed = new Map<number, Row[]>();
    this.#toOpen = [];
    for (const [i, row] of this.#rows.entries()) {
      const tooLarge = summed.find((j) => absolute[j]! + Math.abs(row[MEASURES + j]!) >= sumLimit);
      if (tooLarge !== undefined) {
        refused.push({ index: this.#indexes[i]!, measure: tooLarge, value: row[MEASURES + tooLarge]! / this.plan.measures[tooLarge]!.scale });
        continue;
      }
      for (const j of summed) absolute[j] = absolute[j]! + (Math.abs(row[MEASURES + j]!) || 0);
      if (row[EVENT]! >= openFrom) {
        this.#toOpen.push(row);
        continue;
      }
      const position = firstEndAfter(entries, stride, row[EVENT]!);
      const own = toSealed.get(position);
      if (own === undefined) toSealed.set(position, [row]);
      else own.push(row);
    }
    this.#toSealed = [...toSealed].sort((a, b) => a[0] - b[0]);
    return { blocks: this.#toSealed.map(([position]) => blockKey(this.headKey, entries[position * stride + ID]!)), refused };
  }

  /**
   * @param blocks the blocks `place` asked for, in its order
   * @param retainUs event time before the key's newest sealed row by which a block lies entirely is dropped
   */
  finish(blocks: readonly Uint8Array[], retainUs: number, writes: Writes): void {
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
    const parts: Float64Array[] = [];
    let copied = 0;
    for (const [i, [position, incoming]] of this.#toSealed.entries()) {
      const at = position * size;
      writes.deletes.push(blockKey(this.headKey, entries[at + ID]!));
      parts.push(entries.subarray(copied, at));
      const rows = mergeRows(toFloats(blocks[i]!), latestOfEach(incoming), stride);
      parts.push(...pieces(rows, stride, false).map((piece) => seal(piece.rows, piece.end ?? entries[at + END]!)));
      copied = at + size;
    }
    parts.push(entries.subarray(copied));
    if (this.#toOpen.length > 0) {
      const cut = pieces(mergeRows(open, latestOfEach(this.#toOpen), stride), stride, true);
      open = cut.pop()!.rows;
      parts.push(...cut.map((piece) => seal(piece.rows, piece.end!)));
    }
    const kept = this.#expire(parts.length === 1 ? entries : joined(parts), retainUs, fresh, writes);
    for (const [id, rows] of fresh) writes.puts.push({ key: blockKey(this.headKey, id), value: toBytes(rows) });
    writes.puts.push({ key: this.headKey, value: encodeHead({ nextId, entries: kept, open }, m) });
  }

  /** The open block is not asked: a single row with a time far ahead would otherwise make the key forget everything. */
  #expire(entries: Float64Array, retainUs: number, fresh: Map<number, Rows>, writes: Writes): Float64Array {
    const size = entryStride(this.plan.measures.length);
    const before = entries.length === 0 ? 0 : entries[entries.length - size + LAST]! - retainUs;
    let at = 0;
    for (; at < entries.length && entries[at + LAST]! < before; at += size) {
      const id = entries[at + ID]!;
      if (!fresh.delete(id)) writes.deletes.push(blockKey(this.headKey, id));
    }
    return entries.subarray(at);
  }
}

/** Sum of absolute values of each summed measure over all rows of the key. */
function absoluteTotals({ entries, open }: Head, numMeasures: number, summed: readonly number[]): Float64Array {
  const totals = new Float64Array(numMeasures);
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

/** Incoming rows in the order of event time, the last sent of each row id. */
function latestOfEach(incoming: readonly Row[]): readonly Row[] {
  if (incoming.length === 1) return incoming;
  const kept: Row[] = [];
  const places = new Map<number, number>();
  for (const row of incoming) {
    const id = row[ROW_ID]!;
    const place = id < 0 ? undefined : places.get(id);
    if (place === undefined) {
      if (id >= 0) places.set(id, kept.length);
      kept.push(row);
    } else if (row[SEQUENCE]! >= kept[place]![SEQUENCE]!) kept[place] = row;
  }
  return kept.sort((a, b) => a[EVENT]! - b[EVENT]!);
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

function joined(parts: readonly Float64Array[]): Float64Array {
  const all = new Float64Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
