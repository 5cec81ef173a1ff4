import { KarkhanaError } from "../kernel/error.ts";

/**
 * Frozen bins of one vector slot (or of the score) and what the reference put into them. A bin, once frozen, never moves: that is what
 * makes two windows comparable.
 *
 * Cells of a numeric slot:     one per inclusive upper edge, one above the last edge, one for null.   counts: shape [edges + 2]
 * Cells of a categorical slot: one per kept code, one for every other code, one for null or unknown.  counts: shape [categories + 2]
 */
export interface SlotProfile {
  readonly name: string;
  readonly type: "numeric" | "categorical";
  /** Ascending, distinct; empty for a categorical slot or one that is null in every reference row. */
  readonly edges: readonly number[];
  /** Codes kept, most frequent first; empty for a numeric slot. */
  readonly categories: readonly number[];
  readonly counts: readonly number[];
  /** Largest PSI that any window of the reference reached against the rest of it: what season and weather alone do to this slot. */
  readonly windowPsi?: number;
  /** Largest share of nulls in any window of the reference. */
  readonly windowNullShare?: number;
}

const maxNumericBins = 10;
const maxCategories = 20;

/**
 * Upper edges at the deciles of a column, equal ones merged: a count that is 0 in half of the rows gets fewer, unequal bins.
 * @param sorted shape [n], ascending, no NaN
 */
export function numericEdges(sorted: Float64Array, numBins: number = maxNumericBins): number[] {
  const edges: number[] = [];
  for (let i = 1; i < numBins; i++) {
    const edge = sorted[Math.ceil((i / numBins) * sorted.length) - 1];
    if (edge !== undefined && edge !== edges.at(-1)) edges.push(edge);
  }
  return edges;
}

/** The most frequent codes, ties to the smaller code. @param column shape [n], codes or NaN */
export function topCategories(column: Float64Array, limit: number = maxCategories): number[] {
  const counts = new Map<number, number>();
  for (const code of column) if (!Number.isNaN(code)) counts.set(code, (counts.get(code) ?? 0) + 1);
  return [...counts]
    .sort((a, b) => b[1] - a[1] || a[0] - b[0])
    .slice(0, limit)
    .map(([code]) => code);
}

/** Puts vectors into the cells of all their slots at once: cell = offsets[slot] + bin. Built once per profile; the hot loop of monitoring. */
export interface VectorBinner {
  readonly numSlots: number;
  /** shape [numSlots + 1]; slot s owns cells offsets[s] to offsets[s + 1] - 1, the last of them for null. */
  readonly offsets: Int32Array;
  cellOf(slot: number, value: number): number;
  /** Adds one to a cell per slot. @param vector shape [numSlots] @param counts shape [offsets[numSlots]], changed */
  count(vector: Float64Array, counts: Uint32Array): void;
}

export function vectorBinner(slots: readonly Pick<SlotProfile, "name" | "type" | "edges" | "categories">[]): VectorBinner {
  const numSlots = slots.length;
  const offsets = new Int32Array(numSlots + 1);
  // Every slot's edges in one array; a categorical slot's table maps a code to its bin.
  const edgeStart = new Int32Array(numSlots + 1);
  const tables: (ReadonlyMap<number, number> | undefined)[] = [];
  for (const [s, slot] of slots.entries()) {
    const isNumeric = slot.type === "numeric";
    offsets[s + 1] = offsets[s]! + (isNumeric ? slot.edges.length : slot.categories.length) + 2;
    edgeStart[s + 1] = edgeStart[s]! + (isNumeric ? slot.edges.length : 0);
    tables.push(isNumeric ? undefined : new Map(slot.categories.map((code, bin) => [code, bin])));
  }
  const edges = Float64Array.from(slots.flatMap((slot) => (slot.type === "numeric" ? slot.edges : [])));

  const cellOf = (slot: number, value: number): number => {
    const next = offsets[slot + 1]!;
    if (Number.isNaN(value)) return next - 1;
    const table = tables[slot];
    if (table !== undefined) return offsets[slot]! + (table.get(value) ?? next - offsets[slot]! - 2);
    const first = edgeStart[slot]!;
    const end = edgeStart[slot + 1]!;
    let e = first;
    // At most nine edges: walking them is faster than halving.
    while (e < end && value > edges[e]!) e++;
    return offsets[slot]! + e - first;
  };
  return {
    numSlots,
    offsets,
    cellOf,
    count: (vector, counts) => {
      if (vector.length !== numSlots) throw new KarkhanaError("SHAPE_MISMATCH", { field: "vector", expected: [numSlots], actual: [vector.length] });
      for (let s = 0; s < numSlots; s++) {
        const cell = cellOf(s, vector[s]!);
        counts[cell] = counts[cell]! + 1;
      }
    },
  };
}
