import type { TrainingTable } from "../dataset.ts";
import { binColumn, findBins, type FeatureBins } from "./bins.ts";

/**
 * The training columns as bins, four features to a 32-bit word: feature f of row r is byte `f & 3` of
 * `packed[f >> 2][r]`. One index and one word are read for four histogram updates, which is what the histogram loop
 * spends its time on.
 *
 * A histogram is one Float64Array of shape [numSlots, 2]: gradient and hessian sums of slot `binOffsets[f] + bin`.
 */
export interface BinnedTable {
  readonly numRows: number;
  readonly bins: readonly FeatureBins[];
  /** shape [ceil(numFeatures / 4)][numRows] */
  readonly packed: readonly Int32Array[];
  /** First slot of each feature; places that only pad the last word have one slot each. shape [4 * packed.length + 1] */
  readonly binOffsets: Int32Array;
  readonly numSlots: number;
}

export function binTable(table: TrainingTable, maxBin: number): BinnedTable {
  const numFeatures = table.features.length;
  const numWords = Math.ceil(numFeatures / 4);
  const bins = table.features.map((feature, f) => findBins(feature, table.columns[f]!, maxBin));
  const packed = Array.from({ length: numWords }, () => new Int32Array(table.numRows));
  const column = new Uint8Array(table.numRows);
  const binOffsets = new Int32Array(4 * numWords + 1);
  for (let f = 0; f < 4 * numWords; f++) binOffsets[f + 1] = binOffsets[f]! + (bins[f]?.numBins ?? 1);
  for (let f = 0; f < numFeatures; f++) {
    binColumn(bins[f]!, table.columns[f]!, column);
    const words = packed[f >> 2]!;
    const shift = (f & 3) * 8;
    for (let i = 0; i < column.length; i++) words[i] = words[i]! | (column[i]! << shift);
  }
  return { numRows: table.numRows, bins, packed, binOffsets, numSlots: binOffsets[4 * numWords]! };
}
