import { afterAll, beforeAll, expect, test } from "vitest";
import { ViewIndex } from "../features/nearest/view-index.ts";
import { createOnlineFeatures } from "../features/online/online-features.ts";
import { statusOf } from "../server/error-status.ts";
import { openMemoryStore } from "../storage/kv/memory.ts";
import { songsProject, track } from "./test-songs.ts";
import { openWorld, type World } from "./test-world.ts";

let world: World;
beforeAll(async () => {
  const store = openMemoryStore();
  const online = createOnlineFeatures({ store, views: [track] });
  const index = new ViewIndex({ store, view: track, feature: "sound" });
  const rows = Array.from({ length: 9 }, (_, i) => ({
    at: i,
    album: "a",
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
});
afterAll(() => world.close());

const ask = async (body: unknown, view = "track") => world.post(`/v1/views/${view}/nearest`, body);

test("neighbours of a vector and of a key, with distances, times and attributes", async () => {
  const { status, body } = await ask({ vector: [1, 0], k: 2 });
  expect(status).toBe(200);
  expect(body).toEqual({
    view: "track",
    feature: "sound",
    metric: "cosine",
    exact: true,
    entities: 9,
    neighbours: [
      { key: { album: "a", track: 0 }, distance: 0, eventTime: "1970-01-01T00:00:00Z", attributes: { mood: "calm" } },
      {
        key: { album: "a", track: 1 },
        distance: expect.closeTo(1 - Math.cos(0.1), 6),
        eventTime: expect.stringMatching(/^1970-01-01T00:00:00\.000001Z$/),
        attributes: { mood: "wild" },
      },
    ],
  });
  const near = await ask({ key: { album: "a", track: 4 }, k: 2, where: { mood: "calm" } });
  expect((near.body as unknown as { neighbours: { key: { track: number } }[] }).neighbours.map(({ key }) => key.track)).toEqual([2, 6]);
});

test.each([
  [{ k: 3 }, 400, "vector"],
  [{ vector: [1, 0], key: { album: "a", track: 1 } }, 400, "either a vector or a key"],
  [{ vector: [1, "x"] }, 400, "vector[1]"],
  [{ vector: [1, 0], k: 0 }, 400, "whole number from 1 to 1000"],
  [{ vector: [1, 0, 0] }, 400, "expected 2 numbers, got 3"],
  [{ vector: [0, 0] }, 400, "zeros"],
  [{ key: { album: "a" } }, 400, "key.track"],
  [{ key: { album: "a", track: 77 } }, 404, 'no embedding of ["a",77]'],
  [{ vector: [1, 0], where: { loud: 1 } }, 400, "loud"],
])("%j is refused and named", async (body, status, text) => {
  const refused = await ask(body);
  expect([refused.status, refused.text]).toEqual([status, expect.stringContaining(text.replaceAll('"', '\\"'))]);
});

test("a view that is not there is not found", async () => {
  expect((await ask({ vector: [1, 0] }, "nothing")).status).toBe(404);
});

test.each(["/search", "/retrieve-online-documents"])("Feast's clients get documents in their own shape from %s", async (route) => {
  const asked = { features: ["track:sound", "track:mood"], query: [1, 0], top_k: 2, distance_metric: "L2", query_string: null, api_version: 2 };
  const { status, body } = await world.post(route, asked);
  expect(status).toBe(200);
  const times = ["1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000001Z"];
  const statuses = ["PRESENT", "PRESENT"];
  const sound = [1, 0, Math.cos(0.1), Math.sin(0.1)].map(Math.fround);
  expect(body).toEqual({
    metadata: { feature_names: ["album", "track", "sound", "mood", "distance"] },
    results: [
      { values: ["a", "a"], statuses, event_timestamps: times },
      { values: [0, 1], statuses, event_timestamps: times },
      { values: [sound.slice(0, 2), sound.slice(2)], statuses, event_timestamps: times },
      { values: ["calm", "wild"], statuses, event_timestamps: times },
      { values: [0, expect.closeTo(1 - Math.cos(0.1), 6)], statuses, event_timestamps: times },
    ],
  });
  const filters = { type: "and", filters: [{ type: "eq", key: "mood", value: "wild" }] };
  const wild = await world.post(route, { ...asked, features: ["track:mood"], filters });
  expect((wild.body as unknown as { results: { values: unknown[] }[] }).results[1]!.values).toEqual([1, 3]);
});

test.each([
  [{ query_string: "loud" }, 400, "query_string"],
  [{ query: null }, 400, "query"],
  [{ features: ["track:noise"] }, 404, "features[0]"],
  [{ top_k: 0 }, 400, "top_k"],
  [{ distance_metric: "inner_product" }, 400, "distance_metric"],
  [{ filters: { type: "gt", key: "mood", value: "a" } }, 400, "filters.type"],
  [{ filters: { type: "eq", key: "mood", value: ["a"] } }, 400, "filters.value"],
  [{ filters: { type: "eq", key: "__proto__", value: "a" } }, 400, "__proto__"],
  [
    {
      filters: {
        type: "and",
        filters: [
          { type: "eq", key: "mood", value: "a" },
          { type: "eq", key: "mood", value: "b" },
        ],
      },
    },
    400,
    "two values",
  ],
])("Feast's documents: %j is refused and named", async (over, status, text) => {
  const refused = await world.post("/search", { features: ["track:sound"], query: [1, 0], top_k: 2, ...over });
  expect([refused.status, refused.text]).toEqual([status, expect.stringContaining(text)]);
});
