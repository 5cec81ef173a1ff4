import { describe, expect, it } from "vitest";
import { madeTable, oneColumn, takeRows } from "../../../test/reference/made-table.ts";
import { codeOf } from "../../kernel/error.ts";
import { seededRng } from "../../kernel/rng.ts";
import { sigmoid } from "../../math/sigmoid.ts";
import type { TrainingTable } from "../dataset.ts";
import { auc } from "../metrics.ts";
import { encodeModel } from "../model-file.ts";
import { createPredictor, scoreTable } from "../predictor.ts";
import type { TreeEnsemble } from "./ensemble.ts";
import type { GbdtParams } from "./params.ts";
import { trainGbdt } from "./train.ts";
import { referenceScore } from "./walk.ts";

const small: Partial<GbdtParams> = { numIterations: 15, numLeaves: 8 };

function scoresOf(ensemble: TreeEnsemble, table: TrainingTable): Float64Array {
  return scoreTable(createPredictor({ kind: "gbdt", features: table.features, ensemble, calibration: { kind: "sigmoid", slope: 1, intercept: 0 } }), table);
}

function bytesOf(ensemble: TreeEnsemble, table: TrainingTable): string {
  return Buffer.from(encodeModel({ kind: "gbdt", features: table.features, ensemble, calibration: { kind: "sigmoid", slope: 1, intercept: 0 } })).toString(
    "utf8",
  );
}

describe("what must not change a model", () => {
  const table = madeTable(1200, 2);

  it("the same table, parameters and seed give the same bytes, sampling included", () => {
    const params = { ...small, baggingFraction: 0.7, baggingFreq: 2, featureFraction: 0.6, seed: 9 };
    const first = bytesOf(trainGbdt({ train: table, params }).ensemble, table);
    expect(bytesOf(trainGbdt({ train: table, params }).ensemble, table)).toBe(first);
    expect(bytesOf(trainGbdt({ train: table, params: { ...params, seed: 10 } }).ensemble, table)).not.toBe(first);
  });

  it("without sampling the seed changes nothing", () => {
    const first = bytesOf(trainGbdt({ train: table, params: { ...small, seed: 1 } }).ensemble, table);
    expect(bytesOf(trainGbdt({ train: table, params: { ...small, seed: 2 } }).ensemble, table)).toBe(first);
  });

  it.each([
    ["a cube", (x: number) => x ** 3],
    ["an exponential", (x: number) => Math.exp(x / 50)],
    ["a shift and stretch", (x: number) => 7 * x - 1000],
  ])("%s of the numeric features leaves the training rows' scores as they are, to the bit", (_, transform) => {
    const changed = { ...table, columns: table.columns.map((column, f) => (table.features[f]!.type === "numeric" ? column.map(transform) : column)) };
    const scores = scoresOf(trainGbdt({ train: table, params: small }).ensemble, table);
    expect(new Set(scores).size).toBeGreaterThan(50);
    expect(scoresOf(trainGbdt({ train: changed, params: small }).ensemble, changed)).toEqual(scores);
  });

  it("the order of rows changes only the rounding of sums", () => {
    const rng = seededRng(4);
    const order = Array.from({ length: table.numRows }, (_, i) => [rng.next(), i] as const)
      .sort(([a], [b]) => a - b)
      .map(([, i]) => i);
    const scores = scoresOf(trainGbdt({ train: table, params: small }).ensemble, table);
    const shuffled = scoresOf(trainGbdt({ train: takeRows(table, order), params: small }).ensemble, table);
    scores.forEach((score, i) => expect(Math.abs(shuffled[i]! - score)).toBeLessThan(1e-9));
  });

  it("renumbering categories renames them in the splits and changes no score beyond rounding", () => {
    const renumbered = {
      ...table,
      columns: table.columns.with(
        3,
        table.columns[3]!.map((code) => 40 - 3 * code),
      ),
    };
    const scores = scoresOf(trainGbdt({ train: table, params: small }).ensemble, table);
    const others = scoresOf(trainGbdt({ train: renumbered, params: small }).ensemble, renumbered);
    scores.forEach((score, i) => expect(Math.abs(others[i]! - score)).toBeLessThan(1e-9));
  });

  it("a feature of one value is never used", () => {
    const constant = {
      ...table,
      features: [...table.features, { name: "constant", type: "numeric" as const }],
      columns: [...table.columns, new Float64Array(table.numRows).fill(5)],
    };
    const { ensemble } = trainGbdt({ train: constant, params: small });
    expect(ensemble.splitFeature).not.toContain(4);
    expect(ensemble.leafValue).toEqual(trainGbdt({ train: table, params: small }).ensemble.leafValue);
  });
});

