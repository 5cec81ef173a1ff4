import type { Rng } from "../../../kernel/rng.ts";
import { equal, same, wrong } from "../answers.ts";
import { HostFunction, type Finding, type Lab, type LabCase } from "../lab.ts";
import { shuffled } from "../oracle/random.ts";

interface Step {
  readonly name: string;
  readonly after: readonly string[];
  readonly attempts: number;
}

type State = "cached" | "done" | "failed" | "skipped";

export const pipelineRun: Lab = {
  number: 11,
  version: 1,
  title: "Run a pipeline: order, cache, retry, and what a failure leaves standing",
  blockId: "weeks-8-11",
  minutes: 60,
  statement: `The heart of every orchestrator fits on a page. Write it.

You get \`steps\` (objects with \`name\`, \`after\`: names that must be finished first, \`attempts\`: how often it may be tried), \`cached\` (names of steps whose result of an earlier run is kept) and a
function \`run(name)\`, which does the step's work and returns true, or false if it failed. Return an object from name to \`{ state, attempts }\`:

* **cached**, 0 attempts: the step is in \`cached\` and **every** step it needs is cached as well. If one of them ran again, its inputs may be new and it must run too.
* **done**: \`run\` returned true, after that many attempts. A failure is tried again at once until \`attempts\` is used up.
* **failed**: every attempt failed.
* **skipped**, 0 attempts: something it needs, directly or further up, failed. Steps that do not depend on a failed one still run.

\`run\` may be called for a step only when all it needs is cached or done, and never again after it returned true. If the steps hold a cycle, or one needs a name that does not exist, **throw an error
before anything runs**. Steps come in any order; there may be thousands in one chain.

Why it matters: "retry the pipeline" that runs a finished payment step again, and a cache that serves last week's features to today's model, are the two incidents an orchestrator is there to prevent.`,
  entry: { typescript: "runPipeline", python: "run_pipeline" },
  starter: {
    typescript: `interface Step {
  name: string;
  after: string[];
  attempts: number;
}
type Result = { state: "cached" | "done" | "failed" | "skipped"; attempts: number };

export function runPipeline(steps: Step[], cached: string[], run: (name: string) => boolean): Record<string, Result> {
  throw new Error("write me");
}
`,
    python: `def run_pipeline(steps, cached, run):
    """steps: dicts with name, after, attempts. run(name) returns True or False. Returns {name: {"state": ..., "attempts": ...}}."""
    raise NotImplementedError("write me")
`,
  },
  cases: (rng) => [
    one("a chain", [step("a"), step("b", "a"), step("c", "b")], [], {}),
    one("a diamond, last step first", [step("d", "b", "c"), step("c", "a"), step("b", "a"), step("a")], [], {}),
    one("it works the third time", [step("a"), step("b", "a"), step("c", "b")], [], { b: 2 }),
    one("never works", [step("a"), step("b", "a"), step("c", "b"), step("d", "c"), step("e", "a"), step("f", "e", "d")], [], { b: 9 }),
    one(
      "works at the last attempt allowed",
      [
        { name: "a", after: [], attempts: 5 },
        { name: "b", after: ["a"], attempts: 1 },
      ],
      [],
      { a: 4 },
    ),
    one("one attempt only", [{ name: "a", after: [], attempts: 1 }, step("b", "a")], [], { a: 1 }),
    one("everything is cached", [step("a"), step("b", "a"), step("c", "a", "b")], ["a", "b", "c"], {}),
    one("cached, but what it needs runs again", [step("a"), step("b", "a"), step("c", "b"), step("d")], ["b", "c", "d"], {}),
    one("cached below a failure", [step("a"), step("b", "a"), step("c", "b")], ["b", "c"], { a: 9 }),
    one(
      "a chain of 300",
      shuffled(
        rng.fork("chain"),
        Array.from({ length: 300 }, (_, i) => step(`s${i}`, ...(i === 0 ? [] : [`s${i - 1}`]))),
      ),
      ["s0", "s1"],
      {},
    ),
    random(rng.fork("random")),
    one("no steps", [], [], {}),
    refused("a cycle behind steps that could run", [step("a"), step("b", "a", "d"), step("c", "b"), step("d", "c")]),
    refused("a need that does not exist", [step("a"), step("b", "a", "ghost")]),
  ],
};

