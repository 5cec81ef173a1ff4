import type { Rng } from "../../../kernel/rng.ts";
import { asRecord, matrixNear, near, vectorNear } from "../answers.ts";
import type { Finding, Lab, LabCase } from "../lab.ts";
import { multiply, transpose, type Matrix } from "../oracle/dense.ts";
import { gaussianMatrix, gaussians } from "../oracle/random.ts";

const limit = 1e-6;
const keys = ["z1", "a1", "z2", "p", "loss", "dz2", "dw2", "db2", "dz1", "dw1", "db1", "stepped"];

interface Net {
  readonly w1: Matrix;
  readonly b1: number[];
  readonly w2: Matrix;
  readonly b2: number[];
}

export const backprop: Lab = {
  number: 30,
  version: 1,
  title: "One step of backpropagation, worked out in full",
  blockId: "weeks-21-26",
  minutes: 60,
  statement: `A network with one hidden layer, one batch, one step of gradient descent: every number on the way, as in a written derivation.

    z1 = x w1 + b1      a1 = max(z1, 0)      z2 = a1 w2 + b2      p = softmax of each row of z2
    loss = mean over the rows of -ln p[label]

You get \`x\` (n lists of d), \`labels\` (n whole numbers), \`net\` with \`w1\` (d lists of h), \`b1\` (h), \`w2\` (h lists of c), \`b2\` (c), and \`rate\`. Return

* forward: \`z1\`, \`a1\`, \`z2\`, \`p\`, \`loss\`;
* backward, the derivative of the **mean** loss with respect to each: \`dz2\`, \`dw2\`, \`db2\`, \`dz1\`, \`dw1\`, \`db1\`. The derivative of max(z, 0) at z = 0 is 0;
* \`stepped\`: an object with \`w1\`, \`b1\`, \`w2\`, \`b2\` after subtracting rate times the gradient. All gradients are taken at the old weights.

Each must agree to ${limit}. The first one that does not is named, so you see where the chain breaks.

Why it matters: interviewers ask for this on a whiteboard, in twenty minutes. And whoever has once updated \`w2\` before computing \`dz1\` recognises that
bug in other people's training loops.`,
  entry: { typescript: "step", python: "step" },
  starter: {
    typescript: `export interface Net {
  w1: number[][];
  b1: number[];
  w2: number[][];
  b2: number[];
}

export function step(x: number[][], labels: number[], net: Net, rate: number) {
  // return { z1, a1, z2, p, loss, dz2, dw2, db2, dz1, dw1, db1, stepped };
  throw new Error("write me");
}
`,
    python: `def step(x, labels, net, rate):
    """net is a dict with w1, b1, w2, b2 (lists). Returns a dict with z1, a1, z2, p, loss, dz2, dw2, db2, dz1, dw1, db1, stepped."""
    raise NotImplementedError("write me")
`,
  },
  cases: (rng) => [
    made("a small batch", rng.fork("small"), 5, 4, 6, 3),
    made("one example", rng.fork("one"), 1, 3, 4, 3),
    made("two classes, many examples", rng.fork("many"), 24, 2, 5, 2),
    atZero(rng.fork("zero")),
    deadLayer(rng.fork("dead")),
    large(rng.fork("large")),
  ],
};

function randomNet(rng: Rng, d: number, h: number, c: number): Net {
  return { w1: gaussianMatrix(rng, d, h), b1: gaussians(rng, h), w2: gaussianMatrix(rng, h, c), b2: gaussians(rng, c) };
}

function made(name: string, rng: Rng, n: number, d: number, h: number, c: number): LabCase {
  const labels = Array.from({ length: n }, () => rng.int(c));
  return one(name, gaussianMatrix(rng, n, d), labels, randomNet(rng, d, h, c));
}

/** Whole numbers, so that the first hidden unit of the first row is 0 to the bit. */
function atZero(rng: Rng): LabCase {
  const small = gaussianMatrix(rng, 2, 2).map((row) => row.map((w) => w * 0.1));
  const w1 = [
    [1, 2, -1],
    [-1, 1, 2],
  ];
  const net = { w1, b1: [0, 1, 1], w2: [[0.5, -0.5], ...small], b2: [0, 0] };
  const x = [
    [3, 3],
    [1, -2],
    [2, 2],
  ];
  return one("a hidden unit exactly at zero", x, [rng.int(2), 0, 1], net);
}

