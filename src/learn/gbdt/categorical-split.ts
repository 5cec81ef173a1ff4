/**
 * Splits of a set of categories against the rest, as LightGBM finds them (FindBestThresholdCategoricalInner): one
 * category against the others where there are few; otherwise categories sorted by gradient/hessian ratio, prefixes of
 * that order taken from both ends.
 * @see Fisher, On Grouping for Maximum Homogeneity (1958)
 */
import type { GbdtParams } from "./params.ts";
import { epsilon, leafGain, type LeafStats, type SplitCandidate } from "./split.ts";

/** LightGBM's max_cat_to_onehot; counts bin 0 as a category. */
const maxBinsOneHot = 4;
/** LightGBM's min_data_per_group. */
const minDataPerGroup = 100;

/** @param hist shape [numSlots, 2]; this feature's slots start at `offset`, bin 0 (missing and rare) always goes right */
export function findCategoricalSplit(
  hist: Float64Array,
  offset: number,
  numBins: number,
  feature: number,
  leaf: LeafStats,
  params: GbdtParams,
  best: SplitCandidate,
): void {
  if (numBins <= maxBinsOneHot) findOneHotSplit(hist, offset, numBins, feature, leaf, params, best);
  else findManySplit(hist, offset, numBins, feature, leaf, params, best);
}

function findOneHotSplit(
  hist: Float64Array,
  offset: number,
  numBins: number,
  feature: number,
  leaf: LeafStats,
  params: GbdtParams,
  best: SplitCandidate,
): void {
  const { lambdaL2, minDataInLeaf, minSumHessianInLeaf } = params;
  const totalHessian = leaf.sumHessian + 2 * epsilon;
  const rowsPerHessian = leaf.count / leaf.sumHessian;
  const floor = leafGain(leaf.sumGradient, totalHessian, lambdaL2) + params.minGainToSplit;
  for (let bin = 1; bin < numBins; bin++) {
    const gradient = hist[2 * (offset + bin)]!;
    const hessian = hist[2 * (offset + bin) + 1]!;
    const count = (hessian * rowsPerHessian + 0.5) | 0;
    const otherHessian = totalHessian - hessian - epsilon;
    if (count < minDataInLeaf || hessian < minSumHessianInLeaf || leaf.count - count < minDataInLeaf || otherHessian < minSumHessianInLeaf) continue;
    const gain = leafGain(gradient, hessian + epsilon, lambdaL2) + leafGain(leaf.sumGradient - gradient, otherHessian, lambdaL2) - floor;
    if (gain > best.gain) best.takeCategorical(gain, feature, [bin], gradient, hessian, lambdaL2);
  }
}

function findManySplit(hist: Float64Array, offset: number, numBins: number, feature: number, leaf: LeafStats, params: GbdtParams, best: SplitCandidate): void {
  const { catSmooth, minDataInLeaf, minSumHessianInLeaf } = params;
  const totalHessian = leaf.sumHessian + 2 * epsilon;
  const rowsPerHessian = leaf.count / leaf.sumHessian;
  const floor = leafGain(leaf.sumGradient, totalHessian, params.lambdaL2) + params.minGainToSplit;
  const lambda = params.lambdaL2 + params.catL2;
  const rowsOf = (bin: number): number => (hist[2 * (offset + bin) + 1]! * rowsPerHessian + 0.5) | 0;
  const ratioOf = (bin: number): number => hist[2 * (offset + bin)]! / (hist[2 * (offset + bin) + 1]! + catSmooth);
  const sorted: number[] = [];
  for (let bin = 1; bin < numBins; bin++) if (rowsOf(bin) >= catSmooth) sorted.push(bin);
  sorted.sort((a, b) => ratioOf(a) - ratioOf(b) || a - b);
  const maxTaken = Math.min(params.maxCatThreshold, (sorted.length + 1) >> 1);
  for (const order of [sorted, sorted.toReversed()]) {
    let leftGradient = 0;
    let leftHessian = epsilon;
    let leftCount = 0;
    let groupCount = 0;
    for (let taken = 1; taken <= maxTaken; taken++) {
      const bin = order[taken - 1]!;
      const count = rowsOf(bin);
      leftGradient += hist[2 * (offset + bin)]!;
      leftHessian += hist[2 * (offset + bin) + 1]!;
      leftCount += count;
      groupCount += count;
      if (leftCount < minDataInLeaf || leftHessian < minSumHessianInLeaf) continue;
      const rightCount = leaf.count - leftCount;
      const rightHessian = totalHessian - leftHessian;
      if (rightCount < minDataInLeaf || rightCount < minDataPerGroup || rightHessian < minSumHessianInLeaf) break;
      if (groupCount < minDataPerGroup) continue;
      groupCount = 0;
      const gain = leafGain(leftGradient, leftHessian, lambda) + leafGain(leaf.sumGradient - leftGradient, rightHessian, lambda) - floor;
      if (gain > best.gain) best.takeCategorical(gain, feature, order.slice(0, taken), leftGradient, leftHessian - epsilon, lambda);
    }
  }
}
