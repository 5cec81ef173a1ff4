import type { Rng } from "../../../kernel/rng.ts";
import { asMatrix, asRecord, asVector, vectorNear, wrong } from "../answers.ts";
import type { Finding, Lab, LabCase } from "../lab.ts";
import { apply, distance, dot, gram, identity, multiply, orthonormal, symmetricEigen, transpose, type Matrix } from "../oracle/dense.ts";
import { gaussian, gaussianMatrix } from "../oracle/random.ts";

const subspaceLimit = 1e-6;
const varianceLimit = 1e-8;

export const pca: Lab = {
  number: 6,
  version: 1,
  title: "Principal components from scratch",
  blockId: "weeks-4-7",
  minutes: 60,
  statement: `Principal component analysis looks for the directions in which data vary most. Write it without a library.

You get \`rows\` (n lists of d numbers) and \`k\`. Return

* \`mean\`: the mean of each column, d numbers;
* \`components\`: k lists of d numbers, orthonormal, the direction of largest variance first;
* \`variances\`: the variance along each of the k components, **dividing by n - 1**;
* \`ratios\`: each of those variances as a share of the total variance of the data.

Centre the columns, but do **not** scale them to unit variance.

What counts as right:

* A direction has no sign, so either is accepted. Where several variances are equal, any basis of their common subspace is: we compare the
  projection onto your components, which must agree to ${subspaceLimit}.
* Variances and ratios must agree to ${varianceLimit}.
* There may be fewer rows than columns, constant columns, and columns of very different size.

Why it matters: a drift monitor on embeddings, a compressed index and half of all plots of "clusters" stand on this. The classical slips (no
centring, n in place of n - 1, an iteration that stops at the first vector) give pictures that look fine.`,
  entry: { typescript: "pca", python: "pca" },
  starter: {
    typescript: `export interface Pca {
  mean: number[];
  components: number[][]; // k lists of d
  variances: number[]; // k
  ratios: number[]; // k
}

export function pca(rows: number[][], k: number): Pca {
  // 1. centre  2. covariance (n - 1)  3. eigenvectors, largest first
  throw new Error("write me");
}
`,
    python: `def pca(rows, k):
    """rows: n lists of d floats. Returns a dict with mean, components, variances, ratios."""
    # 1. centre  2. covariance (n - 1)  3. eigenvectors, largest first
    raise NotImplementedError("write me")
`,
  },
  cases: (rng) => [
    one("a cloud with clear axes", spread(rng.fork("clear"), 60, [5, 3, 2, 1, 0.5], 0), 3),
    one("far from the origin", spread(rng.fork("far"), 50, [4, 2, 1], 100), 2),
    one("two rows", spread(rng.fork("two"), 2, [3, 2, 1], 1), 1),
    one("fewer rows than columns", spread(rng.fork("wide"), 6, [6, 5, 4, 3, 2, 1, 0.9, 0.8], 2), 4),
    one("a constant column", withConstant(spread(rng.fork("constant"), 40, [3, 2, 1], 0)), 2),
    one("columns of very different size", scaled(spread(rng.fork("sizes"), 60, [3, 2, 1], 0), [1, 1000, 0.01]), 2),
    one("two equal variances", equalVariances(rng.fork("equal")), 2),
    one("all components", spread(rng.fork("all"), 30, [4, 3, 2, 1], 0), 4),
  ],
};

/** Rows whose covariance has about the given standard deviations along random axes. */
function spread(rng: Rng, n: number, deviations: readonly number[], offset: number): Matrix {
  const d = deviations.length;
  const axes = orthonormal(gaussianMatrix(rng, d, d));
  return Array.from({ length: n }, () =>
    apply(
      axes,
      deviations.map((s) => s * gaussian(rng)),
    ).map((x, j) => x + offset * (j + 1)),
  );
}

const withConstant = (rows: Matrix): Matrix => rows.map((row) => [7, ...row]);
const scaled = (rows: Matrix, factors: readonly number[]): Matrix => rows.map((row) => row.map((x, j) => x * factors[j]!));

/** Exactly equal second variances: points at plus and minus each axis, turned. The first two components span what the third does not. */
function equalVariances(rng: Rng): Matrix {
  const axes = orthonormal(gaussianMatrix(rng, 3, 3));
  const points = [2, 2, 0.5].flatMap((s, i) => [s, -s].map((x) => [0, 1, 2].map((j) => (j === i ? x : 0))));
  return points.map((p) => apply(axes, p));
}

function one(name: string, rows: Matrix, k: number): LabCase {
  return { name, args: [rows, k], check: (answer) => check(rows, k, answer) };
}

function check(rows: Matrix, k: number, answer: unknown): Finding | undefined {
  const [n, d] = [rows.length, rows[0]!.length];
  const got = asRecord(answer, ["mean", "components", "variances", "ratios"], "the answer");
  const mean = transpose(rows).map((column) => column.reduce((a, b) => a + b, 0) / n);
  const centred = rows.map((row) => row.map((x, j) => x - mean[j]!));
  const covariance = gram(centred).map((row) => row.map((x) => x / (n - 1)));
  const { values, vectors } = symmetricEigen(covariance);
  const total = values.reduce((a, b) => a + b, 0);
  const components = asMatrix(got["components"], k, d, "components");
  const unit = distance(multiply(components, transpose(components)), identity(k));
  if (unit > subspaceLimit)
    return wrong("The components are not orthonormal: each of length 1, each at right angles to the others.", "lengths 1, inner products 0", components, {
      tolerance: `${subspaceLimit}`,
      difference: unit,
    });
  const best = transpose(vectors).slice(0, k);
  const apart = distance(multiply(transpose(components), components), multiply(transpose(best), best));
  // the subspace alone would let any basis of it through
  const along = components.map((c) => dot(c, apply(covariance, c)) / total);
  return (
    vectorNear(asVector(got["mean"], d, "mean"), mean, varianceLimit, "mean") ??
    vectorNear(asVector(got["variances"], k, "variances"), values.slice(0, k), varianceLimit, "variances") ??
    vectorNear(
      asVector(got["ratios"], k, "ratios"),
      values.slice(0, k).map((v) => v / total),
      varianceLimit,
      "ratios",
    ) ??
    (apart <= subspaceLimit
      ? undefined
      : wrong("The components span another subspace than the directions of largest variance.", best, components, {
          tolerance: `${subspaceLimit} between the projections (signs and the basis of equal variances are free)`,
          difference: apart,
        })) ??
    vectorNear(
      along,
      values.slice(0, k).map((v) => v / total),
      subspaceLimit,
      "share of the variance that really lies along the component",
    )
  );
}
