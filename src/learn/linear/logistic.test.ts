import { describe, expect, it } from "vitest";
import { madeTable, oneColumn } from "../../../test/reference/made-table.ts";
import { codeOf } from "../../kernel/error.ts";
import { auc } from "../metrics.ts";
import { createPredictor, predictTable } from "../predictor.ts";
import { trainLogistic } from "./logistic.ts";

describe("the logistic baseline", () => {
  const train = madeTable(3000, 11);
  const model = trainLogistic({ train });

  it("gives the same numbers every time and ranks held-out rows", () => {
    expect(trainLogistic({ train })).toEqual(model);
    const holdout = madeTable(1500, 12);
    expect(auc(predictTable(createPredictor(model), holdout), holdout.labels)).toBeGreaterThan(0.65);
  });

  it("its mean prediction on the training rows is the base rate, since the intercept is free", () => {
    const mean = (values: ArrayLike<number>): number => Array.from(values).reduce((a, b) => a + b) / values.length;
    expect(mean(predictTable(createPredictor(model), train))).toBeCloseTo(mean(train.labels), 5);
  });

  it("a missing number scores as its mean, an unknown category as no category", () => {
    const predictor = createPredictor(model);
    const [smooth, gappy, few] = model.means as [number, number, number];
    const at = (...row: number[]): number => predictor.scoreRow(Float64Array.from(row), 0);
    expect(at(Number.NaN, Number.NaN, Number.NaN, 3)).toBeCloseTo(at(smooth, gappy, few, 3), 12);
    expect(at(smooth, gappy, few, Number.NaN)).toBeCloseTo(model.intercept, 12);
    expect(at(smooth, gappy, few, 99)).toBeCloseTo(model.intercept, 12);
  });

  it("only the first codes have a column of their own", () => {
    const narrow = trainLogistic({ train, maxCategories: 2 });
    expect(narrow.numCategories).toEqual({ kind: 2 });
    expect(narrow.weights).toHaveLength(5);
  });

  it("l2 shrinks the weights", () => {
    const norm = (weights: readonly number[]): number => Math.hypot(...weights);
    expect(norm(trainLogistic({ train, l2: 1000 }).weights)).toBeLessThan(0.9 * norm(model.weights));
  });
});

it("a column of one value, or of none, does no harm", () => {
  const constant = { ...oneColumn([3, 3, 3, 3], [0, 1, 0, 1]), features: [{ name: "a", type: "numeric" as const }] };
  const empty = oneColumn([Number.NaN, Number.NaN], [0, 1]);
  for (const train of [constant, empty]) {
    const model = trainLogistic({ train });
    expect(model.weights).toEqual([0]);
    expect(createPredictor(model).predictRow(Float64Array.of(3), 0)).toBeCloseTo(0.5, 10);
  }
});

it("separable classes end with finite weights", () => {
  const model = trainLogistic({ train: oneColumn([1, 2, 3, 4], [0, 0, 1, 1]), l2: 0 });
  expect(model.weights.every(Number.isFinite)).toBe(true);
});

it.each([
  ["an infinite value", () => trainLogistic({ train: oneColumn([1, Infinity], [0, 1]) }), "train.columns.x"],
  ["a negative l2", () => trainLogistic({ train: oneColumn([1, 2], [0, 1]), l2: -1 }), "l2"],
  ["one class", () => trainLogistic({ train: oneColumn([1, 2], [0, 0]) }), "train.labels"],
])("%s is refused by name", (_, start, field) => {
  let error: unknown;
  try {
    start();
  } catch (thrown) {
    error = thrown;
  }
  expect(codeOf(error)).toBe("INVALID_ARGUMENT");
  expect(error).toHaveProperty("details.field", field);
});
