/**
 * Variance and covariance of AUCs without a resampling, in O(n log n).
 * @see DeLong, DeLong, Clarke-Pearson (1988); Sun and Xu, Fast Implementation of DeLong's Algorithm (2014)
 */
import { midranks } from "../math/ranks.ts";

/** How each row stands against the other class: shape [numPositives] and [numNegatives]. The mean of either is the AUC. */
export interface PlacementValues {
  readonly auc: number;
  readonly positives: Float64Array;
  readonly negatives: Float64Array;
}

export function placementValues(scores: Float64Array, labels: Uint8Array): PlacementValues {
  const positiveScores = scores.filter((_, i) => labels[i] === 1);
  const negativeScores = scores.filter((_, i) => labels[i] !== 1);
  const numPositives = positiveScores.length;
  const numNegatives = negativeScores.length;
  const together = midranks(scores);
  const amongPositives = midranks(positiveScores);
  const amongNegatives = midranks(negativeScores);
  const positives = new Float64Array(numPositives);
  const negatives = new Float64Array(numNegatives);
  let p = 0;
  let q = 0;
  let sum = 0;
  for (let i = 0; i < scores.length; i++) {
    if (labels[i] === 1) {
      positives[p] = (together[i]! - amongPositives[p]!) / numNegatives;
      sum += positives[p]!;
      p++;
    } else {
      negatives[q] = 1 - (together[i]! - amongNegatives[q]!) / numPositives;
      q++;
    }
  }
  return { auc: sum / numPositives, positives, negatives };
}

/** Covariance of two AUCs on the same rows; with `a === b` the variance. NaN unless each class has two rows. */
export function aucCovariance(a: PlacementValues, b: PlacementValues): number {
  return covariance(a.positives, b.positives) / a.positives.length + covariance(a.negatives, b.negatives) / a.negatives.length;
}

function covariance(x: Float64Array, y: Float64Array): number {
  const meanX = mean(x);
  const meanY = mean(y);
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += (x[i]! - meanX) * (y[i]! - meanY);
  return sum / (x.length - 1);
}

function mean(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}
