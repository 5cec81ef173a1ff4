import { mkdtempSync, rmSync, truncateSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { inspect } from "node:util";
import { deserialize } from "node:v8";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { pushed } from "../../data/source.ts";
import type { Clock } from "../../kernel/clock.ts";
import { KarkhanaError } from "../../kernel/error.ts";
import { openMemoryStore } from "../../storage/kv/memory.ts";
import type { KeyValueStore } from "../../storage/kv/port.ts";
import { listSegments } from "../../storage/segments/folder.ts";
import { openSegmentReader } from "../../storage/segments/log.ts";
import { entity, featureService, featureView, latest, window } from "../definition.ts";
import { minute, tripRow, trips, tripViews } from "../test-streams.ts";
import { openLoggedFeatures, type LoggedFeatures } from "./logged-features.ts";
import { createOnlineFeatures } from "./online-features.ts";
import { pushLogFolder, readBatches } from "./push-log.ts";

const orders = pushed("orders/of the day", {
  schema: { at: "timestamp", shop: "string", id: "string", gone: "boolean", amount: "float64", note: "string" },
  eventTime: "at",
  id: "id",
  deleted: "gone",
  ahead: "1h",
});
const shop = featureView("shop", {
  entity: entity("shop", { keys: ["shop"] }),
  source: orders,
  on: { shop: "shop" },
  features: { orders: window("1h").count(), spent: window("1h").sum("amount"), last: latest("note") },
});
const views = [...tripViews, shop];
const start = 1_000_000 * minute;

let folder: string;
let nowUs: number;
const clock: Clock = { nowUs: () => nowUs };
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "karkhana-pushes-"));
  nowUs = start;
});
afterEach(() => rmSync(folder, { recursive: true }));

const openOver = (store: KeyValueStore, log = {}): Promise<LoggedFeatures> =>
  openLoggedFeatures({ online: createOnlineFeatures({ store, views }), sources: [trips, orders], folder, clock, log });

const versionsByte = 0x76;

/** Every key and value: what "the same state" means. Versions of facts are read: V8 writes equal numbers in more than one way. */
async function stateOf(store: KeyValueStore): Promise<string[]> {
  const all: string[] = [];
  for await (const { key, value } of store.range(Buffer.alloc(0), Buffer.alloc(8, 0xff)))
    all.push(
      `${Buffer.from(key).toString("hex")} ${key[1] === versionsByte ? inspect(deserialize(value), { depth: null, maxArrayLength: null }) : Buffer.from(value).toString("hex")}`,
    );
  return all;
}

async function batchesOf(source: string): Promise<number> {
  const reader = await openSegmentReader(pushLogFolder(folder, source));
  let count = 0;
  for await (const _ of readBatches(reader, 0)) count++;
  await reader.close();
  return count;
}

const order = (i: number, values: object = {}): Record<string, unknown> => ({
  at: start + i * minute,
  shop: `s${i % 3}`,
  id: `o${i % 7}`,
  gone: i % 11 === 0,
  amount: i / 4,
  note: i % 5 === 0 ? null : `note ${i}`,
  ...values,
});

test("an online store that is lost comes back from the log alone, key by key the same", async () => {
  const poison = [
    { at: "nonsense" },
    { at: Number.NaN, amount: 12n },
    { amount: Number.POSITIVE_INFINITY, at: start },
    {},
    order(1, { at: start + 1e12 }),
    order(2, { __proto__: null, extra: { $: "NaN" } }),
  ];
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.array(tripRow, { maxLength: 600 }), fc.constantFrom("p", "q"), fc.integer({ min: 0, max: 5 })), { maxLength: 12 }),
      async (pushes) => {
        rmSync(folder, { recursive: true });
        const store = openMemoryStore();
        const online = await openOver(store);
        for (const [i, [rows, producer, sequence]] of pushes.entries()) {
          nowUs += 1000;
          await online.ingest(
            "trips",
            rows.map((row) => row.values),
            { producer, sequence },
          );
          await online.ingest(orders.name, [order(i), order(i + 1), ...poison], { producer, sequence: i });
        }
        expect((await online.counters(orders.name)).setAside).toBeGreaterThanOrEqual(pushes.length);
        await online.close();
        const before = await stateOf(store);
        const again = openMemoryStore();
        const rebuilt = await openOver(again);
        expect(await stateOf(again)).toEqual(before);
        await rebuilt.close();
        // And a restart on the store that is there changes nothing.
        const restarted = await openOver(store);
        expect(await stateOf(store)).toEqual(before);
        await restarted.close();
      },
    ),
    { numRuns: 15, seed: 5, endOnFailure: true },
  );
});

test("a store that went away between log and state: nothing is lost, nothing doubled, and later batches wait their turn", async () => {
  const store = openMemoryStore();
  let isAway = false;
  const failing: KeyValueStore = {
    ...store,
    write: async (batch) => {
      if (isAway) throw new KarkhanaError("STORAGE_UNREACHABLE", { store: "the online store", problem: "it is away" });
      await store.write(batch);
    },
  };
  const online = await openOver(failing);
  const push = (sequence: number, producer = "p"): Promise<unknown> => online.ingest(orders.name, [order(sequence)], { producer, sequence });
  await push(0);
  isAway = true;
  await expect(push(1)).rejects.toMatchObject({ code: "STORAGE_UNREACHABLE" });
  await expect(push(2, "q")).rejects.toMatchObject({ code: "STORAGE_UNREACHABLE" });
  // Sent again while it is away, and once it is back.
  await expect(push(1)).rejects.toMatchObject({ code: "STORAGE_UNREACHABLE" });
  expect(await online.appliedSequence(orders.name, "p")).toBe(1);
  isAway = false;
  await push(3);
  await Promise.all([push(1), push(2, "q"), push(2, "q")]);
  expect(await batchesOf(orders.name)).toBe(4);
  expect((await online.counters(orders.name)).rows).toBe(4);
  await online.close();
  const again = openMemoryStore();
  await (await openOver(again)).close();
  expect(await stateOf(again)).toEqual(await stateOf(store));
});

