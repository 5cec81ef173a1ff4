import { KarkhanaError } from "../kernel/error.ts";
import type { Rng } from "../kernel/rng.ts";
import { argsort } from "../math/sort.ts";
import { thresholdCurve, type CurvePoint } from "./curves.ts";
import { aucCovariance, placementValues } from "./delong.ts";
import { meanEstimate, normalEstimate, type Estimate } from "./estimate.ts";
import {
  averagePrecision,
  calibrationBins,
  checkPair,
  confusionAt,
  defaultCalibrationBins,
  ece,
  logLossOf,
  type CalibrationBin,
  type Confusion,
} from "./metrics.ts";

/** Figures of one set of rows, with 95% intervals. */
export interface EvaluationMetrics {
  readonly numRows: number;
  readonly numPositives: number;
  readonly meanPrediction: number;
  /** DeLong's normal interval; null without both classes. */
  readonly auc: Estimate | null;
  /** Null without a positive. */
  readonly averagePrecision: number | null;
  /** Normal interval of a mean of per-row losses, both. */
  readonly logLoss: Estimate;
  readonly brier: Estimate;
  /** Twenty equal-count bins; sampling noise alone keeps it above 0. Normal interval, its standard error from 200 Poisson bootstraps. */
  readonly ece: Estimate;
}

interface SliceMetrics {
  readonly slice: string;
  readonly value: string;
  readonly metrics: EvaluationMetrics;
}

/** All of it is plain JSON. */
export interface Evaluation {
  readonly overall: EvaluationMetrics;
  /** By slice in the order given, most rows first. */
  readonly slices: readonly SliceMetrics[];
  readonly curve: readonly CurvePoint[];
  readonly calibration: readonly CalibrationBin[];
  readonly confusion: Confusion;
}

export interface EvaluationInput {
  /** Probabilities, shape [n], in [0, 1]. */
  readonly scores: Float64Array;
  readonly labels: Uint8Array;
  /** Text of each row under each name, shape [n]; rows with null are in no slice. */
  readonly slices?: readonly { readonly name: string; readonly values: readonly (string | null)[] }[];
  /** For the bootstrap of the calibration error only. */
  readonly rng: Rng;
  /** Slices with fewer rows are left out. Default 100. */
  readonly minSliceRows?: number;
  /** Most values kept of one slice name. Default 50. */
  readonly maxSliceValues?: number;
  /** Of the confusion counts. Default 0.5. */
  readonly threshold?: number;
}

/** @throws SHAPE_MISMATCH, INVALID_ARGUMENT for scores that are not probabilities, labels, lengths, or no rows */
export function evaluate({ scores, labels, slices = [], rng, minSliceRows = 100, maxSliceValues = 50, threshold = 0.5 }: EvaluationInput): Evaluation {
  checkPair(scores, labels);
  if (labels.length === 0) throw new KarkhanaError("INVALID_ARGUMENT", { field: "labels", problem: "has no rows", value: 0 });
  const bad = scores.findIndex((score) => !(score >= 0 && score <= 1));
  if (bad >= 0) throw new KarkhanaError("INVALID_ARGUMENT", { field: `scores[${bad}]`, problem: "expected a probability", value: scores[bad] });
  return {
    overall: metricsOf(scores, labels, rng.fork("overall")),
    slices: slices.flatMap(({ name, values }) => sliceMetrics(name, values, scores, labels, rng, minSliceRows, maxSliceValues)),
    curve: thresholdCurve(scores, labels),
    calibration: calibrationBins(scores, labels),
    confusion: confusionAt(scores, labels, threshold),
  };
}

