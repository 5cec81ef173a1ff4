import { KarkhanaError } from "../kernel/error.ts";

/** Above this many lattice points the p-value is the limiting distribution's. */
const maxExactCells = 4_000_000;

/** `exact`: the p-value is the permutation distribution's (exact without ties, an upper bound with them). */
export interface KsResult {
  readonly statistic: number;
  readonly pValue: number;
  readonly exact: boolean;
}

/**
 * Two-sided two-sample Kolmogorov-Smirnov test: the largest gap between two empirical distribution functions.
 * @param reference shape [n], n >= 1, finite, any order
 * @param current   shape [m], m >= 1, finite, any order
 * @returns statistic in [0, 1]; p-value exact (absolute error about 1e-12) for n * m up to 4 million, else asymptotic
 * @throws KarkhanaError INVALID_ARGUMENT for an empty sample
 * @see Kim and Jennrich (1973) for the exact distribution; Stephens (1970) for the correction of Kolmogorov's limit
 */
export function kolmogorovSmirnovTest(reference: ArrayLike<number>, current: ArrayLike<number>): KsResult {
  for (const [field, sample] of [
    ["reference", reference],
    ["current", current],
  ] as const) {
    if (sample.length === 0) throw new KarkhanaError("INVALID_ARGUMENT", { field, problem: "expected at least one value", value: [] });
  }
  const a = Float64Array.from(reference).sort();
  const b = Float64Array.from(current).sort();
  const statistic = largestGap(a, b);
  const exact = a.length * b.length <= maxExactCells;
  return { statistic, pValue: exact ? exactSurvival(statistic, a.length, b.length) : kolmogorovSurvival(statistic, a.length, b.length), exact };
}

function largestGap(a: Float64Array, b: Float64Array): number {
  let i = 0;
  let j = 0;
  let gap = 0;
  while (i < a.length && j < b.length) {
    const x = Math.min(a[i]!, b[j]!);
    while (i < a.length && a[i] === x) i++;
    while (j < b.length && b[j] === x) j++;
    gap = Math.max(gap, Math.abs(i / a.length - j / b.length));
  }
  return gap;
}

/** P(D >= d) over all interleavings of n and m values: lattice paths that leave the band |i/n - j/m| < d. */
function exactSurvival(d: number, n: number, m: number): number {
  // The statistic is a multiple of 1/(n m): half a step below d separates "at least d" from "less".
  const limit = (Math.round(d * n * m) - 0.5) / (n * m);
  const inside = new Float64Array(m + 1);
  for (let j = 0; j <= m; j++) inside[j] = j / m > limit ? 0 : 1;
  for (let i = 1; i <= n; i++) {
    const weight = i / (i + m);
    inside[0] = i / n > limit ? 0 : weight * inside[0]!;
    for (let j = 1; j <= m; j++) inside[j] = Math.abs(i / n - j / m) > limit ? 0 : weight * inside[j]! + inside[j - 1]!;
  }
  return Math.min(1, Math.max(0, 1 - inside[m]!));
}

function kolmogorovSurvival(d: number, n: number, m: number): number {
  const root = Math.sqrt((n * m) / (n + m));
  const t = (root + 0.12 + 0.11 / root) * d;
  if (t < 0.2) return 1;
  let sum = 0;
  for (let k = 1; k <= 100; k++) sum += (k % 2 === 1 ? 2 : -2) * Math.exp(-2 * k * k * t * t);
  return Math.min(1, Math.max(0, sum));
}
