import fc from "fast-check";
import { expect, it } from "vitest";
import { nextDown, nextUp } from "./float.ts";

it("nothing lies between a double and the next", () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, min: -Number.MAX_VALUE, max: 1e300 }), (x) => {
      const up = nextUp(x);
      expect(up).toBeGreaterThan(x);
      const middle = x / 2 + up / 2;
      expect(middle <= x || middle >= up).toBe(true);
      expect(nextDown(up)).toBe(x === 0 ? 0 : x);
    }),
  );
});

it("stands still at infinity and NaN, and leaves zero by the smallest step", () => {
  expect(nextUp(Infinity)).toBe(Infinity);
  expect(nextUp(Number.NaN)).toBeNaN();
  expect(nextUp(-0)).toBe(Number.MIN_VALUE);
  expect(nextDown(0)).toBe(-Number.MIN_VALUE);
  expect(nextUp(Number.MAX_VALUE)).toBe(Infinity);
});
