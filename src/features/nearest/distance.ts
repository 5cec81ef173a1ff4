/**
 * Distances as DuckDB's array_cosine_distance, array_negative_inner_product and array_distance compute them on DOUBLE: products of Float32 are
 * exact in a double, and each sum runs over the dimensions in order, so both give the same bits.
 */
import type { EmbeddingMetric } from "../definition.ts";

/** What of a vector does not depend on the question: by cosine the sum of its squares, else 0. */
export function selfProduct(vectors: Float32Array, at: number, dimensions: number, metric: EmbeddingMetric): number {
  if (metric !== "cosine") return 0;
  let sum = 0;
  for (let j = 0; j < dimensions; j++) sum += vectors[at + j]! * vectors[at + j]!;
  return sum;
}

/**
 * Distances of a question to four vectors at a time: four sums go on side by side where one would wait for itself, and each in its own order.
 * @param vectors rows of `dimensions` @param squares `selfProduct` of each row @param out receives the distances of rows [from, to)
 */
export function distances(
  vectors: Float32Array,
  squares: Float64Array,
  question: Float32Array,
  metric: EmbeddingMetric,
  from: number,
  to: number,
  out: Float64Array,
): void {
  const d = question.length;
  const own = selfProduct(question, 0, d, metric);
  let row = from;
  for (; row + 4 <= to; row += 4) {
    const [a, b, c, e] = [row * d, (row + 1) * d, (row + 2) * d, (row + 3) * d];
    let [s0, s1, s2, s3] = [0, 0, 0, 0];
    if (metric === "l2") {
      for (let j = 0; j < d; j++) {
        const x = question[j]!;
        const [p, q, r, t] = [x - vectors[a + j]!, x - vectors[b + j]!, x - vectors[c + j]!, x - vectors[e + j]!];
        s0 += p * p;
        s1 += q * q;
        s2 += r * r;
        s3 += t * t;
      }
    } else {
      for (let j = 0; j < d; j++) {
        const x = question[j]!;
        s0 += x * vectors[a + j]!;
        s1 += x * vectors[b + j]!;
        s2 += x * vectors[c + j]!;
        s3 += x * vectors[e + j]!;
      }
    }
    out[row - from] = finish(s0, metric, own, squares[row]!);
    out[row - from + 1] = finish(s1, metric, own, squares[row + 1]!);
    out[row - from + 2] = finish(s2, metric, own, squares[row + 2]!);
    out[row - from + 3] = finish(s3, metric, own, squares[row + 3]!);
  }
  for (; row < to; row++) out[row - from] = distance(vectors, row * d, squares[row]!, question, own, metric);
}

function distance(vectors: Float32Array, at: number, square: number, question: Float32Array, own: number, metric: EmbeddingMetric): number {
  let sum = 0;
  for (let j = 0; j < question.length; j++) {
    const [x, y] = [question[j]!, vectors[at + j]!];
    sum += metric === "l2" ? (x - y) * (x - y) : x * y;
  }
  return finish(sum, metric, own, square);
}

function finish(sum: number, metric: EmbeddingMetric, own: number, square: number): number {
  // 0 - x: never -0, which DuckDB's order and ours would have to agree on.
  if (metric === "dot") return 0 - sum;
  if (metric === "l2") return Math.sqrt(sum);
  return 1 - Math.min(1, Math.max(-1, sum / Math.sqrt(own * square)));
}