describe("limits of a tree", () => {
  const table = madeTable(2000, 3);

  it("numLeaves and maxDepth hold", () => {
    const { ensemble } = trainGbdt({ train: table, params: { numIterations: 4, numLeaves: 31, maxDepth: 3 } });
    expect(ensemble.numTrees).toBe(4);
    for (let tree = 0; tree < 4; tree++) {
      expect(ensemble.leafOffsets[tree + 1]! - ensemble.leafOffsets[tree]!).toBeLessThanOrEqual(8);
      expect(depthOf(ensemble, tree)).toBe(3);
    }
    const wide = trainGbdt({ train: table, params: { numIterations: 1, numLeaves: 5, minDataInLeaf: 1 } }).ensemble;
    expect(wide.leafValue).toHaveLength(5);
  });

  it("no leaf of the first tree, where hessians are equal and counts exact, has fewer than minDataInLeaf rows", () => {
    const { ensemble } = trainGbdt({ train: table, params: { numIterations: 1, numLeaves: 255, minDataInLeaf: 60 } });
    expect(ensemble.leafCount.length).toBeGreaterThan(10);
    expect(Math.min(...ensemble.leafCount)).toBeGreaterThanOrEqual(60);
    expect(ensemble.leafCount.reduce((a, b) => a + b)).toBe(2000);
  });

  it("leaf counts are the rows that land in the leaf", () => {
    const { ensemble } = trainGbdt({ train: table, params: { numIterations: 1, numLeaves: 12 } });
    const values = scoresOf(ensemble, table);
    ensemble.leafValue.forEach((value, leaf) => {
      expect(values.filter((score) => score === ensemble.baseScore + value)).toHaveLength(ensemble.leafCount[leaf]!);
    });
  });

  it("minGainToSplit and lambdaL2 make smaller trees and smaller steps", () => {
    const free = trainGbdt({ train: table, params: { numIterations: 1, numLeaves: 63 } }).ensemble;
    const dear = trainGbdt({ train: table, params: { numIterations: 1, numLeaves: 63, minGainToSplit: 5 } }).ensemble;
    expect(dear.leafValue.length).toBeLessThan(free.leafValue.length);
    expect(Math.min(...dear.splitGain)).toBeGreaterThan(5);
    const held = trainGbdt({ train: table, params: { numIterations: 1, numLeaves: 63, lambdaL2: 1000 } }).ensemble;
    expect(Math.max(...held.leafValue.map(Math.abs))).toBeLessThan(Math.max(...free.leafValue.map(Math.abs)));
  });

  it("featureFraction gives each tree its share of the features", () => {
    const { ensemble } = trainGbdt({ train: table, params: { numIterations: 12, numLeaves: 15, featureFraction: 0.5 } });
    for (let tree = 0; tree < 12; tree++) {
      const used = new Set(ensemble.splitFeature.subarray(ensemble.treeOffsets[tree], ensemble.treeOffsets[tree + 1]));
      expect(used.size).toBeLessThanOrEqual(2);
    }
    expect(new Set(ensemble.splitFeature).size).toBe(4);
  });

  it("bagging grows each tree from its share of the rows", () => {
    const { ensemble } = trainGbdt({ train: table, params: { numIterations: 1, numLeaves: 8, baggingFraction: 0.25, baggingFreq: 1 } });
    const inBag = ensemble.leafCount.reduce((a, b) => a + b);
    expect(inBag).toBeGreaterThan(400);
    expect(inBag).toBeLessThan(600);
  });
});

