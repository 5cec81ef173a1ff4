import type { Rng } from "../../../kernel/rng.ts";
import { asRecord, asVector, near, vectorNear, wrong } from "../answers.ts";
import type { Finding, Lab, LabCase } from "../lab.ts";
import { between, gaussian } from "../oracle/random.ts";

const limit = 1e-9;
const lossLimit = 1e-6;

export const calibration: Lab = {
  number: 26,
  version: 1,
  title: "Calibration: Platt's sigmoid, isotonic regression, expected calibration error",
  blockId: "weeks-17-20",
  minutes: 70,
  statement: `A score of 0.8 should mean: eight times in ten. Three tools that make it so, or tell how far off it is.

You get \`scores\` (n numbers from 0 to 1), \`labels\` (n of 0 or 1) and \`bins\` (a whole number B). Return

* \`platt\`: \`{a, b}\` such that 1 / (1 + exp(-(a s + b))) has the least mean log loss against **smoothed** targets: with P ones and N zeros, a one counts as
  (P + 1)/(P + 2) and a zero as 1/(N + 2). Your loss may exceed the least possible one by ${lossLimit};
* \`isotonic\`: n numbers, in the order of the scores given: the non-decreasing function of the score with the least squared error to the labels. Rows of
  equal score get the same value;
* \`ece\`: cut 0 to 1 into B bins of equal width (a bin holds its lower bound, the last one also 1); sum over bins of the bin's share of rows times the
  distance of its mean score from its mean label. Empty bins count nothing.

Isotonic values and ece must agree to ${limit}.

Why it matters: a bid, a price, a queue of reviewers: wherever a score is multiplied by money, ranking well is not enough. And without the smoothing, twenty
rows that happen to be separable ask for an infinite a.`,
  entry: { typescript: "calibrate", python: "calibrate" },
  starter: {
    typescript: `export function calibrate(scores: number[], labels: number[], bins: number): { platt: { a: number; b: number }; isotonic: number[]; ece: number } {
  throw new Error("write me");
}
`,
    python: `def calibrate(scores, labels, bins):
    """Returns a dict with platt (a dict with a and b), isotonic (n floats) and ece (a float)."""
    raise NotImplementedError("write me")
`,
  },
  cases: (rng) => [
    one("an overconfident model", ...sample(rng.fork("over"), 60, (p) => 0.5 + (p - 0.5) * 0.5), 8),
    one("a calibrated model", ...sample(rng.fork("good"), 60, (p) => p), 8),
    one("a model that is upside down", ...sample(rng.fork("down"), 50, (p) => 1 - p), 4),
    one("few rows, separable", [0.1, 0.2, 0.35, 0.6, 0.7, 0.9], [0, 0, 0, 1, 1, 1], 4),
    one("tied scores", ...tied(rng.fork("tied")), 4),
    one("one score for all", ...constant(rng.fork("constant")), 4),
    one(
      "only ones",
      scoresOf(rng.fork("ones"), 12),
      scoresOf(rng.fork("ones"), 12).map(() => 1),
      4,
    ),
    one("scores on the bounds of bins", [0, 0.25, 0.5, 0.75, 1, 1, 0, 0.25], [0, 1, 0, 1, 1, 0, 1, 0], 4),
    one("bins of very different size", ...uneven(rng.fork("uneven")), 4),
    one("a single bin", ...sample(rng.fork("single"), 40, (p) => p * p), 1),
  ],
};

function scoresOf(rng: Rng, count: number): number[] {
  return Array.from({ length: count }, () => between(rng, 0.02, 0.98));
}

function sample(rng: Rng, count: number, truth: (score: number) => number): [number[], number[]] {
  const scores = scoresOf(rng, count);
  const labels = scores.map((s) => (rng.next() < truth(s) ? 1 : 0));
  // At least one of each: every mutant must meet both.
  labels[0] = 1;
  labels[1] = 0;
  return [scores, labels];
}

/** Few values, each with both labels, so that ties decide. */
function tied(rng: Rng): [number[], number[]] {
  const values = [0.125, 0.375, 0.625, 0.875];
  const scores = [...values, ...values, ...Array.from({ length: 32 }, () => values[rng.int(4)]!)];
  return [scores, scores.map((s, i) => (i < 4 ? 1 : i < 8 ? 0 : rng.next() < s ? 1 : 0))];
}

function constant(rng: Rng): [number[], number[]] {
  return [Array.from({ length: 20 }, () => 0.4), Array.from({ length: 20 }, (_, i) => (i === 0 || (i > 1 && rng.next() < 0.3) ? 1 : 0))];
}

