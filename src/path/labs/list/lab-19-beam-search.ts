import { hash32, type Rng } from "../../../kernel/rng.ts";
import { asRecord, asVector, near, same, wrong } from "../answers.ts";
import { HostFunction, type Finding, type Lab, type LabCase } from "../lab.ts";

interface Task {
  readonly vocabulary: number;
  readonly width: number;
  readonly maxLength: number;
  readonly alpha: number;
  readonly score: (prefix: readonly number[]) => number[];
}

interface Hypothesis {
  readonly tokens: readonly number[];
  readonly total: number;
}

export const beamSearch: Lab = {
  number: 19,
  version: 1,
  title: "Beam search",
  blockId: "weeks-12-16",
  minutes: 50,
  statement: `A language model gives the probability of the next token. Greedy decoding takes the best each time and may walk past a better sentence; looking at all of them costs V^T.

You get \`width\`, \`maxLength\`, \`end\` (the number of the token that ends a sentence), \`alpha\`, and a function \`score(prefix)\` that returns the log-probability of every next token
after this list of tokens (the empty list first). Do this:

1. The beam starts with the empty list, total 0.
2. Each round: candidates are the finished lists of the beam (those whose last token is \`end\`), as they are, and every extension of the unfinished ones by one token, its
   log-probability added. A token with log-probability -Infinity is impossible: not a candidate. Keep the \`width\` candidates with the highest totals; of equal totals the list
   that is smaller in dictionary order (token by token, a shorter one before its extensions).
3. Stop when every list in the beam is finished, or after \`maxLength\` rounds.
4. Return the list with the highest total / length^alpha as \`tokens\` (with its \`end\`, if it has one) and its \`total\`. Equal ones: smaller in dictionary order.

Every call of \`score\` counts: at most width x maxLength. Totals must agree to 1e-9.

Why it matters: the same search picks page layouts, driving routes and SQL plans. Its bugs (a finished sentence extended, a length bonus applied while pruning) change every output a little and none visibly.`,
  entry: { typescript: "beamSearch", python: "beam_search" },
  starter: {
    typescript: `export function beamSearch(width: number, maxLength: number, end: number, alpha: number, score: (prefix: number[]) => number[]): { tokens: number[]; total: number } {
  throw new Error("write me");
}
`,
    python: `def beam_search(width, max_length, end, alpha, score):
    """score(prefix) returns a list of log-probabilities. Returns a dict with tokens and total."""
    raise NotImplementedError("write me")
`,
  },
  cases: (rng) => [
    one("greedy, width 1", { vocabulary: 6, width: 1, maxLength: 6, alpha: 0, score: model(rng.fork("greedy"), 6) }),
    one("width 4", { vocabulary: 6, width: 4, maxLength: 6, alpha: 0, score: model(rng.fork("four"), 6) }),
    one("wide enough to see everything", { vocabulary: 3, width: 40, maxLength: 3, alpha: 0, score: model(rng.fork("all"), 3) }),
    one("greedy walks into a trap", { vocabulary: 3, width: 2, maxLength: 2, alpha: 0, score: trap }),
    one("the sentence that ends at once", {
      vocabulary: 4,
      width: 3,
      maxLength: 5,
      alpha: 0,
      score: (prefix) => (prefix.length === 0 ? [-0.1, -3, -3.5, -4] : [-2, -2.1, -2.2, -2.3]),
    }),
    one("length counts", {
      vocabulary: 4,
      width: 4,
      maxLength: 5,
      alpha: 1,
      score: (prefix) => (prefix.length === 0 ? [-0.9, -1, -1.1, -1.5] : prefix.length < 3 ? [-4, -0.1, -3, -3] : [-0.1, -5, -5, -5]),
    }),
    one("all equal", { vocabulary: 4, width: 3, maxLength: 4, alpha: 0, score: () => [-2, -2, -2, -2] }),
    one("impossible tokens", {
      vocabulary: 4,
      width: 3,
      maxLength: 4,
      alpha: 0,
      score: possible,
    }),
    one("half the length bonus", { vocabulary: 5, width: 3, maxLength: 7, alpha: 0.5, score: model(rng.fork("half"), 5) }),
  ],
};

const end = 0;

/** Log-probabilities that depend on the last two tokens and the place; token 0 ends. */
function model(rng: Rng, vocabulary: number): Task["score"] {
  const salt = rng.int(1_000_000_000);
  return (prefix) => {
    const seed = `${prefix.length} ${prefix.slice(-2).join(" ")}`;
    const weights = Array.from({ length: vocabulary }, (_, v) => Math.exp((hash32(`${seed} ${v}`, salt) / 2 ** 32) * 3));
    const sum = weights.reduce((a, b) => a + b, 0);
    return weights.map((w) => Math.log(w / sum));
  };
}

/** The best first token leads to two bad ones. */
function trap(prefix: readonly number[]): number[] {
  if (prefix.length === 0) return [-5, Math.log(0.6), Math.log(0.4)];
  return prefix[0] === 1 ? [Math.log(0.3), Math.log(0.35), Math.log(0.35)] : [Math.log(0.9), Math.log(0.05), Math.log(0.05)];
}

/** Three times 1, then anything but 1 and 2; whoever asks on after an impossible token is told. */
function possible(prefix: readonly number[]): number[] {
  if (prefix.slice(0, 3).some((token) => token !== 1)) throw new Error("score was asked about an impossible list");
  return prefix.length < 3 ? [-Infinity, -1, -Infinity, -Infinity] : [-0.5, -Infinity, -Infinity, -1];
}

function one(name: string, task: Task): LabCase {
  let calls = 0;
  const allowed = task.width * task.maxLength;
  const score = new HostFunction("score", (prefix) => {
    calls++;
    if (calls > 50 * allowed) throw new Error("score was called far too often");
    if (!Array.isArray(prefix) || prefix.length >= task.maxLength) throw new Error(`score takes a list of fewer than ${task.maxLength} tokens`);
    return task.score(prefix as number[]);
  });
  const check = (answer: unknown): Finding | undefined => {
    const got = asRecord(answer, ["tokens", "total"], "the answer");
    const best = search(task);
    return (
      same(asVector(got["tokens"], undefined, "tokens"), best.tokens, "tokens") ??
      near(got["total"], best.total, 1e-9, "total") ??
      (calls <= allowed
        ? undefined
        : wrong("The sentence is right, but score was called too often.", `at most ${allowed} calls`, `${calls} calls`, { difference: calls - allowed }))
    );
  };
  return { name, args: [task.width, task.maxLength, end, task.alpha, score], check };
}

function dictionary(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}

function search({ width, maxLength, alpha, score }: Task): Hypothesis {
  const finished = ({ tokens }: Hypothesis): boolean => tokens.at(-1) === end;
  let beam: Hypothesis[] = [{ tokens: [], total: 0 }];
  for (let round = 0; round < maxLength && !beam.every(finished); round++) {
    const candidates = beam.flatMap((h) => (finished(h) ? [h] : score(h.tokens).map((p, v) => ({ tokens: [...h.tokens, v], total: h.total + p }))));
    beam = candidates
      .filter(({ total }) => total > -Infinity)
      .sort((a, b) => b.total - a.total || dictionary(a.tokens, b.tokens))
      .slice(0, width);
  }
  const value = ({ tokens, total }: Hypothesis): number => total / tokens.length ** alpha;
  return beam.sort((a, b) => value(b) - value(a) || dictionary(a.tokens, b.tokens))[0]!;
}
