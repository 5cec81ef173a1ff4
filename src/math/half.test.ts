import fc from "fast-check";
import { expect, test } from "vitest";
import { doubleToHalf } from "./half.ts";

test.each([
  [0, 0],
  [-0, 0x8000],
  [1, 0x3c00],
  [-2, 0xc000],
  [65_504, 0x7bff],
  [65_520, 0x7c00],
  [65_519, 0x7bff],
  [2 ** -24, 1],
  [2 ** -25, 0],
  [3 * 2 ** -25, 2],
  [2 ** -14, 0x0400],
  [1 + 2 ** -11, 0x3c00],
  [1 + 3 * 2 ** -11, 0x3c02],
  [Infinity, 0x7c00],
  [Number.NaN, 0x7e00],
])("%d is the half 0x%x", (x, half) => {
  expect(doubleToHalf(x)).toBe(half);
});

test("every half comes back from its double, and no other half is nearer to a float", () => {
  const value = (half: number): number => {
    const [exponent, fraction] = [(half >> 10) & 31, half & 1023];
    const size = exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
    return half & 0x8000 ? -size : size;
  };
  for (let half = 0; half < 0x7c00; half++) expect(doubleToHalf(value(half))).toBe(half);
  fc.assert(
    fc.property(fc.float({ min: -65_000, max: 65_000, noNaN: true }), (x) => {
      const half = doubleToHalf(x);
      const far = Math.abs(value(half) - x);
      const others = [half - 1, half + 1].filter((other) => other >= 0 && (other & 0x7fff) < 0x7c00);
      expect(far).toBeLessThanOrEqual(Math.min(...others.map((other) => Math.abs(value(other) - x))));
    }),
  );
});
