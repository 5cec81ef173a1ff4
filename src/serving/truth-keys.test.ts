import { afterAll, beforeAll, expect, test } from "vitest";
import { parquet } from "../data/source.ts";
import { categorical, embedding, entity, featureView, numeric, window } from "../features/definition.ts";
import { ViewIndex } from "../features/nearest/view-index.ts";
import { createOnlineFeatures } from "../features/online/online-features.ts";
import { compareVectors } from "../features/parity.ts";
import { minute, relationOfRows } from "../features/test-streams.ts";
import { model, project, viewsOf } from "../project/definition.ts";
import { statusOf } from "../server/error-status.ts";
import { openDuckDb } from "../storage/duckdb/duckdb.ts";
import { openMemoryStore } from "../storage/kv/memory.ts";
import { noon, openWorld, predictPath, question, type World } from "./test-world.ts";

/* Keys of true and false over the wire. */

const rides = parquet("rides", {
  path: "rides.parquet",
  schema: { at: "timestamp", zone: "string", miles: "float64", late: "int64", shared: "boolean", sound: "float32[2]" },
  eventTime: "at",
});
const features = { rides_2h: window("2h").count(), late_2h: window("2h").share("late >= 1") };
// The slots are those of the world's trees.
const byShared = featureView("zone", { entity: entity("shared", { keys: ["shared"] }), source: rides, on: { shared: "shared" }, features });
const sound = featureView("sound", {
  entity: entity("both", { keys: ["zone", "shared"] }),
  source: rides,
  on: { zone: "zone", shared: "shared" },
  features: { sound: embedding("sound", { dimensions: 2, metric: "l2" }) },
});
const lateRide = model("late_ride", {
  spine: rides,
  request: ["zone", "miles", "shared"],
  label: "late >= 1",
  features: [numeric("miles"), numeric("shared"), categorical("zone"), byShared.at({ shared: "shared" }), sound.at({ zone: "zone", shared: "shared" })],
  trainer: { gbdt: {} },
  training: { from: "2001-01-01", validFrom: "2001-02-01", holdoutFrom: "2001-03-01", to: "2001-04-01" },
});
const rows = [true, true, false].map((shared, i) => ({ at: noon - (i + 1) * minute, zone: "AAA", miles: 3, late: i % 2, shared, sound: [i, 0] }));

let world: World;
beforeAll(async () => {
  const store = openMemoryStore();
  const online = createOnlineFeatures({ store, views: viewsOf(lateRide.service) });
  const index = new ViewIndex({ store, view: sound, feature: "sound" });
  world = await openWorld({
    statusOf,
    grpc: false,
    definition: lateRide,
    serving: { project: project("rides", { models: [lateRide] }), online, nearest: { nearest: async (_view, asked) => index.nearest(asked) } },
  });
});
afterAll(() => world.close());

test("pushed by both routes: true and false are taken, what the column is not is set aside with the field", async () => {
  const wrong = [2, "true"].map((shared) => ({ ...rows[0], shared }));
  const pushed = await world.post("/v1/sources/rides/push", { producer: "p", sequence: 0, rows: [...rows.slice(0, 2), ...wrong] });
  expect(pushed).toMatchObject({
    status: 200,
    body: {
      rejected: [
        { index: 2, code: "ROW_REFUSED" },
        { index: 3, code: "ROW_REFUSED" },
      ],
    },
  });
  expect(pushed.text.match(/shared: expected true or false/g)).toHaveLength(2);
  const [last] = rows.slice(2);
  const frame = Object.fromEntries(Object.entries({ ...last, at: new Date(last!.at / 1000).toISOString() }).map(([name, value]) => [name, [value]]));
  expect(await world.post("/push", { push_source_name: "rides", df: frame })).toMatchObject({ status: 200 });
});

test("a question's vector is read by the key, and recomputed from the log it is the same", async () => {
  for (const [id, shared] of [
    ["yes", true],
    ["no", false],
    // As in the log, whose questions may be asked again.
    ["asked again", 1],
  ] as const)
    expect((await world.post(predictPath, question(id, { shared }))).status).toBe(200);
  const tensors = (shared: boolean): object[] => [
    { name: "zone", datatype: "BYTES", shape: [1, 1], data: ["AAA"] },
    { name: "miles", datatype: "FP64", shape: [1, 1], data: [3] },
    { name: "shared", datatype: "BOOL", shape: [1, 1], data: [shared] },
  ];
  const inferred = await world.post("/v2/models/late_ride/infer", { id: "oip", inputs: tensors(true) });
  expect(inferred.status, inferred.text).toBe(200);
  const logged = (await world.log.predictions(0, 10)).map(({ record }) => record);
  expect(logged.map(({ vector }) => [...vector].slice(3))).toEqual([
    [2, 0.5],
    [1, 0],
    [2, 0.5],
    [2, 0.5],
  ]);
  const timed = rows.map(({ sound: own, ...values }) => ({ eventUs: values.at, knownUs: values.at, values: { ...values, sound: JSON.stringify(own) } }));
  const duck = await openDuckDb({ threads: 1 });
  try {
    const served = logged.map(({ id, askedUs, fields, vector }) => ({ id, timeUs: askedUs, fields, vector }));
    const compare = { service: lateRide.service, relations: () => relationOfRows(rides, timed), dictionary: { zone: ["AAA", "BBB"] } };
    expect(await compareVectors(duck, { ...compare, served })).toEqual([]);
  } finally {
    await duck.close();
  }
});

test.each([2, "true", 0.5])("a question whose key is %j is refused, with its field", async (shared) => {
  const refused = await world.post(predictPath, question("wrong", { shared }));
  expect([refused.status, refused.text]).toEqual([400, expect.stringContaining("instances[0].fields.shared: expected true or false")]);
});

test("Feast's clients ask by true and false, and are told of anything else", async () => {
  const asked = { features: ["zone:rides_2h", "zone:late_2h"], as_of: noon };
  const answer = await world.post("/get-online-features", { ...asked, entities: { shared: [true, false] } });
  expect(answer.status, answer.text).toBe(200);
  expect((answer.body as unknown as { results: { values: unknown[] }[] }).results.map(({ values }) => values)).toEqual([
    [true, false],
    [2, 1],
    [0.5, 0],
  ]);
  for (const shared of [1, "true"]) {
    const refused = await world.post("/get-online-features", { ...asked, entities: { shared: [true, shared] } });
    expect([refused.status, refused.text]).toEqual([400, expect.stringContaining("entities.shared[1]")]);
  }
});

test("neighbours are asked for by the key and told by it", async () => {
  const near = await world.post("/v1/views/sound/nearest", { key: { zone: "AAA", shared: true }, k: 3 });
  expect(near).toMatchObject({ status: 200, body: { neighbours: [{ key: { zone: "AAA", shared: false }, distance: 2 }] } });
  for (const shared of [1, "true", null]) {
    const refused = await world.post("/v1/views/sound/nearest", { key: { zone: "AAA", shared } });
    expect([refused.status, refused.text]).toEqual([400, expect.stringContaining("key.shared: expected true or false")]);
  }
  const documents = await world.post("/search", { features: ["sound:sound"], query: [2, 0], top_k: 1 });
  expect((documents.body as unknown as { results: { values: unknown[] }[] }).results.map(({ values }) => values)).toEqual([["AAA"], [false], [[2, 0]], [0]]);
});
