import type { Rng } from "../../../kernel/rng.ts";
import { asRecord, near } from "../answers.ts";
import type { Finding, Lab, LabCase } from "../lab.ts";

const limit = 1e-10;
const refusal = "probabilities must not be negative and must sum to 1";

export const information: Lab = {
  number: 9,
  version: 1,
  title: "Entropy, divergence and mutual information",
  blockId: "weeks-4-7",
  minutes: 35,
  statement: `Three quantities that every loss and every drift statistic is made of.

You get \`p\` and \`q\`, two distributions over the same outcomes, \`joint\`, a table of the probabilities of pairs (rows: x, columns: y), and \`unit\`, which
is "nats" (natural logarithm) or "bits" (base 2). Return

* \`entropy\` of p;
* \`crossEntropy\` of q under p: - sum of p ln q;
* \`divergence\` of p from q (Kullback and Leibler): sum of p ln (p/q), never negative;
* \`mutual\`: the mutual information of x and y in \`joint\`.

An outcome with p = 0 adds nothing. If p > 0 where q = 0, cross-entropy and divergence are **infinite**: return Infinity (float("inf") in Python).

If \`p\`, \`q\` or \`joint\` holds a negative number, or its sum differs from 1 by more than 1e-9, **throw an error**: a wrong number is worse than none.

Numbers must agree to ${limit}.

Why it matters: "KL is 0.3" says nothing without the direction and the unit, and a single unseen category makes it infinite. A monitor that prints NaN there
has found a real fault and hidden it.`,
  entry: { typescript: "information", python: "information" },
  starter: {
    typescript: `export function information(p: number[], q: number[], joint: number[][], unit: "nats" | "bits") {
  // return { entropy, crossEntropy, divergence, mutual };
  throw new Error("write me");
}
`,
    python: `def information(p, q, joint, unit):
    """Returns a dict with entropy, crossEntropy, divergence, mutual."""
    raise NotImplementedError("write me")
`,
  },
  cases: (rng) => {
    const a = distribution(rng.fork("a"), 6);
    const b = distribution(rng.fork("b"), 6);
    const table = square(distribution(rng.fork("joint"), 12), 4);
    const [x, y] = [distribution(rng.fork("x"), 3), distribution(rng.fork("y"), 4)];
    const independent = x.map((u) => y.map((v) => u * v));
    const half = [0.5, 0.5, 0, 0, 0, 0];
    return [
      one("two distributions, nats", a, b, table, "nats"),
      one("the same in bits", a, b, table, "bits"),
      one("the other direction", b, a, table, "nats"),
      one("equal distributions", a, a, table, "nats"),
      one("p has zeros", half, b, table, "bits"),
      one("q has a zero where p has none", a, half, table, "nats"),
      one(
        "both have zeros at the same place",
        half,
        half,
        [
          [0.5, 0],
          [0, 0.5],
        ],
        "bits",
      ),
      one("independent pairs", a, b, independent, "nats"),
      one(
        "y is a function of x",
        a,
        b,
        [
          [0.2, 0],
          [0, 0.3],
          [0.5, 0],
        ],
        "bits",
      ),
      one("a single outcome", [1], [1], [[1]], "nats"),
      refused(
        "p does not sum to 1",
        a.map((v) => v * 1.01),
        b,
        table,
      ),
      refused("q holds a negative number", a, [1.1, -0.1, 0, 0, 0, 0], table),
      refused(
        "the table does not sum to 1",
        a,
        b,
        table.map((row) => row.map((v) => v / 2)),
      ),
    ];
  },
};

function distribution(rng: Rng, n: number): number[] {
  const weights = Array.from({ length: n }, () => -Math.log(1 - rng.next()) + 0.02);
  const total = weights.reduce((s, w) => s + w, 0);
  return weights.map((w) => w / total);
}

function square(values: readonly number[], columns: number): number[][] {
  return Array.from({ length: values.length / columns }, (_, i) => values.slice(i * columns, (i + 1) * columns));
}

function one(name: string, p: number[], q: number[], joint: number[][], unit: "nats" | "bits"): LabCase {
  return { name, args: [p, q, joint, unit], check: (answer) => check(p, q, joint, unit, answer) };
}

function refused(name: string, p: number[], q: number[], joint: number[][]): LabCase {
  return { name, args: [p, q, joint, "nats"], check: () => undefined, mustThrow: refusal };
}

function check(p: number[], q: number[], joint: number[][], unit: "nats" | "bits", answer: unknown): Finding | undefined {
  const got = asRecord(answer, ["entropy", "crossEntropy", "divergence", "mutual"], "the answer");
  const scale = unit === "bits" ? Math.LN2 : 1;
  const sum = (terms: number[]): number => terms.reduce((s, t) => s + t, 0) / scale;
  const entropy = (d: number[]): number => sum(d.map((v) => (v > 0 ? -v * Math.log(v) : 0)));
  const cross = sum(p.map((v, i) => (v > 0 ? -v * Math.log(q[i]!) : 0)));
  const rows = joint.map((row) => row.reduce((s, v) => s + v, 0));
  const columns = joint[0]!.map((_, j) => joint.reduce((s, row) => s + row[j]!, 0));
  return (
    near(got["entropy"], entropy(p), limit, "entropy") ??
    near(got["crossEntropy"], cross, limit, "crossEntropy") ??
    near(got["divergence"], cross - entropy(p), limit, "divergence") ??
    near(got["mutual"], entropy(rows) + entropy(columns) - entropy(joint.flat()), limit, "mutual")
  );
}
