import { describe, expect, it } from "vitest";
import { codeOf } from "../kernel/error.ts";
import { seededRng } from "../kernel/rng.ts";
import { chiSquareTest } from "./chi-square.ts";
import { hellingerDistance } from "./hellinger.ts";
import { jensenShannonDistance } from "./jensen-shannon.ts";
import { kolmogorovSmirnovTest } from "./kolmogorov-smirnov.ts";
import { smoothProportions } from "./proportions.ts";
import { psi, psiFloor } from "./psi.ts";
import { wassersteinDistance } from "./wasserstein.ts";

// Golden numbers of Evidently 0.7.21's formulas on vectors anybody can make again: x <- 48271 x mod 2^31 - 1, u = x / (2^31 - 1).
function uniforms(seed: number, n: number): Float64Array {
  const modulus = 2 ** 31 - 1;
  let x = seed;
  return Float64Array.from({ length: n }, () => (x = (x * 48_271) % modulus) / modulus);
}

const reference = uniforms(1, 2000).map((u) => 100 * u * u);
const current = uniforms(7, 1500).map((u) => 110 * u * u + 3);

/** Equal-width bins on the pooled range: width = range / (log2(n + m) + 1). */
function pooledBins(): { reference: number[]; current: number[] } {
  const all = [...reference, ...current];
  const low = Math.min(...all);
  const high = Math.max(...all);
  const numBins = Math.ceil(Math.log2(all.length) + 1);
  const count = (values: Float64Array): number[] => {
    const counts = Array.from({ length: numBins }, () => 0);
    for (const value of values) {
      const bin = Math.min(numBins - 1, Math.floor(((value - low) / (high - low)) * numBins));
      counts[bin] = counts[bin]! + 1;
    }
    return counts;
  };
  return { reference: count(reference), current: count(current) };
}

const shares = (counts: readonly number[]): Float64Array => {
  const total = counts.reduce((sum, n) => sum + n, 0);
  return Float64Array.from(counts, (n) => n / total);
};
/** Evidently's zero fill: 0.0001, or a millionth of the smallest share if that is smaller; not renormalised. */
const filled = (counts: readonly number[]): Float64Array => {
  const exact = shares(counts);
  const smallest = Math.min(...exact.filter((share) => share > 0));
  return exact.map((share) => (share > 0 ? share : smallest <= 0.0001 ? smallest / 1e6 : 0.0001));
};
const std = (values: Float64Array): number => {
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  return Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length);
};

describe("golden numbers of numerical drift", () => {
  const binned = pooledBins();

  it("puts the vectors into the stated bins", () => {
    expect(binned.reference).toEqual([604, 238, 173, 151, 146, 112, 123, 117, 103, 85, 101, 47, 0]);
    expect(binned.current).toEqual([367, 230, 135, 114, 102, 81, 65, 105, 69, 65, 62, 49, 56]);
  });

  it("PSI, Jensen-Shannon and Hellinger", () => {
    expect(psi(filled(binned.reference), filled(binned.current))).toBeCloseTo(0.25577343857, 10);
    expect(jensenShannonDistance(shares(binned.reference), shares(binned.current))).toBeCloseTo(0.13165887711, 10);
    expect(hellingerDistance(shares(binned.reference), shares(binned.current))).toBeCloseTo(0.15188174699, 10);
  });

  it("Wasserstein distance, raw and in standard deviations of the reference", () => {
    const distance = wassersteinDistance(reference, current);
    expect(distance).toBeCloseTo(4.16225657162, 10);
    expect(distance / std(reference)).toBeCloseTo(0.13771604975, 10);
  });

  it("Kolmogorov-Smirnov statistic and exact p-value", () => {
    expect(kolmogorovSmirnovTest(reference, current).statistic).toBeCloseTo(0.1825, 12);
    expect(kolmogorovSmirnovTest(reference.slice(0, 400), current.slice(0, 300)).pValue).toBeCloseTo(1.16643e-4, 9);
  });
});

