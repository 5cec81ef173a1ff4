import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ManualClock } from "../../src/kernel/clock.ts";
import { idMaker } from "../../src/kernel/ids.ts";
import { seededRng } from "../../src/kernel/rng.ts";
import { openFileBlobs } from "../../src/storage/blobs/files.ts";
import type { BlobStore } from "../../src/storage/blobs/port.ts";
import { createTracking, type TrackingStore } from "../../src/tracking/store.ts";
import { trackingMigrations } from "../../src/tracking/tables.ts";
import type { MakeSqlFixture, SqlFixture } from "./sql-fixture.ts";

/** What every database must keep of the promises in `src/tracking/purge.ts`. */
export function purgeContract(name: string, makeFixture: MakeSqlFixture): void {
  describe(`deletion for good on ${name}`, () => {
    let fixture: SqlFixture;
    let folder: string;
    let blobs: BlobStore;
    let tracking: TrackingStore;
    let used: string | undefined;
    const clock = new ManualClock(1_700_000_000_000_000);
    const rng = seededRng("purge");
    const newId = idMaker(clock, (length) => Uint8Array.from({ length }, () => rng.int(256)));
    const open = (store: BlobStore): TrackingStore =>
      createTracking({
        database: fixture.database,
        blobs: store,
        clock,
        newId,
        artifactUser: async (_trx, at) => (at === used ? "version 1 of model m" : undefined),
      });

    beforeAll(async () => {
      fixture = await makeFixture(trackingMigrations);
      folder = await mkdtemp(path.join(tmpdir(), "karkhana-blobs-"));
      blobs = await openFileBlobs(folder);
      tracking = open(blobs);
    });
    afterAll(async () => {
      await fixture.dispose();
      await rm(folder, { recursive: true });
    });

    /** A run with a row in every table, and a logged model, each with a file. */
    const filled = async (experimentId: string): Promise<{ runId: string; modelId: string }> => {
      const { runId } = (await tracking.runs.create({ experimentId, userId: "", startUs: 1, tags: { t: "1" } })).run;
      const { modelId } = await tracking.loggedModels.create({ experimentId, params: { p: "1" }, tags: { t: "1" } });
      await tracking.logBatch(runId, { params: { p: "1" }, metrics: [{ key: "m", value: 1, step: 0, timestampMs: 1, modelId }] });
      await tracking.runs.logDatasets(runId, [{ name: "d", digest: "1", sourceType: "s", source: "s", tags: { t: "1" } }]);
      await tracking.runs.logModels(runId, { outputs: [{ modelId, step: 0 }] });
      await tracking.files.write({ experimentId, runId, path: "deep/a.txt" }, bytes());
      await tracking.modelFiles.write({ experimentId, modelId, path: "MLmodel" }, bytes());
      return { runId, modelId };
    };

    it("a run goes with its rows and files, once it was deleted; what lies beside it stays", async () => {
      const experimentId = await tracking.experiments.create({ name: "runs", tags: {} });
      const [gone, kept] = [await filled(experimentId), await filled(experimentId)];
      await expect(tracking.purging.purgeRun(gone.runId)).rejects.toMatchObject({ code: "NOT_DELETED_YET" });
      await tracking.runs.setStage(gone.runId, "deleted");
      used = `${experimentId}/${gone.runId}`;
      await expect(tracking.purging.purgeRun(gone.runId)).rejects.toMatchObject({ code: "ARTIFACTS_IN_USE" });
      expect((await tracking.runs.get(gone.runId)).run.params).toEqual({ p: "1" });
      used = undefined;
      await tracking.purging.purgeRun(gone.runId);
      await expect(tracking.runs.get(gone.runId)).rejects.toMatchObject({ code: "RUN_NOT_FOUND" });
      expect(await blobs.list(`${experimentId}/${gone.runId}`)).toEqual([]);
      expect((await tracking.loggedModels.get(gone.modelId)).metrics).toEqual([]);
      expect((await tracking.runs.get(kept.runId)).modelOutputs).toEqual([{ modelId: kept.modelId, step: 0 }]);
      expect(await blobs.list(`${experimentId}/${kept.runId}/artifacts/deep`)).toHaveLength(1);
    });

    it("says before what would go: experiments, runs, files and bytes; and takes exactly that", async () => {
      const before = await tracking.purging.deleted();
      const [whole, part] = [
        await tracking.experiments.create({ name: "say whole", tags: {} }),
        await tracking.experiments.create({ name: "say part", tags: {} }),
      ];
      for (const experimentId of [whole, part]) for (let i = 0; i < 3; i++) await filled(experimentId);
      expect(await tracking.purging.deleted()).toEqual(before);
      await tracking.experiments.setStage(whole, "deleted");
      const { items } = await tracking.runs.search({ experimentIds: [part], view: "ALL", limit: 10 });
      const [first, second, kept] = items.map(({ run }) => run.runId);
      for (const runId of [first!, second!]) await tracking.runs.setStage(runId, "deleted");
      expect((await tracking.purging.deleted()).slice(before.length)).toEqual([
        { kind: "experiment", experimentId: whole, name: "say whole", runs: 3, loggedModels: 3, files: 6, bytes: 6, isCounted: true },
        { kind: "runs", experimentId: part, name: "say part", runs: 2, loggedModels: 0, files: 2, bytes: 2, isCounted: true },
      ]);
      used = `${part}/${first}`;
      expect(await tracking.purging.purgeRunsOf(part)).toEqual({ runs: 1, inUse: 1 });
      expect(await tracking.purging.purgeRunsOf(part)).toEqual({ runs: 0, inUse: 1 });
      used = undefined;
      expect(await tracking.purging.purgeRunsOf(part)).toEqual({ runs: 1, inUse: 0 });
      expect((await tracking.runs.search({ experimentIds: [part], view: "ALL", limit: 10 })).items.map(({ run }) => run.runId)).toEqual([kept]);
      expect(await tracking.purging.purgeExperiment(whole)).toEqual({ runs: 3 });
      expect(await tracking.purging.deleted()).toEqual(before);
      await expect(tracking.purging.purgeRunsOf("4711")).rejects.toMatchObject({ code: "EXPERIMENT_NOT_FOUND" });
    });

    it("an experiment goes with all it holds and frees its name; its id comes never again", async () => {
      const experimentId = await tracking.experiments.create({ name: "whole", tags: { a: "1" } });
      await filled(experimentId);
      await expect(tracking.purging.purgeExperiment(experimentId)).rejects.toMatchObject({ code: "NOT_DELETED_YET" });
      await tracking.experiments.setStage(experimentId, "deleted");
      await tracking.purging.purgeExperiment(experimentId);
      await expect(tracking.experiments.get(experimentId)).rejects.toMatchObject({ code: "EXPERIMENT_NOT_FOUND" });
      expect(await blobs.list(experimentId)).toEqual([]);
      const again = await tracking.experiments.create({ name: "whole", tags: {} });
      expect(Number(again)).toBeGreaterThan(Number(experimentId));
      await expect(tracking.purging.purgeExperiment("0")).rejects.toMatchObject({ code: "NOT_DELETED_YET" });
      for (const table of ["tracking_params", "tracking_tags", "tracking_metrics", "tracking_latest_metrics", "tracking_datasets", "tracking_run_models"]) {
        const { rows } =
          await sql`select 1 from ${sql.table(table)} as t where not exists (select 1 from tracking_runs as r where r.run_id = t.run_id)`.execute(
            fixture.database.db,
          );
        expect([table, rows]).toEqual([table, []]);
      }
    });

    it("a crash between the rows and the files leaves nothing that the next start does not remove", async () => {
      const experimentId = await tracking.experiments.create({ name: "crash", tags: {} });
      await filled(experimentId);
      await tracking.experiments.setStage(experimentId, "deleted");
      const dying = open({ ...blobs, delete: () => Promise.reject(new Error("the power went")) });
      await expect(dying.purging.purgeExperiment(experimentId)).rejects.toThrow("the power went");
      await expect(tracking.experiments.get(experimentId)).rejects.toMatchObject({ code: "EXPERIMENT_NOT_FOUND" });
      expect(await blobs.list(experimentId)).not.toEqual([]);
      await open(blobs).purging.finish();
      expect(await blobs.list(experimentId)).toEqual([]);
    });

    it("runs are counted without being read, and told by their own rows alone", async () => {
      const experimentId = await tracking.experiments.create({ name: "counted", tags: {} });
      for (let i = 0; i < 5; i++) await filled(experimentId);
      const { runId } = (await tracking.runs.create({ experimentId, userId: "ada", startUs: 2, tags: {} })).run;
      const count = (filter: string, ids = [experimentId]): Promise<number> => tracking.runs.count({ experimentIds: ids, filter, view: "ACTIVE_ONLY" });
      expect([await count(""), await count("metrics.m > 0"), await count("user_id = 'ada'"), await count("", [])]).toEqual([6, 5, 1, 0]);
      await expect(count("nonsense")).rejects.toMatchObject({ code: "SEARCH_INVALID" });
      const { items } = await tracking.runs.search({ experimentIds: [experimentId], view: "ACTIVE_ONLY", limit: 2, infoOnly: true });
      expect(items.map(({ run, userId }) => [run.runId, userId, run.params])[0]).toEqual([runId, "ada", {}]);
      expect(items[1]?.run).toMatchObject({ params: {}, metrics: {}, tags: {} });
    });
  });
}

async function* bytes(): AsyncGenerator<Uint8Array> {
  yield Buffer.from("x");
}
