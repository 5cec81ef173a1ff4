import { blockKey } from "./keys.ts";
import {
  EVENT,
  LAST,
  MEASURES,
  ROW_ID,
  SEQUENCE,
  TOTALS,
  cutPoints,
  decodeHead,
  describeBlock,
  encodeHead,
  mergeRows,
  rowStride,
  toBytes,
  toFloats,
  type Head,
  type Rows,
  type SealedBlock,
} from "./blocks.ts";
import { sumLimit, type ViewPlan } from "../view-plan.ts";
import type { KeyValue } from "../../storage/kv/port.ts";

/** A row left out because the key's sum of this measure would no longer be exact. */
export interface RefusedRow {
  readonly index: number;
  readonly measure: number;
  readonly value: number;
}

/** New rows of one key of one view, on their way into its blocks. */
export class KeyRows {
  readonly headKey: Uint8Array;
  readonly #plan: ViewPlan;
  readonly #incoming: { readonly row: Float64Array; readonly index: number }[] = [];
  #head: Head | undefined;
  /** Incoming rows by the position of their sealed block; the open block's under -1. */
  #byBlock = new Map<number, Float64Array[]>();

  constructor(plan: ViewPlan, headKey: Uint8Array) {
    this.#plan = plan;
    this.headKey = headKey;
  }

  /** @param index the row's place in its batch, for `place` to name it by */
  add(row: Float64Array, index: number): void {
    this.#incoming.push({ row, index });
  }

  /**
   * Finds each row's block by what the head says.
   * @returns keys of the sealed blocks that must be loaded, and the rows left out
   */
  place(head: Uint8Array | undefined): { readonly blocks: readonly Uint8Array[]; readonly refused: readonly RefusedRow[] } {
    const m = this.#plan.measures.length;
    this.#head = decodeHead(head, m);
    const { sealed } = this.#head;
    const absolute = absoluteTotals(this.#head, m);
    const refused: RefusedRow[] = [];
    for (const { row, index } of this.#incoming) {
      const tooLarge = this.#plan.measures.findIndex((_, j) => absolute[j]! + Math.abs(row[MEASURES + j]!) >= sumLimit);
      if (tooLarge >= 0) {
        refused.push({ index, measure: tooLarge, value: row[MEASURES + tooLarge]! / this.#plan.measures[tooLarge]!.scale });
        continue;
      }
      for (let j = 0; j < m; j++) absolute[j] = absolute[j]! + (Math.abs(row[MEASURES + j]!) || 0);
      const place = row[EVENT]! >= (sealed.at(-1)?.end ?? Number.NEGATIVE_INFINITY) ? -1 : firstEndAfter(sealed, row[EVENT]!);
      const own = this.#byBlock.get(place);
      if (own === undefined) this.#byBlock.set(place, [row]);
      else own.push(row);
    }
    return { blocks: this.#loaded().map((i) => blockKey(this.headKey, sealed[i]!.id)), refused };
  }

  /**
   * @param blocks the blocks `place` asked for, in its order
   * @param retainUs event time before the key's newest sealed row by which a block lies entirely is dropped
   */
  finish(blocks: readonly Uint8Array[], retainUs: number, puts: KeyValue[], deletes: Uint8Array[]): void {
    const head = this.#head;
    if (head === undefined || this.#byBlock.size === 0) return;
    const m = this.#plan.measures.length;
    const stride = rowStride(m);
    const loaded = new Map(this.#loaded().map((position, i) => [position, blocks[i]]));
    const seal = (rows: Rows, end: number): SealedBlock => {
      const id = head.nextId++;
      puts.push({ key: blockKey(this.headKey, id), value: toBytes(rows) });
      return { id, end, entry: describeBlock(id, end, rows, m) };
    };
    const sealed: SealedBlock[] = [];
    for (const [position, block] of head.sealed.entries()) {
      const incoming = this.#byBlock.get(position);
      if (incoming === undefined) {
        sealed.push(block);
        continue;
      }
      const rows = mergeRows(toFloats(loaded.get(position)!), latestOfEach(incoming, stride), stride);
      deletes.push(blockKey(this.headKey, block.id));
      sealed.push(...pieces(rows, stride, false).map((piece) => seal(piece.rows, piece.end ?? block.end)));
    }
    const incoming = this.#byBlock.get(-1);
    let { open } = head;
    if (incoming !== undefined) {
      const parts = pieces(mergeRows(open, latestOfEach(incoming, stride), stride), stride, true);
      open = parts.pop()!.rows;
      sealed.push(...parts.map((piece) => seal(piece.rows, piece.end!)));
    }
    head.sealed = this.#expire(sealed, retainUs, puts, deletes);
    head.open = open;
    puts.push({ key: this.headKey, value: encodeHead(head, m) });
  }

  /** The open block is not asked: a single row with a time far ahead would otherwise make the key forget everything. */
  #expire(sealed: readonly SealedBlock[], retainUs: number, puts: KeyValue[], deletes: Uint8Array[]): SealedBlock[] {
    const newest = sealed.at(-1)?.entry[LAST] ?? Number.NEGATIVE_INFINITY;
    const isExpired = (block: SealedBlock): boolean => block.entry[LAST]! < newest - retainUs;
    for (const block of sealed.filter(isExpired)) {
      const key = blockKey(this.headKey, block.id);
      const fresh = puts.findIndex((put) => Buffer.compare(put.key, key) === 0);
      if (fresh >= 0) puts.splice(fresh, 1);
      else deletes.push(key);
    }
    return sealed.filter((block) => !isExpired(block));
  }

  #loaded(): number[] {
    return [...this.#byBlock.keys()].filter((position) => position >= 0).sort((a, b) => a - b);
  }
}

function absoluteTotals(head: Head, numMeasures: number): Float64Array {
  const totals = new Float64Array(numMeasures);
  const stride = rowStride(numMeasures);
  for (let j = 0; j < numMeasures; j++) {
    let total = 0;
    for (const { entry } of head.sealed) total += entry[TOTALS + 3 * j + 2]!;
    for (let at = MEASURES + j; at < head.open.length; at += stride) total += Math.abs(head.open[at]!) || 0;
    totals[j] = total;
  }
  return totals;
}

function firstEndAfter(sealed: readonly SealedBlock[], event: number): number {
  let low = 0;
  let high = sealed.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (event < sealed[middle]!.end) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Incoming rows in the order of event time, the last sent of each row id. */
function latestOfEach(incoming: readonly Float64Array[], stride: number): Rows {
  const kept: Float64Array[] = [];
  const places = new Map<number, number>();
  for (const row of incoming) {
    const id = row[ROW_ID]!;
    const place = id < 0 ? undefined : places.get(id);
    if (place === undefined) {
      if (id >= 0) places.set(id, kept.length);
      kept.push(row);
    } else if (row[SEQUENCE]! >= kept[place]![SEQUENCE]!) kept[place] = row;
  }
  kept.sort((a, b) => a[EVENT]! - b[EVENT]!);
  const rows = new Float64Array(kept.length * stride);
  for (const [i, row] of kept.entries()) rows.set(row, i * stride);
  return rows;
}

/** Rows of a block, cut if there are too many; each piece but the last ends where the next begins. */
function pieces(rows: Rows, stride: number, isOpen: boolean): { readonly rows: Rows; readonly end: number | undefined }[] {
  const cuts = cutPoints(rows, stride, isOpen);
  return [0, ...cuts].map((from, i) => {
    const to = cuts[i];
    return { rows: rows.slice(from * stride, to === undefined ? rows.length : to * stride), end: to === undefined ? undefined : rows[to * stride + EVENT]! };
  });
}
