import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openFeedbackLog, readFeedback } from "../../feedback/log.ts";
import { ManualClock } from "../../kernel/clock.ts";
import type { PredictionRecord } from "../../feedback/prediction.ts";
import type { Json, Workflow } from "../../pipelines/port.ts";
import { openStores } from "../../server/compose.ts";
import type { Stores } from "../../server/stores.ts";
import { createEvidenceStore } from "../evidence/store.ts";
import { predicates } from "./predicates.ts";
import { readRecords, type PathRecords } from "./records.ts";

describe("reading the platform's records", () => {
  let folder: string;
  let stores: Stores;
  const clock = new ManualClock(1_000_000);

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "karkhana-path-"));
    stores = await openStores(folder, {});
  });
  afterEach(async () => {
    await stores.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const read = async (elsewhere?: Pick<Stores["pipelines"], "listRuns">): Promise<PathRecords> => {
    const feedback = await readFeedback(stores.folder.logFolder);
    try {
      return await readRecords({ ...stores, feedback, clock, evidence: createEvidenceStore({ database: stores.database, clock }), labs: [6] }, elsewhere);
    } finally {
      await feedback.close();
    }
  };
  const answer = (i: number): PredictionRecord => ({
    id: `q${i}`,
    model: i % 2 === 0 ? "late" : "other",
    version: 1,
    role: "champion",
    askedUs: i,
    servedUs: i + 5,
    score: 0.5,
    vector: Float64Array.of(1),
    serviceHash: "a".repeat(64),
    fields: {},
    latencyUs: 3,
  });
  const newVersion = { runId: "r", artifactPath: "a", definitionHash: "d", serviceHash: "s", datasetHash: "h" };

  test("a fresh data folder holds none, and proves nothing", async () => {
    const records = await read();
    expect(records).toEqual({ nowUs: 1_000_000, datasets: [], runs: [], trainings: [], parities: [], models: [], elsewhere: [], evidence: [], labs: [6] });
    expect(predicates.filter((p) => p.judge(records).proved)).toEqual([]);
  });

  test("a training is read from its pipeline's steps, and other workflows are not trainings", async () => {
    const train: Workflow<Json, Json> = {
      name: "train-model",
      run: async (context) => {
        await context.step("data", {}, async () => ({ versions: [{ source: "flights", hash: "h1", rows: 3 }], relations: {} }));
        await context.step("fit", { cacheKey: "k" }, async () => ({
          gbdt: {
            blobs: [
              { path: "fits/x/model/model.json", sha256: "m1" },
              { path: "fits/x/model/profile.json", sha256: "p1" },
            ],
          },
        }));
        return { candidate: { version: 2 } };
      },
    };
    const loop: Workflow<Json, Json> = {
      name: "loop",
      run: (context) => context.step("parity", {}, async () => ({ vectors: 120, values: 960, mismatches: 0, differences: [] })),
    };
    await stores.pipelines.start(train, { reason: "drift", champion: 1 }, "t1");
    await stores.pipelines.start(loop, {}, "l1");
    const records = await read(stores.pipelines);
    expect(records.trainings).toMatchObject([
      {
        runId: "t1",
        state: "succeeded",
        reason: "drift",
        champion: 1,
        candidate: 2,
        data: [{ source: "flights", hash: "h1" }],
        fit: { cached: false, models: [{ kind: "gbdt", sha256: "m1" }] },
        succeededSteps: ["data", "fit"],
      },
    ]);
    expect(records.parities).toEqual([{ runId: "l1", vectors: 120, values: 960, mismatches: 0 }]);
    expect(records.elsewhere).toEqual(records.trainings);
  });

  test("answers are taken evenly from the whole log and kept by model", async () => {
    await stores.registry.registerVersion({ model: "late", requestId: "1", ...newVersion });
    await stores.registry.registerVersion({ model: "other", requestId: "1", ...newVersion });
    const log = await openFeedbackLog(stores.folder.logFolder);
    await log.logPredictions(Array.from({ length: 2000 }, (_, i) => answer(i)));
    await log.close();
    const { models } = await read();
    expect(models.map(({ model }) => model).sort()).toEqual(["late", "other"]);
    const asked = models.flatMap(({ answers }) => answers.map((a) => a.askedUs));
    expect(asked).toHaveLength(512);
    expect([Math.min(...asked), Math.max(...asked)]).toEqual([0, 1999]);
    for (const { model, answers } of models)
      expect(
        answers.every((a) => (a.askedUs % 2 === 0) === (model === "late")),
        model,
      ).toBe(true);
  });

  test("the run of a version is read however old it is, and one that is gone is left out", async () => {
    const { experimentId } = await stores.tracking.experiment("small");
    const old = await stores.tracking.createRun({ experimentId, name: "the version's" });
    await stores.registry.registerVersion({ model: "late", requestId: "1", ...newVersion, runId: old.runId });
    await stores.registry.registerVersion({ model: "late", requestId: "2", ...newVersion, runId: "f".repeat(32) });
    const newest = { runs: [] };
    const forgetful = {
      listExperiments: stores.tracking.listExperiments.bind(stores.tracking),
      listRuns: async () => newest,
      getRun: stores.tracking.getRun.bind(stores.tracking),
    };
    const feedback = await readFeedback(stores.folder.logFolder);
    const rooms = { ...stores, tracking: forgetful, feedback, clock, evidence: createEvidenceStore({ database: stores.database, clock }), labs: [] };
    const { runs } = await readRecords(rooms);
    await feedback.close();
    expect(runs.map(({ runId, experiment }) => [runId, experiment])).toEqual([[old.runId, "small"]]);
  });

  test("every run of every experiment is read, however many pages they fill", async () => {
    const { experimentId } = await stores.tracking.experiment("load-test");
    for (let i = 0; i < 120; i++) await stores.tracking.createRun({ experimentId, name: `run ${i}` });
    const { runs } = await read();
    expect(runs.filter((r) => r.experiment === "load-test")).toHaveLength(120);
    expect(new Set(runs.map((r) => r.runId)).size).toBe(runs.length);
  });
});