describe("missing values and categories", () => {
  it.each([1, 0])("missing rows whose labels are all %i are sent to that side", (label) => {
    const values = Array.from({ length: 300 }, (_, i) => (i % 3 === 0 ? Number.NaN : i));
    const labels = values.map((value) => (Number.isNaN(value) ? label : 1 - label));
    const { ensemble } = trainGbdt({
      train: oneColumn([...values, 1, 2], [...labels, label, label]),
      params: { numIterations: 30, numLeaves: 4, minDataInLeaf: 1 },
    });
    const missing = sigmoid(referenceScore(ensemble, [Number.NaN]));
    expect(Math.abs(missing - label)).toBeLessThan(0.1);
    expect(Math.abs(sigmoid(referenceScore(ensemble, [150])) - (1 - label))).toBeLessThan(0.1);
  });

  it("a feature never missing in training sends a later missing value with most rows", () => {
    const values = Array.from({ length: 100 }, (_, i) => i);
    const { ensemble } = trainGbdt({
      train: oneColumn(
        values,
        values.map((v) => (v < 80 ? 0 : 1)),
      ),
      params: { numIterations: 1, numLeaves: 2, minDataInLeaf: 1 },
    });
    expect(referenceScore(ensemble, [Number.NaN])).toBe(referenceScore(ensemble, [10]));
    const flipped = trainGbdt({
      train: oneColumn(
        values,
        values.map((v) => (v < 20 ? 0 : 1)),
      ),
      params: { numIterations: 1, numLeaves: 2, minDataInLeaf: 1 },
    });
    expect(referenceScore(flipped.ensemble, [Number.NaN])).toBe(referenceScore(flipped.ensemble, [90]));
  });

  it("one split separates categories scattered among the codes; unknown and missing ones go right", () => {
    const codes = Array.from({ length: 4000 }, (_, i) => i % 20);
    const chosen = new Set([1, 4, 9, 16]);
    const { ensemble } = trainGbdt({
      train: oneColumn(
        codes,
        codes.map((c) => (chosen.has(c) ? 1 : 0)),
        "categorical",
      ),
      params: { numIterations: 1, numLeaves: 2 },
    });
    const scores = Array.from({ length: 20 }, (_, code) => referenceScore(ensemble, [code]));
    expect(new Set(scores.map((score, code) => `${score > ensemble.baseScore}/${chosen.has(code)}`))).toEqual(new Set(["true/true", "false/false"]));
    const right = ensemble.baseScore + ensemble.leafValue[~ensemble.rightChild[0]!]!;
    for (const strange of [Number.NaN, 20, 31, 32, 1e9, -1]) expect(referenceScore(ensemble, [strange])).toBe(right);
  });

  it("infinite values are values like others", () => {
    const values = [...Array.from({ length: 50 }, () => -Infinity), ...Array.from({ length: 50 }, (_, i) => i), ...Array.from({ length: 50 }, () => Infinity)];
    const { ensemble } = trainGbdt({
      train: oneColumn(
        values,
        values.map((v) => (Number.isFinite(v) ? 1 : 0)),
      ),
      params: { numIterations: 20, numLeaves: 4 },
    });
    expect(sigmoid(referenceScore(ensemble, [25]))).toBeGreaterThan(0.8);
    for (const far of [-Infinity, Infinity]) expect(sigmoid(referenceScore(ensemble, [far]))).toBeLessThan(0.2);
  });
});