/** One bin holds nearly all rows and is right, one holds few and is wrong. */
function uneven(rng: Rng): [number[], number[]] {
  const many = Array.from({ length: 60 }, () => 0.1 + 0.02 * Math.tanh(gaussian(rng)));
  return [
    [...many, 0.9, 0.91, 0.92],
    [...many.map((_, i) => (i % 10 === 0 ? 1 : 0)), 0, 0, 0],
  ];
}

function one(name: string, scores: readonly number[], labels: readonly number[], bins: number): LabCase {
  return { name, args: [scores, labels, bins], check: (answer) => check(scores, labels, bins, answer) };
}

function check(scores: readonly number[], labels: readonly number[], bins: number, answer: unknown): Finding | undefined {
  const got = asRecord(answer, ["platt", "isotonic", "ece"], "the answer");
  const platt = asRecord(got["platt"], ["a", "b"], "platt");
  const [a, b] = asVector([platt["a"], platt["b"]], 2, "platt") as [number, number];
  const targets = smoothed(labels);
  const least = leastLoss(scores, targets);
  const excess = loss(scores, targets, a, b) - least;
  if (!(excess <= lossLimit))
    return wrong(
      "platt is not the least loss.",
      `a mean log loss of ${least}`,
      { a, b, loss: least + excess },
      { tolerance: `${lossLimit}`, difference: excess },
    );
  return vectorNear(got["isotonic"], isotonic(scores, labels), limit, "isotonic") ?? near(got["ece"], ece(scores, labels, bins), limit, "ece");
}

function smoothed(labels: readonly number[]): number[] {
  const ones = labels.filter((y) => y === 1).length;
  return labels.map((y) => (y === 1 ? (ones + 1) / (ones + 2) : 1 / (labels.length - ones + 2)));
}

/** ln(1 + e^z) - t z, without overflow. */
function loss(scores: readonly number[], targets: readonly number[], a: number, b: number): number {
  let sum = 0;
  for (const [i, s] of scores.entries()) {
    const z = a * s + b;
    sum += Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z))) - targets[i]! * z;
  }
  return sum / scores.length;
}

/** Newton's steps, halved until they gain; a hair of damping where all scores are equal and a is free. */
function leastLoss(scores: readonly number[], targets: readonly number[]): number {
  let [a, b] = [0, 0];
  let best = loss(scores, targets, a, b);
  for (let step = 0; step < 100; step++) {
    let [ga, gb, haa, hab, hbb] = [0, 0, 1e-12, 0, 1e-12];
    for (const [i, s] of scores.entries()) {
      const p = 1 / (1 + Math.exp(-(a * s + b)));
      ga += (p - targets[i]!) * s;
      gb += p - targets[i]!;
      haa += p * (1 - p) * s * s;
      hab += p * (1 - p) * s;
      hbb += p * (1 - p);
    }
    const determinant = haa * hbb - hab * hab;
    const [da, db] = [(hbb * ga - hab * gb) / determinant, (haa * gb - hab * ga) / determinant];
    let size = 1;
    while (size > 1e-10 && loss(scores, targets, a - size * da, b - size * db) > best) size /= 2;
    [a, b] = [a - size * da, b - size * db];
    const now = loss(scores, targets, a, b);
    if (best - now < 1e-15) return Math.min(best, now);
    best = now;
  }
  return best;
}

/** By the min-max formula: over all starts at or before a value, the largest of the least means that reach it or go beyond. */
function isotonic(scores: readonly number[], labels: readonly number[]): number[] {
  const values = [...new Set(scores)].sort((x, y) => x - y);
  const sums = values.map((v) => scores.reduce((sum, s, i) => (s === v ? sum + labels[i]! : sum), 0));
  const counts = values.map((v) => scores.filter((s) => s === v).length);
  const fitted = values.map((_, i) => {
    let most = -Infinity;
    for (let from = i; from >= 0; from--) {
      let least = Infinity;
      let [sum, count] = [0, 0];
      for (let to = from; to < values.length; to++) {
        sum += sums[to]!;
        count += counts[to]!;
        if (to >= i) least = Math.min(least, sum / count);
      }
      most = Math.max(most, least);
    }
    return most;
  });
  return scores.map((s) => fitted[values.indexOf(s)]!);
}

function ece(scores: readonly number[], labels: readonly number[], bins: number): number {
  let total = 0;
  for (let bin = 0; bin < bins; bin++) {
    const rows = [...scores.keys()].filter((i) => Math.min(bins - 1, Math.floor(scores[i]! * bins)) === bin);
    total += Math.abs(rows.reduce((sum, i) => sum + scores[i]! - labels[i]!, 0)) / scores.length;
  }
  return total;
}
