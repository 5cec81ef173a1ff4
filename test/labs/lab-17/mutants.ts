import type { Mutant } from "../fixture.ts";

const of = "forward.js";
export const mutants: readonly Mutant[] = [
  {
    name: "the best state at each place",
    of,
    from: "best[i] + transition[i][j] > best[top] + transition[top][j]",
    to: "best[i] > best[top]",
    killedBy: "the best state at each place is not the best path",
  },
  {
    name: "transitions the wrong way round",
    of,
    from: "return best[top] + transition[top][j]",
    to: "return best[top] + transition[j][top]",
    killedBy: "only one path is possible",
  },
  {
    name: "sum over the ways in place of the best",
    of,
    from: "return best[top] + transition[top][j]",
    to: "return Math.log(best.reduce((s, b, i) => s + Math.exp(b + transition[i][j]), 0))",
    killedBy: "2,000 long",
  },
  {
    name: "products of probabilities",
    of,
    from: "const score = Math.max(...best);",
    to: "const score = Math.log(Math.max(...best.map(Math.exp)));",
    killedBy: "2,000 long",
  },
  { name: "the first emission is forgotten", of, from: "s + emission[i][observed[0]]", to: "s", killedBy: "one observation" },
  { name: "the path backwards", of, from: "path: path.reverse()", to: "path", killedBy: "only one path is possible" },
  { name: "an impossible path all the same", of, from: "if (score === -Infinity) return { path: null, score };", to: "", killedBy: "no path is possible" },
  {
    name: "nothing observed is refused",
    of,
    from: "return { path: [], score: 0 };",
    to: "return { path: null, score: -Infinity };",
    killedBy: "nothing observed",
  },
  { name: "the start is taken as certain", of, from: "start.map((s, i) => s + emission", to: "start.map((s, i) => emission", killedBy: "one observation" },
];
