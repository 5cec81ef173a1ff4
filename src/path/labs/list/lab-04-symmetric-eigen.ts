import type { Rng } from "../../../kernel/rng.ts";
import { asMatrix, asRecord, asVector, wrong } from "../answers.ts";
import type { Finding, Lab, LabCase } from "../lab.ts";
import { apply, distance, identity, multiply, norm, orthonormal, symmetricEigen, transpose, type Matrix } from "../oracle/dense.ts";
import { gaussianMatrix } from "../oracle/random.ts";

const residualLimit = 1e-8;
const orthonormalLimit = 1e-9;

export const symmetricEigenproblem: Lab = {
  number: 4,
  version: 1,
  title: "Eigenvalues and eigenvectors of a symmetric matrix",
  blockId: "weeks-4-7",
  minutes: 60,
  statement: `A symmetric matrix stretches space along directions at right angles: A v = value v. Principal components, whitening, Gaussian conditioning and spectral clustering are this and little more.

You get \`a\`, a symmetric n x n matrix. Return \`values\` (n numbers, **largest first**, negative ones included) and \`vectors\` (n lists of n numbers: vector number i belongs to value number i).

What counts as right:

* |A v - value v| is at most ${residualLimit} of the largest value's size, for each pair;
* the vectors have length 1 and are at right angles to each other, to ${orthonormalLimit}, **also where values repeat**;
* the values agree with the true ones to ${residualLimit} of the largest size.

Signs are free, and so is the basis where values repeat. n may be 1, values may be 0 or negative, and the matrix may be diagonal already, or of rank one.

Why it matters: power iteration passes on every textbook example, and on a matrix with two equal or two opposite values it never settles. Real covariance matrices have both.`,
  entry: { typescript: "eigen", python: "eigen" },
  starter: {
    typescript: `export function eigen(a: number[][]): { values: number[]; vectors: number[][] } {
  throw new Error("write me");
}
`,
    python: `def eigen(a):
    """a: n lists of n floats. Returns a dict with values (largest first) and vectors (one list each)."""
    raise NotImplementedError("write me")
`,
  },
  cases: (rng) => [
    spectrum("values well apart", rng.fork("apart"), [9, 5, 2, 1]),
    spectrum("negative values", rng.fork("negative"), [3, 1, -2, -7]),
    spectrum("a repeated value", rng.fork("repeated"), [5, 5, 5, 1, 1]),
    spectrum("two opposite values", rng.fork("opposite"), [4, -4, 1]),
    spectrum("rank one", rng.fork("rank"), [6, 0, 0, 0]),
    spectrum("from 1 to 1e-8", rng.fork("small"), [1, 1e-3, 1e-6, 1e-8]),
    spectrum("values close together", rng.fork("close"), [2.000001, 2, 1.999999, 1]),
    spectrum("twelve rows", rng.fork("twelve"), [30, 12, 11, 9, 8, 4, 3, 2, 1, 0.5, -3, -20]),
    one("diagonal, not in order", [
      [1, 0, 0],
      [0, 7, 0],
      [0, 0, -3],
    ]),
    one("one by one", [[-4]]),
    one("all zeros", [
      [0, 0],
      [0, 0],
    ]),
  ],
};

/** A = V diag(values) V', symmetric to the last bit. */
function spectrum(name: string, rng: Rng, values: readonly number[]): LabCase {
  const v = orthonormal(gaussianMatrix(rng, values.length, values.length));
  const raw = multiply(
    v.map((row) => row.map((x, j) => x * values[j]!)),
    transpose(v),
  );
  return one(
    name,
    raw.map((row, i) => row.map((x, j) => (x + raw[j]![i]!) / 2)),
  );
}

function one(name: string, a: Matrix): LabCase {
  return { name, args: [a], check: (answer) => check(a, answer) };
}

function check(a: Matrix, answer: unknown): Finding | undefined {
  const n = a.length;
  const got = asRecord(answer, ["values", "vectors"], "the answer");
  const values = asVector(got["values"], n, "values");
  const vectors = asMatrix(got["vectors"], n, n, "vectors");
  const truth = symmetricEigen(a).values;
  const size = Math.max(...truth.map(Math.abs), 1e-300);
  const off = Math.max(...values.map((v, i) => Math.abs(v - truth[i]!))) / size;
  if (off > residualLimit)
    return wrong("The values are not those of the matrix, largest first.", truth, values, { tolerance: `${residualLimit} of the largest`, difference: off });
  const skew = distance(multiply(vectors, transpose(vectors)), identity(n));
  if (skew > orthonormalLimit)
    return wrong("The vectors are not of length 1 and at right angles to each other.", "lengths 1, inner products 0", vectors, {
      tolerance: `${orthonormalLimit}`,
      difference: skew,
    });
  for (const [i, v] of vectors.entries()) {
    const residual = norm(apply(a, v).map((x, j) => x - values[i]! * v[j]!)) / size;
    if (residual > residualLimit)
      return wrong(`Vector ${i} does not belong to value ${i}: A v is not value times v.`, "A v = value v", v, {
        tolerance: `${residualLimit} of the largest value`,
        difference: residual,
      });
  }
  return undefined;
}
