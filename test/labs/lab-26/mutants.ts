import type { Mutant } from "../fixture.ts";

const of = "newton.js";
export const mutants: readonly Mutant[] = [
  { name: "targets are not smoothed", of, from: "(y === 1 ? (ones + 1) / (ones + 2) : 1 / (zeros + 2))", to: "y", killedBy: "few rows, separable" },
  { name: "a zero's target takes the count of ones", of, from: "1 / (zeros + 2)", to: "1 / (ones + 2)", killedBy: "bins of very different size" },
  { name: "no intercept", of, from: "b -= step * db;", to: "", killedBy: "only ones" },
  { name: "stops after one step", of, from: "round < 200", to: "round < 1", killedBy: "few rows, separable" },
  { name: "equal scores get different values", of, from: "if (last && last.score === scores[i]) {", to: "if (false) {", killedBy: "tied scores" },
  {
    name: "blocks are merged without their sizes",
    of,
    from: "sum: below.sum + merged.sum, count: below.count + merged.count",
    to: "sum: below.sum / below.count + merged.sum / merged.count, count: 2",
    killedBy: "a model that is upside down",
  },
  {
    name: "values in the order of the sorted scores",
    of,
    from: "for (const i of rows) out[i] = sum / count;",
    to: "for (const i of rows) out[order.indexOf(i)] = sum / count;",
    killedBy: "an overconfident model",
  },
  { name: "every bin counts the same", of, from: "(n / scores.length) *", to: "(1 / bins) *", killedBy: "bins of very different size" },
  { name: "the squared distance", of, from: "Math.abs(score / n - label / n)", to: "(score / n - label / n) ** 2", killedBy: "bins of very different size" },
  {
    name: "the score 1 falls out of the last bin",
    of,
    from: "const part = parts[Math.min(bins - 1, Math.floor(s * bins))];",
    to: "const part = parts[Math.floor(s * bins)] ?? { score: 0, label: 0, n: 0 };",
    killedBy: "scores on the bounds of bins",
  },
];
