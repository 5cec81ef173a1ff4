import { KarkhanaError } from "../kernel/error.ts";
import { chiSquareQuantile } from "./chi-square.ts";

/**
 * Population stability index of two binned distributions.
 * @param reference shape [numBins], proportions, each > 0, sum 1
 * @param current   shape [numBins], proportions, each > 0, sum 1; empty bins are the caller's to smooth (`smoothProportions`)
 * @returns PSI in nats, >= 0. Under no drift its mean is about (numBins - 1) * (1/n + 1/m).
 * @throws KarkhanaError SHAPE_MISMATCH if the lengths differ
 * @see Siddiqi, Credit Risk Scorecards (2006)
 * @example psi(Float64Array.of(0.5, 0.5), Float64Array.of(0.4, 0.6)) // 0.0405465...
 */
export function psi(reference: Float64Array, current: Float64Array): number {
  const numBins = reference.length;
  if (current.length !== numBins) throw new KarkhanaError("SHAPE_MISMATCH", { field: "current", expected: [numBins], actual: [current.length] });
  let sum = 0;
  for (let i = 0; i < numBins; i++) sum += (current[i]! - reference[i]!) * Math.log(current[i]! / reference[i]!);
  return sum;
}

/** Sample sizes and bins of a PSI, and the share of undrifted samples that must stay below the floor. */
export interface PsiFloorInput {
  /** Bins that the reference gives any mass. */
  readonly numBins: number;
  /** Rows of the reference. */
  readonly n: number;
  /** Rows of the current sample. */
  readonly m: number;
  /** In [0, 1), such as 0.99. */
  readonly quantile: number;
}

/**
 * What PSI reaches by sampling alone: without drift, PSI is distributed about as (1/n + 1/m) chi-square with numBins - 1 degrees of freedom.
 * Rows must be independent: serially dependent ones (windowed features of one day) exceed this floor without any lasting drift.
 * @returns PSI in nats; 0 for a single bin, which cannot drift
 * @throws KarkhanaError INVALID_ARGUMENT
 * @see Yurdakul and Naranjo, Statistical properties of the population stability index, Journal of Risk Model Validation 14(4) (2020)
 */
export function psiFloor(input: PsiFloorInput): number {
  const { numBins, n, m, quantile } = input;
  for (const [field, value] of [
    ["n", n],
    ["m", m],
  ] as const) {
    if (!(value > 0)) throw new KarkhanaError("INVALID_ARGUMENT", { field, problem: "expected at least one row", value });
  }
  if (!(quantile >= 0 && quantile < 1))
    throw new KarkhanaError("INVALID_ARGUMENT", { field: "quantile", problem: "expected a probability in [0, 1)", value: quantile });
  if (!(numBins > 1)) return 0;
  return (1 / n + 1 / m) * chiSquareQuantile(quantile, numBins - 1);
}
