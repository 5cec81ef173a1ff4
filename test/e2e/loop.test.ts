import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openFeedbackLog, type FeedbackLog } from "../../src/feedback/log.ts";
import { createOnlineFeatures } from "../../src/features/online/online-features.ts";
import { MICROS_PER_HOUR } from "../../src/kernel/time.ts";
import { viewsOf } from "../../src/project/definition.ts";
import { loadProject } from "../../src/project/load.ts";
import { openStores } from "../../src/server/compose.ts";
import type { Stores } from "../../src/server/stores.ts";
import { statusOf } from "../../src/server/error-status.ts";
import { openPlatform } from "../../src/server/platform.ts";
import { systemClock, systemId } from "../../src/server/system.ts";
import { createServing } from "../../src/serving/app.ts";
import { openOnlineStore } from "../../src/workflows/jobs/online-store.ts";
import type { Platform } from "../../src/workflows/platform.ts";
import type { LoopEvent, LoopSummary } from "../../src/workflows/progress.ts";
import { firstTraining } from "../../src/workflows/loop.ts";
import { runLoop } from "../../src/workflows/run-loop.ts";
import { trainModelWorkflow } from "../../src/workflows/train-model.ts";

/*
 * The whole house on a small scale, read first: real flights among four airports, real stores in a temporary folder, serving over real HTTP,
 * a month replayed on the replay's clock. What `npm start` does in two processes happens here in one.
 */
