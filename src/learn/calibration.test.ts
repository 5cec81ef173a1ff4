import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { codeOf } from "../kernel/error.ts";
import { seededRng } from "../kernel/rng.ts";
import { sigmoid } from "../math/sigmoid.ts";
import { calibrate, fitIsotonic, fitSigmoid, identityCalibration } from "./calibration.ts";
import { ece, logLoss } from "./metrics.ts";

/** Scores whose true log-odds are `slope * score + intercept`. */
function miscalibrated(n: number, slope: number, intercept: number): { scores: Float64Array; labels: Uint8Array } {
  const rng = seededRng(31);
  const scores = Float64Array.from({ length: n }, () => 6 * rng.next() - 3);
  return { scores, labels: Uint8Array.from(scores, (score) => (rng.next() < sigmoid(slope * score + intercept) ? 1 : 0)) };
}

describe("a sigmoid fit", () => {
  it("finds the slope and intercept the labels were drawn with", () => {
    const { scores, labels } = miscalibrated(40_000, 0.5, -1);
    const fit = fitSigmoid(scores, labels);
    expect.assert(fit.kind === "sigmoid");
    expect(fit.slope).toBeCloseTo(0.5, 1);
    expect(fit.intercept).toBeCloseTo(-1, 1);
  });

  it("stays finite where the scores separate the classes, thanks to the smoothed targets", () => {
    const fit = fitSigmoid(Float64Array.of(-2, -1, 1, 2), Uint8Array.of(0, 0, 1, 1));
    expect.assert(fit.kind === "sigmoid");
    expect(Number.isFinite(fit.slope)).toBe(true);
    expect(calibrate(fit, 2)).toBeLessThan(1);
    expect(calibrate(fit, -2)).toBeGreaterThan(0);
  });
});

describe("an isotonic fit", () => {
  it("is never worse than the base rate on its own rows and mends a curve no sigmoid fits", () => {
    const rng = seededRng(5);
    const scores = Float64Array.from({ length: 5000 }, () => 4 * rng.next() - 2);
    const labels = Uint8Array.from(scores, (score) => (rng.next() < (score < 0 ? 0.1 : 0.1 + 0.4 * score) ? 1 : 0));
    const [isotonic, sigmoidal] = [fitIsotonic(scores, labels), fitSigmoid(scores, labels)];
    const apply = (fit: typeof isotonic): Float64Array => scores.map((score) => calibrate(fit, score));
    expect(ece(apply(isotonic), labels)).toBeLessThan(ece(apply(sigmoidal), labels));
    expect(logLoss(apply(isotonic), labels)).toBeLessThan(logLoss(apply(sigmoidal), labels));
  });

  it("for any scores never falls, stays within [0, 1] and keeps the mean of the labels", () => {
    const row = fc.tuple(fc.oneof(fc.integer({ min: -3, max: 3 }), fc.double({ min: -5, max: 5, noNaN: true })), fc.integer({ min: 0, max: 1 }));
    fc.assert(
      fc.property(fc.array(row, { minLength: 2, maxLength: 80 }), fc.array(fc.double({ min: -9, max: 9, noNaN: true }), { minLength: 2 }), (rows, points) => {
        const scores = Float64Array.from(rows, ([score]) => score);
        const labels = Uint8Array.from(rows, ([, label]) => label);
        fc.pre(labels.includes(0) && labels.includes(1));
        const fit = fitIsotonic(scores, labels);
        const values = Float64Array.from(points)
          .sort()
          .map((point) => calibrate(fit, point));
        expect(values.every((value, i) => value >= 0 && value <= 1 && (i === 0 || value >= values[i - 1]!))).toBe(true);
        const mean = (list: ArrayLike<number>): number => Array.from(list).reduce((a, b) => a + b) / list.length;
        expect(mean(scores.map((score) => calibrate(fit, score)))).toBeCloseTo(mean(labels), 9);
      }),
    );
  });
});

it("raw log-odds pass the identity as their probability", () => {
  for (const score of [-3, 0, 0.7]) expect(calibrate(identityCalibration, score)).toBe(sigmoid(score));
});

it.each([
  ["one class", Float64Array.of(1, 2), Uint8Array.of(1, 1), "INVALID_ARGUMENT"],
  ["a score that is not finite", Float64Array.of(1, Infinity), Uint8Array.of(0, 1), "INVALID_ARGUMENT"],
  ["lengths that differ", Float64Array.of(1), Uint8Array.of(0, 1), "SHAPE_MISMATCH"],
])("%s is refused by both fits", (_, scores, labels, code) => {
  for (const fit of [fitSigmoid, fitIsotonic]) {
    let error: unknown;
    try {
      fit(scores, labels);
    } catch (thrown) {
      error = thrown;
    }
    expect(codeOf(error)).toBe(code);
  }
});
