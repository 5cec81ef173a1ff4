import { describe, expect, it } from "vitest";
import { chiSquareQuantile, chiSquareSurvival } from "../../src/math/chi-square.ts";
import { hellingerDistance } from "../../src/math/hellinger.ts";
import { jensenShannonDistance } from "../../src/math/jensen-shannon.ts";
import { kolmogorovSmirnovTest } from "../../src/math/kolmogorov-smirnov.ts";
import { normalQuantile, normalSurvival } from "../../src/math/normal.ts";
import { wassersteinDistance } from "../../src/math/wasserstein.ts";
import fixtures from "./statistics.json" with { type: "json" };

const relative = (actual: number, expected: number): number => (expected === 0 ? Math.abs(actual) : Math.abs(actual - expected) / Math.abs(expected));

describe(`statistics match SciPy ${fixtures.made.scipy} on reference/statistics.json`, () => {
  it("normal quantiles to 14 digits, far tails included", () => {
    for (const [p, expected] of fixtures.normalQuantile)
      expect(Math.abs(normalQuantile(p!) - expected!), `p = ${p}`).toBeLessThan(1e-14 * Math.max(1, Math.abs(expected!)));
  });

  it("normal survival to 12 digits, far tails included", () => {
    for (const [z, expected] of fixtures.normalSurvival) expect(relative(normalSurvival(z!), expected!), `z = ${z}`).toBeLessThan(1e-12);
  });

  it("chi-square survival to 11 digits down to the smallest p-values", () => {
    for (const [x, degrees, expected] of fixtures.chiSquareSurvival)
      expect(relative(chiSquareSurvival(x!, degrees!), expected!), `x = ${x}, ${degrees} degrees`).toBeLessThan(1e-11);
  });

  it("chi-square quantiles to 10 digits", () => {
    for (const [p, degrees, expected] of fixtures.chiSquareQuantile)
      expect(relative(chiSquareQuantile(p!, degrees!), expected!), `p = ${p}, ${degrees} degrees`).toBeLessThan(1e-10);
  });

  it.each(fixtures.samples)("two-sample statistics of $name", (sample) => {
    const ks = kolmogorovSmirnovTest(sample.reference, sample.current);
    expect(relative(ks.statistic, sample.ksStatistic)).toBeLessThan(1e-12);
    expect(Math.abs(ks.pValue - sample.ksPValue)).toBeLessThan(ks.exact ? 1e-10 : 0.01 * sample.ksPValue);
    expect(relative(wassersteinDistance(sample.reference, sample.current), sample.wasserstein)).toBeLessThan(1e-12);
  });

  it("the large sample takes the asymptotic way, the others the exact one", () => {
    const exact = fixtures.samples.map((sample) => kolmogorovSmirnovTest(sample.reference, sample.current).exact);
    expect(exact).toEqual([true, true, true, true, true, true, false]);
  });

  it("Jensen-Shannon and Hellinger distances", () => {
    for (const { p, q, jensenShannon, hellinger } of fixtures.shares) {
      expect(relative(jensenShannonDistance(p, q), jensenShannon)).toBeLessThan(1e-12);
      expect(relative(hellingerDistance(p, q), hellinger)).toBeLessThan(1e-12);
    }
  });
});