describe("the run of a training", () => {
  const train = madeTable(1500, 5);
  const valid = madeTable(800, 6);

  it("learns: the training loss falls with every tree and held-out rows are ranked", () => {
    const { ensemble, history } = trainGbdt({ train, params: small });
    const losses = history.map(({ trainLogLoss }) => trainLogLoss!);
    expect(losses).toHaveLength(15);
    losses.forEach((loss, i) => expect(i === 0 || loss < losses[i - 1]!).toBe(true));
    expect(auc(scoresOf(ensemble, valid), valid.labels)).toBeGreaterThan(0.72);
  });

  it("early stopping keeps the trees up to the lowest validation loss and no more", () => {
    const told: [number, number][] = [];
    const params = { numIterations: 500, numLeaves: 31, learningRate: 0.3, earlyStoppingRounds: 7 };
    const { ensemble, bestIteration, history } = trainGbdt({ train, valid, params, onIteration: (iteration, loss) => told.push([iteration, loss]) });
    const lowest = Math.min(...history.map(({ validLogLoss }) => validLogLoss));
    expect(history).toHaveLength(bestIteration + 7);
    expect(history[bestIteration - 1]!.validLogLoss).toBe(lowest);
    expect(ensemble.numTrees).toBe(bestIteration);
    expect(told).toEqual(history.map(({ iteration, validLogLoss }) => [iteration, validLogLoss]));
    const scores = scoresOf(ensemble, valid);
    const loss = scores.reduce((sum, score, i) => sum - Math.log(sigmoid(valid.labels[i] === 1 ? score : -score)), 0) / valid.numRows;
    expect(loss).toBeCloseTo(lowest, 10);
    expect(bytesOf(ensemble, train)).toBe(bytesOf(trainGbdt({ train, params: { ...params, numIterations: bestIteration } }).ensemble, train));
  });

  it("earlyStoppingRounds 0 keeps every tree", () => {
    const { bestIteration } = trainGbdt({ train, valid, params: { numIterations: 40, learningRate: 0.5, earlyStoppingRounds: 0 } });
    expect(bestIteration).toBe(40);
  });

  it("rows outside the bag get the new tree's values too", () => {
    const params = { ...small, baggingFraction: 0.5, baggingFreq: 1 };
    const { ensemble, history } = trainGbdt({ train, valid: train, params: { ...params, earlyStoppingRounds: 0 } });
    history.forEach(({ trainLogLoss, validLogLoss }) => expect(trainLogLoss).toBeCloseTo(validLogLoss, 12));
    expect(ensemble.numTrees).toBe(15);
  });

  it("an abort between trees ends it with a code", () => {
    const controller = new AbortController();
    const trees: number[] = [];
    const start = (): unknown =>
      trainGbdt({
        train,
        params: small,
        signal: controller.signal,
        onIteration: (iteration) => {
          trees.push(iteration);
          if (iteration === 3) controller.abort();
        },
      });
    expect(codeOf(thrownBy(start))).toBe("TRAINING_ABORTED");
    expect(trees).toEqual([1, 2, 3]);
  });

  it("where nothing can be split the base rate is the model", () => {
    const { ensemble, bestIteration, history } = trainGbdt({ train: oneColumn([1, 1, 1, 1], [0, 1, 0, 0]) });
    expect([bestIteration, history.length, ensemble.numTrees]).toEqual([0, 0, 0]);
    expect(sigmoid(referenceScore(ensemble, [1]))).toBeCloseTo(0.25, 12);
  });

  it.each<[string, () => unknown, string, string]>([
    ["no rows", () => trainGbdt({ train: oneColumn([], []) }), "INVALID_ARGUMENT", "train"],
    ["one class", () => trainGbdt({ train: oneColumn([1, 2], [1, 1]) }), "INVALID_ARGUMENT", "train.labels"],
    ["a label of 2", () => trainGbdt({ train: oneColumn([1, 2, 3], [0, 1, 2]) }), "INVALID_ARGUMENT", "train.labels"],
    ["a fractional category", () => trainGbdt({ train: oneColumn([1, 2.5], [0, 1], "categorical") }), "INVALID_ARGUMENT", "train.columns.x"],
    ["a column too short", () => trainGbdt({ train: { ...oneColumn([1, 2], [0, 1]), columns: [Float64Array.of(1)] } }), "SHAPE_MISMATCH", "train.columns.x"],
    ["other features in the validation table", () => trainGbdt({ train, valid: oneColumn([1, 2], [0, 1]) }), "SHAPE_MISMATCH", "valid.features"],
    ["a parameter out of range", () => trainGbdt({ train, params: { numLeaves: 0 } }), "INVALID_ARGUMENT", "params.numLeaves"],
  ])("%s: refused, naming the field", (_, start, code, field) => {
    const error = thrownBy(start);
    expect(codeOf(error)).toBe(code);
    expect(error).toHaveProperty("details.field", field);
  });
});

function depthOf(ensemble: TreeEnsemble, tree: number, child = 0): number {
  if (child < 0) return 0;
  const node = ensemble.treeOffsets[tree]! + child;
  return 1 + Math.max(depthOf(ensemble, tree, ensemble.leftChild[node]), depthOf(ensemble, tree, ensemble.rightChild[node]));
}

function thrownBy(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}
