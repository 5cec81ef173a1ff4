import { afterAll, beforeAll, expect, test } from "vitest";
import { ViewIndex } from "../../src/features/nearest/view-index.ts";
import { createOnlineFeatures } from "../../src/features/online/online-features.ts";
import { statusOf } from "../../src/server/error-status.ts";
import { songsProject, track } from "../../src/serving/test-songs.ts";
import { openWorld, type World } from "../../src/serving/test-world.ts";
import { openMemoryStore } from "../../src/storage/kv/memory.ts";
import { clientOf, pythonScenarios } from "./python-scenarios.ts";

// Feast's own SDK asks a running server for the nearest documents.

/** The scenarios of feast-documents.py, so that one that vanishes there is missed here. */
const scenarios = [
  "retrieve_online_documents gives the nearest vectors and their distances",
  "retrieve_online_documents_v2 gives keys, features and distances",
  "a filter of equal values",
  "nothing near is no error",
  "what the server does not do is refused in its own words",
];

let world: World;
let problems: Map<string, string | null>;

beforeAll(async () => {
  const python = await clientOf("feast-client.ts");
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
    serving: { project: songsProject, online, nearest: { nearest: async (_view, question) => index.nearest(question) } },
  });
  problems = await pythonScenarios(python, "feast-documents.py", [world.url, world.folder], { FEAST_USAGE: "False", FEAST_TELEMETRY: "False" });
});

afterAll(() => world?.close());

test.each(scenarios)("%s", (scenario) => {
  expect(problems.get(scenario)).toBe(null);
});

test("ran the scenarios named here and no others", () => {
  expect([...problems.keys()]).toEqual(scenarios);
});
