import type { Rng } from "../../../kernel/rng.ts";
import { asMatrix, asRecord, asVector, wrong } from "../answers.ts";
import type { Finding, Lab, LabCase } from "../lab.ts";
import { distance, identity, multiply, orthonormal, transpose, type Matrix } from "../oracle/dense.ts";
import { gaussianMatrix } from "../oracle/random.ts";

const limit = 1e-9;

export const singularValues: Lab = {
  number: 5,
  version: 1,
  title: "Singular value decomposition",
  blockId: "weeks-4-7",
  minutes: 75,
  statement: `Every matrix turns, stretches and turns again. The stretches are its singular values; rank, condition, pseudo-inverse and the best low-rank approximation can be read off them.

You get \`a\` (n lists of d numbers). With r = the smaller of n and d, return

* \`values\`: r numbers, none negative, largest first;
* \`left\`: r lists of n numbers, \`right\`: r lists of d numbers, so that a = sum over i of values[i] x left[i] right[i]'.

What counts as right, to ${limit} of the largest value (or of 1 for vectors):

* the sum gives \`a\` back, and the values are the true ones;
* the left vectors are of length 1 and at right angles to each other, and so are the right ones, **also those that belong to the value 0**.

Signs are free (a pair may be turned round together), and so is the basis where values repeat. The matrix may be wide, tall, all zero, of low rank, or of condition 1e10.

Why it matters: the short cut through the eigenvalues of a'a squares the condition: every singular value below 1e-8 of the largest comes out as noise, and "rank" becomes a matter of luck.`,
  entry: { typescript: "svd", python: "svd" },
  starter: {
    typescript: `export function svd(a: number[][]): { values: number[]; left: number[][]; right: number[][] } {
  throw new Error("write me");
}
`,
    python: `def svd(a):
    """a: n lists of d floats. Returns a dict with values, left (r lists of n), right (r lists of d)."""
    raise NotImplementedError("write me")
`,
  },
  cases: (rng) => [
    made("tall", rng.fork("tall"), 7, 3, [5, 2, 1]),
    made("wide", rng.fork("wide"), 3, 6, [4, 3, 0.5]),
    made("square", rng.fork("square"), 4, 4, [8, 3, 2, 0.1]),
    made("condition 1e10", rng.fork("condition"), 6, 4, [1, 1e-3, 1e-7, 1e-10]),
    made("rank 2 of 4", rng.fork("rank"), 6, 4, [3, 1, 0, 0]),
    made("wide and of rank 1", rng.fork("rank one"), 3, 5, [2, 0, 0]),
    made("equal values", rng.fork("equal"), 5, 3, [2, 2, 2]),
    one(
      "all zero",
      [
        [0, 0],
        [0, 0],
        [0, 0],
      ],
      [0, 0],
    ),
    one("one column", [[3], [0], [4]], [5]),
    one(
      "diagonal, a negative element",
      [
        [1, 0],
        [0, -7],
      ],
      [7, 1],
    ),
  ],
};

function made(name: string, rng: Rng, n: number, d: number, values: readonly number[]): LabCase {
  const u = orthonormal(gaussianMatrix(rng, n, values.length));
  const v = orthonormal(gaussianMatrix(rng, d, values.length));
  return one(
    name,
    multiply(
      u.map((row) => row.map((x, i) => x * values[i]!)),
      transpose(v),
    ),
    values,
  );
}

function one(name: string, a: Matrix, values: readonly number[]): LabCase {
  return { name, args: [a], check: (answer) => check(a, values, answer) };
}

function check(a: Matrix, truth: readonly number[], answer: unknown): Finding | undefined {
  const got = asRecord(answer, ["values", "left", "right"], "the answer");
  const r = truth.length;
  const values = asVector(got["values"], r, "values");
  const left = asMatrix(got["left"], r, a.length, "left");
  const right = asMatrix(got["right"], r, a[0]!.length, "right");
  const size = truth[0] === 0 ? 1 : truth[0]!;
  const tolerance = `${limit} of the largest value`;
  const off = Math.max(...values.map((v, i) => Math.abs(v - truth[i]!))) / size;
  if (off > limit || values.some((v) => v < 0))
    return wrong("The values are not the singular values, largest first and none negative.", truth, values, { tolerance, difference: off });
  for (const [name, vectors] of [
    ["left", left],
    ["right", right],
  ] as const) {
    const skew = distance(multiply(vectors, transpose(vectors)), identity(r));
    if (skew > limit)
      return wrong(`The ${name} vectors are not of length 1 and at right angles to each other.`, "lengths 1, inner products 0", vectors, {
        tolerance: `${limit}`,
        difference: skew,
      });
  }
  const back = multiply(transpose(left.map((row, i) => row.map((x) => x * values[i]!))), right);
  const apart = distance(back, a) / size;
  return apart <= limit
    ? undefined
    : wrong("The sum of values, left and right vectors does not give the matrix back.", a, back, { tolerance, difference: apart });
}
