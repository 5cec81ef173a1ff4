import type { Mutant } from "../fixture.ts";

const of = "coordinates.js";
export const mutants: readonly Mutant[] = [
  { name: "no intercept", of, from: "const meanY = mean(y);", to: "const meanY = 0;", killedBy: "ridge" },
  { name: "the columns are not centred", of, from: "row[j] - m)", to: "row[j])", killedBy: "ridge" },
  { name: "the intercept is left at the mean of y", of, from: "meanY - dot(means, w)", to: "meanY", killedBy: "lasso" },
  { name: "lambda as if the loss were a sum", of, from: "(i === j ? lambda : 0)", to: "(i === j ? lambda / n : 0)", killedBy: "ridge" },
  { name: "half the penalty", of, from: "Math.abs(pull) - lambda, 0", to: "Math.abs(pull) - lambda / 2, 0", killedBy: "lasso" },
  {
    name: "never quite zero",
    of,
    from: "Math.max(Math.abs(pull) - lambda, 0)",
    to: "Math.max(Math.abs(pull) - lambda, 1e-9)",
    killedBy: "lasso, every weight off",
  },
  { name: "one round", of, from: "round < 5000", to: "round < 1", killedBy: "lasso, small lambda" },
  { name: "as if every column had variance 1", of, from: "lambda, 0)) / g[j][j]", to: "lambda, 0)) / 1", killedBy: "lasso, columns of different size" },
  { name: "lasso solved as ridge", of, from: 'kind === "lasso"', to: 'kind === "none"', killedBy: "lasso" },
  { name: "ridge solved without its penalty", of, from: "(i === j ? lambda : 0)", to: "0", killedBy: "ridge, large lambda" },
];
