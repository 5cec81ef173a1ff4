import fc from "fast-check";
import { expect, it } from "vitest";
import { midranks } from "./ranks.ts";
import { argsort } from "./sort.ts";

it("puts any doubles in ascending order, ties in their order, NaN last", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.double(), fc.constantFrom(0, -0, 1, 1, -1, Infinity, -Infinity, Number.NaN, 5e-324)), { maxLength: 300 }), (list) => {
      const expected = list
        .map((_, i) => i)
        .sort((a, b) => {
          const [x, y] = [list[a]!, list[b]!];
          if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y)) || a - b;
          return x < y ? -1 : x > y ? 1 : a - b;
        });
      expect([...argsort(Float64Array.from(list))]).toEqual(expected);
    }),
  );
});

it("equal values share the mean of their ranks", () => {
  expect([...midranks(Float64Array.of(3, 1, 3, 2, 3))]).toEqual([4, 1, 4, 2, 4]);
  expect([...midranks(new Float64Array(0))]).toEqual([]);
});
