import fc from "fast-check";
import { expect, test } from "vitest";
import { areApart, MEASURES, ROW_ID, rowStride } from "./blocks.ts";

const stride = rowStride(1);
const rowsOf = (ids: readonly number[]): Float64Array =>
  Float64Array.from(ids.flatMap((id) => Array.from({ length: stride }, (_, i) => (i === ROW_ID ? id : MEASURES))));

test("rows are apart if no id that is one stands twice, whatever their order and number", () => {
  const id = fc.oneof(fc.constant(-1), fc.integer({ min: 0, max: 3000 }), fc.integer({ min: 2 ** 40, max: 2 ** 40 + 50 }));
  fc.assert(
    fc.property(fc.array(id, { maxLength: 130 }), fc.array(id, { maxLength: 700 }), fc.boolean(), (there, coming, isInOrder) => {
      if (isInOrder) coming.sort((a, b) => a - b);
      const places = coming.map((_, i) => i * stride);
      const all = [...there, ...coming].filter((one) => one >= 0);
      expect(areApart(rowsOf(there), rowsOf(coming), places, stride)).toBe(new Set(all).size === all.length);
    }),
  );
});

test("only the rows that come in count, not others that lie beside them", () => {
  const floats = rowsOf([7, 7, 8, 9]);
  expect(areApart(rowsOf([1]), floats, [stride, 2 * stride, 3 * stride], stride)).toBe(true);
  expect(areApart(rowsOf([1, 9]), floats, [stride, 3 * stride], stride)).toBe(false);
  expect(areApart(rowsOf([]), floats, [0, stride], stride)).toBe(false);
});
