import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { csv } from "../data/source.ts";
import { embedding, entity, featureView, featureViewHash } from "../features/definition.ts";
import { createOnlineFeatures } from "../features/online/online-features.ts";
import { openLmdb } from "../storage/kv/lmdb.ts";
import { nearest } from "./features-nearest.ts";

const view = featureView("song", {
  entity: entity("song", { keys: ["live", "song"] }),
  source: csv("songs", { path: "songs.csv", eventTime: "at", schema: { at: "timestamp", live: "boolean", song: "string", sound: "float32[2]" } }),
  on: { live: "live", song: "song" },
  features: { sound: embedding("sound", { dimensions: 2, metric: "l2" }) },
});
const views = [{ hash: featureViewHash(view), view, models: [] }];

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "karkhana-cli-nearest-"));
  const store = openLmdb(folder);
  const rows = [true, false].flatMap((live, i) => ["a", "b"].map((song, j) => ({ at: 1, live, song, sound: [i, 3 * j] })));
  await createOnlineFeatures({ store, views: [view] }).ingest("songs", rows, { producer: "p", sequence: 0 });
  await store.close();
});
afterAll(() => rmSync(folder, { recursive: true }));

const ask = async (key: string): Promise<string> => {
  const said: string[] = [];
  await nearest({ onlineStore: { kind: "lmdb", folder } }, views, { key, k: 2 }, (_, text) => said.push(text));
  return said.join("\n");
};

test("neighbours of an entity by its key as a JSON list, and keys written as they are given", async () => {
  expect((await ask('[true, "a"]')).split("\n").map((line) => line.trim())).toEqual(["1.00000  false, a", "3.00000  true, b"]);
});

test.each(['[1, "a"]', '["true", "a"]', "[true, 7]", "true", "a"])("the key %s is refused, with what was expected", async (key) => {
  await expect(ask(key)).rejects.toThrow(/--key.*live \(true or false\), song \(text\) as a JSON list/);
});
