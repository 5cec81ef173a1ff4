import { tableFromIPC } from "apache-arrow";
import { beforeAll, describe, expect, test } from "vitest";
import { csv } from "../../data/source.ts";
import { categorical, derivedFeatures, entity, featureService, featureView, latest, numeric, requestFeatures, window } from "../../features/definition.ts";
import { createOnlineFeatures, type OnlineFeatures } from "../../features/online/online-features.ts";
import { codeOf } from "../../kernel/error.ts";
import { MICROS_PER_HOUR } from "../../kernel/time.ts";
import { openMemoryStore } from "../../storage/kv/memory.ts";
import { toArrow } from "./arrow.ts";
import { FeastReader, toJson, type OnlineFeaturesResponse } from "./online-features.ts";
import { readOnlineFeaturesRequest } from "./request.ts";

const hour = MICROS_PER_HOUR;
const visits = csv("visits", {
  path: "visits.csv",
  schema: { at: "timestamp", city: "string", street: "string", mood: "string", spent: "float64" },
  eventTime: "at",
});
const place = entity("place", { keys: ["city", "street"] });
const shop = featureView("shop", {
  entity: place,
  source: visits,
  on: { city: "city", street: "street" },
  ttl: "3h",
  features: { mood: latest("mood"), spent: latest("spent"), moods: window("12h").topK("mood", 2), visits: window("12h").count() },
});
const city = featureView("town", {
  entity: entity("town", { keys: ["city"] }),
  source: visits,
  on: { city: "city" },
  features: { visits: window("6h").count(), mean_spent: window("6h").mean("spent") },
});
const desk = featureView("desk", {
  entity: entity("desk", { keys: ["desk"] }),
  source: csv("sittings", { path: "sittings.csv", schema: { at: "timestamp", desk: "int64" }, eventTime: "at" }),
  on: { desk: "desk" },
  features: { visits: window("6h").count() },
});
const open = featureView("open", {
  entity: entity("open", { keys: ["open", "desk"] }),
  source: csv("openings", { path: "openings.csv", schema: { at: "timestamp", open: "boolean", desk: "int64" }, eventTime: "at" }),
  on: { open: "open", desk: "desk" },
  features: { times: window("6h").count() },
});
const service = featureService("basket", [
  numeric("items"),
  categorical("city"),
  shop.at({ city: "city", street: "street" }),
  city.at({ city: "city" }),
  requestFeatures("clock", { outputs: ["hour"], compute: (timeUs) => ({ hour: Math.floor(timeUs / hour) % 24 }) }),
  derivedFeatures("share", {
    inputs: ["shop.visits", "town.visits"],
    outputs: ["of_town"],
    compute: (v) => ({ of_town: v["shop.visits"] / v["town.visits"] }),
  }),
]);

let online: OnlineFeatures;
let reader: FeastReader;
const limits = { maxInstances: 10, maxPushRows: 10, maxTextLength: 50 };
const read = (body: object) => reader.read(readOnlineFeaturesRequest({ as_of: 10 * hour, ...body }, limits, 0));

beforeAll(async () => {
  online = await createOnlineFeatures({ store: openMemoryStore(), views: [shop, city, desk, open] });
  const row = (at: number, city: string, street: string, mood: string | null, spent: number | null) => ({ at, city, street, mood, spent });
  await online.ingest(
    "visits",
    [
      row(6 * hour, "Pune", "1 MG", "calm", 5),
      row(8 * hour + 1_500_000, "Pune", "1 MG", "merry", null),
      row(5 * hour, "Pune", "MG", "sad", 7),
      row(9 * hour, "Agra", "11 MG", "calm", 1.5),
    ],
    { producer: "p", sequence: 0 },
  );
  reader = new FeastReader({
    views: [shop, city, desk, open],
    services: new Map([
      ["basket", service],
      ["doors", featureService("doors", [open.at({ open: "is_open", desk: "desk" })])],
    ]),
    columnsReader: (s) => online.columnsReader(s),
    vectorReader: (s) => online.reader(s),
  });
});

