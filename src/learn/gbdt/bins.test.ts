import fc from "fast-check";
import { expect, it } from "vitest";
import { binColumn, findBins, type FeatureBins } from "./bins.ts";

const numeric = { name: "x", type: "numeric" } as const;
const categorical = { name: "c", type: "categorical" } as const;

function binsOf(column: Float64Array, bins: FeatureBins): Uint8Array {
  const out = new Uint8Array(column.length);
  binColumn(bins, column, out);
  return out;
}

it("few distinct values: a bin each, bounded just above the midpoints", () => {
  const column = Float64Array.from({ length: 30 }, (_, i) => [1, 2, 4][i % 3]!);
  const bins = findBins(numeric, column, 255);
  expect.assert(bins.kind === "numeric");
  expect([...bins.upperBounds]).toEqual([1.5000000000000002, 3.0000000000000004, Infinity]);
  expect(bins.hasMissing).toBe(false);
  expect([...binsOf(Float64Array.of(1, 1.5, 1.6, 4, 99), bins)]).toEqual([0, 0, 1, 2, 2]);
});

it("missing values have the last bin, and none if there are none", () => {
  const column = Float64Array.of(1, 1, 1, 2, 2, 2, Number.NaN);
  const bins = findBins(numeric, column, 255);
  expect(bins.numBins).toBe(3);
  expect([...binsOf(column, bins)]).toEqual([0, 0, 0, 1, 1, 1, 2]);
});

it("many distinct values: about equal counts, a heavy value alone", () => {
  const column = Float64Array.from({ length: 10_000 }, (_, i) => (i < 4000 ? 0.5 : i / 10_000));
  const bins = findBins(numeric, column, 16);
  const counts = new Int32Array(bins.numBins);
  for (const bin of binsOf(column, bins)) counts[bin]!++;
  expect(bins.numBins).toBeLessThanOrEqual(16);
  expect(counts[binsOf(Float64Array.of(0.5), bins)[0]!]).toBe(4000 + 1);
  const others = [...counts].filter((count) => count !== 4001);
  expect(others.length).toBeGreaterThan(10);
  expect(Math.max(...others)).toBeLessThan(2 * (6000 / 15));
});

it("for any doubles: bins keep the order, are as many as allowed at most, and equal values share one", () => {
  const value = fc.oneof(fc.double(), fc.constantFrom(0, -0, Infinity, -Infinity, Number.MAX_VALUE, -Number.MAX_VALUE, Number.NaN, 1, 2));
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 400 }), fc.integer({ min: 2, max: 255 }), (list, maxBin) => {
      const column = Float64Array.from(list);
      const bins = findBins(numeric, column, maxBin);
      expect.assert(bins.kind === "numeric");
      expect(bins.numBins).toBeLessThanOrEqual(Math.max(2, maxBin));
      expect(bins.upperBounds.every((bound, i) => i === 0 || bound > bins.upperBounds[i - 1]!)).toBe(true);
      const found = binsOf(column, bins);
      column.forEach((a, i) => {
        const bin = found[i]!;
        const fits = Number.isNaN(a) ? bin === bins.numBins - 1 : a <= bins.upperBounds[bin]! && (bin === 0 || a > bins.upperBounds[bin - 1]!);
        expect(fits).toBe(true);
      });
    }),
  );
});

it("categories: the most frequent codes have bins, rare, missing and unknown ones bin 0", () => {
  const column = Float64Array.from([
    ...Array.from({ length: 9 }, () => 7),
    ...Array.from({ length: 5 }, () => 0),
    ...Array.from({ length: 3 }, () => 3),
    5,
    Number.NaN,
  ]);
  const bins = findBins(categorical, column, 255);
  expect.assert(bins.kind === "categorical");
  expect([...bins.codeOfBin]).toEqual([-1, 7, 0, 3]);
  expect([...binsOf(Float64Array.of(7, 0, 3, 5, Number.NaN, 99), bins)]).toEqual([1, 2, 3, 0, 0, 0]);
});

it("more categories than bins: only the most frequent keep one", () => {
  const column = Float64Array.from({ length: 400 * 3 }, (_, i) => i % 400);
  expect(findBins(categorical, column, 255).numBins).toBe(255);
});