function sliceMetrics(
  name: string,
  values: readonly (string | null)[],
  scores: Float64Array,
  labels: Uint8Array,
  rng: Rng,
  minRows: number,
  maxValues: number,
): readonly SliceMetrics[] {
  if (values.length !== labels.length)
    throw new KarkhanaError("SHAPE_MISMATCH", { field: `slices.${name}`, expected: `[${labels.length}]`, actual: `[${values.length}]` });
  const rows = Map.groupBy(values.keys(), (i) => values[i] ?? null);
  return [...rows]
    .flatMap(([value, members]) => (value === null || members.length < minRows ? [] : [{ value, members }]))
    .sort((a, b) => b.members.length - a.members.length || (a.value < b.value ? -1 : 1))
    .slice(0, maxValues)
    .map(({ value, members }) => ({
      slice: name,
      value,
      metrics: metricsOf(
        Float64Array.from(members, (i) => scores[i]!),
        Uint8Array.from(members, (i) => labels[i]!),
        rng.fork(`${name}=${value}`),
      ),
    }));
}

function metricsOf(scores: Float64Array, labels: Uint8Array, rng: Rng): EvaluationMetrics {
  let numPositives = 0;
  let predictionSum = 0;
  const losses = new Float64Array(labels.length);
  const squares = new Float64Array(labels.length);
  for (let i = 0; i < labels.length; i++) {
    numPositives += labels[i]!;
    predictionSum += scores[i]!;
    losses[i] = logLossOf(scores[i]!, labels[i]!);
    squares[i] = (scores[i]! - labels[i]!) ** 2;
  }
  return {
    numRows: labels.length,
    numPositives,
    meanPrediction: predictionSum / labels.length,
    auc: numPositives === 0 || numPositives === labels.length ? null : aucEstimate(scores, labels),
    averagePrecision: numPositives === 0 ? null : averagePrecision(scores, labels),
    logLoss: meanEstimate(losses, 0),
    brier: meanEstimate(squares, 0, 1),
    ece: eceEstimate(scores, labels, rng),
  };
}

/** AUC with DeLong's 95% interval. Needs both classes; the interval is null unless each has two rows. */
export function aucEstimate(scores: Float64Array, labels: Uint8Array): Estimate {
  const placements = placementValues(scores, labels);
  return normalEstimate(placements.auc, aucCovariance(placements, placements), 0, 1);
}

const numResamples = 200;

/**
 * Calibration error with a Poisson bootstrap: each row is drawn Poisson(1) times in its bin.
 * @see Chamandy et al., Estimating Uncertainty for Massive Data Streams (2012)
 */
function eceEstimate(scores: Float64Array, labels: Uint8Array, rng: Rng): Estimate {
  const n = labels.length;
  const value = ece(scores, labels);
  const order = argsort(scores);
  const bins = Math.min(defaultCalibrationBins, n);
  // Gap of each row, in score order: bins are stretches of it.
  const gaps = Float64Array.from(order, (i) => scores[i]! - labels[i]!);
  const resampled = new Float64Array(numResamples);
  for (let b = 0; b < numResamples; b++) {
    let total = 0;
    let drawn = 0;
    for (let bin = 0; bin < bins; bin++) {
      const end = Math.floor(((bin + 1) * n) / bins);
      let sum = 0;
      for (let i = Math.floor((bin * n) / bins); i < end; i++) {
        const times = poissonOne(rng.next());
        drawn += times;
        sum += times * gaps[i]!;
      }
      total += Math.abs(sum);
    }
    resampled[b] = drawn === 0 ? value : total / drawn;
  }
  // Resampling adds noise of its own, which lifts every resample above `value`: its percentiles would miss it, its spread does not.
  return normalEstimate(value, variance(resampled), 0, 1);
}

function variance(values: Float64Array): number {
  const mean = values.reduce((a, b) => a + b) / values.length;
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
}

/** Quantile function of Poisson(1). */
function poissonOne(u: number): number {
  let probability = Math.exp(-1);
  let cumulative = probability;
  let k = 0;
  while (u >= cumulative && k < 20) {
    k++;
    probability /= k;
    cumulative += probability;
  }
  return k;
}
