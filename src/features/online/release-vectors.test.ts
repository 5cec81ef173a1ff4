import { describe, expect, test } from "vitest";
import { csv } from "../../data/source.ts";
import { seededRng } from "../../kernel/rng.ts";
import { MICROS_PER_DAY, MICROS_PER_HOUR } from "../../kernel/time.ts";
import { openMemoryStore } from "../../storage/kv/memory.ts";
import type { KeyValueStore } from "../../storage/kv/port.ts";
import { embedding, entity, featureService, featureView, latest, type FeatureViewDefinition } from "../definition.ts";
import { ViewIndex } from "../nearest/view-index.ts";
import { createOnlineFeatures, defaultSlackUs, type OnlineFeatures, type SourceRow } from "./online-features.ts";
import { isReleaseDue, releaseVectors } from "./release-vectors.ts";

const dimensions = 4;
const vectorBytes = 4 * dimensions;
const late = Number.MAX_SAFE_INTEGER;

function itemsOf(isVersioned: boolean): FeatureViewDefinition {
  const source = csv("items", {
    path: "items.csv",
    eventTime: "at",
    knownTime: "seen",
    schema: { at: "timestamp", seen: "timestamp", item: "int64", fact: "int64", like: "float32[4]", name: "string", gone: "boolean" },
    ...(isVersioned ? { id: "fact", deleted: "gone" } : {}),
  });
  return featureView("item", {
    entity: entity("item", { keys: ["item"] }),
    source,
    on: { item: "item" },
    features: { like: embedding("like", { dimensions, metric: "l2" }), name: latest("name") },
  });
}

/** Vectors in the store, by what they say. */
async function vectorsIn(store: KeyValueStore): Promise<string[]> {
  const found: string[] = [];
  for await (const { key, value } of store.range(Buffer.from("fe"), Buffer.from("ff"))) {
    expect([key.length > 18, value.length]).toEqual([true, vectorBytes]);
    found.push(Buffer.from(value).toString("hex"));
  }
  return found;
}

const row = (n: number, atUs: number, item: number, more: SourceRow = {}): SourceRow => ({
  at: atUs,
  seen: atUs,
  item,
  fact: item,
  like: [n, n + 1, n + 2, 1],
  name: `the name of ${n}`,
  gone: false,
  _row: n,
  ...more,
});

async function answers(online: OnlineFeatures, view: FeatureViewDefinition, timesUs: readonly number[], items: number): Promise<unknown[][]> {
  const read = online.valuesReader(featureService("s", [view.at({ item: "item" })]));
  const found: unknown[][] = [];
  for (const timeUs of timesUs)
    for (let item = 0; item < items; item++) {
      const [[of] = []] = await read([timeUs], [{ item }]);
      found.push([timeUs, item, of?.values[0], of?.values[1], of?.newestUs]);
    }
  return found;
}

describe.each([false, true])("versions: %s", (isVersioned) => {
  test("whatever is released while rows come late, move and go, every question from the horizon on has the answer it had", async () => {
    const view = itemsOf(isVersioned);
    const rng = seededRng(`release ${isVersioned}`);
    const [store, whole] = [openMemoryStore(), openMemoryStore()];
    const [online, reference] = [createOnlineFeatures({ store, views: [view] }), createOnlineFeatures({ store: whole, views: [view] })];
    const items = 12;
    let released = 0;
    for (let batch = 0; batch < 60; batch++) {
      const rows = Array.from({ length: 15 }, (_, i) => {
        const n = batch * 15 + i;
        const at = batch * 6 * MICROS_PER_HOUR - rng.int(30) * MICROS_PER_HOUR;
        const item = rng.int(items);
        // Equal vectors, equal times, facts that move to another item, ones that end.
        return row(n, at, item, { like: [rng.int(40), item, 0, 1], seen: at + rng.int(20) * MICROS_PER_HOUR, fact: rng.int(30), gone: rng.int(8) === 0 });
      });
      for (const each of [online, reference]) await each.ingest("items", rows, { producer: "p", sequence: batch });
      if (batch % 5 !== 4) continue;
      released += (await releaseVectors({ store, view, nowUs: late }))!.released;
    }
    expect(released).toBeGreaterThan(100);
    const { newestEventUs, newestKnownUs } = await online.counters("items");
    const horizonUs = Math.max(newestEventUs!, newestKnownUs!) - defaultSlackUs;
    const after = Array.from({ length: 30 }, (_, i) => horizonUs + i * 3 * MICROS_PER_HOUR);
    expect(await answers(online, view, after, items)).toEqual(await answers(reference, view, after, items));
    // Further back a vector may be gone: then it is null, never another's.
    const before = Array.from({ length: 30 }, (_, i) => horizonUs - i * 5 * MICROS_PER_HOUR);
    const [own, others] = [await answers(online, view, before, items), await answers(reference, view, before, items)];
    const isGone = (i: number): boolean => own[i]![2] === null && others[i]![2] !== null;
    const stayed = own.map((_, i) => i).filter((i) => !isGone(i));
    expect(stayed.length).toBeLessThan(own.length);
    expect(stayed.map((i) => own[i])).toEqual(stayed.map((i) => others[i]));
    // Nothing is left that a second look would take.
    expect((await releaseVectors({ store, view, nowUs: late }))!.released).toBe(0);
  });
});

