import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { csv } from "../../src/data/source.ts";
import { embedding, entity, featureView, latest, numeric } from "../../src/features/definition.ts";
import { ViewIndex } from "../../src/features/nearest/view-index.ts";
import { createOnlineFeatures } from "../../src/features/online/online-features.ts";
import { model, project } from "../../src/project/definition.ts";
import { statusOf } from "../../src/server/error-status.ts";
import { openWorld, type World } from "../../src/serving/test-world.ts";
import { openMemoryStore } from "../../src/storage/kv/memory.ts";

// Feast's own SDK asks a running server for the nearest documents.
const run = promisify(execFile);
const here = import.meta.dirname;

/** The scenarios of feast-documents.py, so that one that vanishes there is missed here. */
const scenarios = [
  "retrieve_online_documents gives the nearest vectors and their distances",
  "retrieve_online_documents_v2 gives keys, features and distances",
  "a filter of equal values",
  "nothing near is no error",
  "what the server does not do is refused in its own words",
];

const songs = csv("songs", {
  path: "songs.csv",
  eventTime: "at",
  schema: { at: "timestamp", album: "string", track: "int64", sound: "float32[2]", mood: "string", plays: "int64" },
});
const track = featureView("track", {
  entity: entity("track", { keys: ["album", "track"] }),
  source: songs,
  on: { album: "album", track: "track" },
  features: { sound: embedding("sound", { dimensions: 2, metric: "cosine" }), mood: latest("mood") },
});
const hit = model("hit", {
  spine: songs,
  request: ["album", "track", "plays"],
  label: "plays > 100",
  features: [numeric("plays"), track.at({ album: "album", track: "track" })],
  trainer: { gbdt: {} },
  training: { from: "2024-01-01", validFrom: "2024-02-01", holdoutFrom: "2024-03-01", to: "2024-04-01" },
});

let world: World;
const problems = new Map<string, string | null>();

beforeAll(async () => {
  const python = (await run(process.execPath, [path.join(here, "..", "..", "scripts", "feast-client.ts")])).stdout.trim();
  const store = openMemoryStore();
  const online = createOnlineFeatures({ store, views: [track] });
  const index = new ViewIndex({ store, view: track, feature: "sound" });
  const rows = Array.from({ length: 9 }, (_, i) => ({
    at: i * 1_000_000,
    album: i < 5 ? "a" : "b",
    track: i,
    sound: [Math.cos(i / 10), Math.sin(i / 10)],
    mood: i % 2 === 0 ? "calm" : "wild",
  }));
  await online.ingest("songs", rows, { producer: "p", sequence: 0 });
  world = await openWorld({
    statusOf,
    deploy: false,
    serving: { project: project("songs", { models: [hit] }), online, nearest: { nearest: async (_view, question) => index.nearest(question) } },
  });
  const env = { ...process.env, FEAST_USAGE: "False", FEAST_TELEMETRY: "False", DO_NOT_TRACK: "true" };
  const { stdout } = await run(python, [path.join(here, "feast-documents.py"), world.url, world.folder], { env, maxBuffer: 64 * 1024 * 1024 });
  for (const line of stdout.split("\n").filter((text) => text.startsWith('{"scenario"'))) {
    const { scenario, problem } = JSON.parse(line) as { scenario: string; problem: string | null };
    problems.set(scenario, problem);
  }
}, 600_000);

afterAll(() => world?.close());

test.each(scenarios)("%s", (scenario) => {
  expect(problems.get(scenario)).toBe(null);
});

test("ran the scenarios named here and no others", () => {
  expect([...problems.keys()]).toEqual(scenarios);
});
