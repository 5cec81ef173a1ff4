import type { Rng } from "../../../kernel/rng.ts";
import { asRecord, near, same, vectorNear } from "../answers.ts";
import type { Finding, Lab, LabCase } from "../lab.ts";
import { between, gaussian, gaussians } from "../oracle/random.ts";

const limit = 1e-9;
const epsilon = 1e-4;

type Value = number | null;

export const psi: Lab = {
  number: 43,
  version: 1,
  title: "Population stability index, with the floor that sampling puts under it",
  blockId: "weeks-42-47",
  minutes: 40,
  statement: `The population stability index (PSI) compares a current sample with a reference, bin by bin. Every monitoring tool prints it; few say that
it is above zero for two samples of the *same* distribution.

You get \`reference\` and \`current\` (lists of numbers; a value may be null or NaN, which means missing), \`edges\` (ascending cut points) and
\`epsilon\`. Use these bins, in this order:

1. below the first edge;
2. from one edge (included) to the next (excluded), a bin for each pair, and one beyond the last edge;
3. one more, last, for missing values.

With B bins, return

* \`contributions\`: B numbers, (c - r) ln(c / r), where r and c are the bin's shares of the reference and of the current sample, missing values
  counted in the whole. A share below \`epsilon\` is replaced by \`epsilon\`; nothing is scaled afterwards;
* \`psi\`: their sum;
* \`floor\`: (B - 1)(1/n + 1/m), which PSI reaches on average without any drift, n and m being the sizes of the two samples;
* \`drifted\`: true when \`psi\` is more than 3 times the floor.

Numbers must agree to ${limit}.

Why it matters: with ten bins and 100 rows on each side, PSI *without drift* averages about 0.19 and is above the famous 0.1 four times out of five.
An alarm that does not know its floor teaches people to ignore it.`,
  entry: { typescript: "stability", python: "stability" },
  starter: {
    typescript: `type Value = number | null;

export function stability(reference: Value[], current: Value[], edges: number[], epsilon: number) {
  // shares per bin, contributions, sum, floor
  throw new Error("write me");
}
`,
    python: `def stability(reference, current, edges, epsilon):
    """Values are floats, None or nan. Returns a dict with contributions, psi, floor, drifted."""
    # shares per bin, contributions, sum, floor
    raise NotImplementedError("write me")
`,
  },
  cases: (rng) => {
    const edges = [-1.28, -0.84, -0.52, -0.25, 0, 0.25, 0.52, 0.84, 1.28];
    const normal = (name: string, n: number, shift = 0, scale = 1): number[] => gaussians(rng.fork(name), n).map((x) => x * scale + shift);
    return [
      one("no drift, 100 rows", normal("a", 100), normal("b", 100), edges),
      one("no drift, 1000 rows", normal("a", 1000), normal("b", 1000), edges),
      one("half a deviation to the right", normal("a", 600), normal("b", 400, 0.5), edges),
      one("much wider", normal("a", 500), normal("b", 500, 0, 2), edges),
      one("the same sample twice", normal("a", 50), normal("a", 50), edges),
      one(
        "a bin empty in the current sample",
        normal("a", 300),
        normal("b", 300).filter((x) => x < 0 || x >= 0.25),
        edges,
      ),
      one(
        "a bin empty in the reference",
        normal("a", 300).filter((x) => x >= -1.28),
        normal("b", 300),
        edges,
      ),
      one("values exactly on the edges", onEdges(rng.fork("edge"), edges), [...edges, ...normal("b", 40)], edges),
      one("missing values grow", withMissing(rng.fork("m1"), normal("a", 200), 0.02), withMissing(rng.fork("m2"), normal("b", 300), 0.3), edges),
      one("a single edge", normal("a", 80), normal("b", 120, between(rng.fork("s"), 0.5, 1)), [0]),
    ];
  },
};

function onEdges(rng: Rng, edges: readonly number[]): number[] {
  return [...edges.slice(0, 5), ...edges.slice(0, 5), ...Array.from({ length: 30 }, () => gaussian(rng))];
}

/** At least one missing value of each kind. */
function withMissing(rng: Rng, values: readonly number[], share: number): Value[] {
  return values.map((value, i) => (i === 0 ? null : i === 1 ? NaN : rng.next() < share ? (rng.next() < 0.5 ? null : NaN) : value));
}

function one(name: string, reference: readonly Value[], current: readonly Value[], edges: readonly number[]): LabCase {
  return { name, args: [reference, current, edges, epsilon], check: (answer) => check(reference, current, edges, answer) };
}

function shares(values: readonly Value[], edges: readonly number[]): number[] {
  const counts = Array.from({ length: edges.length + 2 }, () => 0);
  for (const value of values) counts[value === null || Number.isNaN(value) ? edges.length + 1 : edges.filter((edge) => value >= edge).length]!++;
  return counts.map((count) => Math.max(count / values.length, epsilon));
}

function check(reference: readonly Value[], current: readonly Value[], edges: readonly number[], answer: unknown): Finding | undefined {
  const got = asRecord(answer, ["contributions", "psi", "floor", "drifted"], "the answer");
  const [r, c] = [shares(reference, edges), shares(current, edges)];
  const contributions = r.map((share, i) => (c[i]! - share) * Math.log(c[i]! / share));
  const total = contributions.reduce((a, b) => a + b, 0);
  const floor = (edges.length + 1) * (1 / reference.length + 1 / current.length);
  return (
    vectorNear(got["contributions"], contributions, limit, "contributions") ??
    near(got["psi"], total, limit, "psi") ??
    near(got["floor"], floor, limit, "floor") ??
    same(got["drifted"], total > 3 * floor, "drifted")
  );
}
