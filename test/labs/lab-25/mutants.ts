import type { Mutant } from "../fixture.ts";

const of = "log-softmax.js";
export const mutants: readonly Mutant[] = [
  { name: "exponentials overflow", of, from: "const top = Math.max(...row);", to: "const top = 0;", killedBy: "logits of ten thousand" },
  { name: "sum in place of mean", of, from: "const counted = labels.filter((y) => y >= 0).length;", to: "const counted = 1;", killedBy: "a few rows" },
  { name: "mean over all rows", of, from: "labels.filter((y) => y >= 0).length", to: "labels.length", killedBy: "rows that do not count" },
  { name: "gradient of the sum beside the loss of the mean", of, from: "- target) / counted", to: "- target)", killedBy: "a few rows" },
  {
    name: "smoothing spread over the other classes only",
    of,
    from: "smoothing / row.length + (k === labels[i] ? 1 - smoothing : 0)",
    to: "(k === labels[i] ? 1 - smoothing : smoothing / (row.length - 1))",
    killedBy: "label smoothing",
  },
  {
    name: "no smoothing in the gradient",
    of,
    from: "(Math.exp(z - logSum) - target)",
    to: "(Math.exp(z - logSum) - (k === labels[i] ? 1 : 0))",
    killedBy: "label smoothing",
  },
  {
    name: "log of the share, which may be 0",
    of,
    from: "(target * (logSum - z))",
    to: "(target * -Math.log(Math.exp(z - logSum)))",
    killedBy: "logits of ten thousand",
  },
  {
    name: "no row counted divides by zero",
    of: "shares-first.js",
    from: "losses.length === 0 ? 0 : ",
    to: "losses.length === 0 ? NaN : ",
    killedBy: "no row counts",
  },
  { name: "sign of the gradient", of, from: "(Math.exp(z - logSum) - target)", to: "(target - Math.exp(z - logSum))", killedBy: "one row" },
];
