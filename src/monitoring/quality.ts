import type { Micros } from "../kernel/clock.ts";
import type { PredictionRole } from "../feedback/prediction.ts";
import type { MonitorPolicy } from "../project/definition.ts";
import type { MonitorLimits } from "./limits.ts";
import type { ReferenceProfile } from "./profile.ts";
import type { CalibrationBin } from "./score-histogram.ts";
import type { OutcomeWindow } from "./window.ts";

/** A closed window of outcomes: how good the answers turned out to be. */
export interface QualityWindow {
  readonly kind: "quality";
  readonly version: number;
  readonly role: PredictionRole;
  readonly startUs: Micros;
  readonly endUs: Micros;
  readonly predictions: number;
  /** Predictions whose outcome became known within the maturity horizon. */
  readonly matured: number;
  /** Share of positive outcomes. */
  readonly labelRate?: number;
  /** Realised AUC with its 95% interval; the binning moves it by at most `aucErrorBound`. */
  readonly auc?: number;
  readonly aucLow?: number;
  readonly aucHigh?: number;
  readonly aucErrorBound?: number;
  readonly logLoss?: number;
  readonly brier?: number;
  readonly calibrationError?: number;
  readonly calibration: readonly CalibrationBin[];
  readonly holdoutAuc?: number;
  /** Holdout AUC less the drop that policy allows: breached when the whole interval lies below. */
  readonly threshold?: number;
  readonly isBreach: boolean;
  /** Why nothing was judged; absent if it was. */
  readonly notJudged?: "no-profile" | "too-few-labels";
}

export function summariseOutcomes(
  window: OutcomeWindow,
  endUs: Micros,
  profile: ReferenceProfile | undefined,
  policy: MonitorPolicy,
  limits: MonitorLimits,
): QualityWindow {
  const { key, histogram, predictions } = window;
  const matured = histogram.rows;
  const base = { kind: "quality" as const, version: key.version, role: key.role, startUs: key.startUs, endUs, predictions, matured };
  if (matured === 0) return { ...base, calibration: [], isBreach: false, notJudged: "too-few-labels" };
  const measured = {
    ...base,
    labelRate: histogram.positives / matured,
    logLoss: histogram.logLoss(),
    brier: histogram.brier(),
    calibrationError: histogram.calibrationError(),
    calibration: histogram.calibration(),
  };
  const auc = histogram.auc();
  const ranked = auc === undefined ? measured : { ...measured, auc: auc.value, aucLow: auc.low, aucHigh: auc.high, aucErrorBound: auc.errorBound };
  if (profile === undefined) return { ...ranked, isBreach: false, notJudged: "no-profile" };
  const holdoutAuc = profile.holdout.auc.value;
  const threshold = holdoutAuc - policy.maxAucDrop;
  const isJudged = auc !== undefined && Math.min(histogram.positives, matured - histogram.positives) >= limits.minPerClass;
  if (!isJudged) return { ...ranked, holdoutAuc, threshold, isBreach: false, notJudged: "too-few-labels" };
  return { ...ranked, holdoutAuc, threshold, isBreach: auc.high + auc.errorBound < threshold };
}
