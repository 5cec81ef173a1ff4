import { KarkhanaError } from "../kernel/error.ts";

/**
 * The texts that get a code of their own: the most frequent, ties by text in code-unit order. The code is the place in the list.
 * @param values null = missing, not counted
 */
export function fitDictionary(values: readonly (string | null)[], { maxCategories }: { readonly maxCategories: number }): readonly string[] {
  if (!Number.isInteger(maxCategories) || maxCategories < 1)
    throw new KarkhanaError("INVALID_ARGUMENT", { field: "maxCategories", problem: "expected a whole number from 1", value: maxCategories });
  const counts = new Map<string, number>();
  for (const value of values) if (value !== null) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts]
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
    .slice(0, maxCategories)
    .map(([value]) => value);
}

/** Looks codes up: a text's place in the dictionary, NaN for null and for texts not in it. */
function createEncoder(dictionary: readonly string[]): (value: string | null) => number {
  const codes = new Map(dictionary.map((text, code) => [text, code]));
  return (value) => (value === null ? Number.NaN : (codes.get(value) ?? Number.NaN));
}

/** Codes of a column, shape [values.length]. */
export function encodeColumn(values: readonly (string | null)[], dictionary: readonly string[]): Float64Array {
  return Float64Array.from(values, createEncoder(dictionary));
}
