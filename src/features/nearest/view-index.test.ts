import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { jsonLines } from "../../data/source.ts";
import { openDuckDb, type DuckDb } from "../../storage/duckdb/duckdb.ts";
import { openMemoryStore } from "../../storage/kv/memory.ts";
import { embedding, entity, featureService, featureView, latest, window, type EmbeddingMetric, type FeatureViewDefinition } from "../definition.ts";
import type { TimedRow } from "../naive.ts";
import { createOnlineFeatures, type OnlineFeatures } from "../online/online-features.ts";
import type { KeyPart } from "../key-part.ts";
import { relationOfRows } from "../test-streams.ts";
import { nearestOffline } from "./offline.ts";
import { ViewIndex } from "./view-index.ts";

const items = jsonLines("items", {
  path: "items.jsonl",
  schema: {
    at: "timestamp",
    told: "timestamp",
    shop: "string",
    item: "int64",
    kind: "string",
    gone: "boolean",
    fair: "boolean",
    fact: "int64",
    like: "float32[3]",
  },
  eventTime: "at",
  knownTime: "told",
});
const versions = { ...items, id: "fact", deleted: "gone" } as const;
const hour = 3_600_000_000;
const noon = 500_000 * hour;

function viewOf(metric: EmbeddingMetric, isVersioned = false, second: "item" | "fair" = "item"): FeatureViewDefinition {
  return featureView("item", {
    entity: entity("item", { keys: ["shop", "second"] }),
    source: isVersioned ? versions : items,
    on: { shop: "shop", second },
    ttl: "5h",
    where: "kind is null or kind <> 'hidden'",
    features: { like: embedding("like", { dimensions: 3, metric }), kind: latest("kind"), seen: window("1h").count() },
  });
}

let duck: DuckDb;
beforeAll(async () => {
  duck = await openDuckDb({ threads: 1 });
});
afterAll(() => duck.close());

/** Few values, so that vectors, times and keys are often the same. */
const number = fc.constantFrom(-1, 0, 0.1, 0.5, 1, 3e30, 1e-40);
const vector = fc.oneof(
  { weight: 12, arbitrary: fc.tuple(number, number, number) },
  { weight: 1, arbitrary: fc.constantFrom(null, [1, 2], [1, 2, 3, 4], [1, null, 2], [0, 0, 0], []) },
);
const row = fc.record({
  at: fc.integer({ min: -7, max: 1 }).map((h) => noon + h * hour),
  delay: fc.constantFrom(0, 0, 1, hour, 3 * hour),
  shop: fc.constantFrom("a", "b", "Ü", "\u{1f600}", null),
  item: fc.constantFrom(1, 12, 2),
  kind: fc.constantFrom("hidden", "old", "new", null),
  gone: fc.constantFrom(false, false, false, true),
  fair: fc.constantFrom(true, false, null),
  fact: fc.integer({ min: 0, max: 8 }),
  like: vector,
});

function textOf(value: readonly (number | null)[] | null): string | null {
  return value === null ? null : `[${value.map((x) => (x === null ? "NULL" : String(x))).join(", ")}]`;
}

