/** A feature of a training table. A category is a whole number >= 0 (its code), unknown ones NaN. */
export interface FeatureInfo {
  readonly name: string;
  readonly type: "numeric" | "categorical";
}

/**
 * A training table, column-major: `columns[f]` has shape [numRows], float64, missing = NaN.
 * `labels` has shape [numRows], 0 or 1.
 */
export interface TrainingTable {
  readonly numRows: number;
  readonly features: readonly FeatureInfo[];
  readonly columns: readonly Float64Array[];
  readonly labels: Uint8Array;
}
