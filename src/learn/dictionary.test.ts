import { expect, it } from "vitest";
import { codeOf } from "../kernel/error.ts";
import { encodeColumn, fitDictionary } from "./dictionary.ts";

it("codes go by frequency, then by text, and stop at the limit", () => {
  const values = ["b", "a", "c", "b", null, "a", "d", null, null];
  expect(fitDictionary(values, { maxCategories: 3 })).toEqual(["a", "b", "c"]);
  expect(fitDictionary(values.toReversed(), { maxCategories: 3 })).toEqual(["a", "b", "c"]);
});

it("null and texts left out are NaN; an empty text is a text", () => {
  expect([...encodeColumn(["b", "", null, "zz", "toString"], ["", "b"])]).toEqual([1, 0, Number.NaN, Number.NaN, Number.NaN]);
});

it("a limit below 1 is refused", () => {
  let error: unknown;
  try {
    fitDictionary(["a"], { maxCategories: 0 });
  } catch (thrown) {
    error = thrown;
  }
  expect(codeOf(error)).toBe("INVALID_ARGUMENT");
});
