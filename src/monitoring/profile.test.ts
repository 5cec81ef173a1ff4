import { describe, expect, it } from "vitest";
import { codeOf } from "../kernel/error.ts";
import { seededRng } from "../kernel/rng.ts";
import { MICROS_PER_DAY } from "../kernel/time.ts";
import { parseProfile, profileToJson } from "./profile-file.ts";
import { buildReferenceProfile, type ReferenceRows } from "./profile.ts";
import { numericEdges, topCategories, vectorBinner } from "./slot-bins.ts";
import { slotPsi } from "./slot-psi.ts";

const estimate = { value: 0.7, low: 0.69, high: 0.71 };
const holdout = { rows: 100, auc: estimate, logLoss: estimate, brier: estimate };

function rowsOf(columns: Record<string, Float64Array>, more: Partial<ReferenceRows> = {}): ReferenceRows {
  const slots = Object.keys(columns).map((name) => ({ name, type: name.startsWith("cat") ? ("categorical" as const) : ("numeric" as const) }));
  const scores = Object.values(columns)[0]!.map((_, i) => (i % 100) / 100);
  return { slots, columns: Object.values(columns), scores, holdout, ...more };
}

const upTo = (n: number): Float64Array => Float64Array.from({ length: n }, (_, i) => i + 1);

describe("bins of a numeric slot", () => {
  it("are deciles with inclusive upper edges: each holds a tenth of the reference", () => {
    const { edges, counts } = buildReferenceProfile(rowsOf({ x: upTo(1000) })).slots[0]!;
    expect(edges).toEqual([100, 200, 300, 400, 500, 600, 700, 800, 900]);
    expect(counts).toEqual([100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 0]);
  });

  it("merge where many rows have the same value, and lose no row", () => {
    // 60% zeros, then 1, 2, 3, 4 at 10% each: a count over a short window.
    const column = Float64Array.from({ length: 1000 }, (_, i) => Math.max(0, Math.floor(i / 100) - 5));
    const { edges, counts } = buildReferenceProfile(rowsOf({ x: column })).slots[0]!;
    expect(edges).toEqual([0, 1, 2, 3]);
    expect(counts).toEqual([600, 100, 100, 100, 100, 0]);
  });

  it("keep a cell above the largest value, so that a constant that grows is seen", () => {
    const { edges, counts } = buildReferenceProfile(rowsOf({ x: new Float64Array(500).fill(7) })).slots[0]!;
    expect([edges, counts]).toEqual([[7], [500, 0, 0]]);
    const binner = vectorBinner(buildReferenceProfile(rowsOf({ x: new Float64Array(500).fill(7) })).slots);
    expect([binner.cellOf(0, 7), binner.cellOf(0, 7.000001), binner.cellOf(0, Number.NaN)]).toEqual([0, 1, 2]);
  });

  it("count nulls apart, and live with a slot that is never anything else", () => {
    const half = Float64Array.from({ length: 400 }, (_, i) => (i % 2 === 0 ? Number.NaN : i));
    const profile = buildReferenceProfile(rowsOf({ half, none: new Float64Array(400).fill(Number.NaN) }));
    expect(profile.slots[0]!.counts.at(-1)).toBe(200);
    expect(profile.slots[1]).toMatchObject({ edges: [], counts: [0, 400] });
  });

  it("take infinities to the outer bins", () => {
    const binner = vectorBinner(buildReferenceProfile(rowsOf({ x: upTo(1000) })).slots);
    expect([binner.cellOf(0, -Infinity), binner.cellOf(0, Infinity)]).toEqual([0, 9]);
  });

  it("of no values are none", () => {
    expect(numericEdges(new Float64Array(0))).toEqual([]);
  });
});

describe("bins of a categorical slot", () => {
  it("keep the most frequent codes, put the others together and nulls apart", () => {
    const codes = Float64Array.from({ length: 1000 }, (_, i) => (i % 10 === 0 ? Number.NaN : i % 4 === 1 ? 3 : i % 50));
    const { categories, counts } = buildReferenceProfile(rowsOf({ cat: codes })).slots[0]!;
    expect(categories[0]).toBe(3);
    expect(categories).toHaveLength(20);
    expect(counts).toHaveLength(22);
    expect(counts.at(-1)).toBe(100);
    expect(counts.at(-2)).toBeGreaterThan(0);
    expect(counts.reduce((sum, n) => sum + n, 0)).toBe(1000);
  });

  it("break ties to the smaller code", () => {
    expect(topCategories(Float64Array.of(5, 2, 5, 2, 9), 2)).toEqual([2, 5]);
  });
});

