import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openFeedbackLog } from "../feedback/log.ts";
import type { LabelRecord, PredictionRecord } from "../feedback/prediction.ts";
import { seededRng } from "../kernel/rng.ts";
import { parseProfile } from "../monitoring/profile-file.ts";
import { profileFromLog } from "../workflows/profile-from-log.ts";
import { encodeModel } from "../learn/model-file.ts";
import type { GbdtModel } from "../learn/model.ts";
import { loadVersionArtifact } from "../serving/artifact.ts";
import { adoptVersion, type AdoptParts } from "../workflows/adopt-model.ts";
import { controlWorld, type ControlWorld } from "./test-world.ts";

let world: ControlWorld;
let folder: string;
let parts: AdoptParts;

beforeAll(async () => {
  world = await controlWorld(0);
  folder = await mkdtemp(path.join(tmpdir(), "karkhana-adopt-"));
  const { registry, tracking, blobs } = world;
  parts = { ...world.rooms, registry, tracking, blobs, projectName: "small-airline" };
});
afterAll(async () => {
  await world.close();
  await rm(folder, { recursive: true, force: true });
});

const slots = () => world.model.service.slots;
const distance = () => slots().findIndex(({ name }) => name === "distance");
/** One tree: long flights are late. */
const trees = (): GbdtModel => ({
  kind: "gbdt",
  features: slots(),
  calibration: { kind: "sigmoid", slope: 1, intercept: 0 },
  ensemble: {
    numTrees: 1,
    baseScore: 0,
    treeOffsets: Int32Array.of(0, 1),
    leafOffsets: Int32Array.of(0, 2),
    splitFeature: Int32Array.of(distance()),
    threshold: Float64Array.of(1000),
    leftChild: Int32Array.of(~0),
    rightChild: Int32Array.of(~1),
    defaultLeft: Uint8Array.of(1),
    isCategorical: Uint8Array.of(0),
    splitGain: Float64Array.of(1),
    categoryOffsets: Int32Array.of(0, 0),
    categoryBits: new Uint32Array(0),
    leafValue: Float64Array.of(-1, 3),
    leafCount: Int32Array.of(1, 1),
  },
});
const row = (miles: number): (number | null)[] => slots().map(({ type }, i) => (i === distance() ? miles : type === "categorical" ? 0 : null));
const [short, far] = [1 / (1 + Math.exp(1)), 1 / (1 + Math.exp(-3))];
const graph = () => ({
  inputs: [{ name: "row", datatype: "FP64", shape: [-1, slots().length] }],
  steps: [
    { model: "inner.json", inputs: { input: "row" }, outputs: { predict: "p" } },
    { rules: { on: "p", as: "score", cases: [{ atLeast: 0.9, give: 1 }], otherwise: { tensor: "p" } } },
  ],
  outputs: ["score"],
});
const version = (more: object = {}) => ({
  categories: { origin: ["ATL", "BOS"] },
  golden: { vectors: [row(300), row(2000)], scores: [short, 1] },
  ...more,
});
async function put(name: string, files: Record<string, string | Uint8Array | object>): Promise<string> {
  const place = path.join(folder, name);
  await mkdir(place, { recursive: true });
  for (const [file, content] of Object.entries(files))
    await writeFile(path.join(place, file), typeof content === "string" || content instanceof Uint8Array ? content : JSON.stringify(content));
  return place;
}

test("a folder with a graph becomes a version that pins every file of it, and adopting it again is the same version", async () => {
  const place = await put("graph", { "ensemble.json": graph(), "inner.json": encodeModel(trees()), "version.json": version(), "notes.txt": "no part of it" });
  const adopted = await adoptVersion(parts, world.model, place);
  expect(adopted).toEqual({ model: "late_arrival", version: 1, source: "graph", format: "ensemble" });
  expect(await adoptVersion(parts, world.model, place)).toEqual(adopted);
  const { artifactPath, proofs } = await world.registry.getVersion("late_arrival", 1);
  expect(proofs).toEqual([]);
  const { manifest, predictor, servable } = await loadVersionArtifact(world.blobs, artifactPath);
  expect(manifest).toMatchObject({ format: 3, modelFile: "ensemble.json", output: { name: "score", column: 0 }, selfCheck: { scores: [short, 1] } });
  expect(Object.keys(manifest.files ?? {}).toSorted()).toEqual(["inner.json"]);
  expect(
    await predictor.predictRow(
      Float64Array.from(row(2000), (x) => x ?? Number.NaN),
      0,
    ),
  ).toBe(1);
  await servable.close();
  expect(far).toBeGreaterThan(0.9);
  await world.blobs.put(`${artifactPath}/inner.json`, encodeModel({ ...trees(), calibration: { kind: "sigmoid", slope: 2, intercept: 0 } }));
  await expect(loadVersionArtifact(world.blobs, artifactPath)).rejects.toMatchObject({
    code: "ARTIFACT_INVALID",
    message: expect.stringContaining("inner.json"),
  });
});

