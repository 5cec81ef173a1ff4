import { normalQuantile } from "../math/normal.ts";
import type { Interval } from "./profile.ts";

/**
 * Scores of matured predictions by class, in fixed space: 2,048 bins a class, equal in log-odds over [-12, 12] (one bin is 0.0117, about
 * 1.2% of the odds), so that a model whose scores crowd near 0 is resolved as well as one that spreads them.
 *
 * Counts only, and sums in whole billionths: adding is exact and in any order the same, which is what lets a window be rebuilt after a crash.
 */
export class ScoreHistogram {
  readonly #positives: Uint32Array = new Uint32Array(numScoreBins);
  readonly #negatives: Uint32Array = new Uint32Array(numScoreBins);
  readonly #calibrationRows: Uint32Array = new Uint32Array(numCalibrationBins);
  readonly #calibrationPositives: Uint32Array = new Uint32Array(numCalibrationBins);
  readonly #calibrationScores: Float64Array = new Float64Array(numCalibrationBins);
  #numPositives = 0;
  #numNegatives = 0;
  #logLoss = 0;
  #brier = 0;

  get rows(): number {
    return this.#numPositives + this.#numNegatives;
  }

  get positives(): number {
    return this.#numPositives;
  }

  add(score: number, label: 0 | 1): void {
    this.#change(score, label, 1);
  }

  /** Takes back a row that was added before: a corrected label. */
  remove(score: number, label: 0 | 1): void {
    this.#change(score, label, -1);
  }

  /**
   * Area under the ROC curve of the binned scores with DeLong's interval; undefined while a class is absent.
   * `errorBound`: the AUC of the unbinned scores lies within this of `value`. It is half the share of (positive, negative) pairs that fell
   * into one bin, since only those pairs' order is lost.
   * @see DeLong, DeLong and Clarke-Pearson, Comparing the areas under two or more correlated ROC curves (1988)
   */
  auc(confidence = 0.95): (Interval & { readonly errorBound: number }) | undefined {
    const p = this.#numPositives;
    const n = this.#numNegatives;
    if (p === 0 || n === 0) return undefined;
    let below = 0;
    let area = 0;
    let tied = 0;
    for (let b = 0; b < numScoreBins; b++) {
      area += this.#positives[b]! * (below + this.#negatives[b]! / 2);
      tied += this.#positives[b]! * this.#negatives[b]!;
      below += this.#negatives[b]!;
    }
    const value = area / (p * n);
    // Variance of each row's placement: the share of the other class that it beats.
    let ofPositives = 0;
    let ofNegatives = 0;
    let negativesBelow = 0;
    let positivesBelow = 0;
    for (let b = 0; b < numScoreBins; b++) {
      const positives = this.#positives[b]!;
      const negatives = this.#negatives[b]!;
      ofPositives += positives * ((negativesBelow + negatives / 2) / n - value) ** 2;
      ofNegatives += negatives * (1 - (positivesBelow + positives / 2) / p - value) ** 2;
      negativesBelow += negatives;
      positivesBelow += positives;
    }
    const variance = ofPositives / Math.max(p - 1, 1) / p + ofNegatives / Math.max(n - 1, 1) / n;
    const half = normalQuantile(0.5 + confidence / 2) * Math.sqrt(variance);
    return { value, low: Math.max(0, value - half), high: Math.min(1, value + half), errorBound: tied / (2 * p * n) };
  }

  /** Mean negative log likelihood, scores kept 1e-15 away from 0 and 1; NaN without rows. */
  logLoss(): number {
    return this.#logLoss / billion / this.rows;
  }

  /** Mean squared error of the scores as probabilities; NaN without rows. */
  brier(): number {
    return this.#brier / billion / this.rows;
  }

  /** Ten bins of equal width in the score: what was predicted and what came. Empty bins are left out. */
  calibration(): CalibrationBin[] {
    const bins: CalibrationBin[] = [];
    for (let b = 0; b < numCalibrationBins; b++) {
      const rows = this.#calibrationRows[b]!;
      if (rows > 0) bins.push({ rows, meanScore: this.#calibrationScores[b]! / billion / rows, labelRate: this.#calibrationPositives[b]! / rows });
    }
    return bins;
  }

  /** Expected calibration error over `calibration()`'s bins: mean gap of score and outcome, weighted by rows. */
  calibrationError(): number {
    let sum = 0;
    for (const bin of this.calibration()) sum += bin.rows * Math.abs(bin.meanScore - bin.labelRate);
    return sum / this.rows;
  }

  #change(score: number, label: 0 | 1, sign: 1 | -1): void {
    const bin = scoreBin(score);
    const byClass = label === 1 ? this.#positives : this.#negatives;
    byClass[bin] = byClass[bin]! + sign;
    if (label === 1) this.#numPositives += sign;
    else this.#numNegatives += sign;
    const clipped = Math.min(1 - 1e-15, Math.max(1e-15, score));
    this.#logLoss += sign * Math.round(-Math.log(label === 1 ? clipped : 1 - clipped) * billion);
    this.#brier += sign * Math.round((score - label) ** 2 * billion);
    const c = Math.min(numCalibrationBins - 1, Math.max(0, Math.floor(score * numCalibrationBins)));
    this.#calibrationRows[c] = this.#calibrationRows[c]! + sign;
    this.#calibrationPositives[c] = this.#calibrationPositives[c]! + sign * label;
    this.#calibrationScores[c] = this.#calibrationScores[c]! + sign * Math.round(score * billion);
  }
}

export interface CalibrationBin {
  readonly rows: number;
  readonly meanScore: number;
  readonly labelRate: number;
}

const numScoreBins = 2048;
const numCalibrationBins = 10;
const maxLogOdds = 12;
const billion = 1e9;

function scoreBin(score: number): number {
  const logOdds = Math.log(score / (1 - score));
  const bin = Math.floor(((logOdds + maxLogOdds) / (2 * maxLogOdds)) * numScoreBins);
  // Not Math.min/max on a NaN: a score outside [0, 1] lands in an end bin instead of nowhere.
  return bin >= numScoreBins || score >= 1 ? numScoreBins - 1 : bin > 0 ? bin : 0;
}
