import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createParityStore, type ParityCheck, type ParityDifference, type ParityStore } from "../../src/monitoring/parity-store.ts";
import { createMonitoring, type MonitoringStore } from "../../src/monitoring/store.ts";
import { monitoringMigrations } from "../../src/monitoring/tables.ts";
import { ManualClock } from "../../src/kernel/clock.ts";
import type { MakeSqlFixture, SqlFixture } from "./sql-fixture.ts";

const check = (fromOffset: number, toOffset: number, bySlot: Record<string, number> = {}): ParityCheck => ({
  model: "m",
  fromOffset,
  toOffset,
  fromUs: fromOffset * 10,
  toUs: toOffset * 10,
  checkedUs: 1_000_000 + toOffset,
  served: toOffset - fromOffset,
  foreignService: 0,
  vectors: 50,
  values: 500,
  mismatches: Object.values(bySlot).reduce((a, b) => a + b, 0),
  bySlot,
});

const difference = (slot: string, i: number): ParityDifference => ({
  predictionId: `q${i}`,
  version: 2,
  role: "champion",
  askedUs: 77 + i,
  appliedOffset: i === 0 ? null : 2 ** 40 + i,
  slot,
  view: "at_origin",
  keys: { airport: "ORD" },
  served: i,
  offline: null,
  events: i === 0 ? [{ eventUs: 5, knownUs: 6, row: 3, values: { origin: "ORD", delay: null } }] : null,
});

export function parityContract(name: string, make: MakeSqlFixture): void {
  describe(`parity store on ${name}`, () => {
    let fixture: SqlFixture;
    let store: ParityStore;
    let monitoring: MonitoringStore;
    beforeEach(async () => {
      fixture = await make(monitoringMigrations);
      store = createParityStore(fixture.database);
      monitoring = createMonitoring({ database: fixture.database, clock: new ManualClock(1) });
    });
    afterEach(() => fixture.dispose());

    test("checks follow one another through the log and add up", async () => {
      expect(await store.nextOffset("m")).toBe(0);
      expect(await store.totals("m")).toEqual({ checks: 0, served: 0, vectors: 0, values: 0, mismatches: 0, lastCheckedUs: null });
      await store.commit(check(0, 100), []);
      await store.commit(check(100, 250), []);
      expect(await store.nextOffset("m")).toBe(250);
      expect(await store.listChecks("m")).toEqual([check(100, 250), check(0, 100)]);
      expect(await store.totals("m")).toEqual({ checks: 2, served: 250, vectors: 100, values: 1000, mismatches: 0, lastCheckedUs: 1_000_250 });
      expect(await store.slots("m")).toEqual([]);
      expect(await store.nextOffset("another")).toBe(0);
    });

    test("every difference is a row with its entity, both values and the events behind it", async () => {
      const found = [difference("a", 0), difference("b", 1), difference("a", 2)];
      await store.commit(check(0, 10, { a: 2, b: 1 }), found);
      await store.commit(check(10, 20, { b: 4 }), [difference("b", 3)]);
      expect(await store.listDifferences("m")).toEqual([difference("b", 3), ...found]);
      expect((await store.listDifferences("m", { slot: "a" })).map((d) => d.predictionId)).toEqual(["q0", "q2"]);
      expect(await store.listDifferences("m", { limit: 1 })).toHaveLength(1);
      expect(await store.slots("m")).toEqual([
        { slot: "b", mismatches: 5 },
        { slot: "a", mismatches: 2 },
      ]);
    });

    test("one mismatch raises an alert that names the slot; three clean checks in a row resolve it", async () => {
      expect(await store.commit(check(0, 10), [])).toBeUndefined();
      const raised = await store.commit(check(10, 20, { late_share: 5, count: 1 }), []);
      expect(raised).toMatchObject({ kind: "parity", status: "open", model: "m", findings: [{ subject: "late_share", value: 0.1 }, { subject: "count" }] });
      expect(raised?.summary).toMatch(/late_share: share of recomputed values that differ/);
      expect(await monitoring.listAlerts({ status: "open" })).toEqual([raised]);
      expect(await store.commit(check(20, 30), [])).toBeUndefined();
      expect(await store.commit(check(30, 40), [])).toBeUndefined();
      expect(await store.commit(check(40, 50), [])).toMatchObject({ id: raised?.id, status: "resolved" });
      expect(await monitoring.listAlerts({ status: "open" })).toEqual([]);
    });

    test("of two checkers of one stretch one is refused and leaves nothing behind", async () => {
      await store.commit(check(0, 10), []);
      const both = await Promise.allSettled([
        store.commit(check(10, 20, { a: 1 }), [difference("a", 1)]),
        store.commit(check(10, 30, { b: 2 }), [difference("b", 1), difference("b", 2)]),
      ]);
      const refused = both.filter((r) => r.status === "rejected");
      expect(refused).toHaveLength(1);
      expect(refused[0]?.reason).toMatchObject({ code: "MONITORING_CONFLICT" });
      const [last, ...before] = await store.listChecks("m");
      expect(before).toEqual([check(0, 10)]);
      expect(await store.nextOffset("m")).toBe(last?.toOffset);
      expect(await store.listDifferences("m")).toHaveLength(last!.mismatches);
      await expect(store.commit(check(0, 10), [])).rejects.toMatchObject({ code: "MONITORING_CONFLICT" });
    });

    test("a first check that does not begin at the start of the log is refused", async () => {
      await expect(store.commit(check(5, 10), [])).rejects.toMatchObject({ code: "MONITORING_CONFLICT" });
      expect(await store.nextOffset("m")).toBe(0);
      expect(await store.listChecks("m")).toEqual([]);
    });
  });
}
