import type { Rng } from "../../../kernel/rng.ts";
import { asList, asRecord, near, same, wrong } from "../answers.ts";
import type { Finding, Lab, LabCase } from "../lab.ts";
import { integer, shuffled } from "../oracle/random.ts";

interface Step {
  readonly name: string;
  readonly seconds: number;
  readonly after: readonly string[];
}

export const criticalPath: Lab = {
  number: 16,
  version: 1,
  title: "Pipeline graph: critical path, downstream impact, cycles",
  blockId: "weeks-12-16",
  minutes: 50,
  statement: `A pipeline is a graph. Three questions are asked of it every day: how fast can it be at best, what must run again when this changes, and why does it not start at all.

You get \`steps\` (objects with \`name\`, \`seconds\` and \`after\`, the names of the steps that must be finished first; in any order) and \`changed\`, the name of one step. Return

* \`cycle\`: null if there is none, else the names along one cycle, in order: each is needed by the next, and the last by the first. Then the other three are null;
* \`seconds\`: the time of the whole when everything that can run at once does;
* \`path\`: the names of a longest chain that takes this time, first step first. It begins at a step that waits for nothing. If there are several, any;
* \`affected\`: every step that depends on \`changed\`, directly or not, without itself, in alphabetical order.

There may be several separate parts, steps of 0 seconds, and thousands of steps in one chain.

Why it matters: making any step faster that is not on the critical path changes nothing. And an orchestrator that follows links without noticing a cycle hangs at 3 in the morning.`,
  entry: { typescript: "analyse", python: "analyse" },
  starter: {
    typescript: `interface Step {
  name: string;
  seconds: number;
  after: string[];
}

export function analyse(steps: Step[], changed: string) {
  // return { cycle, seconds, path, affected };
  throw new Error("write me");
}
`,
    python: `def analyse(steps, changed):
    """steps: dicts with name, seconds, after. Returns a dict with cycle, seconds, path, affected."""
    raise NotImplementedError("write me")
`,
  },
  cases: (rng) => [
    one("a diamond", [step("load", 5), step("clean", 3, "load"), step("profile", 9, "load"), step("train", 10, "clean", "profile")], "clean"),
    one("a random graph", layered(rng.fork("random"), 60), "s7"),
    one("separate parts", [...layered(rng.fork("one"), 12), step("alone", 10_000), step("other", 1, "alone")], "alone"),
    one("steps of no time", [step("a", 0), step("b", 0, "a"), step("c", 7, "b"), step("d", 0, "c")], "a"),
    one("a single step", [step("only", 4)], "only"),
    one(
      "a chain of 1500",
      shuffled(
        rng.fork("chain"),
        Array.from({ length: 1500 }, (_, i) => step(`c${i}`, 1, ...(i === 0 ? [] : [`c${i - 1}`]))),
      ),
      "c10",
    ),
    one("many paths", ladder(40), "l3a"),
    one("a cycle of three", [...layered(rng.fork("three"), 10), step("x", 1, "z"), step("y", 1, "x"), step("z", 1, "y"), step("w", 1, "z")], "x"),
    one("a step that waits for itself", [step("a", 1), step("b", 1, "a", "b"), step("c", 1, "b")], "a"),
  ],
};

function step(name: string, seconds: number, ...after: readonly string[]): Step {
  return { name, seconds, after };
}

function layered(rng: Rng, n: number): Step[] {
  const steps = Array.from({ length: n }, (_, i) =>
    step(`s${i}`, integer(rng, 1, 50), ...new Set(Array.from({ length: Math.min(i, rng.int(4)) }, () => `s${rng.int(i)}`))),
  );
  return shuffled(rng, [...steps, step("first", 3), step("last", 5, "first", "s0")]);
}

/** Two ways at every rung: 2^n paths for who counts them one by one. */
function ladder(n: number): Step[] {
  return Array.from({ length: n }, (_, i) => {
    const before = i === 0 ? [] : [`l${i - 1}a`, `l${i - 1}b`];
    return [step(`l${i}a`, 2, ...before), step(`l${i}b`, 1, ...before)];
  }).flat();
}

function one(name: string, steps: readonly Step[], changed: string): LabCase {
  return { name, args: [steps, changed], check: (answer) => check(steps, changed, answer) };
}

function check(steps: readonly Step[], changed: string, answer: unknown): Finding | undefined {
  const got = asRecord(answer, ["cycle", "seconds", "path", "affected"], "the answer");
  const byName = new Map(steps.map((s) => [s.name, s]));
  const finish = finishTimes(steps);
  if (finish === undefined) {
    const cycle = got["cycle"] === null ? [] : asList(got["cycle"], undefined, "cycle").map(String);
    const holds =
      cycle.length > 0 && new Set(cycle).size === cycle.length && cycle.every((n, i) => byName.get(cycle[(i + 1) % cycle.length]!)?.after.includes(n) === true);
    if (!holds) return wrong("The steps hold a cycle, and this is not one.", "names of which each is needed by the next, the last by the first", got["cycle"]);
    return same([got["seconds"], got["path"], got["affected"]], [null, null, null], "seconds, path, affected beside a cycle");
  }
  const total = Math.max(...finish.values());
  const early = same(got["cycle"], null, "cycle") ?? near(got["seconds"], total, 0, "seconds");
  if (early !== undefined) return early;
  const path = asList(got["path"], undefined, "path").map(String);
  const chained = path.every((n, i) => byName.has(n) && (i === 0 ? byName.get(n)!.after.length === 0 : byName.get(n)!.after.includes(path[i - 1]!)));
  const length = path.reduce((sum, n) => sum + (byName.get(n)?.seconds ?? NaN), 0);
  if (!chained || length !== total)
    return wrong("This is not a longest chain.", `a chain of ${total} s from a step that waits for nothing, each after the one before`, {
      seconds: length,
      path,
    });
  const next = followers(steps);
  const affected = new Set([changed]);
  for (const name of affected) for (const other of next.get(name) ?? []) affected.add(other.name);
  affected.delete(changed);
  return same(got["affected"], [...affected].sort(), "affected");
}

/** Undefined if there is a cycle. */
function finishTimes(steps: readonly Step[]): Map<string, number> | undefined {
  const next = followers(steps);
  const open = new Map(steps.map((s) => [s.name, s.after.length]));
  const start = new Map<string, number>();
  const finish = new Map<string, number>();
  const ready = steps.filter((s) => s.after.length === 0);
  for (let s = ready.pop(); s !== undefined; s = ready.pop()) {
    const end = (start.get(s.name) ?? 0) + s.seconds;
    finish.set(s.name, end);
    for (const other of next.get(s.name) ?? []) {
      start.set(other.name, Math.max(start.get(other.name) ?? 0, end));
      open.set(other.name, open.get(other.name)! - 1);
      if (open.get(other.name) === 0) ready.push(other);
    }
  }
  return finish.size === steps.length ? finish : undefined;
}

function followers(steps: readonly Step[]): Map<string, Step[]> {
  const next = new Map<string, Step[]>();
  for (const s of steps) for (const before of s.after) next.set(before, [...(next.get(before) ?? []), s]);
  return next;
}