describe("features in Feast's shape", () => {
  test("a key of true and false is asked for as such, echoed as such, and is neither 1 nor text", async () => {
    const openings = [true, true, false].map((is, i) => ({ at: (6 + i) * hour, open: is, desk: 1 }));
    const { rejected } = await online.ingest("openings", [...openings, { at: 6 * hour, open: 2, desk: 1 }, { at: 6 * hour, open: "true", desk: 1 }], {
      producer: "p",
      sequence: 0,
    });
    expect(rejected.map(({ index, message }) => [index, /open: .*true or false/.test(message)])).toEqual([
      [3, true],
      [4, true],
    ]);
    const entities = { open: [true, false, null], desk: [1, 1, 1] };
    const answer = await read({ features: ["open:times"], entities });
    expect(answer.results.map(({ values }) => values)).toEqual([
      [true, false, null],
      [1, 1, 1],
      [2, 1, 0],
    ]);
    expect(toJson(answer)).toBe(JSON.stringify(answer));
    expect(
      tableFromIPC(await toArrow(answer))
        .toArray()
        .map((row) => row.toJSON()),
    ).toEqual([
      { open: true, desk: 1, times: 2 },
      { open: false, desk: 1, times: 1 },
      { open: null, desk: 1, times: 0 },
    ]);
    const asService = await read({ feature_service: "doors", entities: { is_open: [true, false], desk: [1, 1] } });
    expect(asService.results.at(-1)?.values).toEqual([2, 1]);
    for (const wrong of [1, "true"]) {
      await expect(read({ features: ["open:times"], entities: { open: [true, wrong], desk: [1, 1] } })).rejects.toThrow(
        /entities\.open\[1\].*keyed by true or false/,
      );
      await expect(read({ feature_service: "doors", entities: { is_open: [wrong], desk: [1] } })).rejects.toThrow(/entities\.is_open\[0\]/);
    }
    for (const asked of [
      { features: ["open:times"], entities: { open: [true], desk: [true] } },
      { feature_service: "doors", entities: { is_open: [true], desk: [true] } },
    ])
      await expect(read(asked)).rejects.toThrow(/entities\.desk\[0\]/);
  });

  test("a result a name; values, lists, statuses and the newest row's time for each row", async () => {
    const answer = await read({
      features: ["shop:mood", "shop:spent", "shop:moods", "shop:visits"],
      entities: { city: ["Pune", "Pune", "Pun"], street: ["1 MG", "MG", "e1 MG"] },
    });
    expect(answer.metadata.feature_names).toEqual(["city", "street", "mood", "spent", "moods", "visits"]);
    expect(toJson(answer)).toBe(JSON.stringify(answer));
    const [, , mood, spent, moods, visitCount] = answer.results;
    // Composite keys are tuples: nothing of ("Pune", "1 MG") reaches ("Pun", "e1 MG").
    expect(mood).toEqual({
      values: ["merry", null, null],
      statuses: ["PRESENT", "OUTSIDE_MAX_AGE", "NOT_FOUND"],
      event_timestamps: ["1970-01-01T08:00:01.500Z", "1970-01-01T05:00:00Z", "1970-01-01T00:00:00Z"],
    });
    expect(spent).toMatchObject({ values: [null, null, null], statuses: ["NULL_VALUE", "OUTSIDE_MAX_AGE", "NOT_FOUND"] });
    expect(moods?.values).toEqual([["calm", "merry"], ["sad"], null]);
    expect(visitCount).toMatchObject({ values: [2, 1, 0], statuses: ["PRESENT", "PRESENT", "PRESENT"] });
  });

  test("two views with a feature of one name need full names", async () => {
    const entities = { city: ["Pune"], street: ["1 MG"] };
    const features = ["shop:visits", "town:visits"];
    await expect(read({ features, entities })).rejects.toThrow(/features\[1\].*full_feature_names/);
    const { metadata, results } = await read({ features, entities, full_feature_names: true });
    expect(metadata.feature_names).toEqual(["city", "street", "shop__visits", "town__visits"]);
    expect(results.slice(2).map((r) => r.values)).toEqual([[2], [3]]);
  });

  test("what is worked out once for a list of names is not mistaken for another list's, whatever clients call their columns", async () => {
    const features = ["shop:visits", "town:visits"];
    const asked = (others: Record<string, string[]>): Promise<OnlineFeaturesResponse> =>
      read({ features, entities: { city: ["Pune"], street: ["1 MG"], ...others }, full_feature_names: true });
    expect((await asked({ "x\ny": ["1"], z: ["2"] })).metadata.feature_names).toEqual(["city", "street", "x\ny", "z", "shop__visits", "town__visits"]);
    expect((await asked({ x: ["1"], "y\nz": ["2"] })).metadata.feature_names).toEqual(["city", "street", "x", "y\nz", "shop__visits", "town__visits"]);
    const one = read({ features: ["shop:visits\ntown:visits"], entities: { city: ["Pune"], street: ["1 MG"] }, full_feature_names: true });
    await expect(one).rejects.toThrow(/features\[0\].*control character/);
  });

  test("a model's service gives fields, request features and derived ones beside its views", async () => {
    const { metadata, results } = await read({
      feature_service: "basket",
      entities: { items: [4], city: ["Pune"], street: ["1 MG"] },
      full_feature_names: true,
    });
    const values = Object.fromEntries(metadata.feature_names.map((name, i) => [name, results[i]!.values[0]]));
    expect(values).toEqual({
      items: 4,
      city: "Pune",
      street: "1 MG",
      shop__mood: "merry",
      shop__spent: null,
      shop__moods: ["calm", "merry"],
      shop__visits: 2,
      town__visits: 3,
      town__mean_spent: 6,
      clock__hour: 10,
      share__of_town: 2 / 3,
    });
    await expect(read({ feature_service: "basket", entities: { items: [4], city: ["Pune"], street: ["1 MG"] } })).rejects.toThrow(/full_feature_names/);
  });

  test("as Arrow: numbers, text and lists, nulls kept", async () => {
    const answer = await read({
      features: ["shop:mood", "shop:spent", "shop:moods", "shop:visits"],
      entities: { city: ["Pune", "Agra"], street: ["1 MG", "nowhere"] },
    });
    const table = tableFromIPC(await toArrow(answer));
    expect(table.schema.fields.map((f) => `${f.name}: ${f.type}`)).toEqual([
      "city: Utf8",
      "street: Utf8",
      "mood: Utf8",
      "spent: Float64",
      "moods: List<Utf8>",
      "visits: Float64",
    ]);
    expect(table.getChild("mood")?.toArray()).toEqual(["merry", null]);
    expect([...(table.getChild("moods")?.get(0) ?? [])]).toEqual(["calm", "merry"]);
    expect(table.getChild("moods")?.get(1)).toBe(null);
    expect([...(table.getChild("visits") ?? [])]).toEqual([2, 0]);
  });

  test("a key of another type than the view's is refused, where it would be an entity that nobody knows; none at all is asked about", async () => {
    const asked = (city: unknown): Promise<unknown> => read({ features: ["town:visits"], entities: { city: ["Pune", city] } });
    await expect(asked(7)).rejects.toThrow("entities.city[1]: view town is keyed by text (got 7)");
    await expect(asked(null)).resolves.toMatchObject({ results: [{}, { values: [3, 0] }] });
    await expect(read({ features: ["desk:visits"], entities: { desk: [4, "4"] } })).rejects.toThrow(
      /entities\.desk\[1\]: view desk is keyed by a whole number/,
    );
    await expect(read({ features: ["desk:visits"], entities: { desk: [2 ** 53] } })).rejects.toThrow(/entities\.desk\[0\].*9007199254740991/);
    await expect(read({ features: ["desk:visits"], entities: { desk: [1.5] } })).rejects.toThrow(/whole number/);
  });

  test("an empty question has an empty answer, a missing key or an unknown feature is named", async () => {
    expect((await read({ features: ["town:visits"], entities: { city: [] } })).results).toEqual([
      { values: [], statuses: [], event_timestamps: [] },
      { values: [], statuses: [], event_timestamps: [] },
    ]);
    await expect(read({ features: ["shop:visits"], entities: { city: ["Pune"] } })).rejects.toThrow(/entities\.street: is missing/);
    const refused = await read({ features: ["town:x"], entities: { city: ["Pune"] } }).catch((error: unknown) => error);
    expect(codeOf(refused)).toBe("FEATURE_NOT_FOUND");
    expect(String(refused)).toMatch(/visits, mean_spent/);
  });
});
