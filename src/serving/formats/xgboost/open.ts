import { createTreeEvaluator } from "../../../learn/trees/evaluate.ts";
import { createTreeShap } from "../../../learn/trees/tree-shap.ts";
import type { ServableModel } from "../model.ts";
import { tabularServable } from "../tabular.ts";
import { treesBytes } from "../trees-bytes.ts";
import { transformMargins } from "./objective.ts";
import type { XgboostModel } from "./read-model.ts";

type ScoreRows = (vectors: Float64Array, numRows: number, out: Float64Array) => void;

/**
 * Answers as XGBoost's CPU predictor: inputs rounded to float32, margins summed in float32 in tree order, equal to the bit;
 * predictions to the last bit of `expf`, which C libraries round differently.
 * @param missing a value that stands for missing beside NaN, as `DMatrix(missing=...)`
 */
export function openXgboost(model: XgboostModel, missing: number = Number.NaN): ServableModel {
  const { featureNames, numGroups, objective, booster } = model;
  const numFeatures = featureNames.length;
  const scoreFloats = booster.kind === "trees" ? createTreeEvaluator(booster.trees, { base: model.base, float32: true }).scoreRows : linearScorer(model);
  const absent = Math.fround(missing);
  const floatsOf = (vectors: Float64Array): Float64Array => {
    const floats = new Float64Array(vectors.length);
    for (let i = 0; i < floats.length; i++) {
      const value = Math.fround(vectors[i]!);
      floats[i] = value === absent ? Number.NaN : value;
    }
    return floats;
  };
  const scoreRows: ScoreRows = (vectors, numRows, out) => {
    scoreFloats(floatsOf(vectors.subarray(0, numRows * numFeatures)), numRows, out);
  };
  const numOutputs = objective.transform === "argmax" ? 1 : numGroups;
  const predictRows: ScoreRows = (vectors, numRows, out) => {
    const scores = new Float64Array(numRows * numGroups);
    scoreRows(vectors, numRows, scores);
    for (let row = 0; row < numRows; row++) transformMargins(objective, scores, row * numGroups, numGroups, out, row * numOutputs);
  };
  const explain = booster.kind === "trees" ? createTreeShap(booster.trees, model.base) : undefined;
  const contributions = explain && ((vector: Float64Array): Float64Array => explain(floatsOf(vector)));
  const bytes = booster.kind === "trees" ? treesBytes(booster.trees) : booster.linear.weights.byteLength;
  const tabular = { featureNames, numFeatures, numScores: numGroups, numOutputs, scoreRows, predictRows, ...(contributions && { contributions }) };
  return tabularServable("xgboost", objective.name, tabular, bytes);
}

function linearScorer({ featureNames, numGroups, base, booster }: XgboostModel): ScoreRows {
  if (booster.kind !== "linear") throw new TypeError("a linear booster is needed");
  const { weights, bias } = booster.linear;
  const numFeatures = featureNames.length;
  return (floats, numRows, out) => {
    for (let row = 0; row < numRows; row++)
      for (let g = 0; g < numGroups; g++) {
        // XGBoost takes the first base score for every group.
        let sum = Math.fround(bias[g]! + base[0]!);
        for (let f = 0; f < numFeatures; f++) {
          const value = floats[row * numFeatures + f]!;
          if (value === value) sum = Math.fround(sum + Math.fround(value * weights[f * numGroups + g]!));
        }
        out[row * numGroups + g] = sum;
      }
  };
}
