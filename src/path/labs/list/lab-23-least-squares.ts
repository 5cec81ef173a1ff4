import type { Rng } from "../../../kernel/rng.ts";
import { asVector, vectorNear, wrong } from "../answers.ts";
import type { Finding, Lab, LabCase } from "../lab.ts";
import { apply, dot, multiply, norm, orthonormal, transpose, type Matrix } from "../oracle/dense.ts";
import { gaussianMatrix, gaussians } from "../oracle/random.ts";

export const leastSquares: Lab = {
  number: 23,
  version: 1,
  title: "Least squares that survives bad condition",
  blockId: "weeks-17-20",
  minutes: 75,
  statement: `The w that makes |y - X w| smallest. The formula from the textbook, (X'X)^-1 X'y, squares the condition number: with columns that nearly repeat each other it
loses all its digits, silently.

You get \`x\` (n lists of d numbers) and \`y\` (n numbers). Return \`w\` (d numbers). There is no intercept unless a column of ones is in \`x\`.

* Where the columns are independent: agree to 1e-8, and to 1e-6 at condition number 1e7 (an orthogonal method gives 1e-10 there, the normal equations 1e-2).
* Where they are not (a repeated column, fewer rows than columns, a column of zeros) many w are equally good: return the one of **smallest norm**. Take singular values
  below 1e-10 of the largest as zero.

Why it matters: correlated features are the normal case. A fit that returns 40,000 and -39,999 for two copies of one column works in the notebook and fails on the first
row where the copies differ.`,
  entry: { typescript: "leastSquares", python: "least_squares" },
  starter: {
    typescript: `export function leastSquares(x: number[][], y: number[]): number[] {
  throw new Error("write me");
}
`,
    python: `def least_squares(x, y):
    raise NotImplementedError("write me")
`,
  },
  cases: (rng) => [
    full("well conditioned, with noise", rng.fork("well"), 30, [3, 2, 1.5, 1], 1),
    full("square and exact", rng.fork("square"), 4, [4, 3, 2, 1], 0),
    full("one column", rng.fork("one"), 12, [2], 0.5),
    full("condition 1e3", rng.fork("e3"), 25, [1, 0.3, 0.01, 1e-3], 1e-4),
    full("condition 1e7", rng.fork("e7"), 40, [1, 0.5, 1e-3, 1e-5, 1e-7], 0, 1e-6),
    deficient("a repeated column", rng.fork("repeated"), (m) => m.map((row) => [...row, row[0]!])),
    deficient("a column of zeros", rng.fork("zeros"), (m) => m.map((row) => [0, ...row])),
    deficient("a sum of two columns", rng.fork("sum"), (m) => m.map((row) => [...row, row[0]! + row[1]!])),
    deficient("fewer rows than columns", rng.fork("wide"), (m) => transpose(m).slice(0, 3)),
    full("columns of very different size", rng.fork("size"), 20, [1, 0.8, 0.5], 0.1, 1e-8, [1, 100, 0.01]),
  ],
};

/** y = X w + noise at right angles to the columns, so that w itself is the answer. */
function full(name: string, rng: Rng, n: number, singular: readonly number[], noise: number, limit = 1e-8, sizes?: readonly number[]): LabCase {
  const d = singular.length;
  const basis = orthonormal(gaussianMatrix(rng, n, d));
  const scaled = multiply(
    basis,
    transpose(orthonormal(gaussianMatrix(rng, d, d))).map((row, i) => row.map((v) => v * singular[i]!)),
  );
  const x = scaled.map((row) => row.map((v, j) => v * (sizes?.[j] ?? 1)));
  const w = gaussians(rng, d);
  const raw = gaussians(rng, n).map((v) => v * noise);
  const inside = apply(basis, apply(transpose(basis), raw));
  const y = apply(x, w).map((v, i) => v + raw[i]! - inside[i]!);
  return one(name, x, y, w, limit);
}

/** The smallest solution lies in the row space; it is found from the rows' own orthonormal basis. */
function deficient(name: string, rng: Rng, make: (m: Matrix) => Matrix): LabCase {
  const x = make(gaussianMatrix(rng, 10, 3));
  const y = gaussians(rng, x.length);
  const rows = rowBasis(x);
  const inRows = x.map((row) => rows.map((b) => dot(row, b))); // n x r, full column rank
  const q = orthonormal(inRows);
  const r = multiply(transpose(q), inRows);
  const right = apply(transpose(q), y);
  const c = Array.from({ length: rows.length }, () => 0);
  for (let i = rows.length - 1; i >= 0; i--) {
    let rest = right[i]!;
    for (let j = i + 1; j < rows.length; j++) rest -= r[i]![j]! * c[j]!;
    c[i] = rest / r[i]![i]!;
  }
  const w = x[0]!.map((_, j) => rows.reduce((sum, b, i) => sum + b[j]! * c[i]!, 0));
  return one(name, x, y, w, 1e-7);
}

function rowBasis(x: Matrix): number[][] {
  const basis: number[][] = [];
  for (const row of x) {
    let v = [...row];
    for (let pass = 0; pass < 2; pass++)
      for (const b of basis) {
        const c = dot(v, b);
        v = v.map((value, j) => value - c * b[j]!);
      }
    const length = norm(v);
    if (length > 1e-9 * norm(row)) basis.push(v.map((value) => value / length));
  }
  return basis;
}

function one(name: string, x: Matrix, y: number[], w: number[], limit: number): LabCase {
  const check = (answer: unknown): Finding | undefined => {
    const got = asVector(answer, w.length, "w");
    const finding = vectorNear(got, w, limit, "w");
    if (finding === undefined) return undefined;
    const residual = (v: readonly number[]): number => norm(apply(x, v).map((value, i) => value - y[i]!));
    const [mine, theirs] = [residual(w), residual(got)];
    const asGood = theirs <= mine * (1 + 1e-9) + 1e-9 && norm(got) > norm(w) * (1 + 1e-9);
    return asGood
      ? wrong("This fits as well as the answer, but is not the w of smallest norm.", w, got, { tolerance: String(limit), difference: norm(got) - norm(w) })
      : finding;
  };
  return { name, args: [x, y], check };
}
