import type { FeatureInfo } from "../dataset.ts";
import type { TreeEnsemble } from "./ensemble.ts";

export interface FeatureImportance {
  readonly feature: string;
  /** Sum of the gains of its splits. */
  readonly gain: number;
  /** How many splits use it. */
  readonly splits: number;
}

/** Importance of every feature in the trees, greatest gain first; it is read off training, so it says what was used, not what helps on new rows. */
export function treeImportance(ensemble: TreeEnsemble, features: readonly FeatureInfo[]): readonly FeatureImportance[] {
  const gain = new Float64Array(features.length);
  const splits = new Int32Array(features.length);
  ensemble.splitFeature.forEach((feature, node) => {
    gain[feature]! += ensemble.splitGain[node]!;
    splits[feature]!++;
  });
  return features
    .map(({ name }, f) => ({ feature: name, gain: gain[f]!, splits: splits[f]! }))
    .sort((a, b) => b.gain - a.gain || b.splits - a.splits || (a.feature < b.feature ? -1 : 1));
}
