import { createTreeShap } from "../../learn/trees/tree-shap.ts";
import { flatTreesOf } from "../../learn/gbdt/predict.ts";
import type { TrainedModel } from "../../learn/model.ts";
import { createPredictor } from "../../learn/predictor.ts";
import type { ServableModel } from "./model.ts";
import { tabularServable } from "./tabular.ts";

/** A model of our own trainer: one calibrated probability and one log-odds a row. */
export function openKarkhanaModel(model: TrainedModel): ServableModel {
  const { scoreRows, predictRows, numFeatures } = createPredictor(model);
  const memoryBytes = model.kind === "gbdt" ? model.ensemble.threshold.length * 64 + model.ensemble.leafValue.length * 12 : numFeatures * 64;
  const featureNames = model.features.map((feature) => feature.name);
  const explain = model.kind === "gbdt" ? createTreeShap(flatTreesOf(model.ensemble, numFeatures), [model.ensemble.baseScore]) : undefined;
  const tabular = { featureNames, numFeatures, numScores: 1, numOutputs: 1, scoreRows, predictRows, ...(explain && { contributions: explain }) };
  return tabularServable("karkhana", model.kind, tabular, memoryBytes);
}
