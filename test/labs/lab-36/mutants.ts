import type { Mutant } from "../fixture.ts";

const of = "direct.js";
export const mutants: readonly Mutant[] = [
  {
    name: "one scale for all rows",
    of,
    from: "Math.max(...row.map((w) => Math.abs(w)));",
    to: "Math.max(...weights.flat().map((w) => Math.abs(w)));",
    killedBy: "one row a thousand times larger",
  },
  { name: "128 steps", of, from: "largest / 127", to: "largest / 128", killedBy: "a small layer" },
  { name: "a row of zeros divides by zero", of, from: "largest === 0 ? 1 : largest / 127", to: "largest / 127", killedBy: "a row of zeros" },
  { name: "cut off, not rounded", of, from: "halfEven(w / scales[i])", to: "Math.trunc(w / scales[i])", killedBy: "a wide layer" },
  { name: "half way goes up", of, from: "down % 2 === 0 ? down : down + 1", to: "down + 1", killedBy: "exactly half way" },
  { name: "zero is not in the input's range", of, from: "Math.min(0, ...x)", to: "Math.min(...x)", killedBy: "an input of one sign" },
  { name: "the zero point is forgotten in the sum", of, from: "(inputCodes[j] - zeroPoint)", to: "inputCodes[j]", killedBy: "a wide layer" },
  { name: "the input's scale is forgotten", of, from: "scales[i] * inputScale * sum", to: "scales[i] * sum", killedBy: "a wide layer" },
  {
    name: "the output from the numbers, not from the codes",
    of,
    from: "sum += row[j] * (inputCodes[j] - zeroPoint)",
    to: "sum += (weights[i][j] / scales[i]) * (x[j] / inputScale)",
    killedBy: "a wide layer",
  },
];
