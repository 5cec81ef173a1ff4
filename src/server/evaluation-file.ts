import type { Estimate } from "../learn/estimate.ts";
import type { Evaluation as Stored, EvaluationMetrics } from "../learn/evaluate.ts";
import type { FeatureImportance } from "../learn/gbdt/importance.ts";
import type { Evaluation, Interval } from "./api.ts";

/** Reads a run's `evaluation.json`. A file that is none, or was written by someone else's trainer, gives null: its text is still there as an artifact. */
export function readEvaluation(text: string): Evaluation | null {
  let file: unknown;
  try {
    file = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isRecord(file) || !isRecord(file["evaluation"])) return null;
  const stored = file["evaluation"] as unknown as Stored;
  if (!isRecord(stored.overall) || !Array.isArray(stored.curve) || !Array.isArray(stored.slices) || !Array.isArray(stored.calibration)) return null;
  const importance = Array.isArray(file["importance"]) ? (file["importance"] as FeatureImportance[]) : [];
  return {
    rows: stored.overall.numRows,
    positives: stored.overall.numPositives,
    metrics: metricsOf(stored.overall),
    baseline: readBaseline(file["baseline"]),
    roc: [[0, 0], ...stored.curve.map((p): [number, number] => [p.falsePositiveRate, p.truePositiveRate])],
    precisionRecall: stored.curve.map((p) => [p.truePositiveRate, p.precision]),
    calibration: stored.calibration.map((b) => ({ meanScore: b.meanPrediction, labelRate: b.observed, rows: b.count })),
    slices: stored.slices.flatMap((s) =>
      s.metrics.auc === null ? [] : [{ field: s.slice, value: s.value, rows: s.metrics.numRows, auc: interval(s.metrics.auc) }],
    ),
    importance: importance.map(({ feature, gain, splits }) => ({ feature, gain, splits })),
  };
}

function readBaseline(value: unknown): Evaluation["baseline"] {
  if (!isRecord(value) || typeof value["name"] !== "string" || !isRecord(value["overall"])) return null;
  return { name: value["name"], metrics: metricsOf(value["overall"] as unknown as EvaluationMetrics) };
}

function metricsOf({ auc, averagePrecision, logLoss, brier, ece }: EvaluationMetrics): Record<string, Interval> {
  return {
    ...(auc === null ? {} : { AUC: interval(auc) }),
    "log loss": interval(logLoss),
    Brier: interval(brier),
    ECE: interval(ece),
    ...(averagePrecision === null ? {} : { "average precision": { value: averagePrecision, low: averagePrecision, high: averagePrecision } }),
  };
}

function interval({ value, low, high }: Estimate): Interval {
  return { value, low: low ?? value, high: high ?? value };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
