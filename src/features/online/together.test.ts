import fc from "fast-check";
import { expect, test } from "vitest";
import { KarkhanaError } from "../../kernel/error.ts";
import { openMemoryStore } from "../../storage/kv/memory.ts";
import type { KeyValueStore } from "../../storage/kv/port.ts";
import { entity, featureView, latest } from "../definition.ts";
import { tripRow, trips, tripViews } from "../test-streams.ts";
import { createOnlineFeatures, type IngestResult, type OnlineState, type SourceRow } from "./online-features.ts";

const names = featureView("names", { entity: entity("number", { keys: ["n"] }), source: trips, on: { n: "n" }, features: { name: latest("b") } });
const views = [...tripViews, names];

const batch = fc.record({
  rows: fc.array(fc.tuple(tripRow, fc.integer({ min: -20, max: 400 }), fc.boolean()), { maxLength: 60 }),
  producer: fc.constantFrom("p", "q"),
  sequence: fc.integer({ min: 0, max: 8 }),
});
type Batch = { readonly rows: readonly SourceRow[]; readonly producer: string; readonly sequence: number };

/** Rows with and without a place of their own, some sent twice, some that cannot be used, and texts that do not fit a number. */
const batches: fc.Arbitrary<Batch[]> = fc.array(batch, { minLength: 1, maxLength: 12 }).map((all) =>
  all.map(({ rows, ...origin }) => ({
    ...origin,
    rows: rows.map(([{ values }, place, isPoison]) => ({
      ...values,
      ...(place < 0 ? {} : { _row: place }),
      ...(isPoison && place % 7 === 0 ? { at: "nonsense" } : {}),
      ...(place % 5 === 0 ? { b: `a name that is long ${place % 3}` } : {}),
    })),
  })),
);

async function stateOf(store: KeyValueStore): Promise<string[]> {
  const all: string[] = [];
  for await (const { key, value } of store.range(Buffer.alloc(0), Buffer.alloc(8, 0xff)))
    all.push(`${Buffer.from(key).toString("hex")} ${Buffer.from(value).toString("hex")}`);
  return all;
}

/** Counts what is written, and refuses batches of more puts than `limit`. */
function watched(store: KeyValueStore): { readonly store: KeyValueStore; readonly seen: { writes: number; limit: number } } {
  const seen = { writes: 0, limit: Number.POSITIVE_INFINITY };
  const write: KeyValueStore["write"] = async (all) => {
    seen.writes++;
    if (all.puts.length > seen.limit) throw new KarkhanaError("DISK_FULL", { path: "the store" });
    // As a store that waits for a disk.
    await new Promise((resolve) => setImmediate(resolve));
    await store.write(all);
  };
  return { store: { ...store, write }, seen };
}

const send = (online: OnlineState, { rows, ...origin }: Batch): Promise<IngestResult> => online.ingest(trips.name, rows, origin);

test("batches that come while others are written go together, and leave the store key by key as one after the other would", async () => {
  let saved = 0;
  await fc.assert(
    fc.asyncProperty(batches, fc.constantFrom(0, 50, 100_000), async (all, rowsTogether) => {
      const apart = openMemoryStore();
      const one = createOnlineFeatures({ store: apart, views });
      const expected: IngestResult[] = [];
      for (const each of all) expected.push(await send(one, each));
      const shared = openMemoryStore();
      const { store, seen } = watched(shared);
      const other = createOnlineFeatures({ store, views, rowsTogether });
      expect(await Promise.all(all.map((each) => send(other, each)))).toEqual(expected);
      expect(await stateOf(shared)).toEqual(await stateOf(apart));
      saved += all.length - seen.writes;
    }),
    { numRuns: 60, seed: 11, endOnFailure: true },
  );
  expect(saved).toBeGreaterThan(100);
});

test("what cannot be written together is written one by one: a batch fails for itself alone, and what it would have added is not taken to be there", async () => {
  const rows = (from: number, count: number): SourceRow[] =>
    Array.from({ length: count }, (_, i) => ({ at: 6e13 + i, told: 6e13 + i, a: `key number ${from + i}`, b: "the same long text", n: i, _row: from + i }));
  const all: Batch[] = [0, 1, 2, 3].map((sequence) => ({ rows: rows(sequence * 100, sequence === 1 ? 60 : 3), producer: `p${sequence}`, sequence }));
  const inner = openMemoryStore();
  const { store, seen } = watched(inner);
  seen.limit = 50;
  const online = createOnlineFeatures({ store, views });
  const settled = await Promise.allSettled(all.map((each) => send(online, each)));
  expect(settled.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled", "fulfilled"]);
  const expected = openMemoryStore();
  const plain = createOnlineFeatures({ store: expected, views });
  for (const i of [0, 2, 3]) await send(plain, all[i]!);
  expect(await stateOf(inner)).toEqual(await stateOf(expected));
  seen.limit = Number.POSITIVE_INFINITY;
  expect(await send(online, all[1]!)).toEqual({ applied: true, rejected: [] });
  await send(plain, all[1]!);
  expect(await stateOf(inner)).toEqual(await stateOf(expected));
});

test("two writers at once, each with many batches waiting: every batch counts once", async () => {
  const store = openMemoryStore();
  const writers = ["p", "q"].map((producer) => ({ producer, online: createOnlineFeatures({ store: watched(store).store, views }) }));
  const total = 40;
  const results = await Promise.all(
    writers.flatMap(({ producer, online }) =>
      Array.from({ length: total }, (_, sequence) =>
        send(online, { rows: [{ at: 6e13 + sequence, told: 6e13 + sequence, a: "1", b: "2", n: 3 }], producer, sequence }),
      ),
    ),
  );
  expect(results.every(({ applied }) => applied)).toBe(true);
  expect((await writers[0]!.online.counters(trips.name)).rows).toBe(2 * total);
});