describe("golden numbers of categorical drift", () => {
  const before = [993, 599, 299, 109, 0];
  const after = [875, 387, 171, 57, 10];

  it("PSI, Jensen-Shannon and Hellinger", () => {
    expect(psi(filled(before), filled(after))).toBeCloseTo(0.06333749399, 10);
    expect(jensenShannonDistance(shares(before), shares(after))).toBeCloseTo(0.08228084492, 10);
    expect(hellingerDistance(shares(before), shares(after))).toBeCloseTo(0.08830691087, 10);
  });

  it("chi-square and Hellinger of Evidently's own unit tests", () => {
    const expected = [16, 18, 16, 14, 12, 12];
    const observed = [16, 16, 16, 16, 16, 8];
    expect(chiSquareTest(observed, expected).pValue).toBeCloseTo(0.67309, 5);
    expect(hellingerDistance(shares(expected), shares(observed))).toBeCloseTo(0.06812, 4);
  });
});

describe("PSI", () => {
  it("is the hand-computed number of two halves", () => {
    expect(psi(Float64Array.of(0.5, 0.5), Float64Array.of(0.4, 0.6))).toBeCloseTo(0.0405465108, 10);
    expect(psi(Float64Array.of(0.2, 0.8), Float64Array.of(0.2, 0.8))).toBe(0);
  });

  it("refuses distributions of different lengths", () => {
    expect(() => psi(Float64Array.of(1), Float64Array.of(0.5, 0.5))).toThrow(expect.toSatisfy((error) => codeOf(error) === "SHAPE_MISMATCH"));
  });
});

describe("sampling floor of PSI", () => {
  it("is the chi-square quantile scaled by both sample sizes", () => {
    // 99% quantile of chi-square with 9 degrees: 21.66599.
    expect(psiFloor({ numBins: 10, n: 1000, m: 500, quantile: 0.99 })).toBeCloseTo(0.003 * 21.66599433, 8);
  });

  it("is 0 for a single bin", () => {
    expect(psiFloor({ numBins: 1, n: 1000, m: 500, quantile: 0.99 })).toBe(0);
  });

  it.each([100, 250, 1000])("undrifted samples of %i rows exceed the 95 percent floor about one time in twenty", (m) => {
    const rng = seededRng(`floor/${m}`);
    const trials = 4000;
    let over = 0;
    const counts = new Float64Array(10);
    const draw = (rows: number): Float64Array => {
      counts.fill(0);
      for (let i = 0; i < rows; i++) counts[rng.int(10)]! += 1;
      return counts;
    };
    const expected = smoothProportions(Float64Array.from({ length: 10 }, () => 10_000));
    const floor = psiFloor({ numBins: 10, n: 100_000, m, quantile: 0.95 });
    for (let t = 0; t < trials; t++) if (psi(expected, smoothProportions(draw(m), expected)) > floor) over++;
    // Binomial noise of the share is 0.0034; smoothing towards the reference makes small samples a little quieter than promised.
    expect(over / trials).toBeLessThan(0.062);
    expect(over / trials).toBeGreaterThan(0.02);
  });
});

describe("smoothed proportions", () => {
  it("sum to 1 with no empty bin", () => {
    const shares = smoothProportions([0, 3, 7]);
    expect(shares.every((share) => share > 0)).toBe(true);
    expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 14);
  });

  it("bins that are empty on both sides add next to nothing to PSI, whatever the sizes", () => {
    const wide = smoothProportions([100_000, 150_000, 0, 0]);
    expect(psi(wide, smoothProportions([40, 60, 0, 0], wide))).toBeLessThan(1e-4);
    // The plain way would see drift there: this is what the prior is for.
    expect(psi(wide, smoothProportions([40, 60, 0, 0]))).toBeGreaterThan(0.05);
  });

  it("refuses a prior of another length", () => {
    expect(() => smoothProportions([1, 2], Float64Array.of(1))).toThrow(expect.toSatisfy((error) => codeOf(error) === "SHAPE_MISMATCH"));
  });
});

describe("two-sample tests", () => {
  it("refuse an empty sample", () => {
    for (const test of [kolmogorovSmirnovTest, wassersteinDistance])
      expect(() => test([], [1])).toThrow(expect.toSatisfy((error) => codeOf(error) === "INVALID_ARGUMENT"));
  });
});
