import { KarkhanaError } from "../kernel/error.ts";
import { argsort } from "../math/sort.ts";
import { sigmoid, softplus } from "../math/sigmoid.ts";
import { checkBothClasses } from "./check-table.ts";
import type { Calibration } from "./model.ts";

/** Raw scores of a model trained on log loss are log-odds already: leaves them as they are. */
export const identityCalibration: Calibration = { kind: "sigmoid", slope: 1, intercept: 0 };

/**
 * Calibrated probability of a raw score (log-odds). Sigmoid: 1 / (1 + e^-(slope * score + intercept)).
 * Isotonic: straight lines between the knots (x, y), flat outside them.
 */
export function calibrate(calibration: Calibration, score: number): number {
  if (calibration.kind === "sigmoid") return sigmoid(calibration.slope * score + calibration.intercept);
  const { x, y } = calibration;
  const last = x.length - 1;
  if (!(score > x[0]!)) return y[0]!;
  if (score >= x[last]!) return y[last]!;
  let low = 0;
  let high = last;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (x[middle]! <= score) low = middle;
    else high = middle;
  }
  const share = (score - x[low]!) / (x[high]! - x[low]!);
  return y[low]! + share * (y[high]! - y[low]!);
}

/**
 * Sigmoid fit on held-out scores, with Platt's smoothed targets (N+ + 1) / (N+ + 2) and 1 / (N- + 2). Newton's method
 * with step halving on two parameters; deterministic.
 * @param scores raw scores, shape [n], finite  @param labels shape [n], 0 or 1, both present
 * @see Platt, Probabilistic Outputs for Support Vector Machines (1999); Lin, Lin, Weng, A Note on Platt's Probabilistic Outputs (2007)
 */
export function fitSigmoid(scores: Float64Array, labels: Uint8Array): Calibration {
  checkScores(scores, labels);
  const positives = labels.reduce((sum, label) => sum + label, 0);
  const negatives = labels.length - positives;
  const high = (positives + 1) / (positives + 2);
  const low = 1 / (negatives + 2);
  const lossAt = (a: number, b: number): number => {
    let loss = 0;
    for (let i = 0; i < scores.length; i++) {
      const f = a * scores[i]! + b;
      loss += softplus(f) - (labels[i] === 1 ? high : low) * f;
    }
    return loss;
  };
  let slope = 0;
  let intercept = Math.log((positives + 1) / (negatives + 1));
  let loss = lossAt(slope, intercept);
  for (let iteration = 0; iteration < 100; iteration++) {
    let ga = 0;
    let gb = 0;
    let haa = 1e-12;
    let hab = 0;
    let hbb = 1e-12;
    for (let i = 0; i < scores.length; i++) {
      const score = scores[i]!;
      const p = sigmoid(slope * score + intercept);
      const gradient = p - (labels[i] === 1 ? high : low);
      const hessian = p * (1 - p);
      ga += gradient * score;
      gb += gradient;
      haa += hessian * score * score;
      hab += hessian * score;
      hbb += hessian;
    }
    if (Math.abs(ga) < 1e-9 * scores.length && Math.abs(gb) < 1e-9 * scores.length) break;
    const determinant = haa * hbb - hab * hab;
    const da = -(hbb * ga - hab * gb) / determinant;
    const db = -(haa * gb - hab * ga) / determinant;
    let step = 1;
    let next = lossAt(slope + da, intercept + db);
    while (!(next <= loss) && step > 1e-10) {
      step /= 2;
      next = lossAt(slope + step * da, intercept + step * db);
    }
    if (!(next <= loss)) break;
    slope += step * da;
    intercept += step * db;
    loss = next;
  }
  return { kind: "sigmoid", slope, intercept };
}

/**
 * Isotonic fit by pooling adjacent violators; equal scores are one point. Only the ends of each pooled block are kept as knots.
 * @param scores raw scores, shape [n], finite  @param labels shape [n], 0 or 1
 * @see Zadrozny and Elkan, Transforming Classifier Scores into Accurate Multiclass Probability Estimates (2002)
 */
export function fitIsotonic(scores: Float64Array, labels: Uint8Array): Calibration {
  checkScores(scores, labels);
  const order = argsort(scores);
  const blocks: { first: number; last: number; sum: number; count: number }[] = [];
  for (const index of order) {
    const score = scores[index]!;
    const label = labels[index]!;
    const top = blocks.at(-1);
    if (top !== undefined && top.first === score) {
      // Not pooled with an earlier block yet: pooling waits until all rows of one score are in.
      top.sum += label;
      top.count++;
      continue;
    }
    pool(blocks);
    blocks.push({ first: score, last: score, sum: label, count: 1 });
  }
  pool(blocks);
  const x: number[] = [];
  const y: number[] = [];
  for (const { first, last, sum, count } of blocks) {
    x.push(first);
    y.push(sum / count);
    if (last === first) continue;
    x.push(last);
    y.push(sum / count);
  }
  return { kind: "isotonic", x, y };
}

/** Merges the last block into those before it while their means do not rise. */
function pool(blocks: { first: number; last: number; sum: number; count: number }[]): void {
  while (blocks.length > 1) {
    const last = blocks[blocks.length - 1]!;
    const before = blocks[blocks.length - 2]!;
    if (before.sum * last.count < last.sum * before.count) return;
    before.last = last.last;
    before.sum += last.sum;
    before.count += last.count;
    blocks.pop();
  }
}

function checkScores(scores: Float64Array, labels: Uint8Array): void {
  if (scores.length !== labels.length)
    throw new KarkhanaError("SHAPE_MISMATCH", { field: "labels", expected: `[${scores.length}]`, actual: `[${labels.length}]` });
  checkBothClasses(labels, "labels");
  const bad = scores.findIndex((score) => !Number.isFinite(score));
  if (bad >= 0) throw new KarkhanaError("INVALID_ARGUMENT", { field: `scores[${bad}]`, problem: "expected a finite number", value: scores[bad] });
}
