import { KarkhanaError } from "../kernel/error.ts";

/**
 * Hellinger distance of two discrete distributions: sqrt(1 - sum sqrt(p q)).
 * @param p shape [numBins], proportions, each >= 0, sum 1
 * @param q shape [numBins], proportions, each >= 0, sum 1
 * @returns in [0, 1]
 * @throws KarkhanaError SHAPE_MISMATCH
 */
export function hellingerDistance(p: ArrayLike<number>, q: ArrayLike<number>): number {
  if (q.length !== p.length) throw new KarkhanaError("SHAPE_MISMATCH", { field: "q", expected: [p.length], actual: [q.length] });
  let overlap = 0;
  for (let i = 0; i < p.length; i++) overlap += Math.sqrt(p[i]! * q[i]!);
  return Math.sqrt(Math.max(1 - overlap, 0));
}