test("an entity whose vector is replaced every hour for a month keeps those of two days", async () => {
  const view = itemsOf(false);
  const store = openMemoryStore();
  const online = createOnlineFeatures({ store, views: [view] });
  const hours = 24 * 30;
  await online.ingest(
    "items",
    Array.from({ length: hours }, (_, n) => row(n, n * MICROS_PER_HOUR, 1)),
    { producer: "p", sequence: 0 },
  );
  expect(await vectorsIn(store)).toHaveLength(hours);
  expect(await isReleaseDue({ store, view })).toBe(true);
  // What replaced one at the horizon is the last that counts there.
  expect(await releaseVectors({ store, view, nowUs: late })).toEqual({ kept: 49, released: hours - 49 });
  expect(await vectorsIn(store)).toHaveLength(49);
  expect(await isReleaseDue({ store, view })).toBe(false);
});

test("a deleted entity's vector goes, and comes again with a row that brings it", async () => {
  const view = itemsOf(true);
  const store = openMemoryStore();
  const online = createOnlineFeatures({ store, views: [view] });
  let sequence = 0;
  const send = (...rows: SourceRow[]): Promise<unknown> => online.ingest("items", rows, { producer: "p", sequence: sequence++ });
  await send(row(0, 0, 1), row(1, 0, 2));
  await send(row(2, MICROS_PER_HOUR, 1, { gone: true, like: null }));
  await send(row(3, 10 * MICROS_PER_DAY, 3));
  expect(await vectorsIn(store)).toHaveLength(3);
  expect(await releaseVectors({ store, view, nowUs: late })).toEqual({ kept: 2, released: 1 });
  await send(row(4, 11 * MICROS_PER_DAY, 1, { like: [0, 1, 2, 1] }));
  expect(await vectorsIn(store)).toHaveLength(3);
  const index = new ViewIndex({ store, view, feature: "like" });
  const { neighbours } = await index.nearest({ of: { vector: [0, 1, 2, 1] }, k: 3, timeUs: 12 * MICROS_PER_DAY });
  expect(neighbours.map(({ keys }) => keys[0])).toEqual([1, 2, 3]);
});

test("an event of a far future makes no vector old", async () => {
  const view = itemsOf(false);
  const store = openMemoryStore();
  const online = createOnlineFeatures({ store, views: [view] });
  await online.ingest("items", [row(0, 0, 1), row(1, MICROS_PER_HOUR, 1), row(2, 9e15, 2)], { producer: "p", sequence: 0 });
  expect(await releaseVectors({ store, view, nowUs: MICROS_PER_DAY })).toEqual({ kept: 3, released: 0 });
});

/** Does something just before the first write. */
function before(store: KeyValueStore, work: () => Promise<unknown>): KeyValueStore {
  let isFirst = true;
  return {
    ...store,
    write: async (batch) => {
      if (isFirst) {
        isFirst = false;
        await work();
      }
      return store.write(batch);
    },
  };
}

describe("a row that brings back a vector which is about to go finds it", () => {
  const view = itemsOf(false);
  const old = [7, 7, 7, 7];
  const again = row(9, 11 * MICROS_PER_DAY, 1, { like: old });
  const begin = async (store: KeyValueStore): Promise<void> => {
    const rows = [row(0, 0, 1, { like: old }), row(1, MICROS_PER_HOUR, 1), row(2, 10 * MICROS_PER_DAY, 2)];
    await createOnlineFeatures({ store, views: [view] }).ingest("items", rows, { producer: "p", sequence: 0 });
  };
  const nowOf = async (store: KeyValueStore): Promise<unknown> =>
    (await answers(createOnlineFeatures({ store, views: [view] }), view, [12 * MICROS_PER_DAY], 2))[1]![2];

  test("when it comes between what a release reads and what it writes", async () => {
    const store = openMemoryStore();
    await begin(store);
    const online = createOnlineFeatures({ store, views: [view] });
    const hooked = before(store, () => online.ingest("items", [again], { producer: "p", sequence: 1 }));
    expect(await releaseVectors({ store: hooked, view, nowUs: late })).toMatchObject({ released: 0 });
    expect(await nowOf(store)).toEqual(old);
  });

  test("when it goes between what the row's batch reads and what it writes", async () => {
    const store = openMemoryStore();
    await begin(store);
    const hooked = before(store, async () => expect(await releaseVectors({ store, view, nowUs: late })).toMatchObject({ released: 1 }));
    await createOnlineFeatures({ store: hooked, views: [view] }).ingest("items", [again], { producer: "p", sequence: 1 });
    expect(await nowOf(store)).toEqual(old);
  });
});

test("of a source that is written to all the time no vector is lost, and the rest waits for the next time", async () => {
  const view = itemsOf(false);
  const store = openMemoryStore();
  const online = createOnlineFeatures({ store, views: [view] });
  await online.ingest("items", [row(0, 0, 1), row(1, MICROS_PER_HOUR, 1), row(2, 10 * MICROS_PER_DAY, 2)], { producer: "p", sequence: 0 });
  let sequence = 1;
  const busy: KeyValueStore = {
    ...store,
    write: async (batch) => {
      await online.ingest("items", [row(2 + sequence, 10 * MICROS_PER_DAY, 3)], { producer: "p", sequence: sequence++ });
      return store.write(batch);
    },
  };
  expect(await releaseVectors({ store: busy, view, nowUs: late })).toBe(undefined);
  expect(await vectorsIn(store)).toHaveLength(2 + sequence);
  expect(await releaseVectors({ store, view, nowUs: late })).toMatchObject({ released: 1 });
});
