import { expect, test } from "vitest";
import { ModelStats, reportStats, RollingLatency } from "./stats.ts";

const total = (counts: Float64Array): number => counts.reduce((sum, n) => sum + n, 0);

test("the last minute forgets what is older, the whole does not", () => {
  const latency = new RollingLatency();
  latency.record(100, 0);
  latency.record(100, 58_000);
  expect(total(latency.lastMinute(59_000))).toBe(2);
  expect(total(latency.lastMinute(66_000))).toBe(1);
  expect(total(latency.lastMinute(1_000_000))).toBe(0);
  expect(total(latency.all)).toBe(2);
});

test("a slot that comes round again starts from nothing", () => {
  const latency = new RollingLatency();
  latency.record(100, 0);
  latency.record(100, 65_000);
  expect(total(latency.lastMinute(65_000))).toBe(1);
});

test("the rate counts what was answered, not what shadows were asked", () => {
  const stats = new ModelStats();
  for (let i = 0; i < 120; i++) stats.latency.champion.record(50, 1000);
  for (let i = 0; i < 60; i++) stats.latency.shadow.record(50, 1000);
  expect(reportStats("m", stats, 60_000, 3_600_000).ratePerSecond).toBe(2);
});
