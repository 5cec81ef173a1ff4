import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { copyPushed, locatePushed } from "../../features/offline/pushed-rows.ts";
import { pushedTypes } from "../../data/pushed-copy.ts";
import { relationOf } from "../../data/relation.ts";
import { asStream } from "../../data/versions.ts";
import { openLoggedFeatures } from "../../features/online/logged-features.ts";
import { createOnlineFeatures } from "../../features/online/online-features.ts";
import { loggedSources } from "../../features/vector.ts";
import { planView } from "../../features/view-plan.ts";
import { openFeedbackLog } from "../../feedback/log.ts";
import type { PredictionRecord } from "../../feedback/prediction.ts";
import { viewsOf } from "../../project/definition.ts";
import { writeVersionArtifact } from "../../serving/artifact.ts";
import { openFileBlobs } from "../../storage/blobs/files.ts";
import { openDuckDb } from "../../storage/duckdb/duckdb.ts";
import { openMemoryStore } from "../../storage/kv/memory.ts";
import { loadModel } from "./load-model.ts";
import { parity, type ParityOutput } from "./parity.ts";

const projectText = `
import { entity, featureView, model, numeric, project, pushed, window } from "karkhana";
const offers = pushed("offers", {
  schema: { at: "timestamp", told: "timestamp", shop: "string", id: "string", amount: "float64", gone: "boolean" },
  eventTime: "at", knownTime: "told", id: "id", deleted: "gone",
});
const past = featureView("past", {
  entity: entity("shop", { keys: ["shop"] }), source: offers, on: { shop: "shop" },
  features: { offers: window("1d").count(), sum: window("1d").sum("amount") },
});
export default project("offers", { models: [model("big", {
  spine: offers, request: ["shop", "amount"], label: "amount > 5", features: [past.at({ shop: "shop" }, "past"), numeric("amount")], trainer: { gbdt: {} },
  training: { from: "2026-01-01", validFrom: "2026-02-01", holdoutFrom: "2026-03-01", to: "2026-04-01" },
})] });
`;

let folder: string;
beforeEach(() => void (folder = mkdtempSync(path.join(tmpdir(), "karkhana-parity-"))));
afterEach(() => rmSync(folder, { recursive: true }));
const at = (...names: string[]): string => path.join(folder, ...names);
const noon = Date.UTC(2026, 3, 2, 12) * 1000;

