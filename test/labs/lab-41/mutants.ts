import type { Mutant } from "../fixture.ts";

const of = "evolution.js";
export const mutants: readonly Mutant[] = [
  { name: "random search", of, from: "Math.min(1, Math.max(0, x + step * normal()))", to: "random() + 0 * x", killedBy: "a round valley" },
  { name: "the step never shrinks", of, from: "else if (loss < Infinity) step *= 0.89;", to: "", killedBy: "a round valley" },
  { name: "one training too many", of, from: "trial < budget", to: "trial <= budget", killedBy: "a round valley" },
  {
    name: "a failed training ends the search",
    of,
    from: "if (value < loss)",
    to: "if (Number.isNaN(value)) break;\n    if (value < loss)",
    killedBy: "trainings that fail",
  },
  {
    name: "returns the last configuration",
    of,
    from: "[best, loss, point] = [configuration, value, child];",
    to: "[loss, point] = [value, child];",
    killedBy: "a round valley",
  },
  { name: "whole numbers are not whole", of, from: "whole ? Math.round(v) : v", to: "v", killedBy: "a round valley" },
  { name: "a loss that was not measured", of, from: "return { best, loss };", to: "return { best, loss: loss / 2 };", killedBy: "a round valley" },
];