function deadLayer(rng: Rng): LabCase {
  const net = { ...randomNet(rng, 3, 4, 3), b1: [-100, -100, -100, -100] };
  return one("no hidden unit is active", gaussianMatrix(rng, 4, 3), [0, 1, 2, 0], net);
}

function large(rng: Rng): LabCase {
  const net = randomNet(rng, 3, 4, 3);
  return one("logits in the hundreds", gaussianMatrix(rng, 4, 3), [0, 1, 2, 1], {
    ...net,
    w2: net.w2.map((row) => row.map((w, k) => (k === 0 ? 50 + Math.abs(w) * 100 : w * 100))),
    b1: [20, 20, 20, 20],
  });
}

function one(name: string, x: Matrix, labels: number[], net: Net): LabCase {
  const rate = 0.1;
  return { name, args: [x, labels, net, rate], check: (answer) => check(x, labels, net, rate, answer) };
}

function check(x: Matrix, labels: number[], net: Net, rate: number, answer: unknown): Finding | undefined {
  const got = asRecord(answer, keys, "the answer");
  const n = x.length;
  const affine = (input: Matrix, w: Matrix, b: number[]): Matrix => multiply(input, w).map((row) => row.map((v, j) => v + b[j]!));
  const columnSums = (m: Matrix): number[] => transpose(m).map((column) => column.reduce((a, b) => a + b, 0));
  const less = (m: Matrix, g: Matrix): Matrix => m.map((row, i) => row.map((v, j) => v - rate * g[i]![j]!));
  const z1 = affine(x, net.w1, net.b1);
  const a1 = z1.map((row) => row.map((z) => Math.max(z, 0)));
  const z2 = affine(a1, net.w2, net.b2);
  const logs = z2.map((row) => {
    const top = Math.max(...row);
    const sum = Math.log(row.reduce((total, z) => total + Math.exp(z - top), 0));
    return row.map((z) => z - top - sum);
  });
  const p = logs.map((row) => row.map(Math.exp));
  const loss = -logs.reduce((sum, row, i) => sum + row[labels[i]!]!, 0) / n;
  const dz2 = p.map((row, i) => row.map((share, k) => (share - (k === labels[i] ? 1 : 0)) / n));
  const dw2 = multiply(transpose(a1), dz2);
  const dz1 = multiply(dz2, transpose(net.w2)).map((row, i) => row.map((g, j) => (z1[i]![j]! > 0 ? g : 0)));
  const dw1 = multiply(transpose(x), dz1);
  const [db1, db2] = [columnSums(dz1), columnSums(dz2)];
  const stepped = asRecord(got["stepped"], ["w1", "b1", "w2", "b2"], "stepped");
  return (
    matrixNear(got["z1"], z1, limit, "z1") ??
    matrixNear(got["a1"], a1, limit, "a1") ??
    matrixNear(got["z2"], z2, limit, "z2") ??
    matrixNear(got["p"], p, limit, "p") ??
    near(got["loss"], loss, limit, "loss") ??
    matrixNear(got["dz2"], dz2, limit, "dz2") ??
    matrixNear(got["dw2"], dw2, limit, "dw2") ??
    vectorNear(got["db2"], db2, limit, "db2") ??
    matrixNear(got["dz1"], dz1, limit, "dz1") ??
    matrixNear(got["dw1"], dw1, limit, "dw1") ??
    vectorNear(got["db1"], db1, limit, "db1") ??
    matrixNear(stepped["w1"], less(net.w1, dw1), limit, "stepped.w1") ??
    vectorNear(
      stepped["b1"],
      net.b1.map((b, j) => b - rate * db1[j]!),
      limit,
      "stepped.b1",
    ) ??
    matrixNear(stepped["w2"], less(net.w2, dw2), limit, "stepped.w2") ??
    vectorNear(
      stepped["b2"],
      net.b2.map((b, j) => b - rate * db2[j]!),
      limit,
      "stepped.b2",
    )
  );
}
