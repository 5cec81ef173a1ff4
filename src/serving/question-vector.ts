import { refuse } from "./request-fields.ts";

export const maxNeighbours = 1000;
const maxDimensions = 8192;

/** @throws INVALID_ARGUMENT */
export function readVector(value: unknown, field: string): number[] {
  if (!Array.isArray(value) || value.length > maxDimensions) throw refuse(field, `expected a list of at most ${maxDimensions} numbers`, value);
  return value.map((one: unknown, i) => {
    if (typeof one !== "number") throw refuse(`${field}[${i}]`, "expected a number", one);
    return one;
  });
}
