import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TopValues } from "./top-values.ts";
import { ValueSketch } from "./value-sketch.ts";

const finite = fc.double({ min: -1e9, max: 1e9, noNaN: true }).map((x) => (Math.abs(x) < 1e-6 ? 0 : x));
const sketchOf = (values: readonly number[]): ValueSketch => {
  const sketch = new ValueSketch();
  for (const value of values) sketch.add(value);
  return sketch;
};

describe("a sketch of numbers", () => {
  test("gives every quantile within 1 % of the value that has it", () => {
    fc.assert(
      fc.property(fc.array(finite, { minLength: 1, maxLength: 300 }), fc.double({ min: 0.001, max: 1, noNaN: true }), (values, q) => {
        const exact = Float64Array.from(values).sort()[Math.ceil(q * values.length) - 1]!;
        expect(Math.abs(sketchOf(values).quantile(q) - exact)).toBeLessThanOrEqual(0.0101 * Math.abs(exact) + 1e-9);
      }),
    );
  });

  test("merged from parts, and read back, is that of the whole", () => {
    fc.assert(
      fc.property(fc.array(finite, { maxLength: 150 }), fc.array(finite, { maxLength: 150 }), (a, b) => {
        const merged = sketchOf(a);
        merged.merge(sketchOf(b));
        const whole = sketchOf([...a, ...b]);
        expect(merged.store()).toEqual(whole.store());
        expect(ValueSketch.read(JSON.parse(JSON.stringify(whole.store()))).store()).toEqual(whole.store());
        expect(merged.count).toBe(a.length + b.length);
      }),
    );
  });

  test("counts whole numbers at most x exactly while they are small", () => {
    const values = Array.from({ length: 41 }, (_, i) => i);
    for (const x of values) expect(sketchOf(values).countAtMost(x)).toBe(x + 1);
  });

  test("stays bounded over twenty powers of ten, and exact in its tails", () => {
    const sketch = new ValueSketch();
    for (let i = 0; i < 20_000; i++) sketch.add(10 ** ((i % 2000) / 100 - 8) * (i % 2 === 0 ? 1 : -1));
    expect(sketch.store().buckets.length).toBeLessThanOrEqual(400);
    expect(sketch.count).toBe(20_000);
    expect(sketch.quantile(0.99) / 10 ** ((0.98 * 2000) / 100 - 8)).toBeCloseTo(1, 1);
  });

  test("refuses what is no sketch", () => {
    expect(() => ValueSketch.read({ buckets: [[1.5, 1]] })).toThrow(/sketch/);
    expect(() => ValueSketch.read(null)).toThrow(/sketch/);
  });
});

test("the most frequent texts are found among many rare ones, whatever they are merged from", () => {
  const parts = [new TopValues(), new TopValues(), new TopValues()];
  for (let i = 0; i < 9000; i++) parts[i % 3]!.add(i % 4 === 0 ? "ORD" : i % 10 === 1 ? "JFK" : `rare ${i}`);
  const [all, ...rest] = parts;
  for (const part of rest) all!.merge(part);
  const [first, second] = TopValues.read(JSON.parse(JSON.stringify(all!.store()))).top();
  expect([first?.[0], second?.[0]]).toEqual(["ORD", "JFK"]);
  expect(first![1]).toBeGreaterThan(2250 - 9000 / 64);
  expect(first![1]).toBeLessThanOrEqual(2250);
  expect(all!.count).toBe(9000);
  expect(all!.top().length).toBeLessThanOrEqual(128);
});