test("a batch sent many times at once is in the log once", async () => {
  const online = await openOver(openMemoryStore());
  const results = await Promise.all(Array.from({ length: 8 }, () => online.ingest(orders.name, [order(1)], { producer: "p", sequence: 4 })));
  expect(results.filter(({ applied }) => applied)).toHaveLength(1);
  expect(await batchesOf(orders.name)).toBe(1);
  await online.close();
});

test("pushes that come together are written together", async () => {
  const online = await openOver(openMemoryStore(), { fsyncIntervalMs: 0 });
  await Promise.all(Array.from({ length: 50 }, (_, i) => online.ingest(orders.name, [order(i)], { producer: `p${i}`, sequence: 0 })));
  expect((await online.counters(orders.name)).rows).toBe(50);
  await online.close();
});

test("many pushes at once go into the store together, and into what the log gives again alone; a store that fails in the middle changes nothing of that", async () => {
  const store = openMemoryStore();
  let [writes, away] = [0, 2];
  const failing: KeyValueStore = {
    ...store,
    write: async (batch) => {
      writes++;
      if (--away === 0) throw new KarkhanaError("STORAGE_UNREACHABLE", { store: "the online store", problem: "it is away" });
      await new Promise((resolve) => setImmediate(resolve));
      await store.write(batch);
    },
  };
  const online = await openOver(failing);
  const [pushes, rowsEach] = [200, 25];
  const rowsOf = (push: number): Record<string, unknown>[] =>
    Array.from({ length: rowsEach }, (_, i) =>
      order(push * rowsEach + i, { at: start + (i % 50) * minute, id: `o${(push * rowsEach + i) % 997}`, note: `a long note about ${i % 9}` }),
    );
  const settled = await Promise.allSettled(
    Array.from({ length: pushes }, (_, i) => online.ingest(orders.name, rowsOf(i), { producer: `p${i % 4}`, sequence: i })),
  );
  const failed = settled.filter(({ status }) => status === "rejected").length;
  expect(failed).toBeGreaterThan(0);
  expect(failed).toBeLessThan(pushes);
  // All of them lie in the log, so the next push finds all applied.
  await online.ingest(orders.name, [order(7)], { producer: "last", sequence: 0 });
  expect((await online.counters(orders.name)).rows).toBe(pushes * rowsEach + 1);
  expect(writes).toBeLessThan(pushes / 4);
  await online.close();
  const again = openMemoryStore();
  const rebuilt = await openOver(again);
  expect(await stateOf(again)).toEqual(await stateOf(store));
  await rebuilt.close();
});

test("a batch cut off in the log by a crash is no batch; what follows is", async () => {
  const store = openMemoryStore();
  const first = await openOver(store);
  await first.ingest(orders.name, [order(1)], { producer: "p", sequence: 0 });
  const own = pushLogFolder(folder, orders.name);
  const whole = statSync((await listSegments(own))[0]!.path).size;
  await first.ingest(
    orders.name,
    Array.from({ length: 600 }, (_, i) => order(i)),
    { producer: "p", sequence: 1 },
  );
  await first.close();
  // Two of its three records are left, and a store that never saw it.
  const [segment] = await listSegments(own);
  truncateSync(segment!.path, statSync(segment!.path).size - 200);
  const after = openMemoryStore();
  const second = await openOver(after);
  expect(await second.counters(orders.name)).toMatchObject({ rows: 1 });
  expect(await second.appliedSequence(orders.name, "p")).toBe(0);
  await second.ingest(orders.name, [order(5)], { producer: "p", sequence: 1 });
  expect(await second.counters(orders.name)).toMatchObject({ rows: 2 });
  await second.close();
  const third = openMemoryStore();
  await (await openOver(third)).close();
  expect(await stateOf(third)).toEqual(await stateOf(after));
  expect(whole).toBeGreaterThan(0);
});

test("a log that lost its end to a power cut gives none of the lost places again", async () => {
  const store = openMemoryStore();
  const first = await openOver(store);
  for (let i = 0; i < 5; i++) await first.ingest(orders.name, [order(i, { id: null, shop: "s", gone: false })], { producer: "p", sequence: i });
  await first.close();
  const [segment] = await listSegments(pushLogFolder(folder, orders.name));
  truncateSync(segment!.path, 10);
  const second = await openOver(store);
  await second.ingest(orders.name, [order(9, { id: null, shop: "s", gone: false })], { producer: "p", sequence: 5 });
  const service = featureService("s", [shop.at({ shop: "shop" })]);
  const [[answer] = []] = await second.valuesReader(service)([start + 10 * minute], [{ shop: "s" }]);
  expect(answer?.values[0]).toBe(6);
  await second.close();
});

test("who pushes cannot say when a row arrived nor where it lies", async () => {
  const online = await openOver(openMemoryStore());
  nowUs = start + 30 * minute;
  await online.ingest(orders.name, [order(1, { arrived: start, _row: 7 }), order(2, { arrived: 12, _row: 7, shop: "s1" })], { producer: "p", sequence: 0 });
  const read = online.valuesReader(featureService("s", [shop.at({ shop: "shop" })]));
  const [before] = await read([nowUs - 1], [{ shop: "s1" }]);
  const [after] = await read([nowUs], [{ shop: "s1" }]);
  expect([before?.[0]?.values[0], after?.[0]?.values[0]]).toEqual([0, 2]);
  await online.close();
});
