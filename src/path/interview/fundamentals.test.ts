import { describe, expect, test } from "vitest";
import { createFundamentals, fundamentalItems, gradeFundamentals, type FundamentalItem } from "./fundamentals.ts";

const numbersIn = (text: string): number[] => [...text.matchAll(/-?\d+(?:\.\d+)?/g)].map(([number]) => Number(number));
const of = (items: readonly FundamentalItem[], id: string): FundamentalItem => items.find(({ question }) => question.id === id)!;
/** Central difference. */
const slope = (f: (x: number) => number, at: number): number => (f(at + 1e-5) - f(at - 1e-5)) / 2e-5;

describe("fundamentals with fresh numbers", () => {
  test.each(Array.from({ length: 40 }, (_, i) => `seed ${i}`))("%s: the expected values agree with numeric derivatives and brute-force minima", (seed) => {
    const items = fundamentalItems(seed);
    const [z0 = 0, z1 = 0, z2 = 0, y = 0] = numbersIn(of(items, "ce-loss").section);
    const loss = (z: readonly number[]): number => Math.log(z.reduce((sum, v) => sum + Math.exp(v), 0)) - z[y]!;
    expect(of(items, "ce-loss").expected).toBeCloseTo(loss([z0, z1, z2]), 9);
    const asked = numbersIn(of(items, "ce-grad").question.prompt)[0] ?? 0;
    expect(of(items, "ce-grad").expected).toBeCloseTo(
      slope((v) => loss([z0, z1, z2].map((old, i) => (i === asked ? v : old))), [z0, z1, z2][asked]!),
      6,
    );

    const [x0 = 0, x1 = 0, x2 = 0, y0 = 0, y1 = 0, y2 = 0] = numbersIn(of(items, "ols").section);
    const lambda = numbersIn(of(items, "ridge").question.prompt)[0] ?? 0;
    const squares = (w: number): number => (y0 - w * x0) ** 2 + (y1 - w * x1) ** 2 + (y2 - w * x2) ** 2;
    expect(slope(squares, Number(of(items, "ols").expected))).toBeCloseTo(0, 5);
    expect(slope((w) => squares(w) + lambda * w * w, Number(of(items, "ridge").expected))).toBeCloseTo(0, 5);

    const lasso = /\(w - ([\d.]+)\)² \/ 2 \+ ([\d.]+)/.exec(of(items, "lasso").section)!;
    const [a, l1] = [Number(lasso[1]), Number(lasso[2])];
    const cost = (w: number): number => (w - a) ** 2 / 2 + l1 * Math.abs(w);
    const best = Array.from({ length: 8001 }, (_, i) => -4 + i / 1000).reduce((low, w) => (cost(w) < cost(low) ? w : low), 0);
    expect(Number(of(items, "lasso").expected)).toBeCloseTo(best, 2);

    const [x = 0, w1 = 0, w2 = 0, label = 0] = [...of(items, "bp-p").section.matchAll(/(?:x|w1|w2|y) = (-?[\d.]*\d)/g)].map(([, number]) => Number(number));
    const p = (v1: number, v2: number): number => 1 / (1 + Math.exp(-v2 * Math.tanh(v1 * x)));
    const cross = (v1: number, v2: number): number => -label * Math.log(p(v1, v2)) - (1 - label) * Math.log(1 - p(v1, v2));
    expect(of(items, "bp-p").expected).toBeCloseTo(p(w1, w2), 9);
    expect(of(items, "bp-w1").expected).toBeCloseTo(
      slope((v) => cross(v, w2), w1),
      6,
    );
    expect(of(items, "bp-w2").expected).toBeCloseTo(
      slope((v) => cross(w1, v), w2),
      6,
    );

    const losses = numbersIn(of(items, "stop").section.split("Validation loss:")[1]!);
    expect(of(items, "stop").expected).toBe(losses.indexOf(Math.min(...losses)) + 1);
  });

  test("one derivation that must not fail ends the round, however good the rest", () => {
    const { truth } = createFundamentals("s");
    const answers = Object.fromEntries(truth.items.map(({ question, expected }) => [question.id, String(expected)]));
    expect(gradeFundamentals(truth, answers).passed).toBe(true);
    expect(gradeFundamentals(truth, { ...answers, prior: "0" }).passed).toBe(true);
    expect(gradeFundamentals(truth, { ...answers, "bp-w1": "9" })).toMatchObject({ passed: false, says: expect.stringMatching(/must not fail/) });
    expect(gradeFundamentals(truth, {}).passed).toBe(false);
  });
});
