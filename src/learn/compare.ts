import { KarkhanaError } from "../kernel/error.ts";
import { aucCovariance, placementValues } from "./delong.ts";
import { meanEstimate, normalEstimate, type Estimate } from "./estimate.ts";
import { checkPair, logLossOf } from "./metrics.ts";

/** Challenger less champion, on the same rows, with 95% intervals. JSON. */
export interface PairedComparison {
  readonly numRows: number;
  readonly numPositives: number;
  readonly championAuc: number | null;
  readonly challengerAuc: number | null;
  /** Above 0: the challenger ranks better. DeLong's covariance; null without both classes. */
  readonly aucDifference: Estimate | null;
  /** Below 0: the challenger's probabilities are better. Normal interval of the mean of paired per-row differences. */
  readonly logLossDifference: Estimate;
}

/** @throws SHAPE_MISMATCH unless all lengths agree; INVALID_ARGUMENT without rows or for a NaN score */
export function comparePaired({
  champion,
  challenger,
  labels,
}: {
  readonly champion: Float64Array;
  readonly challenger: Float64Array;
  readonly labels: Uint8Array;
}): PairedComparison {
  checkPair(champion, labels, "champion");
  checkPair(challenger, labels, "challenger");
  if (labels.length === 0) throw new KarkhanaError("INVALID_ARGUMENT", { field: "labels", problem: "has no rows", value: 0 });
  const numPositives = labels.reduce((sum, label) => sum + label, 0);
  const lossDifferences = new Float64Array(labels.length);
  for (let i = 0; i < labels.length; i++) lossDifferences[i] = logLossOf(challenger[i]!, labels[i]!) - logLossOf(champion[i]!, labels[i]!);
  const logLossDifference = meanEstimate(lossDifferences);
  if (numPositives === 0 || numPositives === labels.length)
    return { numRows: labels.length, numPositives, championAuc: null, challengerAuc: null, aucDifference: null, logLossDifference };
  const a = placementValues(champion, labels);
  const b = placementValues(challenger, labels);
  // Rounding can leave the variance of equal rankings a hair below 0.
  const variance = Math.max(0, aucCovariance(a, a) + aucCovariance(b, b) - 2 * aucCovariance(a, b));
  return {
    numRows: labels.length,
    numPositives,
    championAuc: a.auc,
    challengerAuc: b.auc,
    aucDifference: normalEstimate(b.auc - a.auc, variance, -1, 1),
    logLossDifference,
  };
}
