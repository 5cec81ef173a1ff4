import type { GbdtParams } from "./params.ts";

/** What a leaf knows of its rows. */
export interface LeafStats {
  readonly count: number;
  readonly sumGradient: number;
  readonly sumHessian: number;
}

/** LightGBM's kEpsilon, a float32: keeps hessian sums above 0. */
export const epsilon = 1.0000000036274937e-15;

/**
 * The best split of a leaf so far. Reused for every feature and leaf, so that finding splits makes no garbage.
 * Sums are of the rows that go left; the right side is the leaf without them.
 */
export class SplitCandidate {
  /** Gain over not splitting; the split is worth making if > 0. */
  gain = 0;
  feature = -1;
  /** Numeric: the highest bin that goes left. */
  bin = 0;
  defaultLeft = false;
  /** Categorical: bins that go left; empty for a numeric split. */
  leftBins: number[] = [];
  leftGradient = 0;
  leftHessian = 0;
  /** L2 that the two leaf values are made with: lambdaL2, plus catL2 for a many-vs-many split. */
  lambda = 0;

  reset(): void {
    this.gain = 0;
    this.feature = -1;
  }

  takeNumeric(gain: number, feature: number, bin: number, defaultLeft: boolean, leftGradient: number, leftHessian: number, lambda: number): void {
    this.gain = gain;
    this.feature = feature;
    this.bin = bin;
    this.defaultLeft = defaultLeft;
    this.leftBins = [];
    this.leftGradient = leftGradient;
    this.leftHessian = leftHessian;
    this.lambda = lambda;
  }

  takeCategorical(gain: number, feature: number, leftBins: number[], leftGradient: number, leftHessian: number, lambda: number): void {
    this.takeNumeric(gain, feature, 0, false, leftGradient, leftHessian, lambda);
    this.leftBins = leftBins;
  }
}

/** Twice the fall of the log loss's second-order model from one leaf value: G^2 / (H + lambda). */
export function leafGain(sumGradient: number, sumHessian: number, lambda: number): number {
  return (sumGradient * sumGradient) / (sumHessian + lambda);
}

/** The value that minimises that model, before shrinkage. */
export function leafOutput(sumGradient: number, sumHessian: number, lambda: number): number {
  return -sumGradient / (sumHessian + lambda);
}

/**
 * The best threshold of a numeric feature. Two scans where the leaf's feature has missing values: from the right with
 * missing sent left, from the left with missing sent right. Of equal gains the first found stays, as in LightGBM.
 *
 * Row counts of a side are estimated from its hessian share (`count * H_side / H`), again as LightGBM does: that saves a
 * third sum in the histogram, and means a leaf can end with somewhat fewer rows than minDataInLeaf.
 * @param hist shape [numSlots, 2]; this feature's slots start at `offset`
 */
export function findNumericSplit(
  hist: Float64Array,
  offset: number,
  numBins: number,
  hasMissing: boolean,
  feature: number,
  leaf: LeafStats,
  params: GbdtParams,
  best: SplitCandidate,
): void {
  const lambda = params.lambdaL2;
  const { minDataInLeaf, minSumHessianInLeaf } = params;
  const totalGradient = leaf.sumGradient;
  const totalHessian = leaf.sumHessian + 2 * epsilon;
  const rowsPerHessian = leaf.count / leaf.sumHessian;
  const floor = leafGain(totalGradient, totalHessian, lambda) + params.minGainToSplit;
  const numValueBins = hasMissing ? numBins - 1 : numBins;
  let bestGain = best.gain + floor;
  let bestBin = -1;
  let bestDefaultLeft = true;
  let bestGradient = 0;
  let bestHessian = 0;

  let rightGradient = 0;
  let rightHessian = epsilon;
  let rightCount = 0;
  for (let bin = numValueBins - 1; bin > 0; bin--) {
    const slot = 2 * (offset + bin);
    const h = hist[slot + 1]!;
    rightGradient += hist[slot]!;
    rightHessian += h;
    rightCount += (h * rowsPerHessian + 0.5) | 0;
    if (rightCount < minDataInLeaf || rightHessian < minSumHessianInLeaf) continue;
    const leftHessian = totalHessian - rightHessian;
    if (leaf.count - rightCount < minDataInLeaf || leftHessian < minSumHessianInLeaf) break;
    const leftGradient = totalGradient - rightGradient;
    const gain = (leftGradient * leftGradient) / (leftHessian + lambda) + (rightGradient * rightGradient) / (rightHessian + lambda);
    if (gain <= bestGain) continue;
    bestGain = gain;
    bestBin = bin - 1;
    bestGradient = leftGradient;
    bestHessian = leftHessian;
  }

  // Where the leaf has no missing rows the second scan finds the same splits again; only rounding would choose between them.
  if (hasMissing && hist[2 * (offset + numValueBins) + 1]! * rowsPerHessian >= 0.5) {
    let leftGradient = 0;
    let leftHessian = epsilon;
    let leftCount = 0;
    for (let bin = 0; bin < numValueBins; bin++) {
      const slot = 2 * (offset + bin);
      const h = hist[slot + 1]!;
      leftGradient += hist[slot]!;
      leftHessian += h;
      leftCount += (h * rowsPerHessian + 0.5) | 0;
      if (leftCount < minDataInLeaf || leftHessian < minSumHessianInLeaf) continue;
      const otherHessian = totalHessian - leftHessian;
      if (leaf.count - leftCount < minDataInLeaf || otherHessian < minSumHessianInLeaf) break;
      const otherGradient = totalGradient - leftGradient;
      const gain = (leftGradient * leftGradient) / (leftHessian + lambda) + (otherGradient * otherGradient) / (otherHessian + lambda);
      if (gain <= bestGain) continue;
      bestGain = gain;
      bestBin = bin;
      bestDefaultLeft = false;
      bestGradient = leftGradient;
      bestHessian = leftHessian;
    }
  }
  if (bestBin >= 0) best.takeNumeric(bestGain - floor, feature, bestBin, bestDefaultLeft, bestGradient, bestHessian - epsilon, lambda);
}
