import { expect, test } from "vitest";
import { seededRng } from "../kernel/rng.ts";
import { bucketEdgeUs, bucketOf, LatencyHistogram, numLatencyBuckets, quantileUs } from "./latency-histogram.ts";

test("a duration's bucket ends at most a sixteenth above it and never below it", () => {
  const rng = seededRng(1);
  for (let i = 0; i < 10_000; i++) {
    const us = 2 ** (rng.next() * 25.9);
    const edge = bucketEdgeUs(bucketOf(us));
    expect(edge).toBeGreaterThanOrEqual(us);
    expect(edge).toBeLessThanOrEqual(us * (1 + 1 / 16) + 1e-9);
  }
});

test("durations outside the range fall into the first and the last bucket", () => {
  expect([bucketOf(0), bucketOf(-1), bucketOf(Number.NaN), bucketOf(1e12)]).toEqual([0, 0, 0, numLatencyBuckets - 1]);
});

test("quantiles read back are those of what was counted, within a bucket", () => {
  const counts = new Float64Array(numLatencyBuckets);
  for (let us = 1; us <= 1000; us++) counts[bucketOf(us)]!++;
  expect(quantileUs(counts, 0.5)).toBeGreaterThanOrEqual(500);
  expect(quantileUs(counts, 0.5)).toBeLessThan(500 * 1.07);
  expect(quantileUs(counts, 0.99)).toBeGreaterThanOrEqual(990);
  expect(quantileUs(new Float64Array(numLatencyBuckets), 0.5)).toBeNaN();
});

test("histograms add: two halves merged count and read as the whole, nonsense included", () => {
  const [whole, left, right] = [new LatencyHistogram(), new LatencyHistogram(), new LatencyHistogram()];
  const rng = seededRng(2);
  for (let i = 0; i < 5000; i++) {
    const us = i % 100 === 0 ? Number.NaN : 2 ** (rng.next() * 30 - 2);
    whole.add(us);
    (i % 2 === 0 ? left : right).add(us);
  }
  left.merge(right.entries());
  expect(left.entries()).toEqual(whole.entries());
  expect([left.count, left.quantileUs(0.5), left.quantileUs(0.99)]).toEqual([5000, whole.quantileUs(0.5), whole.quantileUs(0.99)]);
  expect(new LatencyHistogram().quantileUs(0.5)).toBeNaN();
});
