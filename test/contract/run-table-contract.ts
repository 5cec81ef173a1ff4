import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ManualClock } from "../../src/kernel/clock.ts";
import { codeOf } from "../../src/kernel/error.ts";
import { idMaker } from "../../src/kernel/ids.ts";
import { seededRng } from "../../src/kernel/rng.ts";
import { openFileBlobs } from "../../src/storage/blobs/files.ts";
import { savedViewMigrations } from "../../src/tracking/saved-views.ts";
import { createTracking, type TrackingStore } from "../../src/tracking/store.ts";
import type { RunSelection } from "../../src/tracking/table/query.ts";
import { trackingMigrations } from "../../src/tracking/tables.ts";
import { scratchFolder } from "./scratch-folder.ts";
import type { MakeSqlFixture, SqlFixture } from "./sql-fixture.ts";

/** What a table of runs promises on every database. */
export function runTableContract(name: string, makeFixture: MakeSqlFixture): void {
  describe(`run table: ${name}`, () => {
    let fixture: SqlFixture;
    const folder = scratchFolder();
    let tracking: TrackingStore;
    let here: RunSelection;
    const runs: { runId: string; auc: number | undefined; lr: string | undefined }[] = [];

    beforeAll(async () => {
      fixture = await makeFixture([...trackingMigrations, ...savedViewMigrations]);
      const rng = seededRng("run-table");
      const clock = new ManualClock(1_700_000_000_000_000);
      const newId = idMaker(clock, (length) => Uint8Array.from({ length }, () => rng.int(256)));
      tracking = createTracking({ database: fixture.database, blobs: await openFileBlobs(folder), clock, newId });
      const { experimentId } = await tracking.experiment("table");
      here = { experimentIds: [experimentId], view: "ACTIVE_ONLY" };
      for (let i = 0; i < 60; i++) {
        clock.advanceBy(1_000_000);
        const { runId } = await tracking.createRun({ experimentId, name: `run ${i}`, tags: i % 4 === 0 ? { team: "red" } : {} });
        const auc = i % 10 === 9 ? undefined : i % 10 === 8 ? Number.NaN : (i * 37) % 60;
        const lr = i % 3 === 0 ? undefined : String(i % 3);
        await tracking.logBatch(runId, {
          ...(auc === undefined ? {} : { metrics: [{ key: "auc", value: auc, step: 1, timestampMs: 5 }] }),
          ...(lr === undefined ? {} : { params: { lr } }),
        });
        runs.push({ runId, auc, lr });
      }
      await tracking.finishRun(runs[3]!.runId, "FAILED");
    });
    afterAll(async () => {
      await fixture.dispose();
    });

    it("an order holds every run once, numbers before NaN before what is missing, and ends with the newest first", async () => {
      const order = await tracking.table.order(here, ["metrics.auc DESC"]);
      expect(order.total).toBe(60);
      const rank = (auc: number | undefined): number => (auc === undefined ? 2 : Number.isNaN(auc) ? 1 : 0);
      const expected = runs
        .toReversed()
        .toSorted((a, b) => rank(a.auc) - rank(b.auc) || (rank(a.auc) === 0 ? b.auc! - a.auc! : 0))
        .map((run) => run.runId);
      expect(order.slice(0, 100)).toEqual(expected);
      expect(order.slice(58, 61)).toEqual(expected.slice(58));
      expect(expected.map((runId) => order.indexOf(runId))).toEqual(expected.map((_, i) => i));
      expect(order.indexOf("f".repeat(32))).toBe(-1);
    });

    it("agrees with the search of MLflow's API in every order", async () => {
      for (const orderBy of [["params.lr"], ["tags.team DESC", "metrics.auc"], ["attributes.run_name DESC"], ["attributes.start_time"], ["end_time DESC"]]) {
        const { items } = await tracking.runs.search({ ...here, orderBy, limit: 100 });
        expect((await tracking.table.order(here, orderBy)).slice(0, 100), orderBy.join()).toEqual(items.map((r) => r.run.runId));
      }
    });

    it("counts what a filter finds, and orders only that", async () => {
      const filtered = { ...here, filter: "params.lr = '2' AND NOT tags.team = 'red'" };
      const expected = runs.filter(({ lr }, i) => lr === "2" && i % 4 !== 0);
      expect(await tracking.table.count(filtered)).toBe(expected.length);
      expect((await tracking.table.order(filtered, [])).slice(0, 100)).toEqual(expected.map((r) => r.runId).toReversed());
      expect(await tracking.table.count({ ...here, view: "DELETED_ONLY" })).toBe(0);
      expect(await tracking.table.count({ ...here, experimentIds: [] })).toBe(0);
      await expect(tracking.table.count({ ...here, filter: "metrics.auc >" })).rejects.toMatchObject({ code: "SEARCH_INVALID", details: { position: 13 } });
    });

    it("rows come in the order of the ids with the columns asked for and no others", async () => {
      const ids = [runs[8]!.runId, runs[1]!.runId, "0".repeat(32)];
      const rows = await tracking.table.rows(ids, { metrics: ["auc"], params: ["lr"], tags: [] });
      expect(rows.map((r) => r.runId)).toEqual(ids.slice(0, 2));
      expect(rows[0]?.metrics["auc"]).toBeNaN();
      expect({ ...rows[1] }).toMatchObject({ name: "run 1", status: "RUNNING", endUs: null, metrics: { auc: 37 }, params: { lr: "1" }, tags: {} });
      expect(await tracking.table.rows([], { metrics: ["auc"], params: [], tags: [] })).toEqual([]);
    });

    it("keys are found with the most common first, and by a part of their name", async () => {
      expect(await tracking.table.keys(here)).toEqual({ looked: 60, metrics: ["auc"], params: ["lr"], tags: ["team"] });
      expect(await tracking.table.keys(here, "L")).toMatchObject({ metrics: [], params: ["lr"], tags: [] });
      expect(await tracking.table.keys(here, "%")).toMatchObject({ metrics: [], params: [], tags: [] });
    });

    it("groups count every run once and sum up the metrics that are numbers", async () => {
      const { groups, more } = await tracking.table.groups(here, "params.lr", ["auc", "absent"]);
      expect(more).toBe(false);
      expect(groups.map((g) => `${g.value}: ${g.runs}`).sort()).toEqual(["1: 20", "2: 20", "null: 20"]);
      const numbers = runs.flatMap(({ auc, lr }) => (lr === "1" && auc !== undefined && !Number.isNaN(auc) ? [auc] : []));
      const one = groups.find((g) => g.value === "1");
      expect(one?.metrics["auc"]).toEqual({
        runs: numbers.length,
        mean: expect.closeTo(numbers.reduce((a, b) => a + b) / numbers.length, 9),
        low: Math.min(...numbers),
        high: Math.max(...numbers),
      });
      expect(one?.metrics["absent"]).toBeUndefined();
      expect((await tracking.table.groups(here, "status", [])).groups.map((g) => [g.value, g.runs])).toEqual([
        ["RUNNING", 59],
        ["FAILED", 1],
      ]);
      await expect(tracking.table.groups(here, "metrics.auc", [])).rejects.toSatisfy((e) => codeOf(e) === "INVALID_ARGUMENT");
    });

    it("experiments are counted by what their runs are doing", async () => {
      const counted = (await tracking.table.experiments()).find((e) => e.experimentId === here.experimentIds[0]);
      expect(counted).toMatchObject({ runs: 60, running: 59, failed: 1 });
    });

    it("a short history is given as it is, NaN and infinities without a place", async () => {
      const { runId } = runs[0]!;
      const values = [3, Number.NaN, -1, Number.POSITIVE_INFINITY];
      await tracking.logBatch(runId, { metrics: values.map((value, step) => ({ key: "odd", value, step, timestampMs: 9 - step })) });
      expect(await tracking.table.series({ runId, key: "odd", axis: "step", buckets: 10 })).toEqual({
        total: 4,
        notFinite: 2,
        thinned: false,
        x: [0, 1, 2, 3],
        y: [3, null, -1, null],
        low: [],
        high: [],
      });
      expect((await tracking.table.series({ runId, key: "odd", axis: "time", buckets: 10 })).x).toEqual([6, 7, 8, 9]);
      expect(await tracking.table.series({ runId, key: "none", axis: "step", buckets: 10 })).toMatchObject({ total: 0, x: [] });
    });

    it("a long history keeps its peaks: every stretch has its own lowest, highest and mean", async () => {
      const { runId } = runs[1]!;
      const value = (step: number): number => (step === 1234 ? 1e6 : step === 4321 ? -1e6 : Math.sin(step / 50));
      for (let from = 0; from < 5000; from += 1000)
        await tracking.logBatch(runId, {
          metrics: Array.from({ length: 1000 }, (_, i) => ({ key: "long", value: value(from + i), step: from + i, timestampMs: 1 })),
        });
      const series = await tracking.table.series({ runId, key: "long", axis: "step", buckets: 100 });
      expect(series).toMatchObject({ total: 5000, thinned: true, notFinite: 0 });
      expect(series.x).toEqual(Array.from({ length: 100 }, (_, i) => i * 50));
      expect(series.high[24]).toBe(1e6);
      expect(series.low[86]).toBe(-1e6);
      const stretch = Array.from({ length: 50 }, (_, i) => value(i));
      expect([series.low[0], series.high[0]]).toEqual([Math.min(...stretch), Math.max(...stretch)]);
      expect(series.y[0]).toBeCloseTo(stretch.reduce((a, b) => a + b) / 50, 12);
      const part = await tracking.table.series({ runId, key: "long", axis: "step", buckets: 100, from: 1230, to: 1240 });
      expect([part.total, part.thinned, part.y[4]]).toEqual([11, false, 1e6]);
      const metric = (await tracking.table.metrics(runId)).find((m) => m.key === "long");
      expect(metric).toMatchObject({ points: 5000, firstStep: 0, lastStep: 4999, step: 4999 });
    });

    it("a view is saved, replaced, listed by name and forgotten", async () => {
      await tracking.views.save("mine", "e=1&q=x");
      await tracking.views.save("also", "e=2");
      await tracking.views.save("mine", "e=1&q=y");
      expect((await tracking.views.list()).map((v) => [v.name, v.query])).toEqual([
        ["also", "e=2"],
        ["mine", "e=1&q=y"],
      ]);
      await tracking.views.remove("also");
      await expect(tracking.views.remove("also")).rejects.toSatisfy((e) => codeOf(e) === "VIEW_NOT_FOUND");
      await expect(tracking.views.save("long", "x".repeat(8001))).rejects.toSatisfy((e) => codeOf(e) === "INVALID_ARGUMENT");
    });
  });
}
