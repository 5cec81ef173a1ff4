import { describe, expect, it } from "vitest";
import { codeOf } from "../kernel/error.ts";
import { seededRng } from "../kernel/rng.ts";
import { auc } from "../learn/metrics.ts";
import { defaultMonitors } from "../project/definition.ts";
import { buildReferenceProfile } from "./profile.ts";
import { rehearseMonitors, type MonitorSelfTestInput } from "./self-test.ts";

const rng = seededRng("rehearsal");
const n = 3000;
const uniform = (): Float64Array => Float64Array.from({ length: n }, () => rng.next());
const scores = uniform();
const labels = Uint8Array.from(scores, (score) => (rng.next() < score ? 1 : 0));
const slots = [
  { name: "often-null", type: "numeric" as const },
  { name: "delay", type: "numeric" as const },
  { name: "carrier", type: "categorical" as const },
];
const columns = [uniform().map((u) => (u < 0.7 ? Number.NaN : u)), uniform(), uniform().map((u) => Math.floor(u * 5))];
const estimate = (value: number): { value: number; low: number; high: number } => ({ value, low: value, high: value });
const profile = buildReferenceProfile({
  slots,
  columns,
  scores,
  labels,
  holdout: { rows: n, auc: estimate(auc(scores, labels)), logLoss: estimate(0.5), brier: estimate(0.2) },
});
const input: MonitorSelfTestInput = { profile, policy: defaultMonitors, columns, scores, labels, rng: seededRng(3) };

describe("rehearsal of a version's monitors", () => {
  it("is silent on the holdout and finds each planted fault", () => {
    const result = rehearseMonitors(input);
    expect(result.rehearsals.map((r) => [r.name, r.slot, r.expected, r.passed])).toEqual([
      ["healthy", undefined, "silence", true],
      ["nulls", "delay", "pipeline", true],
      ["shifted", "often-null", "drift", true],
      ["labels-shuffled", undefined, "quality", true],
    ]);
    expect(result).toMatchObject({
      passed: true,
      summary: "silent on 6 windows of the holdout; raised on nulls (delay), shifted (often-null), labels-shuffled",
    });
  });

  it("plants its faults in the slots that matter most", () => {
    const result = rehearseMonitors({ ...input, topSlots: ["carrier", "delay"] });
    expect(result.passed).toBe(true);
    expect(result.rehearsals.map((r) => r.slot)).toEqual([undefined, "carrier", "carrier", undefined]);
  });

  it("fails a monitor that cannot see drift, saying what was expected", () => {
    const result = rehearseMonitors({ ...input, policy: { ...defaultMonitors, psiBand: 1000 } });
    expect(result.passed).toBe(false);
    expect(result.summary).toContain("shifted expected drift, got silence");
  });

  it("fails a monitor that cries on healthy rows: here the holdout looks nothing like the reference", () => {
    const result = rehearseMonitors({ ...input, columns: [columns[0]!, columns[1]!.map((v) => v + 3), columns[2]!] });
    expect(result.passed).toBe(false);
    expect(result.summary).toContain("healthy expected silence, got drift");
  });

  it("gives the same evidence for the same seed", () => {
    expect(rehearseMonitors({ ...input, rng: seededRng(9) })).toEqual(rehearseMonitors({ ...input, rng: seededRng(9) }));
  });

  it("refuses a sample that does not fit the profile", () => {
    expect(() => rehearseMonitors({ ...input, columns: columns.slice(1) })).toThrow(expect.toSatisfy((error) => codeOf(error) === "SHAPE_MISMATCH"));
    expect(() => rehearseMonitors({ ...input, labels: labels.slice(1) })).toThrow(/labels/);
    expect(() => rehearseMonitors({ ...input, windowRows: 50 })).toThrow(/windowRows/);
  });
});
