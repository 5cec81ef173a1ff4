import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { madeTable } from "../../../test/reference/made-table.ts";
import { createTreePredictor } from "./predict.ts";
import { trainGbdt } from "./train.ts";
import { addTreeScores, referenceScore } from "./walk.ts";

const train = madeTable(1500, 1);
const { ensemble } = trainGbdt({ train, params: { numIterations: 20, numLeaves: 15, minDataInLeaf: 5 } });
const numCols = train.features.length;

/** Also values no training row had: exactly on thresholds, infinite, missing, codes unknown, negative and fractional. */
const value = fc.oneof(
  fc.double(),
  fc.constantFrom(...ensemble.threshold),
  fc.constantFrom(Number.NaN, Infinity, -Infinity, -0, -1, 3.7, 1e9),
  fc.integer({ min: 0, max: 14 }),
);
const vector = fc.array(value, { minLength: numCols, maxLength: numCols });

describe("the fast predictor", () => {
  const predictor = createTreePredictor(ensemble, numCols);

  it("has trees with numeric, missing-aware and categorical splits to walk", () => {
    expect(ensemble.isCategorical).toContain(1);
    expect(new Set(ensemble.defaultLeft).size).toBe(2);
    expect(ensemble.numTrees).toBe(20);
  });

  it("scores any vector as the reference does, to the bit, at any offset", () => {
    fc.assert(
      fc.property(vector, fc.integer({ min: 0, max: 3 }), (values, before) => {
        const padded = Float64Array.from([...Array.from({ length: before }, () => 1e6), ...values]);
        expect(predictor.scoreRow(padded, before)).toBe(referenceScore(ensemble, values));
      }),
      { numRuns: 500 },
    );
  });

  it("scores a batch of any size as it scores its rows, to the bit", () => {
    fc.assert(
      fc.property(fc.array(vector, { maxLength: 200 }), (rows) => {
        const out = new Float64Array(rows.length);
        predictor.scoreRows(Float64Array.from(rows.flat()), rows.length, out);
        expect([...out]).toEqual(rows.map((row) => referenceScore(ensemble, row)));
      }),
      { numRuns: 30 },
    );
  });

  it("a tree of one leaf and an ensemble of no trees have scores too", () => {
    const empty = { ...ensemble, numTrees: 0, baseScore: -0.25, treeOffsets: Int32Array.of(0), leafOffsets: Int32Array.of(0) };
    const stump = { ...empty, numTrees: 1, treeOffsets: Int32Array.of(0, 0), leafOffsets: Int32Array.of(0, 1), leafValue: Float64Array.of(2) };
    expect(createTreePredictor(empty, numCols).scoreRow(new Float64Array(numCols), 0)).toBe(-0.25);
    expect(createTreePredictor(stump, numCols).scoreRow(new Float64Array(numCols), 0)).toBe(1.75);
    expect(referenceScore(stump, new Float64Array(numCols))).toBe(1.75);
  });
});

it("walking columns, as training does, lands in the reference's leaves", () => {
  const scores = new Float64Array(train.numRows).fill(ensemble.baseScore);
  for (let tree = 0; tree < ensemble.numTrees; tree++) addTreeScores(ensemble, tree, train.columns, undefined, scores);
  for (let i = 0; i < 200; i++) {
    expect(scores[i]).toBe(
      referenceScore(
        ensemble,
        train.columns.map((column) => column[i]!),
      ),
    );
  }
});
