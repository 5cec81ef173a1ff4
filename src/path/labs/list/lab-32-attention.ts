import type { Rng } from "../../../kernel/rng.ts";
import { asRecord, matrixNear } from "../answers.ts";
import type { Finding, Lab, LabCase } from "../lab.ts";
import { multiply, transpose, type Matrix } from "../oracle/dense.ts";
import { gaussianMatrix } from "../oracle/random.ts";

const limit = 1e-9;

interface Options {
  readonly causal: boolean;
  readonly positions: boolean;
  /** True for a token, false for padding. */
  readonly real: readonly boolean[];
}

export const attention: Lab = {
  number: 32,
  version: 1,
  title: "Self-attention with a causal mask, padding and positions",
  blockId: "weeks-21-26",
  minutes: 60,
  statement: `One head of self-attention, written out.

You get \`x\` (T lists of d numbers, one list a token), \`wq\`, \`wk\`, \`wv\` (d lists of h numbers) and \`options\` with \`causal\`, \`positions\` and \`real\` (T
booleans: false is padding). Do this, in this order:

1. if \`positions\`, add to x, at token t (from 0) and column c: sin(t / 10000^(c/d)) for even c, cos(t / 10000^((c-1)/d)) for odd c;
2. q = x wq, k = x wk, v = x wv; the score of token i for token j is q_i . k_j divided by the square root of **h**;
3. token i may look at token j if j is real and, with \`causal\`, j <= i. Padding may look too: only being looked at is forbidden;
4. the weights of token i are the softmax of its scores over what it may look at, 0 elsewhere. A token that may look at nothing has weights 0 everywhere;
5. the output of token i is the weighted sum of the rows of v.

Return \`weights\` (T x T) and \`output\` (T x h), to ${limit}. Scores may be thousands: the answer is finite.

Why it matters: a mask that is off by one lets a model read the answer it is asked for. Its training loss is wonderful, its product useless.`,
  entry: { typescript: "attend", python: "attend" },
  starter: {
    typescript: `interface Options { causal: boolean; positions: boolean; real: boolean[] }

export function attend(x: number[][], wq: number[][], wk: number[][], wv: number[][], options: Options): { weights: number[][]; output: number[][] } {
  throw new Error("write me");
}
`,
    python: `def attend(x, wq, wk, wv, options):
    """options is a dict: causal, positions (bools), real (list of bools). Returns a dict with weights and output."""
    raise NotImplementedError("write me")
`,
  },
  cases: (rng) => {
    const all = (count: number): boolean[] => Array.from({ length: count }, () => true);
    const plain = { causal: false, positions: false };
    const last = (count: number, padding: number): boolean[] => all(count).map((_, i) => i < count - padding);
    return [
      one(rng, "every token sees every token", 6, 5, 3, { ...plain, real: all(6) }),
      one(rng, "a token does not see the future", 7, 4, 4, { ...plain, causal: true, real: all(7) }),
      one(rng, "padding at the end", 6, 4, 3, { ...plain, real: last(6, 2) }),
      one(rng, "padding at the start, causal: the first token sees nothing", 5, 4, 3, { ...plain, causal: true, real: [false, true, true, true, true] }),
      one(rng, "nothing but padding", 3, 4, 2, { ...plain, real: [false, false, false] }),
      one(rng, "scores of thousands", 5, 4, 3, { ...plain, causal: true, real: all(5) }, 60),
      one(rng, "one token", 1, 6, 2, { causal: true, positions: true, real: [true] }),
      one(rng, "positions", 8, 6, 4, { causal: false, positions: true, real: all(8) }),
      one(rng, "positions with an odd number of columns", 5, 5, 4, { causal: false, positions: true, real: all(5) }),
      one(rng, "everything at once", 9, 6, 4, { causal: true, positions: true, real: last(9, 3) }),
    ];
  },
};

function one(rng: Rng, name: string, tokens: number, columns: number, head: number, options: Options, scale = 1): LabCase {
  const own = rng.fork(name);
  const x = gaussianMatrix(own, tokens, columns).map((row) => row.map((v) => v * scale));
  const [wq, wk, wv] = [gaussianMatrix(own, columns, head), gaussianMatrix(own, columns, head), gaussianMatrix(own, columns, head)];
  return { name, args: [x, wq, wk, wv, options], check: (answer) => check(x, wq, wk, wv, options, answer) };
}

function check(x: Matrix, wq: Matrix, wk: Matrix, wv: Matrix, { causal, positions, real }: Options, answer: unknown): Finding | undefined {
  const got = asRecord(answer, ["weights", "output"], "the answer");
  const placed = positions ? x.map((row, t) => row.map((v, c) => v + position(t, c, row.length))) : x;
  const scores = multiply(multiply(placed, wq), transpose(multiply(placed, wk)));
  const weights = scores.map((row, i) => {
    const seen = row.map((_, j) => real[j]! && (!causal || j <= i));
    const scaled = row.map((s) => s / Math.sqrt(wq[0]!.length));
    const top = Math.max(...scaled.filter((_, j) => seen[j]));
    const shares = scaled.map((s, j) => (seen[j]! ? Math.exp(s - top) : 0));
    const total = shares.reduce((a, b) => a + b, 0);
    return shares.map((share) => (total === 0 ? 0 : share / total));
  });
  return matrixNear(got["weights"], weights, limit, "weights") ?? matrixNear(got["output"], multiply(weights, multiply(placed, wv)), limit, "output");
}

function position(t: number, c: number, columns: number): number {
  return c % 2 === 0 ? Math.sin(t / 10_000 ** (c / columns)) : Math.cos(t / 10_000 ** ((c - 1) / columns));
}
