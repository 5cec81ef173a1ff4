import { asRecord, matrixNear, near } from "../answers.ts";
import type { Finding, Lab, LabCase } from "../lab.ts";
import { gaussianMatrix } from "../oracle/random.ts";

const limit = 1e-8;

export const softmaxCrossEntropy: Lab = {
  number: 25,
  version: 1,
  title: "Softmax cross-entropy and its gradient",
  blockId: "weeks-17-20",
  minutes: 45,
  statement: `The loss behind nearly every classifier. Derive its gradient on paper first (it is shorter than it looks), then write both.

You get \`logits\` (n lists of C numbers), \`labels\` (n whole numbers from 0 to C - 1, or -1: this row does not count) and \`smoothing\` s. The target of
a row with label y is 1 - s + s/C at y and s/C everywhere else. Return

* \`loss\`: the **mean** over the rows that count of  - sum over classes of target x ln softmax(logits);
* \`gradient\`: n lists of C numbers, the derivative of that mean with respect to each logit. Rows that do not count have gradient 0.

If no row counts, the loss is 0 and so is every gradient.

Logits may be as large as 10,000 in either direction: the answer is finite, and so must yours be. Numbers must agree to ${limit}, relative where they are
larger than 1. (A check you can make yourself: central differences with h = 1e-5 agree with the right gradient to about 1e-8.)

Why it matters: a mean taken over padding, or an overflow on one confident row, does not stop a training run. It only makes it quietly worse.`,
  entry: { typescript: "crossEntropy", python: "cross_entropy" },
  starter: {
    typescript: `export function crossEntropy(logits: number[][], labels: number[], smoothing: number): { loss: number; gradient: number[][] } {
  throw new Error("write me");
}
`,
    python: `def cross_entropy(logits, labels, smoothing):
    """Returns a dict with loss (float) and gradient (n lists of C floats)."""
    raise NotImplementedError("write me")
`,
  },
  cases: (rng) => {
    const logits = (name: string, n: number, c: number, scale: number): number[][] =>
      gaussianMatrix(rng.fork(name), n, c).map((row) => row.map((x) => x * scale));
    const labels = (name: string, n: number, c: number): number[] => Array.from({ length: n }, () => rng.fork(name).int(c)).map((y, i) => (y + i) % c);
    const some = labels("ignored", 8, 4).map((y, i) => (i % 3 === 1 ? -1 : y));
    return [
      one("a few rows", logits("few", 6, 4, 2), labels("few", 6, 4), 0),
      one("one row", logits("one", 1, 3, 1), labels("one", 1, 3), 0),
      one("one class", logits("class", 4, 1, 5), [0, 0, 0, 0], 0),
      one(
        "logits of ten thousand",
        [
          [1e4, -1e4, 0],
          [-1e4, 1e4, 3],
          [-1e4, -1e4, -1e4],
        ],
        [0, 2, 1],
        0,
      ),
      one(
        "equal logits",
        Array.from({ length: 3 }, () => [7, 7, 7, 7, 7]),
        [0, 4, 2],
        0,
      ),
      one("rows that do not count", logits("ignored", 8, 4, 2), some, 0),
      one("no row counts", logits("none", 3, 4, 2), [-1, -1, -1], 0.1),
      one("label smoothing", logits("smooth", 5, 6, 2), labels("smooth", 5, 6), 0.1),
      one("smoothing, rows that do not count, large logits", logits("all", 8, 4, 3000), some, 0.2),
      one("many classes", logits("many", 4, 60, 1), labels("many", 4, 60), 0.05),
    ];
  },
};

function one(name: string, logits: readonly number[][], labels: readonly number[], smoothing: number): LabCase {
  return { name, args: [logits, labels, smoothing], check: (answer) => check(logits, labels, smoothing, answer) };
}

function check(logits: readonly number[][], labels: readonly number[], smoothing: number, answer: unknown): Finding | undefined {
  const got = asRecord(answer, ["loss", "gradient"], "the answer");
  const counted = labels.filter((y) => y >= 0).length;
  let loss = 0;
  const gradient = logits.map((row, i) => {
    const y = labels[i]!;
    if (y < 0) return row.map(() => 0);
    const top = Math.max(...row);
    const logSum = Math.log(row.reduce((sum, z) => sum + Math.exp(z - top), 0));
    return row.map((z, k) => {
      const logShare = z - top - logSum;
      const target = smoothing / row.length + (k === y ? 1 - smoothing : 0);
      if (target > 0) loss -= (target * logShare) / counted;
      return (Math.exp(logShare) - target) / counted;
    });
  });
  return near(got["loss"], loss, limit, "loss") ?? matrixNear(got["gradient"], gradient, limit, "gradient");
}
