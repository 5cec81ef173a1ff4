/** A figure with its 95% confidence interval; `low` and `high` are null where the rows are too few for one. */
export interface Estimate {
  readonly value: number;
  readonly low: number | null;
  readonly high: number | null;
}

/** Standard normal quantile at 0.975. */
const z = 1.959963984540054;

/** Normal interval, cut to [min, max], which the figure cannot leave. */
export function normalEstimate(value: number, variance: number, min: number = -Infinity, max: number = Infinity): Estimate {
  if (!(variance >= 0 && variance < Infinity)) return { value, low: null, high: null };
  const half = z * Math.sqrt(variance);
  return { value, low: Math.max(min, value - half), high: Math.min(max, value + half) };
}

/** Mean of per-row values and the normal interval of that mean. */
export function meanEstimate(values: Float64Array, min: number = -Infinity, max: number = Infinity): Estimate {
  let mean = 0;
  let squares = 0;
  for (let i = 0; i < values.length; i++) {
    const delta = values[i]! - mean;
    mean += delta / (i + 1);
    squares += delta * (values[i]! - mean);
  }
  return normalEstimate(mean, squares / (values.length - 1) / values.length, min, max);
}
