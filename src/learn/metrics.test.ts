import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { codeOf } from "../kernel/error.ts";
import { thresholdCurve } from "./curves.ts";
import { auc, averagePrecision, brier, calibrationBins, confusionAt, ece, logLoss } from "./metrics.ts";

const scored = fc.array(fc.tuple(fc.oneof(fc.constantFrom(0, 0.5, 1), fc.double({ min: 0, max: 1, noNaN: true })), fc.integer({ min: 0, max: 1 })), {
  minLength: 1,
  maxLength: 120,
});

function split(rows: readonly (readonly [number, number])[]): [Float64Array, Uint8Array] {
  return [Float64Array.from(rows, ([score]) => score), Uint8Array.from(rows, ([, label]) => label)];
}

describe("AUC", () => {
  it("is the share of pairs in order, ties half, for any scores", () => {
    fc.assert(
      fc.property(scored, (rows) => {
        const positives = rows.filter(([, label]) => label === 1);
        const negatives = rows.filter(([, label]) => label === 0);
        fc.pre(positives.length > 0 && negatives.length > 0);
        let pairs = 0;
        for (const [p] of positives) for (const [q] of negatives) pairs += p > q ? 1 : p === q ? 0.5 : 0;
        expect(auc(...split(rows))).toBeCloseTo(pairs / (positives.length * negatives.length), 12);
      }),
    );
  });

  it("does not exist with one class", () => {
    expect(auc(Float64Array.of(0.1, 0.2), Uint8Array.of(1, 1))).toBeNaN();
    expect(averagePrecision(Float64Array.of(0.1), Uint8Array.of(0))).toBeNaN();
  });
});

it("log loss of a sure mistake is that of the clip, not infinite", () => {
  expect(logLoss(Float64Array.of(0), Uint8Array.of(1))).toBeCloseTo(-Math.log(1e-15), 10);
  expect(logLoss(Float64Array.of(0.25, 0.5), Uint8Array.of(1, 0))).toBeCloseTo((Math.log(4) + Math.log(2)) / 2, 14);
  expect(brier(Float64Array.of(0.25, 0.5), Uint8Array.of(1, 0))).toBeCloseTo((0.5625 + 0.25) / 2, 14);
});

describe("calibration bins", () => {
  it("have equal counts, hold every row once and rise in mean prediction", () => {
    const scores = Float64Array.from({ length: 103 }, (_, i) => ((i * 37) % 103) / 103);
    const bins = calibrationBins(scores, new Uint8Array(103), 10);
    expect(bins.map(({ count }) => count)).toEqual([10, 10, 10, 11, 10, 10, 11, 10, 10, 11]);
    expect(bins.every((bin, i) => i === 0 || bin.meanPrediction > bins[i - 1]!.meanPrediction)).toBe(true);
    expect(calibrationBins(scores.slice(0, 3), new Uint8Array(3), 10)).toHaveLength(3);
  });

  it("ECE is the gap where all predictions are off by the same", () => {
    const labels = Uint8Array.from({ length: 400 }, (_, i) => (i % 4 === 0 ? 1 : 0));
    expect(ece(new Float64Array(400).fill(0.25), labels, 20)).toBeCloseTo(0, 12);
    expect(ece(new Float64Array(400).fill(0.35), labels, 20)).toBeCloseTo(0.1, 12);
  });
});

it("confusion counts call positive what reaches the threshold", () => {
  const counts = confusionAt(Float64Array.of(0.2, 0.5, 0.5, 0.9, 0.1), Uint8Array.of(0, 1, 0, 1, 1), 0.5);
  expect(counts).toEqual({ threshold: 0.5, truePositives: 2, falsePositives: 1, trueNegatives: 1, falseNegatives: 1, precision: 2 / 3, recall: 2 / 3 });
  expect(confusionAt(Float64Array.of(0.2), Uint8Array.of(0), 0.5)).toMatchObject({ precision: null, recall: null, trueNegatives: 1 });
});

describe("the threshold curve", () => {
  it("has one point a distinct score while there are few, and its ROC area is the AUC", () => {
    fc.assert(
      fc.property(scored, (rows) => {
        const [scores, labels] = split(rows);
        const curve = thresholdCurve(scores, labels, 1e9);
        fc.pre(curve.length > 0);
        expect(curve.map(({ threshold }) => threshold)).toEqual([...new Set(scores.map((s) => s + 0))].sort((a, b) => b - a));
        let area = 0;
        let before = { falsePositiveRate: 0, truePositiveRate: 0 };
        for (const point of curve) {
          area += ((point.falsePositiveRate - before.falsePositiveRate) * (point.truePositiveRate + before.truePositiveRate)) / 2;
          before = point;
        }
        expect(area).toBeCloseTo(auc(scores, labels), 10);
      }),
    );
  });

  it("keeps to its bound and ends where everything is called positive", () => {
    const scores = Float64Array.from({ length: 5000 }, (_, i) => i / 5000);
    const curve = thresholdCurve(
      scores,
      Uint8Array.from(scores, (s) => (s > 0.6 ? 1 : 0)),
      100,
    );
    expect(curve.length).toBeGreaterThan(90);
    expect(curve.length).toBeLessThanOrEqual(101);
    expect(curve.at(-1)).toMatchObject({ threshold: 0, falsePositiveRate: 1, truePositiveRate: 1 });
    expect(thresholdCurve(scores, new Uint8Array(5000))).toEqual([]);
  });
});

it("scores that are NaN or too few are refused, naming the place", () => {
  const thrownBy = (scores: Float64Array): unknown => {
    try {
      return auc(scores, Uint8Array.of(0, 1));
    } catch (error) {
      return error;
    }
  };
  expect(thrownBy(Float64Array.of(0.1, Number.NaN))).toHaveProperty("details.field", "scores[1]");
  expect(codeOf(thrownBy(Float64Array.of(0.1)))).toBe("SHAPE_MISMATCH");
});