/** Three batches are pushed, and questions asked of a store that has applied so many of them. */
async function compared(records: (asked: (numApplied: number) => Promise<PredictionRecord>) => Promise<PredictionRecord[]>): Promise<ParityOutput> {
  writeFileSync(at("karkhana.project.ts"), projectText);
  const projectFile = at("karkhana.project.ts");
  const model = await loadModel({ projectFile, model: "big" });
  const views = viewsOf(model.service);
  const [{ source }] = views as [(typeof views)[0] & object];
  const offer = (id: string, minutesAgo: number, amount: number, gone = false): object => ({
    at: noon - minutesAgo * 60_000_000,
    told: noon - 1000,
    shop: "a",
    id,
    amount,
    gone,
  });
  const batches = [[offer("x", 30, 2), offer("y", 20, 3)], [offer("x", 30, 7)], [offer("y", 20, 3, true)]];

  const places = { logFolder: at("pushes"), copyFolder: at("copies") };
  const open = (store = openMemoryStore()) => createOnlineFeatures({ store, views });
  const logged = await openLoggedFeatures({ online: open(), sources: [source], folder: places.logFolder, clock: { nowUs: () => noon } });
  for (const [sequence, rows] of batches.entries()) await logged.ingest("offers", rows as Record<string, unknown>[], { producer: "p", sequence });
  await logged.close();
  const asked = async (numApplied: number): Promise<PredictionRecord> => {
    const online = open();
    for (const [sequence, rows] of batches.slice(0, numApplied).entries()) {
      const placed = rows.map((row, i) => ({ ...row, arrived: noon, _row: sequence * 65_536 + i }));
      await online.ingest("offers", placed, { producer: "p", sequence, logEnd: sequence + 1 });
    }
    const [vector, offsets]: [Float64Array, number[]] = [new Float64Array(model.service.slots.length), []];
    await online.reader(model.service)(noon, { shop: "a", amount: 1 }, vector, 0, offsets);
    vector[2] = 1;
    return {
      id: `after ${numApplied}`,
      model: "big",
      version: 1,
      role: "champion",
      askedUs: noon,
      servedUs: noon,
      score: 0.5,
      vector,
      serviceHash: model.service.hash,
      fields: { shop: "a", amount: 1 },
      latencyUs: 1,
      applied: { sources: loggedSources(model.service), offsets },
    };
  };
  const served = await records(asked);
  const log = await openFeedbackLog(at("log"));
  await log.logPredictions(served);
  await log.close();

  const duck = await openDuckDb({ threads: 1 });
  await copyPushed({ ...places, duck, source, plans: views.map(planView), nowUs: noon });
  await duck.close();
  const blobs = await openFileBlobs(at("blobs"));
  const { slots } = model.service;
  await writeVersionArtifact(blobs, "v1", {
    modelName: "big",
    definitionHash: model.hash,
    service: model.service,
    model: {
      kind: "logistic",
      features: slots,
      means: [0, 0, 0],
      scales: [1, 1, 1],
      weights: [0, 0, 0],
      intercept: 0,
      numCategories: {},
      calibration: { kind: "sigmoid", slope: 1, intercept: 0 },
    },
    categories: {},
    selfCheckVectors: [Float64Array.of(0, 0, 0)],
  });
  const relation = (of: typeof source): string => relationOf(locatePushed(of, places), { numQuarantined: 0, foundTypes: pushedTypes(of) }, folder);
  return parity(
    {
      projectFile,
      model: "big",
      relations: { offers: relation(source) },
      streams: { offers: relation(asStream(source)) },
      logFolder: at("log"),
      fromOffset: 0,
      toOffset: served.length,
      blobsFolder: at("blobs"),
      versions: { "1": "v1" },
      sample: 1000,
      threads: 1,
      memoryLimitMb: 256,
      tempFolder: at("temp"),
    },
    () => undefined,
  );
}

test("what was served while corrections and deletions were on their way into the store is what it was to be", async () => {
  const found = await compared(async (asked) => [await asked(0), await asked(1), await asked(2), await asked(3)]);
  expect(found).toMatchObject({ served: 4, vectors: 4, values: 12, mismatches: 0, differences: [] });
});

test("a difference is stored with how far the log was applied, and with the rows that had been applied and no others", async () => {
  const found = await compared(async (asked) => {
    const [before, after] = [await asked(1), await asked(2)];
    // As if the store had said that the correction was applied, and not applied it.
    return [before, { ...after, vector: before.vector }];
  });
  expect(found).toMatchObject({ vectors: 2, mismatches: 1, bySlot: { "past.sum": 1 } });
  const [difference] = found.differences;
  expect(difference).toMatchObject({ predictionId: "after 2", slot: "past.sum", appliedOffset: 2, served: 5, offline: 10, keys: { shop: "a" } });
  expect(difference!.events!.map(({ row, values }) => [row, values["id"], values["amount"]])).toEqual([
    [1, "y", 3],
    [65_536, "x", 7],
  ]);
});

test("records of before it was kept are compared by when rows were known, as ever", async () => {
  const found = await compared(async (asked) => [await asked(1), await asked(3)].map(({ applied: _applied, ...old }) => old));
  expect(found.differences.map(({ predictionId, slot, appliedOffset }) => [predictionId, slot, appliedOffset])).toEqual([
    ["after 1", "past.offers", null],
    ["after 1", "past.sum", null],
  ]);
});
