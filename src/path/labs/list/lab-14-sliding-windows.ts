import type { Rng } from "../../../kernel/rng.ts";
import { same } from "../answers.ts";
import type { Lab, LabCase } from "../lab.ts";
import { integer, shuffled } from "../oracle/random.ts";

interface Event {
  readonly at: number;
  readonly known: number;
  readonly value: number;
}

export const slidingWindows: Lab = {
  number: 14,
  version: 1,
  title: "Sliding windows with late events",
  blockId: "weeks-12-16",
  minutes: 60,
  statement: `"Sum of the last hour" is the commonest feature there is, and an hour has ends.

You get \`events\` (objects with \`at\`: when it happened, \`known\`: when it arrived, never before \`at\`, and a whole \`value\`), in any order; \`asks\`, ascending moments; and \`width\`. For each moment t return
an object with

* \`count\` of the events in the window;
* \`sum\` of their values, \`max\` of their values; both null when the window is empty.

An event is in the window of t when t - width <= at < t **and** it was known: known <= t. All times are whole numbers; several events may share a moment.

There are thousands of events and moments, and windows that hold most of them. Count and sum can enter and leave one by one; for the maximum keep a queue of those that may still become it.

Why it matters: this is an online feature. The program you run this lab in answers it from tiles and raw rows, and must agree with SQL to the bit, late events included. Off by one at an end
is a skew between training and serving.`,
  entry: { typescript: "windows", python: "windows" },
  starter: {
    typescript: `interface Event {
  at: number;
  known: number;
  value: number;
}

export function windows(events: Event[], asks: number[], width: number): { count: number; sum: number | null; max: number | null }[] {
  throw new Error("write me");
}
`,
    python: `def windows(events, asks, width):
    """events: dicts with at, known, value. Returns for each ask a dict with count, sum, max."""
    raise NotImplementedError("write me")
`,
  },
  sizes: true,
  cases: (rng, scale) => {
    const e = (at: number, value: number, known = at): Event => ({ at, known, value });
    const n = scale === "full" ? 10_000 : 400;
    return [
      one("the ends of the window", [e(10, 1)], [9, 10, 11, 19, 20, 21], 10),
      one("late events", [e(10, 1), e(12, 5, 30), e(13, 2, 16)], [14, 16, 20, 30, 32, 33], 20),
      one("known only when it has left", [e(10, 7, 50), e(40, 1)], [20, 45, 55], 10),
      one("several at one moment", [e(5, 3), e(5, -2), e(5, 3), e(6, 1)], [6, 7, 15, 16], 10),
      one("an empty window is not zero", [e(0, 4)], [1, 100], 10),
      one("negative values only", [e(0, -5), e(1, -3), e(2, -9)], [3, 11, 12], 10),
      one("the largest leaves first", [e(0, 9), e(1, 5), e(2, 7), e(3, 1)], [4, 10, 11, 12, 13], 10),
      one("asked twice at one moment", [e(0, 1), e(5, 2)], [6, 6, 6], 10),
      made("many, hardly late", rng.fork("many"), n, n / 2, 5),
      made("many, very late", rng.fork("late"), n, n / 4, n),
      one("no events", [], [1, 2], 5),
    ];
  },
};

function made(name: string, rng: Rng, n: number, width: number, delay: number): LabCase {
  const events = Array.from({ length: n }, () => {
    const at = rng.int(n * 2);
    return { at, known: at + (rng.next() < 0.5 ? 0 : rng.int(delay)), value: integer(rng, -1000, 1000) };
  });
  const asks = Array.from({ length: n }, () => rng.int(Math.floor(n * 2.5))).sort((a, b) => a - b);
  return one(name, shuffled(rng, events), asks, width);
}

function one(name: string, events: readonly Event[], asks: readonly number[], width: number): LabCase {
  return { name, args: [events, asks, width], check: (answer) => same(answer, expected(events, asks, width), "the answer") };
}

/** A row is active from max(known, at + 1) to at + width. Counts and sums enter and leave; the maximum comes from a tree over the rows in order of `at`. */
function expected(events: readonly Event[], asks: readonly number[], width: number): { count: number; sum: number | null; max: number | null }[] {
  const rows = events.map(({ at, known, value }) => ({ from: Math.max(known, at + 1), to: at + width, value }));
  const order = rows.map((_, i) => i);
  const [enter, leave] = [[...order].sort((a, b) => rows[a]!.from - rows[b]!.from), [...order].sort((a, b) => rows[a]!.to - rows[b]!.to)];
  const size = 2 ** Math.ceil(Math.log2(Math.max(rows.length, 1)));
  const tree = new Float64Array(2 * size).fill(-Infinity);
  const put = (i: number, value: number): void => {
    tree[size + i] = value;
    for (let at = (size + i) >> 1; at > 0; at >>= 1) tree[at] = Math.max(tree[2 * at]!, tree[2 * at + 1]!);
  };
  let [count, sum, next, last] = [0, 0, 0, 0];
  return asks.map((t) => {
    for (; next < enter.length && rows[enter[next]!]!.from <= t; next++) {
      const { from, to, value } = rows[enter[next]!]!;
      if (from > to) continue;
      put(enter[next]!, value);
      count++;
      sum += value;
    }
    for (; last < leave.length && rows[leave[last]!]!.to < t; last++) {
      const { from, to, value } = rows[leave[last]!]!;
      if (from > to) continue;
      put(leave[last]!, -Infinity);
      count--;
      sum -= value;
    }
    return count === 0 ? { count, sum: null, max: null } : { count, sum, max: tree[1]! };
  });
}
