import type { Mutant } from "../fixture.ts";

const of = "ordered.js";
export const mutants: readonly Mutant[] = [
  {
    name: "runs in the order of the list",
    of,
    from: "for (const name of order) {",
    to: "for (const name of byName.keys()) {",
    killedBy: "a diamond, last step first",
  },
  {
    name: "a cached step is never run again",
    of,
    from: 'kept.has(name) && states.every((state) => state === "cached")',
    to: "kept.has(name)",
    killedBy: "cached, but what it needs runs again",
  },
  { name: "the cache is ignored", of, from: "kept.has(name) && states", to: "false && states", killedBy: "everything is cached" },
  { name: "one retry too many", of, from: "tries < attempts", to: "tries <= attempts", killedBy: "never works" },
  { name: "no retry", of, from: "!worked && tries < attempts", to: "!worked && tries < 1", killedBy: "it works the third time" },
  { name: "runs once more after success", of, from: "worked = run(name);", to: "worked = run(name) && (tries > 1 || run(name));", killedBy: "a chain" },
  { name: "only direct dependants are skipped", of, from: ' || states.includes("skipped")', to: "", killedBy: "never works" },
  {
    name: "everything stops at the first failure",
    of,
    from: 'if (states.includes("failed")',
    to: 'if (Object.values(results).some((r) => r.state === "failed") || states.includes("failed")',
    killedBy: "never works",
  },
  {
    name: "a cycle is left out in silence",
    of,
    from: 'throw new Error("the steps hold a cycle");',
    to: "order.length = order.length;",
    killedBy: "a cycle behind steps that could run",
  },
  {
    name: "a missing need is passed over",
    of,
    from: "throw new Error(`${name} needs ${need}, which is not there`);",
    to: "{ waiting.set(name, waiting.get(name) - 1); continue; }",
    killedBy: "a need that does not exist",
  },
];
