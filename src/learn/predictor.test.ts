import { describe, expect, it } from "vitest";
import { madeTable } from "../../test/reference/made-table.ts";
import { codeOf } from "../kernel/error.ts";
import { seededRng } from "../kernel/rng.ts";
import { fitIsotonic, fitSigmoid } from "./calibration.ts";
import { treeImportance } from "./gbdt/importance.ts";
import { trainGbdt } from "./gbdt/train.ts";
import { trainLogistic } from "./linear/logistic.ts";
import { auc } from "./metrics.ts";
import type { GbdtModel, TrainedModel } from "./model.ts";
import { permutationImportance } from "./permutation-importance.ts";
import { createPredictor, predictTable, scoreTable } from "./predictor.ts";

const train = madeTable(2500, 21);
const holdout = madeTable(2500, 22);
const { ensemble } = trainGbdt({ train, params: { numIterations: 25, numLeaves: 8 } });
const raw: GbdtModel = { kind: "gbdt", features: train.features, ensemble, calibration: { kind: "sigmoid", slope: 1, intercept: 0 } };
const scores = scoreTable(createPredictor(raw), holdout);

describe.each<[string, TrainedModel]>([
  ["trees with a sigmoid", { ...raw, calibration: fitSigmoid(scores, holdout.labels) }],
  ["trees with an isotonic fit", { ...raw, calibration: fitIsotonic(scores, holdout.labels) }],
  ["logistic", trainLogistic({ train })],
])("a predictor of %s", (_, model) => {
  const predictor = createPredictor(model);
  const probabilities = predictTable(predictor, holdout);

  it("gives probabilities, in a batch the same bits as one by one", () => {
    expect(new Set(probabilities).size).toBeGreaterThan(20);
    const vector = new Float64Array(predictor.numFeatures);
    probabilities.forEach((p, i) => {
      holdout.columns.forEach((column, f) => (vector[f] = column[i]!));
      expect(p >= 0 && p <= 1).toBe(true);
      expect(predictor.predictRow(vector, 0)).toBe(p);
    });
  });

  it("refuses arrays too short for the rows asked", () => {
    const thrownBy = (vectors: number, out: number): unknown => {
      try {
        predictor.predictRows(new Float64Array(vectors), 2, new Float64Array(out));
      } catch (error) {
        return error;
      }
      return undefined;
    };
    expect(codeOf(thrownBy(7, 2))).toBe("SHAPE_MISMATCH");
    expect(codeOf(thrownBy(8, 1))).toBe("SHAPE_MISMATCH");
    expect(thrownBy(8, 2)).toBeUndefined();
  });
});

describe("importance", () => {
  const noise = seededRng(1);
  const withNoise = (table: typeof train): typeof train => ({
    ...table,
    features: [...table.features, { name: "noise", type: "numeric" }],
    columns: [...table.columns, Float64Array.from({ length: table.numRows }, () => noise.next())],
  });
  const [noisyTrain, noisyHoldout] = [withNoise(train), withNoise(holdout)];
  const fit = trainGbdt({ train: noisyTrain, params: { numIterations: 25, numLeaves: 8 } }).ensemble;

  it("in the trees adds up gains and splits, and ranks noise last", () => {
    const importance = treeImportance(fit, noisyTrain.features);
    expect(importance.reduce((sum, { splits }) => sum + splits, 0)).toBe(fit.splitFeature.length);
    expect(importance.reduce((sum, { gain }) => sum + gain, 0)).toBeCloseTo(
      fit.splitGain.reduce((a, b) => a + b),
      6,
    );
    expect(importance.at(-1)!.feature).toBe("noise");
    expect(importance[0]!.gain).toBeGreaterThan(10 * importance.at(-1)!.gain);
  });

  it("by shuffling says what held-out ranking loses, the same for the same seed", () => {
    const predictor = createPredictor({ ...raw, features: noisyTrain.features, ensemble: fit });
    const ask = (seed: number): ReturnType<typeof permutationImportance> =>
      permutationImportance({ predictor, table: noisyHoldout, rng: seededRng(seed), maxRows: 1000 });
    const importance = ask(5);
    expect(ask(5)).toEqual(importance);
    expect(ask(6)).not.toEqual(importance);
    expect(importance.map(({ feature }) => feature).sort()).toEqual(noisyTrain.features.map(({ name }) => name).sort());
    const loss = Object.fromEntries(importance.map(({ feature, aucLoss }) => [feature, aucLoss]));
    expect(Math.abs(loss["noise"]!)).toBeLessThan(0.01);
    expect(loss["gappy"]).toBeGreaterThan(0.03);
    expect(auc(predictTable(predictor, noisyHoldout), noisyHoldout.labels)).toBeGreaterThan(0.7);
  });
});
