import type { Mutant } from "../fixture.ts";

const of = "rows.js";
export const mutants: readonly Mutant[] = [
  { name: "sum over the batch in place of the mean", of, from: "(k === labels[i] ? 1 : 0)) / n", to: "(k === labels[i] ? 1 : 0))", killedBy: "a small batch" },
  { name: "the derivative of the hinge at zero is 1", of, from: "z1[i][j] > 0 ?", to: "z1[i][j] >= 0 ?", killedBy: "a hidden unit exactly at zero" },
  { name: "the hinge is forgotten on the way back", of, from: "(z1[i][j] > 0 ? weights", to: "(true ? weights", killedBy: "no hidden unit is active" },
  {
    name: "w2 is updated before dz1 is computed",
    of,
    from: "const w2 = net.w2;",
    to: "const w2 = net.w2.map((row, i) => row.map((value, j) => value - rate * dw2[i][j]));",
    killedBy: "a small batch",
  },
  { name: "dw2 from the values before the hinge", of, from: "outer(a1, dz2)", to: "outer(z1, dz2)", killedBy: "no hidden unit is active" },
  { name: "climbs in place of descending", of, from: "value - rate * g[i][j]", to: "value + rate * g[i][j]", killedBy: "two classes, many examples" },
  { name: "biases are not updated", of, from: "b1: net.b1.map((b, j) => b - rate * db1[j])", to: "b1: net.b1", killedBy: "two classes, many examples" },
  {
    name: "softmax overflows",
    of,
    from: "const weights = row.map((z) => Math.exp(z - top));",
    to: "const weights = row.map((z) => Math.exp(z + 700));",
    killedBy: "logits in the hundreds",
  },
];