test("its reference profile is made of live questions with outcomes, in its own codes, once there are enough", async () => {
  const categories = { origin: ["BOS", "ATL"] };
  const place = await put("swapped", { "ensemble.json": graph(), "inner.json": encodeModel(trees()), "version.json": version({ categories }) });
  const adopted = await adoptVersion(parts, world.model, place);
  const { artifactPath } = await world.registry.getVersion("late_arrival", adopted.version);
  const logFolder = path.join(folder, "log");
  const log = await openFeedbackLog(logFolder);
  const live = { registry: world.registry, blobs: world.blobs, logFolder };
  const rng = seededRng(11);
  const origin = slots().findIndex(({ name }) => name === "origin");
  const ask = async (from: number, to: number): Promise<void> => {
    const predictions: PredictionRecord[] = [];
    const labels: LabelRecord[] = [];
    for (let i = from; i < to; i++) {
      const askedUs = i * 60_000_000;
      const miles = 200 + rng.int(1800);
      const vector = Float64Array.from(slots(), ({ type }, slot) => (slot === distance() ? miles : type === "categorical" ? Number(i % 4 === 0) : rng.next()));
      const shared = { id: `q${i}`, model: "late_arrival", askedUs, servedUs: askedUs, latencyUs: 1, fields: {}, serviceHash: world.model.service.hash };
      // By the version of the first test, whose code 1 is BOS.
      predictions.push({ ...shared, version: 1, role: "champion", score: 0.5, vector });
      labels.push({ id: `q${i}`, model: "late_arrival", label: rng.next() < (miles > 1000 ? 0.8 : 0.2) ? 1 : 0, knownUs: askedUs + 1 });
    }
    await log.logPredictions(predictions);
    await log.logLabels(labels);
    await log.flush();
  };
  await ask(0, 900);
  expect(await profileFromLog(live, world.model, adopted.version)).toMatchObject({
    rows: 0,
    summary: expect.stringContaining("900 live questions have an outcome"),
  });
  await expect(world.blobs.get(`${artifactPath}/profile.json`)).rejects.toMatchObject({ code: "BLOB_NOT_FOUND" });
  await ask(900, 6000);
  await log.close();
  expect(await profileFromLog(live, world.model, adopted.version)).toMatchObject({ rows: 6000, summary: expect.stringMatching(/^AUC 0\.(79|8)\d+, /) });
  const profile = parseProfile(Buffer.from(await world.blobs.get(`${artifactPath}/profile.json`)).toString());
  expect(profile).toMatchObject({ numRows: 6000, holdout: { rows: 6000 } });
  // A quarter flew from BOS, which is this version's code 0.
  expect(profile.slots[origin]).toMatchObject({ categories: [1, 0], counts: [4500, 1500, 0, 0] });
  expect((await world.registry.getVersion("late_arrival", adopted.version)).proofs).toMatchObject([
    { kind: "monitors", details: { rows: 6000, from: "live questions" } },
  ]);
  expect(await profileFromLog(live, world.model, adopted.version)).toEqual({ rows: 0, summary: "it has a reference profile already" });
});

test("what its own library answered is what it must answer here", async () => {
  const place = await put("wrong", {
    "ensemble.json": graph(),
    "inner.json": encodeModel(trees()),
    "version.json": version({ golden: { vectors: [row(300)], scores: [0.3] } }),
  });
  await expect(adoptVersion(parts, world.model, place)).rejects.toMatchObject({ code: "MODEL_SELF_CHECK_FAILED" });
});

test.each([
  ["categories that are not said", { "model.txt": "tree\nversion=v4\n" }, /the values behind the codes of origin are not said/],
  ["a file of no known format", { "model.json": "x" }, /of no known format/],
  ["a version.json with a word it does not know", { "ensemble.json": {}, "version.json": { outputs: {} } }, /version\.json\.outputs: is not one of/],
  ["golden rows without scores", { "ensemble.json": {}, "version.json": { golden: { vectors: [[1]] } } }, /golden\.scores/],
  ["no model", { "readme.md": "nothing" }, /holds no model file/],
] as [string, Record<string, string | object>, RegExp][])("a folder with %s is refused by name", async (name, files, message) => {
  await expect(adoptVersion(parts, world.model, await put(name, files))).rejects.toThrow(message);
});
