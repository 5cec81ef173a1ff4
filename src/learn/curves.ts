import { argsort } from "../math/sort.ts";
import { checkPair } from "./metrics.ts";

/** A point of the ROC and precision-recall curves: what calling positive every score >= threshold gives. */
export interface CurvePoint {
  readonly threshold: number;
  readonly falsePositiveRate: number;
  /** Also the recall. */
  readonly truePositiveRate: number;
  readonly precision: number;
}

/**
 * Points of the ROC and precision-recall curves from the highest score to the lowest, at most `maxPoints`, at even steps of
 * the share of rows called positive; first and last distinct scores are always there. Empty without both classes.
 */
export function thresholdCurve(scores: Float64Array, labels: Uint8Array, maxPoints = 200): readonly CurvePoint[] {
  checkPair(scores, labels);
  const n = labels.length;
  let positives = 0;
  for (const label of labels) positives += label;
  if (positives === 0 || positives === n) return [];
  const order = argsort(scores);
  const points: CurvePoint[] = [];
  let truePositives = 0;
  let nextAt = 0;
  for (let i = n - 1; i >= 0; i--) {
    const score = scores[order[i]!]!;
    truePositives += labels[order[i]!]!;
    if (i > 0 && scores[order[i - 1]!] === score) continue;
    const called = n - i;
    if (called < nextAt && i > 0) continue;
    nextAt = called + n / Math.max(1, maxPoints - 1);
    points.push({
      threshold: score,
      falsePositiveRate: (called - truePositives) / (n - positives),
      truePositiveRate: truePositives / positives,
      precision: truePositives / called,
    });
  }
  return points;
}