describe("spread of the reference's own windows", () => {
  const rng = seededRng("spread");
  // A slot with weather: each of 30 days has its own level. A slot without: every row for itself.
  const n = 30 * 400;
  const level = Float64Array.from({ length: 30 }, () => rng.next());
  const weather = Float64Array.from({ length: n }, (_, i) => level[Math.floor(i / 400)]! + 0.1 * rng.next());
  const still = Float64Array.from({ length: n }, () => rng.next());
  const us = Float64Array.from({ length: n }, (_, i) => Math.floor((i / 400) * MICROS_PER_DAY));
  const profile = buildReferenceProfile(rowsOf({ weather, still }, { times: { us, windowUs: MICROS_PER_DAY } }));

  it("is large for a slot whose rows of one day belong together, small for independent rows", () => {
    expect(profile.windows).toEqual({ lengthUs: MICROS_PER_DAY, count: 30 });
    expect(profile.slots[0]!.windowPsi).toBeGreaterThan(1);
    expect(profile.slots[1]!.windowPsi).toBeLessThan(0.15);
  });

  it("is the largest PSI of any one day against the other days", () => {
    const binner = vectorBinner(profile.slots);
    const cells = (from: number, to: number): Uint32Array => {
      const counts = new Uint32Array(binner.offsets[1]!);
      for (let i = 0; i < n; i++) if (i >= from === i < to) counts[binner.cellOf(0, weather[i]!)]! += 1;
      return counts;
    };
    let largest = 0;
    for (let day = 0; day < 30; day++) {
      const inside = cells(day * 400, (day + 1) * 400);
      const whole = Uint32Array.from(profile.slots[0]!.counts);
      largest = Math.max(
        largest,
        slotPsi(
          whole.map((count, c) => count - inside[c]!),
          inside,
        ),
      );
    }
    expect(profile.slots[0]!.windowPsi).toBeCloseTo(largest, 12);
  });

  it("does not depend on the order of the rows", () => {
    const order = Array.from({ length: n }, (_, i) => (i * 7919) % n);
    const shuffled = (column: Float64Array): Float64Array => Float64Array.from(order, (i) => column[i]!);
    const again = buildReferenceProfile(
      rowsOf({ weather: shuffled(weather), still: shuffled(still) }, { times: { us: shuffled(us), windowUs: MICROS_PER_DAY } }),
    );
    expect(again.slots).toEqual(profile.slots);
  });
});

describe("the profile", () => {
  it("leaves rows without a score out of the score's reference only", () => {
    const rows = rowsOf({ x: upTo(1000) });
    const profile = buildReferenceProfile({ ...rows, scores: rows.scores.map((score, i) => (i < 600 ? Number.NaN : score)) });
    expect(profile.score.counts.reduce((sum, n) => sum + n, 0)).toBe(400);
    expect(profile.score.counts.at(-1)).toBe(0);
    expect(profile.slots[0]!.counts.reduce((sum, n) => sum + n, 0)).toBe(1000);
  });

  it("comes back from its file as it was", () => {
    const profile = buildReferenceProfile({
      ...rowsOf({ x: upTo(1000), cat: upTo(1000).map((v) => v % 30) }),
      labels: Uint8Array.from({ length: 1000 }, (_, i) => (i % 4 === 0 ? 1 : 0)),
    });
    expect(profile.labelRate).toBe(0.25);
    expect(parseProfile(profileToJson(profile))).toEqual(profile);
  });

  it.each([
    ["not JSON", "{", "file"],
    ["a newer format", JSON.stringify({ formatVersion: 2 }), "formatVersion"],
    ["counts of another length", profileToJson(buildReferenceProfile(rowsOf({ x: upTo(10) }))).replace('"counts":[', '"counts":[1,'), "slots[0].counts"],
    ["edges out of order", profileToJson(buildReferenceProfile(rowsOf({ x: upTo(10) }))).replace('"edges":[1,2', '"edges":[2,1'), "slots[0].edges"],
  ])("is refused as a file with %s, naming the field", (_, text, field) => {
    expect(() => parseProfile(text)).toThrow(expect.toSatisfy((error) => codeOf(error) === "PROFILE_INVALID" && String(error).includes(field)));
  });

  it("refuses columns that do not fit together, and no rows at all", () => {
    const rows = rowsOf({ x: upTo(10) });
    expect(() => buildReferenceProfile({ ...rows, columns: [upTo(9)] })).toThrow(/columns\.x/);
    expect(() => buildReferenceProfile({ ...rows, columns: [] })).toThrow(expect.toSatisfy((error) => codeOf(error) === "SHAPE_MISMATCH"));
    expect(() => buildReferenceProfile({ ...rows, columns: [upTo(0)], scores: upTo(0) })).toThrow(
      expect.toSatisfy((error) => codeOf(error) === "INVALID_ARGUMENT"),
    );
  });
});
