/**
 * Logistic regression with L2 penalty, the baseline every tree model must beat.
 *
 * Columns: a numeric feature has one, standardised by its mean and standard deviation, missing at 0 (its mean); a
 * categorical feature has one of 0 and 1 for each of its first codes. `fitDictionary` gives the lowest codes to the most
 * frequent categories, so those are the ones with a column; the rest and missing share a row of zeros.
 */
import { KarkhanaError } from "../../kernel/error.ts";
import { minimizeLbfgs } from "../../math/lbfgs.ts";
import { checkBothClasses, checkTable } from "../check-table.ts";
import type { TrainingTable } from "../dataset.ts";
import type { LogisticModel } from "../model.ts";
import { logit } from "../../math/sigmoid.ts";

export interface LogisticTraining {
  readonly train: TrainingTable;
  /** Weight of the penalty: minimised is the summed log loss + l2 / 2 * |weights|^2, the intercept free. Default 1 (scikit-learn's C = 1 / l2). */
  readonly l2?: number;
  /** Default 100: a baseline is as good a few decimals from its optimum. */
  readonly maxIterations?: number;
  /** Most categories of one feature that get a column. Default 64. */
  readonly maxCategories?: number;
}

/** @throws INVALID_ARGUMENT, SHAPE_MISMATCH for tables and parameters */
export function trainLogistic({ train, l2 = 1, maxIterations = 100, maxCategories = 64 }: LogisticTraining): LogisticModel {
  checkTable(train, "train");
  checkBothClasses(train.labels, "train.labels");
  if (!(l2 >= 0 && l2 < Infinity)) throw new KarkhanaError("INVALID_ARGUMENT", { field: "l2", problem: "expected a number from 0", value: l2 });
  if (!Number.isInteger(maxIterations) || maxIterations < 1)
    throw new KarkhanaError("INVALID_ARGUMENT", { field: "maxIterations", problem: "expected a whole number from 1", value: maxIterations });
  const layout = layOut(train, maxCategories);
  const { means, scales } = standardisation(train, layout);
  const numColumns = means.length;
  const start = new Float64Array(numColumns + 1);
  start[numColumns] = logit(train.labels.reduce((sum, label) => sum + label, 0) / train.numRows);
  const scores = new Float64Array(train.numRows);

  const fit = minimizeLbfgs(
    (x, gradient) => {
      scoreColumns(train, layout, means, scales, x, scores);
      let loss = 0;
      let interceptGradient = 0;
      for (let i = 0; i < scores.length; i++) {
        const score = scores[i]!;
        const z = Math.exp(score < 0 ? score : -score);
        const label = train.labels[i]!;
        loss += Math.log1p(z) + (score > 0 ? score : 0) - label * score;
        // The score is not needed again: its place holds p - y for the gradient.
        scores[i] = (score < 0 ? z : 1) / (1 + z) - label;
        interceptGradient += scores[i]!;
      }
      gatherGradient(train, layout, means, scales, scores, gradient);
      gradient[numColumns] = interceptGradient;
      for (let c = 0; c < numColumns; c++) {
        loss += 0.5 * l2 * x[c]! * x[c]!;
        gradient[c]! += l2 * x[c]!;
      }
      return loss;
    },
    start,
    { maxIterations, gradientTolerance: 1e-7 * train.numRows },
  );
  return {
    kind: "logistic",
    features: train.features,
    means: [...means],
    scales: [...scales],
    weights: [...fit.x.subarray(0, numColumns)],
    intercept: fit.x[numColumns]!,
    numCategories: Object.fromEntries(train.features.flatMap(({ name, type }, f) => (type === "categorical" ? [[name, layout.widths[f]!]] : []))),
    calibration: { kind: "sigmoid", slope: 1, intercept: 0 },
  };
}

/** Where each feature's columns start, and how many it has. */
interface Layout {
  readonly starts: readonly number[];
  readonly widths: readonly number[];
  readonly numColumns: number;
}

function layOut({ features, columns }: TrainingTable, maxCategories: number): Layout {
  const widths = features.map(({ type }, f) => {
    if (type === "numeric") return 1;
    let maxCode = -1;
    for (const code of columns[f]!) if (code > maxCode) maxCode = code;
    return Math.min(maxCode + 1, maxCategories);
  });
  let numColumns = 0;
  const starts = widths.map((width) => {
    numColumns += width;
    return numColumns - width;
  });
  return { starts, widths, numColumns };
}

function standardisation({ features, columns }: TrainingTable, { starts, numColumns }: Layout): { means: Float64Array; scales: Float64Array } {
  const means = new Float64Array(numColumns);
  const scales = new Float64Array(numColumns).fill(1);
  features.forEach(({ type, name }, f) => {
    if (type === "categorical") return;
    let count = 0;
    let mean = 0;
    let squares = 0;
    // Welford's update: no cancellation where the mean is large against the spread.
    for (const value of columns[f]!) {
      if (value !== value) continue;
      if (value === Infinity || value === -Infinity)
        throw new KarkhanaError("INVALID_ARGUMENT", { field: `train.columns.${name}`, problem: "expected finite numbers, or NaN where missing", value });
      count++;
      const delta = value - mean;
      mean += delta / count;
      squares += delta * (value - mean);
    }
    means[starts[f]!] = mean;
    const deviation = count === 0 ? 0 : Math.sqrt(squares / count);
    scales[starts[f]!] = deviation > 1e-12 * Math.abs(mean) ? deviation : 1;
  });
  return { means, scales };
}

/** scores[i] = intercept + weights . columns of row i; x holds the weights, then the intercept. */
function scoreColumns(
  { features, columns }: TrainingTable,
  { starts, widths }: Layout,
  means: Float64Array,
  scales: Float64Array,
  x: Float64Array,
  scores: Float64Array,
): void {
  scores.fill(x[x.length - 1]!);
  for (let f = 0; f < features.length; f++) {
    const column = columns[f]!;
    const start = starts[f]!;
    if (features[f]!.type === "categorical") {
      const width = widths[f]!;
      for (let i = 0; i < scores.length; i++) if (column[i]! < width) scores[i]! += x[start + column[i]!]!;
      continue;
    }
    const mean = means[start]!;
    const weight = x[start]! / scales[start]!;
    for (let i = 0; i < scores.length; i++) {
      const value = column[i]!;
      if (value === value) scores[i]! += (value - mean) * weight;
    }
  }
}

/** gradient[c] = sum over rows of column c times residual. */
function gatherGradient(
  { features, columns }: TrainingTable,
  { starts, widths }: Layout,
  means: Float64Array,
  scales: Float64Array,
  residuals: Float64Array,
  gradient: Float64Array,
): void {
  gradient.fill(0);
  for (let f = 0; f < features.length; f++) {
    const column = columns[f]!;
    const start = starts[f]!;
    if (features[f]!.type === "categorical") {
      const width = widths[f]!;
      for (let i = 0; i < residuals.length; i++) if (column[i]! < width) gradient[start + column[i]!]! += residuals[i]!;
      continue;
    }
    const mean = means[start]!;
    let sum = 0;
    for (let i = 0; i < residuals.length; i++) {
      const value = column[i]!;
      if (value === value) sum += (value - mean) * residuals[i]!;
    }
    gradient[start] = sum / scales[start]!;
  }
}
