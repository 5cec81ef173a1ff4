import type { LogisticModel } from "../model.ts";

/** Raw score (log-odds) of the row at `vector[offset ..]`. */
export function createLogisticScorer(model: LogisticModel): (vector: Float64Array, offset: number) => number {
  const numFeatures = model.features.length;
  const means = Float64Array.from(model.means);
  const scales = Float64Array.from(model.scales);
  const weights = Float64Array.from(model.weights);
  /** Codes with a column of their own; -1 = numeric. */
  const widths = Int32Array.from(model.features, ({ name, type }) => (type === "categorical" ? (model.numCategories[name] ?? 0) : -1));
  return (vector, offset) => {
    let score = model.intercept;
    let column = 0;
    for (let f = 0; f < numFeatures; f++) {
      const value = vector[offset + f]!;
      const width = widths[f]!;
      if (width < 0) {
        if (value === value) score += ((value - means[column]!) / scales[column]!) * weights[column]!;
        column++;
      } else {
        if (value >= 0 && value < width) score += weights[column + Math.floor(value)]!;
        column += width;
      }
    }
    return score;
  };
}
