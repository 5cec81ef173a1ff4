import type { Rng } from "../../../kernel/rng.ts";
import { asNumber, asRecord, asVector, near, vectorNear, wrong } from "../answers.ts";
import type { Finding, Lab, LabCase } from "../lab.ts";
import { apply, dot, multiply, gram, symmetricEigen, transpose, type Matrix } from "../oracle/dense.ts";
import { gaussian, gaussianMatrix } from "../oracle/random.ts";

const kktLimit = 1e-6;

export const ridgeAndLasso: Lab = {
  number: 24,
  version: 1,
  title: "Ridge and lasso",
  blockId: "weeks-17-20",
  minutes: 75,
  statement: `Two penalties, two priors: the squared one is a Gaussian prior on the weights, the absolute one a Laplace prior, whose corner at zero switches weights off.

You get \`x\` (n lists of d numbers), \`y\`, \`lambda\` and \`kind\`. Return \`intercept\` b and \`weights\` w that minimise

    ridge:  1/(2n) |y - b - X w|^2 + lambda/2 |w|^2
    lasso:  1/(2n) |y - b - X w|^2 + lambda (|w_1| + ... + |w_d|)

The intercept is **not** penalised. Do not scale the columns.

* Ridge must agree with the exact solution to 1e-8.
* Lasso is held to its own conditions of optimality, to ${kktLimit}: with r the residual and c_j = x_j'r / n, c_j = lambda sign(w_j) where w_j is not zero, |c_j| <= lambda where it
  is; the residuals sum to zero. So where two columns are equal, any way of sharing their weight is right. A weight that is off must be exactly 0: no 1e-9.

Why it matters: "we use L1" decides which features go to production. Penalising the intercept or forgetting the 1/n changes that decision, and no test of accuracy notices.`,
  entry: { typescript: "fit", python: "fit" },
  starter: {
    typescript: `export function fit(x: number[][], y: number[], lambda: number, kind: "ridge" | "lasso"): { intercept: number; weights: number[] } {
  throw new Error("write me");
}
`,
    python: `def fit(x, y, lam, kind):
    """kind is "ridge" or "lasso". Returns a dict with intercept and weights."""
    raise NotImplementedError("write me")
`,
  },
  cases: (rng) => [
    one("ridge", made(rng.fork("a"), 40, [2, -1, 0.5, 0]), 0.3, "ridge"),
    one("ridge, lambda 0", made(rng.fork("b"), 30, [1, 2, 3]), 0, "ridge"),
    one("ridge, fewer rows than columns", made(rng.fork("c"), 4, [1, -1, 2, 0, 3, 1]), 0.1, "ridge"),
    one("ridge, a repeated column", repeated(made(rng.fork("d"), 25, [1, 2, -2])), 0.5, "ridge"),
    one("ridge, large lambda", made(rng.fork("e"), 20, [1, 1]), 1e6, "ridge"),
    one("lasso", made(rng.fork("f"), 60, [3, -2, 0, 0, 0.4, 0]), 0.3, "lasso"),
    one("lasso, small lambda", made(rng.fork("g"), 50, [1, -1, 0.5, 0]), 0.01, "lasso"),
    everythingOff(made(rng.fork("h"), 30, [1, -2, 1])),
    one("lasso, a repeated column", repeated(made(rng.fork("i"), 40, [2, 0, -1])), 0.2, "lasso"),
    one("lasso, columns of different size", sized(made(rng.fork("j"), 50, [1, 2, -1]), [1, 5, 0.3]), 0.1, "lasso"),
  ],
};

interface Data {
  readonly x: Matrix;
  readonly y: number[];
}

/** Far from the origin in x and y, so that a penalised intercept shows. */
function made(rng: Rng, n: number, weights: readonly number[]): Data {
  const x = gaussianMatrix(rng, n, weights.length).map((row) => row.map((v, j) => v + j + 1));
  return { x, y: apply(x, weights).map((v) => v + 20 + 0.5 * gaussian(rng)) };
}

const repeated = ({ x, y }: Data): Data => ({ x: x.map((row) => [...row, row[0]!]), y });
const sized = ({ x, y }: Data, sizes: readonly number[]): Data => ({ x: x.map((row) => row.map((v, j) => v * sizes[j]!)), y });
const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

function centred({ x, y }: Data): { x: Matrix; y: number[]; means: number[]; meanY: number } {
  const means = transpose(x).map(mean);
  const meanY = mean(y);
  return { x: x.map((row) => row.map((v, j) => v - means[j]!)), y: y.map((v) => v - meanY), means, meanY };
}

/** Just above the lambda at which the last weight goes. */
function everythingOff(data: Data): LabCase {
  const { x, y } = centred(data);
  const most = Math.max(...transpose(x).map((column) => Math.abs(dot(column, y)) / y.length));
  return one("lasso, every weight off", data, most * 1.01, "lasso");
}

function one(name: string, data: Data, lambda: number, kind: "ridge" | "lasso"): LabCase {
  const check = (answer: unknown): Finding | undefined => {
    const got = asRecord(answer, ["intercept", "weights"], "the answer");
    const weights = asVector(got["weights"], data.x[0]!.length, "weights");
    return kind === "ridge" ? ridge(data, lambda, weights, got["intercept"]) : lasso(data, lambda, weights, asNumber(got["intercept"], "intercept"));
  };
  return { name, args: [data.x, data.y, lambda, kind], check };
}

function ridge(data: Data, lambda: number, got: number[], intercept: unknown): Finding | undefined {
  const { x, y, means, meanY } = centred(data);
  const n = y.length;
  const { values, vectors } = symmetricEigen(gram(x).map((row) => row.map((v) => v / n)));
  const right = apply(
    transpose(vectors),
    apply(transpose(x), y).map((v) => v / n),
  );
  const w = multiply(
    vectors,
    right.map((v, i) => [v / (values[i]! + lambda)]),
  ).map(([v]) => v!);
  return vectorNear(got, w, 1e-8, "weights") ?? near(intercept, meanY - dot(means, w), 1e-8, "intercept");
}

function lasso({ x, y }: Data, lambda: number, w: number[], intercept: number): Finding | undefined {
  const n = y.length;
  const residual = y.map((v, i) => v - intercept - dot(x[i]!, w));
  const tolerance = `${kktLimit}`;
  const sum = mean(residual);
  if (Math.abs(sum) > kktLimit)
    return wrong("The residuals do not sum to zero: the intercept is off, or it was penalised.", "mean residual 0", sum, {
      tolerance,
      difference: Math.abs(sum),
    });
  for (const [j, column] of transpose(x).entries()) {
    const c = dot(column, residual) / n;
    const off = w[j] === 0 ? Math.max(0, Math.abs(c) - lambda) : Math.abs(c - lambda * Math.sign(w[j]!));
    if (off > kktLimit * Math.max(1, lambda))
      return wrong(
        w[j] === 0
          ? `Weight ${j} is 0, but switching it on would lower the loss.`
          : `Weight ${j} is not at the minimum${Math.abs(w[j]!) < 1e-6 ? ": it should be exactly 0" : ""}.`,
        w[j] === 0 ? `|c| <= ${lambda}` : `c = ${lambda * Math.sign(w[j]!)}`,
        `c = ${c}, weight ${w[j]}`,
        { tolerance, difference: off },
      );
  }
  return undefined;
}
