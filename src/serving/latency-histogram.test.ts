import { expect, test } from "vitest";
import { seededRng } from "../kernel/rng.ts";
import { bucketEdgeUs, bucketOf, numLatencyBuckets, quantileUs } from "./latency-histogram.ts";

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
