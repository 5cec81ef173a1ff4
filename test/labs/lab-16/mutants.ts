import type { Mutant } from "../fixture.ts";

const of = "topological.js";
export const mutants: readonly Mutant[] = [
  { name: "sum of everything", of, from: "seconds: finish.get(last)", to: "seconds: steps.reduce((s, x) => s + x.seconds, 0)", killedBy: "a diamond" },
  { name: "starts after the first of its needs", of, from: "finish.get(before) >= start", to: "start === 0", killedBy: "a diamond" },
  {
    name: "the end of the last step in order",
    of,
    from: "if (finish.get(name) > finish.get(last)) last = name",
    to: "last = name",
    killedBy: "separate parts",
  },
  {
    name: "only direct dependants",
    of,
    from: "if (byName.get(name).after.some((before) => affected.has(before))) affected.add(name)",
    to: "if (byName.get(name).after.includes(changed)) affected.add(name)",
    killedBy: "a chain of 1500",
  },
  { name: "itself among the affected", of, from: "affected.delete(changed);", to: "", killedBy: "a single step" },
  {
    name: "upstream in place of downstream",
    of,
    from: "byName.get(name).after.some((before) => affected.has(before))",
    to: "next.get(name).some((other) => affected.has(other))",
    killedBy: "a diamond",
  },
  { name: "the cycle backwards", of, from: "seen.slice(seen.indexOf(at)).reverse()", to: "seen.slice(seen.indexOf(at))", killedBy: "a cycle of three" },
  {
    name: "what leads into the cycle is part of it",
    of,
    from: "seen.slice(seen.indexOf(at)).reverse()",
    to: "[...seen, 'first'].reverse()",
    killedBy: "a cycle of three",
  },
  { name: "a cycle is not noticed", of, from: "order.length < steps.length", to: "order.length === 0", killedBy: "a step that waits for itself" },
  { name: "the path last step first", of, from: "path: path.reverse()", to: "path", killedBy: "a diamond" },
];
