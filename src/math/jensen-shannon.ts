import { KarkhanaError } from "../kernel/error.ts";

/**
 * Jensen-Shannon distance: the square root of the divergence, natural logarithm. A metric.
 * @param p shape [numBins], proportions, each >= 0, sum 1
 * @param q shape [numBins], proportions, each >= 0, sum 1
 * @returns in [0, sqrt(ln 2) = 0.8326]; divide by sqrt(ln 2) for the base-2 form in [0, 1]
 * @throws KarkhanaError SHAPE_MISMATCH
 * @see Endres and Schindelin, A new metric for probability distributions (2003)
 */
export function jensenShannonDistance(p: ArrayLike<number>, q: ArrayLike<number>): number {
  if (q.length !== p.length) throw new KarkhanaError("SHAPE_MISMATCH", { field: "q", expected: [p.length], actual: [q.length] });
  let divergence = 0;
  for (let i = 0; i < p.length; i++) {
    const a = p[i]!;
    const b = q[i]!;
    const middle = (a + b) / 2;
    if (a > 0) divergence += (a * Math.log(a / middle)) / 2;
    if (b > 0) divergence += (b * Math.log(b / middle)) / 2;
  }
  // Rounding may leave a hair below zero for equal inputs.
  return Math.sqrt(Math.max(divergence, 0));
}
