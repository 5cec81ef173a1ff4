/**
 * Histograms of gradient and hessian sums, the trainer's inner loop. Rows are added in row order, so sums have the same
 * bits on every run.
 * @see Ke et al., LightGBM: A Highly Efficient Gradient Boosting Decision Tree (NeurIPS 2017), algorithm 1
 */
import type { BinnedTable } from "./binned-table.ts";

/**
 * Sums of the rows of one leaf, plain form:
 *   for each feature f, for each row i of the leaf: hist[binOffsets[f] + bin(f, rows[i])] += (gradient, hessian)[i]
 *
 * @param rows     row numbers of the leaf at [begin, begin + count), ascending
 * @param ordered  shape [count, 2]: gradient and hessian of those rows, gathered (see `gatherGradients`)
 * @param words    which words of four features are wanted; all four are summed, though a tree may use only one of them
 * @param hist     shape [numSlots, 2]; slots of wanted words are overwritten
 */
export function buildHistogram(
  table: BinnedTable,
  rows: Int32Array,
  begin: number,
  count: number,
  ordered: Float64Array,
  words: readonly number[],
  hist: Float64Array,
): void {
  const { binOffsets } = table;
  for (const word of words) {
    const o0 = 2 * binOffsets[4 * word]!;
    const o1 = 2 * binOffsets[4 * word + 1]!;
    const o2 = 2 * binOffsets[4 * word + 2]!;
    const o3 = 2 * binOffsets[4 * word + 3]!;
    hist.fill(0, o0, 2 * binOffsets[4 * word + 4]!);
    if (count === table.numRows) addAllRows(table.packed[word]!, ordered, hist, o0, o1, o2, o3);
    else addRows(table.packed[word]!, rows, begin, count, ordered, hist, o0, o1, o2, o3);
  }
}

function addRows(
  packed: Int32Array,
  rows: Int32Array,
  begin: number,
  count: number,
  ordered: Float64Array,
  hist: Float64Array,
  o0: number,
  o1: number,
  o2: number,
  o3: number,
): void {
  for (let i = 0; i < count; i++) {
    const w = packed[rows[begin + i]!]!;
    const g = ordered[2 * i]!;
    const h = ordered[2 * i + 1]!;
    const s0 = o0 + ((w << 1) & 510);
    const s1 = o1 + ((w >>> 7) & 510);
    const s2 = o2 + ((w >>> 15) & 510);
    const s3 = o3 + ((w >>> 23) & 510);
    hist[s0]! += g;
    hist[s0 + 1]! += h;
    hist[s1]! += g;
    hist[s1 + 1]! += h;
    hist[s2]! += g;
    hist[s2 + 1]! += h;
    hist[s3]! += g;
    hist[s3 + 1]! += h;
  }
}

/** `addRows` for a leaf that holds every row, where row i is i. */
function addAllRows(packed: Int32Array, ordered: Float64Array, hist: Float64Array, o0: number, o1: number, o2: number, o3: number): void {
  for (let i = 0; i < packed.length; i++) {
    const w = packed[i]!;
    const g = ordered[2 * i]!;
    const h = ordered[2 * i + 1]!;
    const s0 = o0 + ((w << 1) & 510);
    const s1 = o1 + ((w >>> 7) & 510);
    const s2 = o2 + ((w >>> 15) & 510);
    const s3 = o3 + ((w >>> 23) & 510);
    hist[s0]! += g;
    hist[s0 + 1]! += h;
    hist[s1]! += g;
    hist[s1 + 1]! += h;
    hist[s2]! += g;
    hist[s2 + 1]! += h;
    hist[s3]! += g;
    hist[s3 + 1]! += h;
  }
}

/** `ordered[i] = gradients[rows[begin + i]]`, pairs of gradient and hessian: read once here instead of once a feature. */
export function gatherGradients(gradients: Float64Array, rows: Int32Array, begin: number, count: number, ordered: Float64Array): void {
  for (let i = 0; i < count; i++) {
    const row = 2 * rows[begin + i]!;
    ordered[2 * i] = gradients[row]!;
    ordered[2 * i + 1] = gradients[row + 1]!;
  }
}

/** The larger child is its parent without the smaller one: `parent -= child`, in place. */
export function subtractHistogram(parent: Float64Array, child: Float64Array): void {
  for (let i = 0; i < parent.length; i++) parent[i]! -= child[i]!;
}
