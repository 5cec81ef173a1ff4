import type { Mutant } from "../fixture.ts";

const of = "direct.js";
export const mutants: readonly Mutant[] = [
  { name: "always nats", of, from: 'unit === "bits" ? Math.log2 : Math.log', to: "Math.log", killedBy: "the same in bits" },
  {
    name: "the other direction of the divergence",
    of,
    from: "(v > 0 ? v * log(v / q[i]) : 0)",
    to: "(q[i] > 0 ? q[i] * log(q[i] / v) : 0)",
    killedBy: "two distributions, nats",
  },
  { name: "0 ln 0 is NaN", of, from: "(v > 0 ? -v * log(v) : 0)", to: "-v * log(v)", killedBy: "p has zeros" },
  {
    name: "an impossible outcome is passed over",
    of,
    from: "(v > 0 ? v * log(v / q[i]) : 0)",
    to: "(v > 0 && q[i] > 0 ? v * log(v / q[i]) : 0)",
    killedBy: "q has a zero where p has none",
  },
  { name: "epsilon in place of infinity", of, from: "-v * log(q[i])", to: "-v * log(Math.max(q[i], 1e-12))", killedBy: "q has a zero where p has none" },
  { name: "normalises in place of refusing", of, from: "Math.abs(values.reduce((a, b) => a + b, 0) - 1) > 1e-9", to: "false", killedBy: "p does not sum to 1" },
  { name: "lets negative numbers through", of, from: "values.some((v) => v < 0) || ", to: "", killedBy: "q holds a negative number" },
  { name: "forgets the table when it checks", of, from: "[p, q, joint.flat()]", to: "[p, q]", killedBy: "the table does not sum to 1" },
  { name: "mutual information without the marginals of y", of, from: "(rows[i] * columns[j])", to: "rows[i]", killedBy: "independent pairs" },
];
