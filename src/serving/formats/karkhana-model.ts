import type { TreeEnsemble } from "../../learn/gbdt/ensemble.ts";
import { coveredTreesOf } from "../../learn/gbdt/predict.ts";
import type { TrainedModel } from "../../learn/model.ts";
import { createPredictor, type Predictor } from "../../learn/predictor.ts";
import { createTreeShap, maxExplainedDepth } from "../../learn/trees/tree-shap.ts";
import type { ServableModel } from "./model.ts";
import { tabularServable } from "./tabular.ts";

/** A model of our own trainer: one calibrated probability and one log-odds a row. */
export function openKarkhanaModel(model: TrainedModel): ServableModel {
  const { scoreRow, scoreRows, predictRow, predictRows, numFeatures } = createPredictor(model);
  const memoryBytes = model.kind === "gbdt" ? model.ensemble.threshold.length * 64 + model.ensemble.leafValue.length * 12 : numFeatures * 64;
  const featureNames = model.features.map((feature) => feature.name);
  const explain = model.kind === "gbdt" ? treeContributions(model.ensemble, numFeatures) : additive(scoreRow, numFeatures);
  const tabular = { featureNames, numFeatures, numScores: 1, numOutputs: 1, scoreRows, predictRow, predictRows, ...(explain && { contributions: explain }) };
  return tabularServable("karkhana", model.kind, tabular, memoryBytes);
}

/** What explaining needs is made at the first question: a version that is swapped in under load has better things to do. */
function treeContributions(ensemble: TreeEnsemble, numFeatures: number): ((vector: Float64Array) => Float64Array) | undefined {
  const make = (): ((vector: Float64Array) => Float64Array) | undefined => createTreeShap(coveredTreesOf(ensemble, numFeatures), [ensemble.baseScore]);
  const { treeOffsets, numTrees } = ensemble;
  for (let tree = 0; tree < numTrees; tree++) if (treeOffsets[tree + 1]! - treeOffsets[tree]! > maxExplainedDepth) return make();
  // No tree has nodes enough to be too deep.
  let made: ReturnType<typeof make>;
  return (vector) => (made ??= make()!)(vector);
}

/**
 * Contributions in a model that adds up its features: what the score changes when a feature alone is known. The baseline is the score
 * where nothing is: numbers at their mean, categories none.
 */
function additive(scoreRow: Predictor["scoreRow"], numFeatures: number): (vector: Float64Array) => Float64Array {
  return (vector) => {
    const one = new Float64Array(numFeatures).fill(Number.NaN);
    const result = new Float64Array(numFeatures + 1);
    const baseline = (result[numFeatures] = scoreRow(one, 0));
    for (let f = 0; f < numFeatures; f++) {
      one[f] = vector[f]!;
      result[f] = scoreRow(one, 0) - baseline;
      one[f] = Number.NaN;
    }
    return result;
  };
}
