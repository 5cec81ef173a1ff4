import type { Mutant } from "../fixture.ts";

const of = "tape.js";
export const mutants: readonly Mutant[] = [
  { name: "sets in place of adding, for products", of, from: "g[a] += up * v[b];", to: "g[a] = up * v[b];", killedBy: "a value used twice" },
  { name: "sets in place of adding, for inputs", of, from: "gradient[index] += up", to: "gradient[index] = up", killedBy: "the same input in two nodes" },
  { name: "the second part of a difference has the wrong sign", of, from: "g[b] -= up;", to: "g[b] += up;", killedBy: "difference and quotient" },
  { name: "the divisor gets no gradient", of, from: "g[b] -= (up * v[a]) / (v[b] * v[b]);", to: "", killedBy: "difference and quotient" },
  { name: "tanh's derivative from its input", of, from: "1 - v[i] * v[i]", to: "1 - v[a] * v[a]", killedBy: "functions" },
  { name: "the hinge lets everything through", of, from: "v[a] > 0 ? up : 0", to: "up", killedBy: "on both sides of the hinge" },
  { name: "the power is not lowered by one", of, from: "v[a] ** (exponent - 1)", to: "v[a] ** exponent", killedBy: "powers" },
  { name: "0 times infinity at the power 0", of, from: "exponent === 0 ? 0 : up", to: "up", killedBy: "to the power 0, at 0" },
  {
    name: "every node counts as a result",
    of,
    from: "const g = v.map(() => 0);",
    to: "const g = v.map(() => 1);",
    killedBy: "nodes after which nothing follows",
  },
  { name: "x + x counts once", of, from: "a === b ? [g[a] + 2 * up, g[a] + 2 * up] : [g[a] + up, g[b] + up]", to: "[g[a] + up, up]", killedBy: "5,000 deep" },
];