test.each([
  ["cosine", false, "item"],
  ["dot", false, "item"],
  ["l2", false, "item"],
  ["cosine", true, "item"],
  ["l2", true, "fair"],
] as const)(
  "exact online search by %s is the offline SQL's, with ties, ttl, unsound vectors, late rows (versions: %s, keyed by %s)",
  async (metric, isVersioned, second) => {
    const view = viewOf(metric, isVersioned, second);
    const source = view.source;
    let found = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { minLength: 5, maxLength: 40, size: "max" }),
        fc.tuple(number, number, number).filter((v) => v.some((x) => x !== 0)),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: -3, max: 6 }),
        fc.integer({ min: 0, max: 30 }),
        async (raw, question, k, later, cut) => {
          const rows = raw.map(({ delay, ...values }, i) => ({ ...values, told: values.at + delay, _row: i }));
          const store = openMemoryStore();
          const online = createOnlineFeatures({ store, views: [view] });
          const index = new ViewIndex({ store, view, feature: "like" });
          const ask = { of: { vector: question }, k, timeUs: noon + later * hour };
          const push = (part: typeof rows, sequence: number) => online.ingest("items", part, { producer: "p", sequence });
          // Some after the index was read, and asked an hour before: it must follow, and forget nothing.
          await push(rows.slice(0, cut), 0);
          await index.nearest({ ...ask, timeUs: ask.timeUs - hour });
          await push(rows.slice(cut), 1);
          const answer = await index.nearest(ask);
          const timed = rows.map(({ at, told, like, ...values }): TimedRow => ({
            eventUs: at,
            knownUs: told,
            values: { ...values, at, told, like: textOf(like) },
          }));
          const offline = await nearestOffline(duck, {
            view,
            feature: "like",
            relation: relationOfRows(source, timed),
            vector: question,
            k,
            timeUs: ask.timeUs,
          });
          found += offline.length;
          expect(answer.neighbours.map(({ keys, distance }) => ({ keys, distance }))).toEqual(offline);
        },
      ),
      { numRuns: 80, seed: 20_261_122 },
    );
    expect(found).toBeGreaterThan(60);
  },
);

async function stocked(
  store = openMemoryStore(),
): Promise<{ readonly store: ReturnType<typeof openMemoryStore>; readonly view: FeatureViewDefinition; readonly online: OnlineFeatures }> {
  const view = viewOf("l2");
  const online = createOnlineFeatures({ store, views: [view] });
  const rows = Array.from({ length: 40 }, (_, i) => ({
    at: noon,
    told: noon,
    shop: "a",
    item: i,
    kind: i % 2 === 0 ? "even" : "odd",
    like: [i, 0, 0],
    _row: i,
  }));
  await online.ingest("items", rows, { producer: "p", sequence: 0 });
  return { store, view, online };
}
const keysOf = (answer: { readonly neighbours: readonly { readonly keys: readonly KeyPart[] }[] }): KeyPart[] => answer.neighbours.map(({ keys }) => keys[1]!);

test("by the key of an entity its own neighbours are found, not itself; by an attribute only those that have it", async () => {
  const { store, view } = await stocked();
  const index = new ViewIndex({ store, view, feature: "like" });
  expect(keysOf(await index.nearest({ of: { keys: ["a", 10] }, k: 4, timeUs: noon }))).toEqual([9, 11, 8, 12]);
  expect(keysOf(await index.nearest({ of: { keys: ["a", 10] }, k: 3, where: { kind: "odd" }, timeUs: noon }))).toEqual([9, 11, 7]);
  expect((await index.nearest({ of: { vector: [3.4, 0, 0] }, k: 1, timeUs: noon })).neighbours).toEqual([
    { keys: ["a", 3], distance: Math.sqrt((Math.fround(3.4) - 3) ** 2), eventUs: noon, attributes: { kind: "odd" } },
  ]);
  await expect(index.nearest({ of: { keys: ["a", 99] }, k: 1, timeUs: noon })).rejects.toThrow(/has no embedding of \["a",99\]/);
  await expect(index.nearest({ of: { keys: ["a", 1] }, k: 1, timeUs: noon + 6 * hour })).rejects.toThrow(/has no embedding/);
  await expect(index.nearest({ of: { vector: [1, 2] }, k: 1, timeUs: noon })).rejects.toThrow(/expected 3 numbers, got 2/);
  await expect(index.nearest({ of: { vector: [1, 2, 3] }, k: 1, where: { seen: 1 }, timeUs: noon })).rejects.toThrow(
    /no latest feature of item; there are kind/,
  );
});

