import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ManualClock } from "../../src/kernel/clock.ts";
import { idMaker } from "../../src/kernel/ids.ts";
import { seededRng } from "../../src/kernel/rng.ts";
import { openFileBlobs } from "../../src/storage/blobs/files.ts";
import type { LoggedModelQuery } from "../../src/tracking/logged-model.ts";
import { createTracking, type TrackingStore } from "../../src/tracking/store.ts";
import { trackingMigrations } from "../../src/tracking/tables.ts";
import type { MakeSqlFixture, SqlFixture } from "./sql-fixture.ts";

/** What every database must keep of the promises in `src/tracking/logged-model.ts` and `history-bulk.ts`. */
export function loggedModelsContract(name: string, makeFixture: MakeSqlFixture): void {
  describe(`logged models on ${name}`, () => {
    let fixture: SqlFixture;
    let folder: string;
    let tracking: TrackingStore;
    let experimentId: string;
    let runId: string;
    const ids: string[] = [];
    const clock = new ManualClock(1_700_000_000_000_000);

    /** Four models a second apart: auc on "holdout" rises, on "live" falls, NaN for the last; the first has none. */
    beforeAll(async () => {
      fixture = await makeFixture(trackingMigrations);
      folder = await mkdtemp(path.join(tmpdir(), "karkhana-blobs-"));
      const rng = seededRng("logged models");
      const newId = idMaker(clock, (length) => Uint8Array.from({ length }, () => rng.int(256)));
      tracking = createTracking({ database: fixture.database, blobs: await openFileBlobs(folder), clock, newId });
      experimentId = await tracking.experiments.create({ name: "models", tags: {} });
      runId = (await tracking.runs.create({ experimentId, userId: "", startUs: 1, tags: {} })).run.runId;
      for (let i = 0; i < 4; i++) {
        clock.advanceBy(1_000_000);
        const model = await tracking.loggedModels.create({ experimentId, name: `m${i}`, params: { depth: String(i) }, tags: i < 2 ? { stage: "Dev" } : {} });
        ids.push(model.modelId);
        if (i === 0) continue;
        const measured = { modelId: model.modelId, timestampMs: 1, datasetDigest: "d" };
        await tracking.logBatch(runId, {
          metrics: [
            { key: "auc", value: i === 3 ? Number.NaN : i / 10, step: 0, ...measured, datasetName: "holdout" },
            { key: "auc", value: 1 - i / 10, step: 1, ...measured, datasetName: "live" },
          ],
        });
      }
    });
    afterAll(async () => {
      await fixture.dispose();
      await rm(folder, { recursive: true });
    });

    const found = async (filter = "", more: Partial<LoggedModelQuery> = {}): Promise<number[]> => {
      const { items } = await tracking.loggedModels.search({ experimentIds: [experimentId], filter, datasets: [], orderBy: [], limit: 100, ...more });
      return items.map(({ modelId }) => ids.indexOf(modelId));
    };

    it.each([
      ["", [3, 2, 1, 0]],
      ["name = 'm1' OR params.depth = '2'", [2, 1]],
      ["name IN ('m0', 'm3') AND NOT tags.stage = 'Dev'", [3]],
      ["params.depth IN ('0', '1')", [1, 0]],
      ["tags.stage LIKE 'dev'", []],
      ["tags.stage ILIKE 'dev'", [1, 0]],
      ["tags.stage IS NULL", [3, 2]],
      ["metrics.auc > 0.85", [1]],
      ["metrics.auc != 0.1", [3, 2, 1]],
      ["status = 'PENDING' AND creation_timestamp >= 1700000002000", [3, 2, 1]],
      ["creation_time < 1700000002000", [0]],
    ])("%s finds %j", async (filter, expected) => {
      expect(await found(filter)).toEqual(expected);
    });

    it("metrics count on the chosen datasets only, and models without any there are left out", async () => {
      expect(await found("metrics.auc < 0.15", { datasets: [{ name: "holdout" }] })).toEqual([1]);
      expect(await found("", { datasets: [{ name: "live", digest: "d" }] })).toEqual([3, 2, 1]);
      expect(await found("", { datasets: [{ name: "live", digest: "other" }] })).toEqual([]);
    });

    it("orders by a metric on a dataset: NaN after numbers, missing last, whichever the direction; pages do not overlap", async () => {
      const by = (descending: boolean, dataset?: { name: string }) => ({ orderBy: [{ field: "metrics.auc", descending, ...(dataset && { dataset }) }] });
      expect(await found("", by(false, { name: "holdout" }))).toEqual([1, 2, 3, 0]);
      expect(await found("", by(true, { name: "holdout" }))).toEqual([2, 1, 3, 0]);
      expect(await found("", by(true))).toEqual([1, 2, 3, 0]);
      const query = { experimentIds: [experimentId], datasets: [], limit: 3, ...by(true, { name: "holdout" }) };
      const first = await tracking.loggedModels.search(query);
      const rest = await tracking.loggedModels.search({ ...query, token: first.nextToken });
      expect([...first.items, ...rest.items].map(({ modelId }) => ids.indexOf(modelId))).toEqual([2, 1, 3, 0]);
      expect(rest.nextToken).toBe(undefined);
    });

    it.each([
      { filter: "name = 5" },
      { filter: "metrics.auc = 'x'" },
      { filter: "datasets.name = 'x'" },
      { orderBy: [{ field: "params.depth", descending: false }] },
      { orderBy: [{ field: "nothing", descending: false }] },
      { token: "junk" },
    ])("refuses %j", async (query) => {
      await expect(found(query.filter, query)).rejects.toMatchObject({ code: "SEARCH_INVALID" });
    });

    it("a measurement sent twice is kept once, whole with its run and dataset, beside the run's own history", async () => {
      const metric = { key: "f1", value: 0.5, step: 2, timestampMs: 7, modelId: ids[0]!, datasetName: "d", datasetDigest: "1" };
      await tracking.logBatch(runId, { metrics: [metric, metric] });
      await tracking.logBatch(runId, { metrics: [metric] });
      expect((await tracking.loggedModels.get(ids[0]!)).metrics).toEqual([{ ...metric, runId }]);
      expect(await tracking.metricHistory(runId, "f1")).toEqual([{ key: "f1", value: 0.5, step: 2, timestampMs: 7 }]);
    });

    it("a batch that measures a model that is not there leaves nothing behind", async () => {
      const batch = { params: { lost: "1" }, metrics: [{ key: "lost", value: 1, step: 0, timestampMs: 1, modelId: `m-${"0".repeat(32)}` }] };
      await expect(tracking.logBatch(runId, batch)).rejects.toMatchObject({ code: "LOGGED_MODEL_NOT_FOUND" });
      const { run } = await tracking.runs.get(runId);
      expect([run.params["lost"], run.metrics["lost"]]).toEqual([undefined, undefined]);
    });

    it("a run names the models it read and made, once however often it says so", async () => {
      for (let time = 0; time < 2; time++) {
        await tracking.runs.logModels(runId, { inputs: [ids[0]!], outputs: [{ modelId: ids[1]!, step: 3 }] });
      }
      const { modelInputs, modelOutputs } = await tracking.runs.get(runId);
      expect([modelInputs, modelOutputs]).toEqual([[ids[0]], [{ modelId: ids[1], step: 3 }]]);
      await expect(tracking.runs.logModels(runId, { outputs: [{ modelId: "m-1", step: 0 }] })).rejects.toMatchObject({ code: "LOGGED_MODEL_NOT_FOUND" });
    });

    it("params keep their first value, tags their last; a deleted model is found only by whoever asks for deleted ones", async () => {
      const { modelId, artifactUri, artifactPath } = await tracking.loggedModels.create({ experimentId, params: { a: "1" }, tags: { t: "1" } });
      expect([artifactUri, artifactPath]).toEqual([
        `mlflow-artifacts:/${experimentId}/models/${modelId}/artifacts`,
        `${experimentId}/models/${modelId}/artifacts`,
      ]);
      await tracking.loggedModels.logParams(modelId, { a: "1", b: "2" });
      await expect(tracking.loggedModels.logParams(modelId, { b: "3", c: "4" })).rejects.toMatchObject({ code: "PARAM_CHANGED" });
      await tracking.loggedModels.setTags(modelId, { t: "2", u: "" });
      await tracking.loggedModels.deleteTag(modelId, "u");
      await expect(tracking.loggedModels.deleteTag(modelId, "u")).rejects.toMatchObject({ code: "LOGGED_MODEL_TAG_NOT_FOUND" });
      expect(await tracking.loggedModels.setStatus(modelId, "READY")).toMatchObject({ status: "READY", params: { a: "1", b: "2" }, tags: { t: "2" } });
      await tracking.loggedModels.delete(modelId);
      await expect(tracking.loggedModels.get(modelId)).rejects.toMatchObject({ code: "LOGGED_MODEL_NOT_FOUND" });
      expect((await tracking.loggedModels.get(modelId, { allowDeleted: true })).stage).toBe("deleted");
      expect(await found()).toEqual([3, 2, 1, 0]);
    });

    it("a history that fits is told whole by step, time and value, alone as beside one that must be thinned", async () => {
      const [short, long] = await Promise.all(
        [1, 2].map(async () => (await tracking.runs.create({ experimentId, userId: "", startUs: 1, tags: {} })).run.runId),
      );
      const points: readonly [step: number, timestampMs: number, value: number][] = [
        [7, 1, Number.NaN],
        [7, 1, 0],
        [-3, 9, 5],
        [7, 0, 8],
        [0, 4, -2],
        [0, 4, -7],
      ];
      await tracking.logBatch(short!, { metrics: points.map(([step, timestampMs, value]) => ({ key: "loss", step, timestampMs, value })) });
      await tracking.logBatch(long!, { metrics: Array.from({ length: 20 }, (_, step) => ({ key: "loss", step, timestampMs: 1, value: step })) });
      const sampled = async (ids: readonly string[], limit: number): Promise<unknown[]> =>
        (await tracking.runs.sampledHistory(ids, "loss", { limit })).filter((point) => point.runId === short).map((p) => [p.step, p.timestampMs, p.value]);
      const ordered = [2, 5, 4, 3, 1, 0].map((i) => points[i]);
      expect(await sampled([short!], 6)).toEqual(ordered);
      expect(await sampled([long!, short!], 6)).toEqual(ordered);
      expect(await sampled([short!], 5)).toHaveLength(5);
    });

    it("a history is sampled evenly, with its first and its very last point, in any span of steps", async () => {
      const metrics = Array.from({ length: 100 }, (_, i) => ({ key: "loss", value: i / 10, step: i, timestampMs: i }));
      await tracking.logBatch(runId, { metrics });
      const steps = async (limit: number, span?: { from: number; to: number }): Promise<number[]> =>
        (await tracking.runs.sampledHistory([runId], "loss", { limit, steps: span })).map(({ step }) => step);
      expect(await steps(5)).toEqual([0, 20, 40, 60, 99]);
      expect(await steps(1)).toEqual([99]);
      expect(await steps(2500)).toHaveLength(100);
      expect(await steps(3, { from: 10, to: 12 })).toEqual([10, 11, 12]);
      expect(await steps(3, { from: 200, to: 300 })).toEqual([]);
      await expect(tracking.runs.sampledHistory(["0".repeat(32)], "loss", { limit: 3 })).rejects.toMatchObject({ code: "RUN_NOT_FOUND" });
      // Of several runs each by itself, whatever the others have, in the order they are asked in.
      const others = await Promise.all(
        [3, 0, 40].map(async (count) => {
          const { run } = await tracking.runs.create({ experimentId, userId: "", startUs: 1, tags: {} });
          await tracking.logBatch(run.runId, { metrics: metrics.slice(0, count) });
          return run.runId;
        }),
      );
      const asked = [others[2]!, runId, others[1]!, others[0]!];
      const each = await Promise.all(asked.map((id) => tracking.runs.sampledHistory([id], "loss", { limit: 4 })));
      expect(each.map((points) => points.map(({ step }) => step))).toEqual([[0, 10, 20, 39], [0, 25, 50, 99], [], [0, 1, 2]]);
      expect(await tracking.runs.sampledHistory(asked, "loss", { limit: 4 })).toEqual(each.flat());
      await expect(tracking.runs.sampledHistory([runId, "0".repeat(32)], "loss", { limit: 3 })).rejects.toMatchObject({ code: "RUN_NOT_FOUND" });
      const bulk = await tracking.runs.bulkHistory(["0".repeat(32), runId], "loss", 3);
      expect(bulk.map(({ runId: of, step }) => [of, step])).toEqual([0, 1, 2].map((step) => [runId, step]));
    });

    it("datasets that runs of an experiment read are told once each, with how they were used", async () => {
      const dataset = (name: string, tags: Record<string, string>) => ({ name, digest: "1", sourceType: "local", source: "{}", tags });
      const other = (await tracking.runs.create({ experimentId, userId: "", startUs: 1, tags: {} })).run.runId;
      for (const id of [runId, other])
        await tracking.runs.logDatasets(id, [dataset("flights", { "mlflow.data.context": "training", more: "1" }), dataset("plain", {})]);
      const summaries = [
        { experimentId, name: "flights", digest: "1", context: "training" },
        { experimentId, name: "plain", digest: "1" },
      ];
      expect(await tracking.runs.datasetSummaries([experimentId], 10)).toEqual(summaries);
      expect(await tracking.runs.datasetSummaries([experimentId], 1)).toEqual(summaries.slice(0, 1));
      expect(await tracking.runs.datasetSummaries(["0"], 10)).toEqual([]);
    });
  });
}
