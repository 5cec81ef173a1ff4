import { describe, expect, it } from "vitest";
import { calibrate, fitIsotonic, fitSigmoid } from "../../src/learn/calibration.ts";
import { trainLogistic } from "../../src/learn/linear/logistic.ts";
import { createPredictor, predictTable } from "../../src/learn/predictor.ts";
import { readFixture, tableOf } from "./learn-fixture.ts";

interface Fits {
  readonly calibration: {
    readonly scores: readonly number[];
    readonly labels: readonly number[];
    readonly sigmoid: { readonly slope: number; readonly intercept: number };
    readonly grid: readonly number[];
    readonly isotonic: readonly number[];
  };
  readonly logistic: {
    readonly columns: readonly (readonly (number | null)[])[];
    readonly labels: readonly number[];
    readonly l2: number;
    readonly weights: readonly number[];
    readonly intercept: number;
    readonly means: readonly number[];
    readonly scales: readonly number[];
    readonly probabilities: readonly number[];
  };
}

const { calibration, logistic } = readFixture("learn-fits.json") as Fits;

describe("calibration fits", () => {
  const scores = Float64Array.from(calibration.scores);
  const labels = Uint8Array.from(calibration.labels);

  it("the sigmoid matches scikit-learn's Platt fit to the tolerance that one stops at", () => {
    const fit = fitSigmoid(scores, labels);
    expect.assert(fit.kind === "sigmoid");
    expect(fit.slope).toBeCloseTo(calibration.sigmoid.slope, 4);
    expect(fit.intercept).toBeCloseTo(calibration.sigmoid.intercept, 4);
  });

  it("the isotonic fit matches scikit-learn's at, between and beyond the scores", () => {
    const fit = fitIsotonic(scores, labels);
    expect(calibration.grid.length).toBeGreaterThan(50);
    calibration.grid.forEach((x, i) => expect(calibrate(fit, x)).toBeCloseTo(calibration.isotonic[i]!, 12));
  });
});

describe("logistic regression", () => {
  const table = tableOf(logistic.columns, logistic.labels, [3]);
  const model = trainLogistic({ train: table, l2: logistic.l2 });

  it("standardises by the mean and deviation of what is not missing", () => {
    logistic.means.forEach((mean, c) => expect(model.means[c]).toBeCloseTo(mean, 10));
    logistic.scales.forEach((scale, c) => expect(model.scales[c]).toBeCloseTo(scale, 10));
  });

  it("weights match scikit-learn's within 1e-5", () => {
    expect(model.weights).toHaveLength(logistic.weights.length);
    logistic.weights.forEach((weight, c) => expect(Math.abs(model.weights[c]! - weight)).toBeLessThan(1e-5));
    expect(Math.abs(model.intercept - logistic.intercept)).toBeLessThan(1e-5);
  });

  it("probabilities of the rows match, missing values and unknown categories among them", () => {
    const predicted = predictTable(createPredictor(model), table);
    logistic.probabilities.forEach((p, i) => expect(Math.abs(predicted[i]! - p)).toBeLessThan(1e-5));
  });
});
