import { createTreeEvaluator } from "../../../learn/trees/evaluate.ts";
import { createTreeShap } from "../../../learn/trees/tree-shap.ts";
import type { ServableModel } from "../model.ts";
import { tabularServable } from "../tabular.ts";
import { treesBytes } from "../trees-bytes.ts";
import { transformScores } from "./objective.ts";
import type { LightGbmModel } from "./read-text.ts";

/** Answers as LightGBM's own predictor: raw scores to the bit; predictions to the last bit of `exp`, which runtimes round differently. */
export function openLightGbm(model: LightGbmModel): ServableModel {
  const { trees, averageOutput, numIterations, objective, featureNames } = model;
  const { numGroups, numFeatures } = trees;
  const { scoreRows } = createTreeEvaluator(trees, { base: new Float64Array(numGroups), float32: false });
  const predictRows = (vectors: Float64Array, numRows: number, out: Float64Array): void => {
    scoreRows(vectors, numRows, out);
    if (averageOutput && numIterations > 0) for (let i = 0; i < numRows * numGroups; i++) out[i]! /= numIterations;
    for (let row = 0; row < numRows; row++) transformScores(objective.transform, out, row * numGroups, numGroups);
  };
  const contributions = createTreeShap(trees, new Float64Array(numGroups));
  const tabular = { featureNames, numFeatures, numScores: numGroups, numOutputs: numGroups, scoreRows, predictRows, ...(contributions && { contributions }) };
  return tabularServable("lightgbm", objective.name, tabular, treesBytes(trees));
}
