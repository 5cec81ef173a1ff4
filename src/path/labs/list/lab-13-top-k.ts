import type { Rng } from "../../../kernel/rng.ts";
import { asVector, same, wrong } from "../answers.ts";
import { HostFunction, type Finding, type Lab, type LabCase } from "../lab.ts";
import { shuffled } from "../oracle/random.ts";

export const topK: Lab = {
  number: 13,
  version: 1,
  title: "The k best of a stream, with a heap",
  blockId: "weeks-12-16",
  minutes: 40,
  statement: `Candidate generation ends with "the k best of n". Sorting everything works, and costs too much when n is a million and k is a hundred.

You get \`n\`, \`k\` and a function \`compare(a, b)\`. Items are the numbers 0 to n - 1; their scores stay with the grader. \`compare\` returns a number: above 0 when
item a scores higher than item b, below 0 when lower, 0 when they score the same. Return the items with the k highest scores, **best first**. Of items
with equal scores the one with the **smaller number** comes first (and is kept, where only one of them can be). If k is n or more, return all items; if k is 0, none.

Every call of \`compare\` is counted. Allowed: 2 n log2(k) + n calls (n for k = 1), a heap's cost with room to spare. A full sort needs about n log2(n).

Why it matters: the same heap is beam search, a priority queue of deadlines, the merge of sorted runs. What is scarce in a ranker is exactly this call: scoring.`,
  entry: { typescript: "topK", python: "top_k" },
  starter: {
    typescript: `export function topK(n: number, k: number, compare: (a: number, b: number) => number): number[] {
  throw new Error("write me");
}
`,
    python: `def top_k(n, k, compare):
    """compare(a, b) > 0 when item a scores higher. Returns a list of items, best first."""
    raise NotImplementedError("write me")
`,
  },
  cases: (rng) => [
    one("few wanted of many", distinct(rng.fork("few"), 500), 4),
    one("only the best", distinct(rng.fork("best"), 200), 1),
    one(
      "every item better than the last",
      Array.from({ length: 200 }, (_, i) => i),
      8,
    ),
    one(
      "every item worse than the last",
      Array.from({ length: 200 }, (_, i) => -i),
      8,
    ),
    one(
      "many equal scores",
      Array.from({ length: 200 }, () => rng.fork("ties").int(4)).map((x, i) => (x + i) % 4),
      10,
    ),
    one(
      "all equal",
      Array.from({ length: 50 }, () => 1),
      5,
    ),
    one("k is n", distinct(rng.fork("all"), 20), 20),
    one("k is more than n", distinct(rng.fork("more"), 9), 30),
    one("k is 0", distinct(rng.fork("none"), 5), 0),
    one("no items", [], 3),
  ],
};

function distinct(rng: Rng, n: number): number[] {
  return shuffled(
    rng,
    Array.from({ length: n }, (_, i) => i * 1.5),
  );
}

function one(name: string, scores: readonly number[], k: number): LabCase {
  const n = scores.length;
  const allowed = k === 0 ? 0 : Math.floor(2 * n * Math.log2(Math.min(k, Math.max(n, 1)))) + n;
  let calls = 0;
  const compare = new HostFunction("compare", (a, b) => {
    calls++;
    if (calls > 20 * allowed + 1000) throw new Error("compare was called far too often");
    const [left, right] = [scores[Number(a)], scores[Number(b)]];
    if (left === undefined || right === undefined) throw new Error(`compare takes two items from 0 to ${n - 1}`);
    return Math.sign(left - right);
  });
  const check = (answer: unknown): Finding | undefined => {
    const best = scores
      .map((_, i) => i)
      .sort((a, b) => scores[b]! - scores[a]! || a - b)
      .slice(0, k);
    return (
      same(asVector(answer, best.length, "the answer"), best, "the answer") ??
      (calls <= allowed
        ? undefined
        : wrong("The items are right, but compare was called too often.", `at most ${allowed} calls`, `${calls} calls`, { difference: calls - allowed }))
    );
  };
  return { name, args: [n, k, compare], check };
}
