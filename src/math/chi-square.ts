import { KarkhanaError } from "../kernel/error.ts";
import { logGamma, lowerGammaRatio, upperGammaRatio } from "./gamma.ts";
import { normalQuantile } from "./normal.ts";

/**
 * Upper tail of the chi-square distribution: the p-value of a chi-square statistic.
 * @param x statistic, >= 0 @param degrees degrees of freedom, > 0, need not be whole
 */
export function chiSquareSurvival(x: number, degrees: number): number {
  return upperGammaRatio(degrees / 2, x / 2);
}

/**
 * The value that a chi-square variable stays below with probability `p`.
 * @param p in [0, 1) @param degrees degrees of freedom, > 0
 * @throws KarkhanaError INVALID_ARGUMENT
 * @see Wilson and Hilferty (1931) for the start; Newton steps on the distribution function, kept inside a bracket
 */
export function chiSquareQuantile(p: number, degrees: number): number {
  if (!(p >= 0 && p < 1)) throw new KarkhanaError("INVALID_ARGUMENT", { field: "p", problem: "expected a probability in [0, 1)", value: p });
  if (!(degrees > 0 && degrees < Infinity))
    throw new KarkhanaError("INVALID_ARGUMENT", { field: "degrees", problem: "expected a finite number above 0", value: degrees });
  if (p === 0) return 0;
  const a = degrees / 2;
  const h = 2 / (9 * degrees);
  let x = Math.max(degrees * (1 - h + normalQuantile(p) * Math.sqrt(h)) ** 3, 1e-12);
  let low = 0;
  let high = Infinity;
  for (let i = 0; i < 200; i++) {
    // Above the median the upper tail is the accurate one; both differences have the sign of F(x) - p.
    const difference = p > 0.5 ? 1 - p - upperGammaRatio(a, x / 2) : lowerGammaRatio(a, x / 2) - p;
    if (difference === 0) return x;
    if (difference > 0) high = x;
    else low = x;
    const logDensity = (a - 1) * Math.log(x / 2) - x / 2 - logGamma(a) - Math.LN2;
    let next = x - difference / Math.exp(logDensity);
    if (!(next > low && next < high)) next = high === Infinity ? low * 2 + 1 : (low + high) / 2;
    if (Math.abs(next - x) <= 1e-14 * x) return next;
    x = next;
  }
  return x;
}

/**
 * Pearson's chi-square test of observed against expected counts.
 * @param observed shape [k], counts @param expected shape [k], each > 0, scaled to the sum of `observed` by this function
 * @returns the statistic and its p-value with k - 1 degrees of freedom
 * @throws KarkhanaError SHAPE_MISMATCH
 */
export function chiSquareTest(observed: ArrayLike<number>, expected: ArrayLike<number>): { readonly statistic: number; readonly pValue: number } {
  const k = observed.length;
  if (expected.length !== k) throw new KarkhanaError("SHAPE_MISMATCH", { field: "expected", expected: [k], actual: [expected.length] });
  let observedSum = 0;
  let expectedSum = 0;
  for (let i = 0; i < k; i++) {
    observedSum += observed[i]!;
    expectedSum += expected[i]!;
  }
  let statistic = 0;
  for (let i = 0; i < k; i++) {
    const mean = (expected[i]! * observedSum) / expectedSum;
    statistic += (observed[i]! - mean) ** 2 / mean;
  }
  return { statistic, pValue: chiSquareSurvival(statistic, k - 1) };
}