test("what another process pushes is found by the next question; a vector taken back, and an entity hidden, are not", async () => {
  const { store, view } = await stocked();
  const index = new ViewIndex({ store, view, feature: "like" });
  await index.nearest({ of: { vector: [0, 0, 0] }, k: 1, timeUs: noon });
  const other = createOnlineFeatures({ store, views: [view] });
  const at = { at: noon + 1, told: noon + 1, shop: "a" };
  await other.ingest(
    "items",
    [
      { ...at, item: 0, kind: "even", like: null },
      { ...at, item: 100, kind: "new", like: [0.25, 0, 0] },
      { ...at, item: 1, kind: "hidden", like: [9, 9, 9] },
    ],
    {
      producer: "q",
      sequence: 0,
    },
  );
  expect(keysOf(await index.nearest({ of: { vector: [0, 0, 0] }, k: 3, timeUs: noon + 1 }))).toEqual([100, 1, 2]);
  const fresh = new ViewIndex({ store, view, feature: "like" });
  expect(keysOf(await fresh.nearest({ of: { vector: [0, 0, 0] }, k: 3, timeUs: noon + 1 }))).toEqual([100, 1, 2]);
});

test("a row that is known later is found once it is, without another push", async () => {
  const { store, view, online } = await stocked();
  const index = new ViewIndex({ store, view, feature: "like" });
  await online.ingest("items", [{ at: noon, told: noon + hour, shop: "a", item: 0, kind: "even", like: [50, 0, 0], _row: 100 }], {
    producer: "p",
    sequence: 1,
  });
  const nearest = async (timeUs: number) => keysOf(await index.nearest({ of: { vector: [50, 0, 0] }, k: 1, timeUs }));
  expect(await nearest(noon)).toEqual([39]);
  expect(await nearest(noon + hour)).toEqual([0]);
});

test("an index that is further behind than changes are kept reads the store anew", async () => {
  const { store, view, online } = await stocked();
  const index = new ViewIndex({ store, view, feature: "like" });
  await index.nearest({ of: { vector: [0, 0, 0] }, k: 1, timeUs: noon });
  for (let i = 1; i <= 4200; i++)
    await online.ingest("items", [{ at: noon + i, told: noon + i, shop: "a", item: i % 7, kind: "even", like: [100 + (i % 7), 0, 0] }], {
      producer: "p",
      sequence: i,
    });
  expect(keysOf(await index.nearest({ of: { vector: [0, 0, 0] }, k: 2, timeUs: noon + 5000 }))).toEqual([7, 8]);
  expect(keysOf(await index.nearest({ of: { vector: [106, 0, 0] }, k: 1, timeUs: noon + 5000 }))).toEqual([6]);
});

test("unsound vectors are set aside with their reason, and other views keep the row", async () => {
  const view = viewOf("cosine");
  const other = featureView("shop", {
    entity: entity("shop", { keys: ["shop"] }),
    source: items,
    on: { shop: "shop" },
    features: { items: window("1h").count() },
  });
  const online = createOnlineFeatures({ store: openMemoryStore(), views: [view, other] });
  const base = { at: noon, told: noon, shop: "a", item: 1, kind: "x" };
  const likes = [[1, 2], [0, 0, 0], [1, Number.NaN, 2], [1, 2, 1e39], [1, 2, 3], "none", "[1, 2, 3]", [1, "2", 3]];
  const { rejected } = await online.ingest(
    "items",
    likes.map((like) => ({ ...base, like })),
    { producer: "p", sequence: 0 },
  );
  expect(rejected.map(({ index, code }) => [index, code])).toEqual([
    [0, "EMBEDDING_INVALID"],
    [1, "EMBEDDING_INVALID"],
    [2, "EMBEDDING_INVALID"],
    [3, "EMBEDDING_INVALID"],
    [5, "ROW_REFUSED"],
    [7, "ROW_REFUSED"],
  ]);
  expect(rejected.map(({ message }) => message).join("\n")).toMatch(
    /expected 3 numbers, got 2[^]*zeros points nowhere[^]*number 1 is not finite[^]*number 2 is not finite/,
  );
  const answers = await online.valuesReader(featureService("s", [other.at({ shop: "shop" })]))([noon + 1], [{ shop: "a" }]);
  expect(answers[0]?.[0]?.values).toEqual([6]);
});

test("more vectors than the bound on memory are refused, and nothing is answered from a part of them", async () => {
  const { store, view } = await stocked();
  const index = new ViewIndex({ store, view, feature: "like", maxBytes: 32 * 12 });
  await expect(index.nearest({ of: { vector: [0, 0, 0] }, k: 1, timeUs: noon })).rejects.toThrow(/need more than 384 bytes/);
});
