import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

import fc from "fast-check";
import { sql } from "kysely";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { ManualClock } from "../../src/kernel/clock.ts";
import { idMaker } from "../../src/kernel/ids.ts";
import { seededRng } from "../../src/kernel/rng.ts";
import { migrate } from "../../src/storage/sql/migrate.ts";
import { openFileBlobs } from "../../src/storage/blobs/files.ts";
import type { RunArtifacts } from "../../src/tracking/artifacts.ts";
import type { Metric, Tracking } from "../../src/tracking/port.ts";
import { createTracking } from "../../src/tracking/store.ts";
import { trackingMigrations } from "../../src/tracking/tables.ts";
import { openSql, type MakeSqlFixture, type SqlFixture } from "./sql-fixture.ts";

function metric(key: string, value: number, step = 0, timestampMs = 1000): Metric {
  return { key, value, step, timestampMs };
}

/** What every database must keep of the promises in `src/tracking/port.ts`. */
export function trackingContract(name: string, makeFixture: MakeSqlFixture): void {
  describe(`tracking on ${name}`, () => {
    let fixture: SqlFixture;
    let clock: ManualClock;
    let folder: string;
    let tracking: Tracking & RunArtifacts;

    beforeEach(async () => {
      fixture = await makeFixture(trackingMigrations);
      clock = new ManualClock(1_700_000_000_000_000);
      folder = await mkdtemp(path.join(tmpdir(), "karkhana-blobs-"));
      tracking = await open(fixture.database, "first");
    });
    afterEach(async () => {
      await fixture.dispose();
      await rm(folder, { recursive: true });
    });

    it("metrics of a database from before they were kept by their key are all there after its migration, and go on", async () => {
      const before = await makeFixture(trackingMigrations.slice(0, 6));
      try {
        const { database } = before;
        const runId = "a".repeat(32);
        await sql`insert into tracking_runs (run_id, experiment_id, name, status, start_us) values (${runId}, 0, 'old', 'RUNNING', 1)`.execute(database.db);
        for (const [step, value, isNan] of [
          [2, 0.25, 0],
          [1, -Infinity, 0],
          [3, 0, 1],
        ])
          await sql`insert into tracking_metrics (run_id, key, timestamp_ms, step, value, is_nan) values (${runId}, 'auc', 7, ${step}, ${value}, ${isNan})`.execute(
            database.db,
          );
        await sql`insert into tracking_latest_metrics (run_id, key, timestamp_ms, step, value, is_nan, experiment_id) values (${runId}, 'auc', 7, 3, 0, 1, 0)`.execute(
          database.db,
        );
        await migrate(database, trackingMigrations);
        const moved = await open(database, "migrated");
        const old = [metric("auc", -Infinity, 1, 7), metric("auc", 0.25, 2, 7), metric("auc", Number.NaN, 3, 7)];
        expect(await moved.metricHistory(runId, "auc")).toEqual(old);
        expect((await moved.getRun(runId)).metrics).toEqual({ auc: old[2] });
        await moved.logBatch(runId, { metrics: [old[1]!, metric("auc", 0.5, 4, 7)] });
        expect(await moved.metricHistory(runId, "auc")).toEqual([...old, metric("auc", 0.5, 4, 7)]);
        expect((await moved.getRun(runId)).metrics).toEqual({ auc: metric("auc", 0.5, 4, 7) });
        await expect(moved.logBatch("b".repeat(32), { metrics: [metric("auc", 1)] })).rejects.toMatchObject({ code: "RUN_NOT_FOUND" });
      } finally {
        await before.dispose();
      }
    });

    const open = async (database: SqlFixture["database"], seed: string): Promise<Tracking & RunArtifacts> => {
      const rng = seededRng(seed);
      const newId = idMaker(clock, (length) => Uint8Array.from({ length }, () => rng.int(256)));
      return createTracking({ database, blobs: await openFileBlobs(folder), clock, newId });
    };
    const newRun = async (): Promise<string> => (await tracking.createRun({ experimentId: "0", name: "a run" })).runId;

    describe("experiments", () => {
      it("begin with 0, Default, and are numbered from there", async () => {
        const [one, two] = [await tracking.experiment("flights"), await tracking.experiment("fraud")];
        expect([one.experimentId, two.experimentId]).toEqual(["1", "2"]);
        expect(await tracking.experiment("Default")).toEqual({ experimentId: "0", name: "Default", createdUs: 0 });
        clock.advanceBy(9);
        expect(await tracking.experiment("flights")).toEqual(one);
        expect(await tracking.listExperiments()).toEqual([{ experimentId: "0", name: "Default", createdUs: 0 }, one, two]);
      });

      it("of one name are made once, and of two names get two ids, by writers at the same time", async () => {
        const other = await openSql(fixture.address);
        const rival = await open(other, "second");
        const same = await Promise.all([tracking.experiment("a"), rival.experiment("a"), tracking.experiment("a")]);
        const apart = await Promise.all([tracking.experiment("b"), rival.experiment("c"), tracking.experiment("d"), rival.experiment("e")]);
        await other.close();
        expect(new Set(same.map((e) => e.experimentId)).size).toBe(1);
        expect(new Set([...same, ...apart].map((e) => e.experimentId)).size).toBe(5);
        expect(await tracking.listExperiments()).toHaveLength(6);
      });

      it("refuse a name that is none", async () => {
        for (const bad of ["", "  ", "x".repeat(501), "a\0b"])
          await expect(tracking.experiment(bad)).rejects.toMatchObject({ code: "INVALID_ARGUMENT", details: { field: "name" } });
      });
    });

    describe("runs", () => {
      it("start running, with a 32-hex id, tags, and the artifact folder MLflow's tools expect", async () => {
        const { experimentId } = await tracking.experiment("flights");
        const run = await tracking.createRun({ experimentId, name: "gbdt", tags: { "mlflow.source": "karkhana" } });
        expect(run).toEqual({
          runId: expect.stringMatching(/^[0-9a-f]{32}$/),
          experimentId: "1",
          name: "gbdt",
          status: "RUNNING",
          startUs: 1_700_000_000_000_000,
          artifactPath: `1/${run.runId}/artifacts`,
          params: {},
          tags: { "mlflow.source": "karkhana" },
          metrics: {},
        });
        expect(await tracking.getRun(run.runId)).toEqual(run);
      });

      it("of one request are one run, also when two handles ask at once", async () => {
        const other = await openSql(fixture.address);
        const rival = await open(other, "second");
        const input = { experimentId: "0", name: "a", requestId: "pipeline/1/create-run", tags: { a: "1" } };
        const made = await Promise.all([tracking.createRun(input), rival.createRun(input), tracking.createRun(input)]);
        clock.advanceBy(5);
        made.push(await tracking.createRun({ ...input, tags: { a: "2" } }));
        await other.close();
        expect(made).toEqual([made[0], made[0], made[0], made[0]]);
        expect((await tracking.listRuns("0")).runs).toHaveLength(1);
      });

      it("end once: a repeated finish does not move the end, and running again opens them", async () => {
        const runId = await newRun();
        clock.advanceBy(10);
        await tracking.finishRun(runId, "FINISHED");
        clock.advanceBy(10);
        await tracking.finishRun(runId, "FINISHED");
        expect(await tracking.getRun(runId)).toMatchObject({ status: "FINISHED", endUs: 1_700_000_000_000_010 });
        await tracking.finishRun(runId, "RUNNING");
        const again = await tracking.getRun(runId);
        expect(again.status).toBe("RUNNING");
        expect(again).not.toHaveProperty("endUs");
      });

      it("are listed newest first, page by page, none twice and none left out while others are added", async () => {
        const { experimentId } = await tracking.experiment("many");
        const made: string[] = [];
        for (let i = 0; i < 25; i++) {
          // Several start in the same microsecond: the id alone orders those.
          if (i % 4 === 0) clock.advanceBy(1000);
          const { runId } = await tracking.createRun({ experimentId, name: `run ${i}`, tags: { i: String(i) } });
          await tracking.logBatch(runId, { metrics: [metric("auc", i / 100)], params: { seed: String(i) } });
          made.push(runId);
        }
        await newRun();
        const seen: string[] = [];
        let token: string | undefined;
        let pages = 0;
        do {
          const page = await tracking.listRuns(experimentId, token === undefined ? { limit: 7 } : { limit: 7, token });
          for (const run of page.runs) {
            const i = Number(run.tags["i"]);
            expect(run).toMatchObject({ name: `run ${i}`, params: { seed: String(i) }, metrics: { auc: metric("auc", i / 100) } });
            seen.push(run.runId);
          }
          clock.advanceBy(1000);
          await tracking.createRun({ experimentId, name: "newer" });
          token = page.nextToken;
          pages++;
        } while (token !== undefined);
        expect(pages).toBe(4);
        expect(new Set(seen)).toEqual(new Set(made));
        expect(seen).toHaveLength(25);
        const starts = await Promise.all(seen.map(async (id) => (await tracking.getRun(id)).startUs));
        expect(starts).toEqual([...starts].sort((a, b) => b - a));
      });

      it("end a list exactly on a page's edge without another page", async () => {
        await newRun();
        await newRun();
        expect(await tracking.listRuns("0", { limit: 2 })).not.toHaveProperty("nextToken");
        expect((await tracking.listRuns("0", { limit: 1 })).nextToken).toBeDefined();
      });

      it("refuse a page that makes no sense", async () => {
        for (const limit of [0, -1, 1.5, 50_001]) await expect(tracking.listRuns("0", { limit })).rejects.toMatchObject({ details: { field: "limit" } });
        for (const token of ["", "junk", "MTIz", Buffer.from("1/../x").toString("base64url")]) {
          await expect(tracking.listRuns("0", { token })).rejects.toMatchObject({ code: "INVALID_ARGUMENT", details: { field: "token" } });
        }
      });

      it("that are not there are named", async () => {
        const absent = "0".repeat(32);
        for (const call of [
          () => tracking.getRun(absent),
          () => tracking.logBatch(absent, { tags: { a: "1" } }),
          () => tracking.finishRun(absent, "FAILED"),
          () => tracking.metricHistory(absent, "auc"),
          () => tracking.logArtifact(absent, "a", new Uint8Array(1)),
        ]) {
          await expect(call()).rejects.toMatchObject({ code: "RUN_NOT_FOUND", details: { runId: absent } });
        }
        for (const experimentId of ["7", "x", "-1", "99999999999", ""]) {
          await expect(tracking.createRun({ experimentId, name: "a" })).rejects.toMatchObject({ code: "EXPERIMENT_NOT_FOUND", details: { experimentId } });
        }
      });
    });

    describe("params", () => {
      it("keep their first value; the same again is fine, another is refused and takes the whole batch with it", async () => {
        const runId = await newRun();
        await tracking.logBatch(runId, { params: { numLeaves: "63", note: "" } });
        await tracking.logBatch(runId, { params: { numLeaves: "63" } });
        const changed = tracking.logBatch(runId, { params: { added: "1", numLeaves: "31" }, metrics: [metric("auc", 0.7)], tags: { t: "1" } });
        await expect(changed).rejects.toMatchObject({ code: "PARAM_CHANGED", details: { key: "numLeaves", old: "63", value: "31" } });
        expect(await tracking.getRun(runId)).toMatchObject({ params: { numLeaves: "63", note: "" }, metrics: {}, tags: {} });
        expect(await tracking.metricHistory(runId, "auc")).toEqual([]);
      });
    });

    describe("metrics", () => {
      it("have a history by time, step and value, and the latest by step first", async () => {
        const runId = await newRun();
        await tracking.logBatch(runId, { metrics: [metric("loss", 0.5, 2, 30), metric("loss", 0.9, 0, 50), metric("loss", 0.7, 1, 20)] });
        await tracking.logBatch(runId, { metrics: [metric("loss", 0.4, 2, 30), metric("auc", 0.7, -1, 10)] });
        expect((await tracking.metricHistory(runId, "loss")).map((m) => m.value)).toEqual([0.7, 0.4, 0.5, 0.9]);
        expect((await tracking.getRun(runId)).metrics).toEqual({ loss: metric("loss", 0.5, 2, 30), auc: metric("auc", 0.7, -1, 10) });
      });

      it("add nothing when repeated, alone, in one batch, or by two handles at once", async () => {
        const runId = await newRun();
        const batch = { metrics: Array.from({ length: 50 }, (_, i) => metric(`m${i % 5}`, i / 3, i, 1000 + i)) };
        const other = await openSql(fixture.address);
        const rival = await open(other, "second");
        await Promise.all([
          tracking.logBatch(runId, { metrics: [...batch.metrics, ...batch.metrics] }),
          rival.logBatch(runId, batch),
          tracking.logBatch(runId, batch),
        ]);
        await other.close();
        for (let k = 0; k < 5; k++) expect(await tracking.metricHistory(runId, `m${k}`)).toEqual(batch.metrics.filter((m) => m.key === `m${k}`));
      });

      it("keep NaN and the infinities, in history and as latest", async () => {
        const runId = await newRun();
        const values = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 5e-324, 1.7976931348623157e308];
        const metrics = values.map((value, step) => metric("odd", value, step, 1000 + step));
        for (const m of metrics) await tracking.logBatch(runId, { metrics: [m, { ...m, key: `only${m.step}` }] });
        await tracking.logBatch(runId, { metrics });
        expect((await tracking.metricHistory(runId, "odd")).map((m) => m.value)).toEqual([
          Number.NaN,
          Number.POSITIVE_INFINITY,
          Number.NEGATIVE_INFINITY,
          0,
          5e-324,
          1.7976931348623157e308,
        ]);
        const latest = (await tracking.getRun(runId)).metrics;
        expect([latest["only0"]?.value, latest["only1"]?.value, latest["only2"]?.value]).toEqual([
          Number.NaN,
          Number.POSITIVE_INFINITY,
          Number.NEGATIVE_INFINITY,
        ]);
      });

      it("end with the same latest value in whatever order and batches they come", async () => {
        const value = fc.constantFrom(0, 1, -1, Number.NaN, Number.POSITIVE_INFINITY);
        const arbitrary = fc.record({
          key: fc.constantFrom("a", "b"),
          value,
          step: fc.integer({ min: 0, max: 2 }),
          timestampMs: fc.integer({ min: 0, max: 2 }),
        });
        await fc.assert(
          fc.asyncProperty(fc.array(arbitrary, { minLength: 1, maxLength: 12 }), fc.integer({ min: 1, max: 4 }), async (metrics, batchSize) => {
            const [forward, backward] = [await newRun(), await newRun()];
            await tracking.logBatch(forward, { metrics });
            const reversed = [...metrics].reverse();
            for (let i = 0; i < reversed.length; i += batchSize) await tracking.logBatch(backward, { metrics: reversed.slice(i, i + batchSize) });
            expect((await tracking.getRun(backward)).metrics).toEqual((await tracking.getRun(forward)).metrics);
            for (const key of ["a", "b"]) expect(await tracking.metricHistory(backward, key)).toEqual(await tracking.metricHistory(forward, key));
          }),
          { numRuns: 20 },
        );
      });

      it("of one step and time: the highest is the latest, NaN counting as 0 and just above it", async () => {
        for (const [values, latest] of [
          [[0, Number.NaN], Number.NaN],
          [[Number.NaN, 0.5], 0.5],
          [[Number.NaN, -1], Number.NaN],
        ] as const) {
          for (const order of [values, [...values].reverse()]) {
            const [together, apart] = [await newRun(), await newRun()];
            await tracking.logBatch(together, { metrics: order.map((value) => metric("a", value)) });
            for (const value of order) await tracking.logBatch(apart, { metrics: [metric("a", value)] });
            expect([(await tracking.getRun(together)).metrics["a"]?.value, (await tracking.getRun(apart)).metrics["a"]?.value]).toEqual([latest, latest]);
          }
        }
      });

      it("come in batches larger than one statement can hold", async () => {
        const runId = await newRun();
        const metrics = Array.from({ length: 12_345 }, (_, step) => metric("loss", step / 7, step, step));
        await tracking.logBatch(runId, { metrics });
        expect(await tracking.metricHistory(runId, "loss")).toEqual(metrics);
      });
    });

    it("takes part in a caller's transaction", async () => {
      const failed = fixture.database.transaction(async (trx) => {
        const { runId } = await tracking.createRun({ experimentId: "0", name: "a", requestId: "r" }, trx);
        await tracking.logBatch(runId, { metrics: [metric("auc", 1)], params: { a: "1" } }, trx);
        await tracking.finishRun(runId, "FINISHED", trx);
        throw new Error("killed before commit");
      });
      await expect(failed).rejects.toThrow("killed before commit");
      expect((await tracking.listRuns("0")).runs).toEqual([]);
    });

    it("refuses keys, values and steps outside MLflow's limits, naming them, and stores nothing of the batch", async () => {
      const runId = await newRun();
      const bad = [
        { metrics: [metric("ok", 1), metric("../x", 1)] },
        { metrics: [metric("a//b", 1)] },
        { metrics: [metric("x".repeat(251), 1)] },
        { metrics: [metric("a", 1, 0.5)] },
        { metrics: [metric("a", 1, 0, -1)] },
        { params: { "a?b": "1" } },
        { params: { a: "x".repeat(6001) } },
        { tags: { a: "x".repeat(8001) } },
        { tags: { a: "with\0nul" } },
        { tags: { "": "x" } },
      ];
      for (const batch of bad) await expect(tracking.logBatch(runId, { tags: { before: "1" }, ...batch })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
      expect(await tracking.getRun(runId)).toMatchObject({ metrics: {}, params: {}, tags: {} });
      await tracking.logBatch(runId, { metrics: [metric("val/auc at 0.5: ", 1)], tags: { "mlflow.note.content": "x".repeat(8000) } });
    });

    it("keeps a run's files below its own folder", async () => {
      const { experimentId } = await tracking.experiment("flights");
      const { runId } = await tracking.createRun({ experimentId, name: "a" });
      await tracking.logArtifact(runId, "model/model.json", Buffer.from("{}"));
      expect((await tracking.listArtifacts(runId)).map((e) => e.path)).toEqual([`1/${runId}/artifacts/model`]);
      expect((await tracking.listArtifacts(runId, "model")).map((e) => e.path)).toEqual([`1/${runId}/artifacts/model/model.json`]);
      expect(Buffer.from(await tracking.getArtifact(runId, "model/model.json")).toString()).toBe("{}");
      for (const hostile of ["../../0/x", "/etc/passwd", "a/../../x", ""])
        await expect(tracking.logArtifact(runId, hostile, new Uint8Array(1))).rejects.toMatchObject({ code: "BLOB_PATH_REFUSED" });
    });
  });
}