function step(name: string, ...after: readonly string[]): Step {
  return { name, after, attempts: 3 };
}

function random(rng: Rng): LabCase {
  const steps = Array.from({ length: 60 }, (_, i) => step(`r${i}`, ...new Set(Array.from({ length: Math.min(i, rng.int(3)) }, () => `r${rng.int(i)}`))));
  const names = steps.map(({ name }) => name);
  const fails = Object.fromEntries(names.filter(() => rng.next() < 0.25).map((name) => [name, 1 + rng.int(3)]));
  return one(
    "a random graph with everything at once",
    shuffled(rng, steps),
    names.filter(() => rng.next() < 0.5),
    fails,
  );
}

/** @param fails how often each step fails before it works */
function one(name: string, steps: readonly Step[], cached: readonly string[], fails: Readonly<Record<string, number>>): LabCase {
  const results = expected(steps, cached, fails);
  const finished = new Set(Object.entries(results).flatMap(([step, { state }]) => (state === "cached" ? [step] : [])));
  const tries = new Map<string, number>();
  let broken: string | undefined;
  const run = new HostFunction("run", (given) => {
    const step = steps.find((s) => s.name === given);
    if (step === undefined) throw new Error(`there is no step ${String(given)}`);
    const count = (tries.get(step.name) ?? 0) + 1;
    tries.set(step.name, count);
    const early = step.after.find((need) => !finished.has(need));
    if (early !== undefined) broken ??= `${step.name} was run before ${early} was finished.`;
    else if (finished.has(step.name)) broken ??= `${step.name} was run although it was finished.`;
    else if (count > step.attempts) broken ??= `${step.name} was tried ${count} times; ${step.attempts} are allowed.`;
    if (count > 50) throw new Error(`${step.name} was run far too often`);
    const works = count > (fails[step.name] ?? 0);
    if (works && early === undefined) finished.add(step.name);
    return works;
  });
  const check = (answer: unknown): Finding | undefined => {
    if (broken !== undefined) return wrong(broken, "steps in order, each finished once", Object.fromEntries(tries));
    const off = Object.entries(results).find(([step, result]) => !equal((answer as Record<string, unknown>)[step], result));
    if (off !== undefined)
      return wrong(
        `The result of ${off[0]} is not what it should be.`,
        { [off[0]]: off[1] },
        { [off[0]]: (answer as Record<string, unknown>)[off[0]] ?? null },
      );
    return (
      same(answer, results, "the answer") ??
      same(
        Object.fromEntries(tries),
        Object.fromEntries(Object.entries(results).flatMap(([s, r]) => (r.attempts > 0 ? [[s, r.attempts]] : []))),
        "what was really run",
      )
    );
  };
  return { name, args: [steps, cached, run], check };
}

function refused(name: string, steps: readonly Step[]): LabCase {
  const ran: unknown[] = [];
  const run = new HostFunction("run", (step) => ran.push(step) > 0);
  const check = (): Finding | undefined => (ran.length === 0 ? undefined : wrong("Steps were run before the error was found.", "nothing is run", ran));
  return { name, args: [steps, [], run], check, mustThrow: "these steps cannot be put in order" };
}

function expected(
  steps: readonly Step[],
  cached: readonly string[],
  fails: Readonly<Record<string, number>>,
): Record<string, { state: State; attempts: number }> {
  const results: Record<string, { state: State; attempts: number }> = {};
  for (let left = [...steps]; left.length > 0;) {
    const ready = left.filter(({ after }) => after.every((need) => Object.hasOwn(results, need)));
    for (const { name, after, attempts } of ready) {
      const states = after.map((need) => results[need]!.state);
      const tries = (fails[name] ?? 0) + 1;
      if (states.some((s) => s === "failed" || s === "skipped")) results[name] = { state: "skipped", attempts: 0 };
      else if (cached.includes(name) && states.every((s) => s === "cached")) results[name] = { state: "cached", attempts: 0 };
      else results[name] = tries <= attempts ? { state: "done", attempts: tries } : { state: "failed", attempts };
    }
    left = left.filter(({ name }) => !Object.hasOwn(results, name));
  }
  return results;
}
