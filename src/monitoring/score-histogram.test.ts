import { describe, expect, it } from "vitest";
import { seededRng } from "../kernel/rng.ts";
import { aucCovariance, placementValues } from "../learn/delong.ts";
import { auc, brier, logLoss } from "../learn/metrics.ts";
import { ScoreHistogram } from "./score-histogram.ts";

function sample(seed: string, n: number, scoreOf: (u: number) => number): { scores: Float64Array; labels: Uint8Array } {
  const rng = seededRng(seed);
  const scores = Float64Array.from({ length: n }, () => scoreOf(rng.next()));
  return { scores, labels: Uint8Array.from(scores, (score) => (rng.next() < score ? 1 : 0)) };
}

function fill(scores: Float64Array, labels: Uint8Array): ScoreHistogram {
  const histogram = new ScoreHistogram();
  for (let i = 0; i < scores.length; i++) histogram.add(scores[i]!, labels[i] === 1 ? 1 : 0);
  return histogram;
}

describe.each([
  ["scores all over", (u: number) => u],
  ["scores of a rare event", (u: number) => 0.0005 + 0.02 * u ** 4],
  ["few distinct scores", (u: number) => Math.ceil(u * 5) / 6],
])("matured outcomes of %s", (name, scoreOf) => {
  const { scores, labels } = sample(name, 20_000, scoreOf);
  const histogram = fill(scores, labels);

  it("give the exact AUC within the stated bound, and the bound is small", () => {
    const measured = histogram.auc()!;
    expect(Math.abs(measured.value - auc(scores, labels))).toBeLessThanOrEqual(measured.errorBound);
    expect(Math.abs(measured.value - auc(scores, labels))).toBeLessThan(0.0005);
  });

  it("give DeLong's interval", () => {
    const variance = aucCovariance(placementValues(scores, labels), placementValues(scores, labels));
    const measured = histogram.auc()!;
    expect((measured.high - measured.value) / (1.959964 * Math.sqrt(variance))).toBeCloseTo(1, 2);
  });

  it("give log loss and Brier score of the unbinned scores", () => {
    expect(histogram.logLoss()).toBeCloseTo(logLoss(scores, labels), 8);
    expect(histogram.brier()).toBeCloseTo(brier(scores, labels), 8);
  });

  it("give the same bits in any order, and after a correction was taken back", () => {
    const reversed = fill(scores.slice().reverse(), labels.slice().reverse());
    reversed.add(0.3, 1);
    reversed.remove(0.3, 1);
    const figures = (h: ScoreHistogram): unknown => [h.rows, h.positives, h.auc(), h.logLoss(), h.brier(), h.calibration(), h.calibrationError()];
    expect(figures(reversed)).toEqual(figures(histogram));
  });
});

describe("matured outcomes", () => {
  it("are calibrated where outcomes follow scores, and not where they do not", () => {
    const { scores, labels } = sample("calibration", 20_000, (u) => u);
    expect(fill(scores, labels).calibrationError()).toBeLessThan(0.02);
    expect(
      fill(
        scores.map((score) => score / 2),
        labels,
      ).calibrationError(),
    ).toBeGreaterThan(0.2);
  });

  it("have no AUC while a class is absent", () => {
    expect(fill(Float64Array.of(0.1, 0.9), Uint8Array.of(1, 1)).auc()).toBeUndefined();
    expect(new ScoreHistogram().auc()).toBeUndefined();
  });

  it("take scores of exactly 0 and 1", () => {
    const histogram = fill(Float64Array.of(0, 0, 1, 1), Uint8Array.of(0, 0, 1, 1));
    expect(histogram.auc()).toMatchObject({ value: 1, errorBound: 0 });
    expect(histogram.brier()).toBe(0);
    expect(Number.isFinite(histogram.logLoss())).toBe(true);
  });
});
