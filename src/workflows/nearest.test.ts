import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createOnlineFeatures, type OnlineFeatures } from "../features/online/online-features.ts";
import { codeOf } from "../kernel/error.ts";
import { viewsOf } from "../project/definition.ts";
import { loadProject } from "../project/load.ts";
import { openLmdb } from "../storage/kv/lmdb.ts";
import type { KeyValueStore } from "../storage/kv/port.ts";
import { runJob } from "./jobs/run-job.ts";
import { createNearestNeighbours, embeddingOf, type NearestNeighbours } from "./nearest.ts";

const projectText = `
import { csv, embedding, entity, featureView, latest, model, numeric, project } from "karkhana";
const songs = csv("songs", { path: "songs.csv", eventTime: "at", schema: { at: "timestamp", song: "string", sound: "float32[2]", words: "float32[3]", mood: "string", plays: "int64" } });
const song = featureView("song", {
  entity: entity("song", { keys: ["song"] }),
  source: songs,
  on: { song: "song" },
  features: { sound: embedding("sound", { dimensions: 2, metric: "l2" }), words: embedding("words", { dimensions: 3, metric: "cosine" }), mood: latest("mood") },
});
export default project("songs", {
  models: [model("hit", { spine: songs, request: ["song", "plays"], label: "plays > 100", features: [numeric("plays"), song.at({ song: "song" })], trainer: { gbdt: {} },
    training: { from: "2024-01-01", validFrom: "2024-02-01", holdoutFrom: "2024-03-01", to: "2024-04-01" } })],
});
`;

let folder: string;
let store: KeyValueStore;
let online: OnlineFeatures;
let neighbours: NearestNeighbours;
let view: ReturnType<typeof viewsOf>[number];
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "karkhana-nearest-"));
  await writeFile(path.join(folder, "karkhana.project.ts"), projectText);
  const { definition, file } = await loadProject(folder);
  [view] = viewsOf(definition.models[0]!.service) as [typeof view];
  const onlineStore = { kind: "lmdb", folder: path.join(folder, "online") } as const;
  store = openLmdb(onlineStore.folder);
  online = createOnlineFeatures({ store, views: [view] });
  neighbours = createNearestNeighbours({ projectFile: file, onlineStore });
});
afterAll(async () => {
  await neighbours.close();
  await store.close();
  await rm(folder, { recursive: true });
});

const at = 1_700_000_000_000_000;

test("a thread of its own answers over the same store, and finds what was acknowledged before the question", async () => {
  const rows = Array.from({ length: 30 }, (_, i) => ({ at: at + i, song: `s${i}`, sound: [i, 0], words: [1, i, 0], mood: i % 2 === 0 ? "calm" : "wild" }));
  await online.ingest("songs", rows, { producer: "p", sequence: 0 });
  const ask = { k: 2, timeUs: at + 1000 };
  const found = await neighbours.nearest(view, { ...ask, feature: "sound", of: { vector: [7.2, 0] } });
  expect(found).toMatchObject({ feature: "sound", exact: true, entities: 30 });
  expect(found.neighbours.map(({ keys, attributes }) => [keys, attributes["mood"]])).toEqual([
    [["s7"], "wild"],
    [["s8"], "calm"],
  ]);
  await online.ingest("songs", [{ at: at + 100, song: "s7", sound: [100, 0], words: [1, 0, 0], mood: "wild" }], { producer: "p", sequence: 1 });
  const after = await neighbours.nearest(view, { ...ask, feature: "sound", of: { vector: [7.2, 0] } });
  expect(after.neighbours.map(({ keys }) => keys[0])).toEqual(["s8", "s6"]);
  const many = await Promise.all(Array.from({ length: 20 }, (_, i) => neighbours.nearest(view, { ...ask, feature: "words", of: { keys: [`s${i}`] } })));
  expect(many[0]?.neighbours.map(({ keys }) => keys[0])).toEqual(["s7", "s1"]);
});

test("what is wrong is said with its code, and the thread goes on", async () => {
  const code = async (question: Parameters<NearestNeighbours["nearest"]>[1]) =>
    codeOf(await neighbours.nearest(view, question).catch((error: unknown) => error));
  const ask = { k: 2, timeUs: at + 1000 };
  expect(await code({ ...ask, of: { vector: [1, 2] } })).toBe("INVALID_ARGUMENT");
  expect(await code({ ...ask, feature: "sound", of: { vector: [1, 2, 3] } })).toBe("EMBEDDING_INVALID");
  expect(await code({ ...ask, feature: "words", of: { vector: [0, 0, 0] } })).toBe("EMBEDDING_INVALID");
  expect(await code({ ...ask, feature: "sound", of: { keys: ["nobody"] } })).toBe("EMBEDDING_NOT_FOUND");
  expect(await code({ ...ask, feature: "mood", of: { vector: [1] } })).toBe("FEATURE_NOT_FOUND");
  expect((await neighbours.nearest(view, { ...ask, feature: "sound", of: { vector: [0, 0] } })).neighbours).toHaveLength(2);
  expect(() => embeddingOf(view, undefined)).toThrow(/several embeddings: sound, words/);
});

test("a thread that ended says so to whoever waits, and the next question starts another", async () => {
  const broken = path.join(folder, "broken");
  await mkdir(broken);
  const file = path.join(broken, "karkhana.project.ts");
  await writeFile(file, "export default 1;");
  const fragile = createNearestNeighbours({ projectFile: file, onlineStore: { kind: "lmdb", folder: path.join(folder, "online") } });
  const ask = { feature: "sound", of: { vector: [0, 0] }, k: 1, timeUs: at + 1000 };
  const failed = await Promise.allSettled([fragile.nearest(view, ask), fragile.nearest(view, ask)]);
  expect(failed.map((one) => (one.status === "rejected" ? codeOf(one.reason) : "answered"))).toEqual(["NEAREST_UNAVAILABLE", "NEAREST_UNAVAILABLE"]);
  await writeFile(file, projectText);
  expect((await fragile.nearest(view, ask)).neighbours[0]?.keys).toEqual(["s0"]);
  await fragile.close();
});

test("vectors that were replaced are removed by a worker thread once enough were, and the index goes on with those that stand", async () => {
  const day = 86_400_000_000;
  const before = await vectors();
  const rows = Array.from({ length: 400 }, (_, i) => ({ at: at + 1000 + i, song: "again", sound: [i, 1], words: [1, i, 1], mood: "calm" }));
  await online.ingest("songs", [...rows, { at: at + 10 * day, song: "new", sound: [9, 9], words: [9, 9, 9], mood: "wild" }], { producer: "p", sequence: 5 });
  expect(await vectors()).toBe(before + 802);
  const input = {
    projectFile: path.join(folder, "karkhana.project.ts"),
    onlineStore: { kind: "lmdb", folder: path.join(folder, "online") },
    nowUs: at + 11 * day,
  } as const;
  // All but the last of "again", and the one that "s7" had, of both embeddings.
  expect(await runJob("releaseVectors", input, () => undefined)).toEqual({ released: 800 });
  expect(await vectors()).toBe(before + 2);
  expect(await runJob("releaseVectors", input, () => undefined)).toEqual({ released: 0 });
  const found = await neighbours.nearest(view, { feature: "sound", of: { vector: [399, 1] }, k: 1, timeUs: at + 11 * day });
  expect(found.neighbours).toMatchObject([{ keys: ["again"], distance: 0 }]);
});

async function vectors(): Promise<number> {
  let count = 0;
  for await (const _ of store.range(Buffer.from("fe"), Buffer.from("ff"))) count++;
  return count;
}
