/**
 * Figures of a binary classifier. Everywhere: `scores` shape [n], higher = more likely positive; `labels` shape [n], 0 or 1.
 * Where a figure reads probabilities, scores must lie in [0, 1].
 */
import { KarkhanaError } from "../kernel/error.ts";
import { midranks } from "../math/ranks.ts";
import { argsort } from "../math/sort.ts";

/** Probabilities are clipped to [eps, 1 - eps] before their logarithm is taken. */
const logLossEps = 1e-15;
/** Default number of equal-count bins of the expected calibration error and the reliability curve. */
export const defaultCalibrationBins = 20;

/** Area under the ROC curve: the chance that a positive outranks a negative, ties count half. NaN without both classes. */
export function auc(scores: Float64Array, labels: Uint8Array): number {
  checkPair(scores, labels);
  const ranks = midranks(scores);
  let positives = 0;
  let rankSum = 0;
  for (let i = 0; i < labels.length; i++) {
    if (labels[i] !== 1) continue;
    positives++;
    rankSum += ranks[i]!;
  }
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * (labels.length - positives));
}

/** Log loss of one row, in nats. */
export function logLossOf(probability: number, label: number): number {
  const p = Math.min(1 - logLossEps, Math.max(logLossEps, probability));
  return -Math.log(label === 1 ? p : 1 - p);
}

/** Mean log loss in nats, clipped at `logLossEps`. */
export function logLoss(probabilities: Float64Array, labels: Uint8Array): number {
  checkPair(probabilities, labels);
  let sum = 0;
  for (let i = 0; i < labels.length; i++) sum += logLossOf(probabilities[i]!, labels[i]!);
  return sum / labels.length;
}

/** Mean squared error of the probabilities. */
export function brier(probabilities: Float64Array, labels: Uint8Array): number {
  checkPair(probabilities, labels);
  let sum = 0;
  for (let i = 0; i < labels.length; i++) sum += (probabilities[i]! - labels[i]!) ** 2;
  return sum / labels.length;
}

/** Area under the precision-recall steps, without interpolation (scikit-learn's average_precision_score). NaN without a positive. */
export function averagePrecision(scores: Float64Array, labels: Uint8Array): number {
  checkPair(scores, labels);
  const order = argsort(scores);
  let truePositives = 0;
  let taken = 0;
  let sum = 0;
  for (let last = order.length - 1; last >= 0;) {
    const score = scores[order[last]!]!;
    let hits = 0;
    for (; last >= 0 && scores[order[last]!] === score; last--, taken++) hits += labels[order[last]!]!;
    truePositives += hits;
    sum += (hits * truePositives) / taken;
  }
  return sum / truePositives;
}

/** One bin of a reliability curve. */
export interface CalibrationBin {
  readonly count: number;
  readonly meanPrediction: number;
  /** Share of positives. */
  readonly observed: number;
}

/** Equal-count bins by probability: bin b holds the rows of rank floor(b n / numBins) up to the next bin's; fewer bins if there are fewer rows. */
export function calibrationBins(probabilities: Float64Array, labels: Uint8Array, numBins: number = defaultCalibrationBins): readonly CalibrationBin[] {
  checkPair(probabilities, labels);
  const order = argsort(probabilities);
  const bins = Math.min(numBins, order.length);
  return Array.from({ length: bins }, (_, b) => {
    const begin = Math.floor((b * order.length) / bins);
    const end = Math.floor(((b + 1) * order.length) / bins);
    let prediction = 0;
    let positives = 0;
    for (let i = begin; i < end; i++) {
      prediction += probabilities[order[i]!]!;
      positives += labels[order[i]!]!;
    }
    return { count: end - begin, meanPrediction: prediction / (end - begin), observed: positives / (end - begin) };
  });
}

/** Expected calibration error: mean over equal-count bins of |mean prediction - share of positives|, weighted by count. @see Naeini et al. (2015) */
export function ece(probabilities: Float64Array, labels: Uint8Array, numBins: number = defaultCalibrationBins): number {
  let sum = 0;
  for (const bin of calibrationBins(probabilities, labels, numBins)) sum += bin.count * Math.abs(bin.meanPrediction - bin.observed);
  return sum / labels.length;
}

export interface Confusion {
  readonly threshold: number;
  readonly truePositives: number;
  readonly falsePositives: number;
  readonly trueNegatives: number;
  readonly falseNegatives: number;
  /** Null where nothing is called positive. */
  readonly precision: number | null;
  /** Null where nothing is positive. */
  readonly recall: number | null;
}

/** Counts where score >= threshold is called positive. */
export function confusionAt(scores: Float64Array, labels: Uint8Array, threshold: number): Confusion {
  checkPair(scores, labels);
  let truePositives = 0;
  let called = 0;
  let positives = 0;
  for (let i = 0; i < labels.length; i++) {
    positives += labels[i]!;
    if (!(scores[i]! >= threshold)) continue;
    called++;
    truePositives += labels[i]!;
  }
  return {
    threshold,
    truePositives,
    falsePositives: called - truePositives,
    trueNegatives: labels.length - called - (positives - truePositives),
    falseNegatives: positives - truePositives,
    precision: called === 0 ? null : truePositives / called,
    recall: positives === 0 ? null : truePositives / positives,
  };
}

/** @throws SHAPE_MISMATCH unless there is one score a label; INVALID_ARGUMENT if a score is NaN */
export function checkPair(scores: Float64Array, labels: Uint8Array, field = "scores"): void {
  if (scores.length !== labels.length) throw new KarkhanaError("SHAPE_MISMATCH", { field, expected: `[${labels.length}]`, actual: `[${scores.length}]` });
  for (let i = 0; i < scores.length; i++)
    if (scores[i] !== scores[i]) throw new KarkhanaError("INVALID_ARGUMENT", { field: `${field}[${i}]`, problem: "expected a number", value: "NaN" });
}
