import type { Rng } from "../../../kernel/rng.ts";
import { asRecord, asVector, near, same, wrong } from "../answers.ts";
import type { Finding, Lab, LabCase } from "../lab.ts";

type Table = readonly (readonly number[])[];

interface Chain {
  readonly start: readonly number[];
  readonly transition: Table;
  readonly emission: Table;
}

export const viterbi: Lab = {
  number: 17,
  version: 1,
  title: "Dynamic programming: the most likely path",
  blockId: "weeks-12-16",
  minutes: 45,
  statement: `A hidden chain of states, an observation of each: which path explains them best? There are S^T paths and T S^2 steps of work.

You get \`start\` (S log-probabilities), \`transition\` (S lists of S: from state i to state j), \`emission\` (S lists of V: state i shows symbol v) and \`observed\` (T symbols). The score of a path is

    start[first] + emission[first][observed[0]] + sum over the later places of (transition[before][here] + emission[here][observed])

Return \`path\` (T states) with the highest score, any if several have it, and \`score\`. -Infinity means impossible. If every path is impossible, \`path\` is null and \`score\` -Infinity. If nothing was
observed, \`path\` is empty and \`score\` 0.

Scores must agree to 1e-8, and your path must really have that score. T may be 2,000: no recursion over T, and no products of probabilities, which are 0 by then.

Why it matters: taggers, speech decoders, map matching and edit distance are this table with other names, and so is the question interviewers like best.`,
  entry: { typescript: "viterbi", python: "viterbi" },
  starter: {
    typescript: `export function viterbi(start: number[], transition: number[][], emission: number[][], observed: number[]): { path: number[] | null; score: number } {
  throw new Error("write me");
}
`,
    python: `def viterbi(start, transition, emission, observed):
    """All log-probabilities. Returns a dict with path (list or None) and score."""
    raise NotImplementedError("write me")
`,
  },
  cases: (rng) => {
    const trap: Chain = { start: logs([0.6, 0.4]), transition: [logs([0.5, 0.5]), logs([0.95, 0.05])], emission: [logs([0.5, 0.5]), logs([0.45, 0.55])] };
    const blocked: Chain = {
      start: [0, -Infinity, -Infinity],
      transition: [
        [-Infinity, 0, -Infinity],
        [-Infinity, -Infinity, 0],
        [0, -Infinity, -Infinity],
      ],
      emission: [logs([0.9, 0.1]), logs([0.2, 0.8]), logs([0.5, 0.5])],
    };
    const even: Chain = { start: logs([0.5, 0.5]), transition: [logs([0.5, 0.5]), logs([0.5, 0.5])], emission: [logs([0.5, 0.5]), logs([0.5, 0.5])] };
    return [
      one("a small chain", made(rng.fork("small"), 3, 4), symbols(rng.fork("small o"), 8, 4)),
      one("the best state at each place is not the best path", trapOf(), [0, 0, 1]),
      one("from here to there is not from there to here", trap, symbols(rng.fork("trap"), 12, 2)),
      one("one observation", made(rng.fork("one"), 4, 3), [2]),
      one("nothing observed", made(rng.fork("none"), 2, 2), []),
      one("only one path is possible", blocked, symbols(rng.fork("blocked"), 9, 2)),
      one(
        "no path is possible",
        {
          ...blocked,
          emission: [
            [-Infinity, 0],
            [-Infinity, 0],
            [-Infinity, 0],
          ],
        },
        [1, 0, 1],
      ),
      one("every path is as good", even, symbols(rng.fork("even"), 6, 2)),
      one("a single state", made(rng.fork("single"), 1, 3), symbols(rng.fork("single o"), 5, 3)),
      one("2,000 long", made(rng.fork("long"), 4, 5), symbols(rng.fork("long o"), 2000, 5)),
    ];
  },
};

const logs = (values: readonly number[]): number[] => values.map(Math.log);
const symbols = (rng: Rng, n: number, v: number): number[] => Array.from({ length: n }, () => rng.int(v));

/** States want to alternate, and the one that fits the first symbol best starts on the wrong foot. */
function trapOf(): Chain {
  return { start: logs([0.5, 0.5]), transition: [logs([0.1, 0.9]), logs([0.9, 0.1])], emission: [logs([0.55, 0.45]), logs([0.45, 0.55])] };
}

function made(rng: Rng, states: number, vocabulary: number): Chain {
  const row = (n: number): number[] => {
    const weights = Array.from({ length: n }, () => rng.next() ** 2 + 0.01);
    const sum = weights.reduce((a, b) => a + b, 0);
    return logs(weights.map((w) => w / sum));
  };
  return { start: row(states), transition: Array.from({ length: states }, () => row(states)), emission: Array.from({ length: states }, () => row(vocabulary)) };
}

function one(name: string, chain: Chain, observed: readonly number[]): LabCase {
  return { name, args: [chain.start, chain.transition, chain.emission, observed], check: (answer) => check(chain, observed, answer) };
}

function check({ start, transition, emission }: Chain, observed: readonly number[], answer: unknown): Finding | undefined {
  const got = asRecord(answer, ["path", "score"], "the answer");
  let best = start.map((s, i) => s + (observed.length > 0 ? emission[i]![observed[0]!]! : 0));
  for (const symbol of observed.slice(1)) {
    const before = best;
    best = before.map((_, j) => Math.max(...before.map((score, i) => score + transition[i]![j]!)) + emission[j]![symbol]!);
  }
  const top = observed.length === 0 ? 0 : Math.max(...best);
  const off = near(got["score"], top, 1e-8, "score");
  if (off !== undefined) return off;
  if (top === -Infinity) return same(got["path"], null, "path");
  const path = asVector(got["path"], observed.length, "path");
  if (path.some((state) => start[state] === undefined)) return wrong("The path holds a state that there is not.", `states from 0 to ${start.length - 1}`, path);
  const score = path.reduce((sum, state, t) => sum + (t === 0 ? start[state]! : transition[path[t - 1]!]![state]!) + emission[state]![observed[t]!]!, 0);
  return near(score, top, 1e-8, "the score that this path really has");
}