describe("the loop", () => {
  const folder = mkdtempSync(join(tmpdir(), "karkhana-loop-"));
  const events: LoopEvent[] = [];
  let stores: Stores;
  let feedback: FeedbackLog;
  let platform: Platform & { close: () => Promise<void> };
  let summary: LoopSummary;
  let closeServing: () => Promise<void>;

  beforeAll(async () => {
    const project = await loadProject(join(import.meta.dirname, "small"));
    stores = await openStores(join(folder, "data"), {});
    const online = await openOnlineStore(stores.onlineStore);
    feedback = await openFeedbackLog(stores.folder.logFolder);
    const views = project.definition.models.flatMap((model) => viewsOf(model.service));
    const serving = await createServing({
      project: project.definition,
      registry: stores.registry,
      blobs: stores.blobs,
      online: createOnlineFeatures({ store: online, views }),
      feedback,
      clock: systemClock,
      newId: systemId,
      statusOf,
    });
    const { host, port } = await serving.listen({ host: "127.0.0.1", port: 0 });
    closeServing = async () => {
      await serving.close();
      await feedback.close();
      await online.close();
    };
    platform = await openPlatform(project, stores, `http://${host}:${port}`);
    platform.board.subscribe((event) => events.push(event));
    summary = await runLoop(platform);
  });

  afterAll(async () => {
    await closeServing?.();
    await platform?.close();
    await stores?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test("every served vector of the sample equals its offline recomputation, value by value", () => {
    expect(summary.vectorsCompared).toBeGreaterThan(1000);
    expect(summary.valuesCompared).toBe(summary.vectorsCompared * summary.features);
    expect(summary.mismatches).toBe(0);
  });

  test("a value served wrongly is found by the next check, with the rows it should have come from, and raises an alert", async () => {
    const before = await stores.parity.totals("late");
    const { predictions: end } = await platform.feedback.ends();
    const slots = platform.project.definition.models[0]!.service.slots.map(({ name }) => name);
    const wrong = slots.indexOf("from_origin.flights_2h");
    const record = (await platform.feedback.predictions(end - 200, 200)).map((logged) => logged.record).findLast(({ vector }) => vector[wrong]! > 0)!;
    const vector = Float64Array.from(record.vector);
    vector[wrong] = vector[wrong]! + 1;
    await feedback.logPredictions([record, { ...record, id: "tampered", vector }]);
    const after = await platform.parity.drain("late", () => undefined);
    expect(after).toMatchObject({ vectors: before.vectors + 2, mismatches: before.mismatches + 1 });
    const [difference] = await stores.parity.listDifferences("late");
    expect(difference).toMatchObject({ predictionId: "tampered", slot: "from_origin.flights_2h", served: vector[wrong], offline: vector[wrong] - 1 });
    expect(difference!.events!.filter((e) => e.eventUs >= record.askedUs - 2 * MICROS_PER_HOUR)).toHaveLength(vector[wrong] - 1);
    expect((await platform.monitoring.listAlerts({ model: "late", status: "open" })).filter((a) => a.kind === "parity")).toHaveLength(1);
  });

  test("every question of the replay was answered once and its outcome came home", async () => {
    const [asked] = summary.predictions > 0 ? [summary.predictions] : [0];
    expect(asked).toBeGreaterThan(1000);
    // Only flights still in the air when the replay ended have no outcome.
    expect(summary.matured).toBeGreaterThan(asked * 0.97);
    expect(summary.matured).toBeLessThanOrEqual(asked);
  });

  test("the model is better than chance, held out and live", () => {
    expect(summary.aucHoldout).toBeGreaterThan(0.6);
    expect(summary.aucLiveInterval?.[0]).toBeGreaterThan(0.55);
  });

  test("an alert started a retraining, and its challenger was decided on, with the reason recorded", async () => {
    expect(summary.alerts).toBeGreaterThan(0);
    expect(summary.retrainings).toBeGreaterThan(0);
    const decisions = (await platform.registry.listEvents("late")).filter((e) => e.kind === "promoted" || e.kind === "refused");
    expect(decisions.length).toBeGreaterThan(1);
    for (const decision of decisions) expect(decision.reason.length).toBeGreaterThan(10);
  });

  test("whoever went live holds five proofs, passed or waived by name", async () => {
    const versions = await platform.registry.listVersions("late");
    const live = (await platform.registry.listEvents("late")).filter((e) => e.kind === "promoted").map((e) => e.version);
    expect(live.length).toBeGreaterThan(1);
    for (const version of versions.filter((v) => live.includes(v.version))) {
      for (const kind of ["offline-evaluation", "shadow", "ab", "monitors", "rollback"] as const) {
        const proof = version.proofs.findLast((p) => p.kind === kind);
        expect(proof?.passed === true || version.waivers[kind] !== undefined, `v${version.version} ${kind}`).toBe(true);
      }
    }
  });

  test("the same command again runs nothing twice: the recorded summary comes back", async () => {
    const runsBefore = await platform.pipelines.listRuns();
    const again = await runLoop(platform);
    expect(again).toEqual({ ...summary, recorded: true });
    expect((await platform.pipelines.listRuns()).length).toBe(runsBefore.length);
  });

  test("another history is refused in a folder that holds one, and starts nothing", async () => {
    const { definition } = platform.project;
    const shorter = { ...platform, project: { ...platform.project, definition: { ...definition, replay: { ...definition.replay!, to: "2001-03-20" } } } };
    const runsBefore = await platform.pipelines.listRuns();
    await expect(runLoop(shorter)).rejects.toMatchObject({ code: "LOOP_CHANGED", remedy: expect.stringContaining("--fresh") });
    expect((await platform.pipelines.listRuns()).length).toBe(runsBefore.length);
  });

  test("a training set that was deleted is made again, though its step is cached", async () => {
    const { offlineFolder } = platform.places;
    for (const file of readdirSync(offlineFolder)) rmSync(join(offlineFolder, file));
    // Another split, or the fit would be cached too and read no training set.
    const input = { ...firstTraining(platform.project.definition.models[0]!), holdoutUs: Date.UTC(2001, 1, 12) * 1000, baseline: false };
    const trained = await platform.pipelines.start(trainModelWorkflow(platform), input, "once-more");
    expect(trained.candidate.auc).toBeGreaterThan(0.6);
    expect(readdirSync(offlineFolder)).toHaveLength(1);
  });

  test("the loop told its phases, alerts and decisions as it went", () => {
    const kinds = new Set(events.map((e) => e.event));
    for (const kind of ["phase", "progress", "alert", "decision", "summary"] as const) expect(kinds).toContain(kind);
  });
});
