/**
 * Number of distinct values from the k smallest of their hashes (bottom-k sketch). With fewer than k the count is exact; otherwise the k-th
 * smallest of hashes spread evenly over [0, 2^52) lies near k / distinct of the way: distinct is estimated as (k - 1) / (h_k / 2^52), without
 * bias, with a relative standard error of 1 / sqrt(k - 2). Both engines take the sketch of the same hashes, so they give the same number.
 * @see Bar-Yossef et al., Counting distinct elements in a data stream (2002); Beyer et al., On synopses for distinct-value estimation (2007)
 */
const range = 2 ** 52;

/** @param hashes distinct, in any order */
export function estimateDistinct(hashes: Float64Array, k: number): number {
  if (hashes.length < k) return hashes.length;
  return ((k - 1) * range) / hashes.sort()[k - 1]!;
}
