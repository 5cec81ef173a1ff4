import { describe, expect, it } from "vitest";
import { codeOf } from "../kernel/error.ts";
import { seededRng } from "../kernel/rng.ts";
import { sigmoid } from "../math/sigmoid.ts";
import { evaluate } from "./evaluate.ts";
import { comparePaired } from "./compare.ts";

/** Calibrated probabilities with their outcomes. */
function outcomes(n: number, seed: number | string): { scores: Float64Array; labels: Uint8Array } {
  const rng = seededRng(seed, "outcomes");
  const scores = Float64Array.from({ length: n }, () => sigmoid(4 * rng.next() - 2.5));
  return { scores, labels: Uint8Array.from(scores, (p) => (rng.next() < p ? 1 : 0)) };
}

describe("an evaluation", () => {
  const { scores, labels } = outcomes(4000, 1);
  const airports = Array.from({ length: 4000 }, (_, i) => (i % 10 === 0 ? null : i % 400 === 1 ? "RARE" : i % 3 === 0 ? "ORD" : "JFK"));

  it("is plain JSON, whole, and the same for the same seed", () => {
    const input = { scores, labels, slices: [{ name: "origin", values: airports }] };
    const first = evaluate({ ...input, rng: seededRng(3) });
    expect(JSON.parse(JSON.stringify(first))).toEqual(first);
    expect(evaluate({ ...input, rng: seededRng(3) })).toEqual(first);
    expect(evaluate({ ...input, rng: seededRng(4) }).overall.ece).not.toEqual(first.overall.ece);
  });

  it("every interval holds its figure; a calibrated model has an ECE near 0", () => {
    const { overall } = evaluate({ scores, labels, rng: seededRng(3) });
    for (const name of ["auc", "logLoss", "brier", "ece"] as const) {
      const figure = overall[name]!;
      expect(figure.low).toBeLessThan(figure.value);
      expect(figure.high).toBeGreaterThan(figure.value);
    }
    expect(overall.ece.value).toBeLessThan(0.03);
    expect(overall.numPositives).toBe(labels.reduce((a, b) => a + b));
  });

  it("slices are the rows with that text, most rows first, small ones and null left out", () => {
    const { slices } = evaluate({ scores, labels, slices: [{ name: "origin", values: airports }], rng: seededRng(3) });
    expect(slices.map(({ slice, value }) => `${slice}=${value}`)).toEqual(["origin=JFK", "origin=ORD"]);
    const rows = airports.flatMap((airport, i) => (airport === "ORD" ? [i] : []));
    const alone = evaluate({ scores: Float64Array.from(rows, (i) => scores[i]!), labels: Uint8Array.from(rows, (i) => labels[i]!), rng: seededRng(3) }).overall;
    expect(slices[1]!.metrics).toMatchObject({ numRows: rows.length, auc: alone.auc, logLoss: alone.logLoss, brier: alone.brier });
  });

  it("one class or one row leaves out what cannot be said", () => {
    const oneClass = evaluate({ scores: Float64Array.of(0.2, 0.3), labels: Uint8Array.of(0, 0), rng: seededRng(1) });
    expect(oneClass.overall).toMatchObject({ auc: null, averagePrecision: null });
    expect(oneClass.curve).toEqual([]);
    const oneRow = evaluate({ scores: Float64Array.of(0.2), labels: Uint8Array.of(1), rng: seededRng(1) });
    expect(oneRow.overall.logLoss).toMatchObject({ low: null, high: null });
    expect(JSON.parse(JSON.stringify(oneRow))).toEqual(oneRow);
  });

  it.each([
    ["a score above 1", Float64Array.of(0.1, 1.1), Uint8Array.of(0, 1), "INVALID_ARGUMENT"],
    ["no rows", new Float64Array(0), new Uint8Array(0), "INVALID_ARGUMENT"],
    ["lengths that differ", Float64Array.of(0.1), Uint8Array.of(0, 1), "SHAPE_MISMATCH"],
  ])("%s: refused", (_, badScores, badLabels, code) => {
    expect(codeOf(thrownBy(() => evaluate({ scores: badScores, labels: badLabels, rng: seededRng(1) })))).toBe(code);
  });

  it("a slice column of another length is refused by name", () => {
    const error = thrownBy(() => evaluate({ scores, labels, slices: [{ name: "origin", values: ["ORD"] }], rng: seededRng(1) }));
    expect(error).toHaveProperty("details.field", "slices.origin");
  });
});

it("DeLong's interval holds the true AUC about 95 times of 100", () => {
  // Positives N(1, 1) against negatives N(0, 1): AUC = Phi(1 / sqrt 2).
  const truth = 0.760_249_938_906_523_6;
  const rng = seededRng(77);
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - rng.next())) * Math.cos(2 * Math.PI * rng.next());
  let held = 0;
  for (let trial = 0; trial < 400; trial++) {
    const labels = Uint8Array.from({ length: 200 }, (_, i) => (i % 3 === 0 ? 1 : 0));
    const scores = Float64Array.from(labels, (label) => sigmoid(label + normal()));
    const { low, high } = evaluate({ scores, labels, rng }).overall.auc!;
    if (low! <= truth && truth <= high!) held++;
  }
  expect(held / 400).toBeGreaterThan(0.92);
  expect(held / 400).toBeLessThan(0.98);
});

describe("a paired comparison", () => {
  const { scores, labels } = outcomes(3000, 2);
  const rng = seededRng(9);
  const noisy = scores.map((p) => sigmoid(Math.log(p / (1 - p)) + 3 * (rng.next() - 0.5)));

  it("finds the better of two models, with the signs as stated", () => {
    const result = comparePaired({ champion: noisy, challenger: scores, labels });
    expect(result.aucDifference!.low).toBeGreaterThan(0);
    expect(result.logLossDifference.high).toBeLessThan(0);
    expect(result.challengerAuc! - result.championAuc!).toBeCloseTo(result.aucDifference!.value, 12);
  });

  it("turned round, it says the opposite", () => {
    const one = comparePaired({ champion: noisy, challenger: scores, labels });
    const other = comparePaired({ champion: scores, challenger: noisy, labels });
    expect(other.aucDifference!.low).toBeCloseTo(-one.aucDifference!.high!, 12);
    expect(other.logLossDifference.value).toBeCloseTo(-one.logLossDifference.value, 12);
  });

  it("is narrower than two intervals apart, since both see the same rows", () => {
    const wide = evaluate({ scores, labels, rng: seededRng(1) }).overall.auc!;
    const paired = comparePaired({ champion: noisy, challenger: scores, labels }).aucDifference!;
    expect(paired.high! - paired.low!).toBeLessThan(wide.high! - wide.low!);
  });

  it("a model against itself differs by nothing, exactly", () => {
    expect(comparePaired({ champion: scores, challenger: scores, labels })).toMatchObject({
      aucDifference: { value: 0, low: 0, high: 0 },
      logLossDifference: { value: 0, low: 0, high: 0 },
    });
  });

  it("with one class only the losses are compared", () => {
    expect(comparePaired({ champion: Float64Array.of(0.1, 0.2), challenger: Float64Array.of(0.2, 0.3), labels: Uint8Array.of(0, 0) }).aucDifference).toBeNull();
  });
});

function thrownBy(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}
