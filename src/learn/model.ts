import type { FeatureInfo } from "./dataset.ts";
import type { TreeEnsemble } from "./gbdt/ensemble.ts";

/** Maps a raw score (log-odds) to a calibrated probability. */
export type Calibration =
  | { readonly kind: "sigmoid"; readonly slope: number; readonly intercept: number }
  | { readonly kind: "isotonic"; readonly x: readonly number[]; readonly y: readonly number[] };

export interface LogisticModel {
  readonly kind: "logistic";
  readonly features: readonly FeatureInfo[];
  /** Standardisation and weights, shape [numColumns] after one-hot coding of categories; missing values take the mean. */
  readonly means: readonly number[];
  readonly scales: readonly number[];
  readonly weights: readonly number[];
  readonly intercept: number;
  /** For each categorical feature, how many codes have a column of their own. */
  readonly numCategories: Readonly<Record<string, number>>;
  readonly calibration: Calibration;
}

export interface GbdtModel {
  readonly kind: "gbdt";
  readonly features: readonly FeatureInfo[];
  readonly ensemble: TreeEnsemble;
  readonly calibration: Calibration;
}

/** What a trainer makes and a predictor reads. `learn/model-file.ts` turns it into bytes and back. */
export type TrainedModel = GbdtModel | LogisticModel;
