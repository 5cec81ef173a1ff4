import fc from "fast-check";
import { expect, test } from "vitest";
import { openMemoryStore } from "../../storage/kv/memory.ts";
import type { KeyValueStore } from "../../storage/kv/port.ts";
import { entity, featureService, featureView, window, type FeatureService } from "../definition.ts";
import { naiveVector, type TimedRow } from "../naive.ts";
import { minute, tripRow, trips, tripService, tripViews } from "../test-streams.ts";
import { createOnlineFeatures, type OnlineFeatures } from "./online-features.ts";

const noon = 1_000_000 * minute;
const ride = (values: Record<string, unknown>): Record<string, unknown> => ({
  at: noon,
  told: noon,
  a: "1",
  b: "23",
  n: 0,
  amount: 1.5,
  delay: 10,
  ok: true,
  ...values,
});
const origin = (sequence: number, producer = "p"): { producer: string; sequence: number } => ({ producer, sequence });

async function valueOf(
  features: OnlineFeatures,
  slot: string,
  timeUs: number,
  fields: Record<string, string | number | null> = { a: "1", b: "23", n: 0 },
  service: FeatureService = tripService,
): Promise<number> {
  const out = new Float64Array(service.slots.length);
  await features.reader(service)(timeUs, fields, out, 0);
  const at = service.slots.findIndex(({ name }) => name === slot);
  expect(at).toBeGreaterThanOrEqual(0);
  return out[at]!;
}

const open = (store: KeyValueStore = openMemoryStore()): OnlineFeatures => createOnlineFeatures({ store, views: tripViews });

test("a batch sent again is applied once, also to a store opened anew", async () => {
  const store = openMemoryStore();
  const first = open(store);
  expect((await first.ingest("trips", [ride({})], origin(4))).applied).toBe(true);
  expect((await first.ingest("trips", [ride({})], origin(4))).applied).toBe(false);
  const second = open(store);
  expect((await second.ingest("trips", [ride({})], origin(3))).applied).toBe(false);
  expect((await second.ingest("trips", [ride({})], origin(4, "another"))).applied).toBe(true);
  expect(await valueOf(second, "a.count_1h", noon + 1)).toBe(2);
});

test("batches sent at once are all applied", async () => {
  const features = open();
  await Promise.all(Array.from({ length: 20 }, (_, i) => features.ingest("trips", [ride({ _row: i })], origin(i))));
  expect(await valueOf(features, "a.count_1h", noon + 1)).toBe(20);
});

test("a row sent again counts once; with a higher sequence it replaces, with a lower one it does not", async () => {
  const features = open();
  await features.ingest("trips", [ride({ _row: 7, delay: 10 })], origin(5));
  await features.ingest("trips", [ride({ _row: 7, delay: 30 })], origin(6));
  await features.ingest("trips", [ride({ _row: 7, delay: 50 })], origin(2, "slower"));
  await features.load("trips", [ride({ _row: 7, delay: 70 })]);
  expect(await valueOf(features, "a.count_1h", noon + 1)).toBe(1);
  expect(await valueOf(features, "a.mean_1h", noon + 1)).toBe(30);
});

test("a bad row is refused with its reason and its batch's other rows are taken", async () => {
  const features = open();
  const rows = [
    ride({ _row: 0 }),
    ride({ _row: 1, delay: "late" }),
    ride({ _row: 2, at: null }),
    ride({ _row: 3, told: "not a time" }),
    ride({ _row: 4, delay: 1.5 }),
    ride({ _row: -5 }),
    ride({ _row: 6, amount: 1e300 }),
    ride({ _row: 7, at: "1971-11-26T10:40:00Z", told: "1971-11-26T10:40:00Z" }),
    ride({ _row: 8, ok: 1 }),
    ride({ _row: 9, a: null }),
  ];
  const { rejected } = await features.ingest("trips", rows, origin(0));
  expect(rejected.map(({ index, code }) => [index, code])).toEqual([
    [1, "ROW_REFUSED"],
    [2, "ROW_REFUSED"],
    [3, "ROW_REFUSED"],
    [4, "ROW_REFUSED"],
    [5, "ROW_REFUSED"],
    [6, "MEASURE_OUT_OF_RANGE"],
  ]);
  expect(rejected[0]!.message).toContain("delay");
  expect(rejected[0]!.message).toContain("late");
  expect(await valueOf(features, "a.count_1h", noon + 1)).toBe(3);
  // The row without its `a` is in the view that is keyed by something else.
  expect(await valueOf(features, "number.n_1h", noon + 1)).toBe(4);
});

test("a row that would make a sum inexact is refused", async () => {
  const features = open();
  const large = 2 ** 52;
  expect(
    (await features.ingest("trips", [ride({ _row: 0, delay: large }), ride({ _row: 1, delay: -large })], origin(0))).rejected.map(({ index, code }) => [
      index,
      code,
    ]),
  ).toContainEqual([1, "MEASURE_OUT_OF_RANGE"]);
  expect(await valueOf(features, "a.sum_5m", noon + 1)).toBe(large);
});

test("keys that would look alike written one after the other are apart, and so are text and very long text", async () => {
  const features = open();
  const long = "x".repeat(5000);
  const keys = [
    ["1", "23"],
    ["12", "3"],
    ["", "123"],
    ["123", ""],
    [long, "1"],
    [`${long}1`, ""],
    ["é", "1"],
    ["\0", "1"],
  ];
  await features.ingest(
    "trips",
    keys.flatMap(([a, b], i) => Array.from({ length: i + 1 }, () => ride({ a, b }))),
    origin(0),
  );
  for (const [i, [a, b]] of keys.entries()) expect(await valueOf(features, "pair.count_1h", noon + 1, { a: a!, b: b!, n: 0 })).toBe(i + 1);
});

test("a key of another type, a null and a missing one match nothing", async () => {
  const features = open();
  await features.ingest("trips", [ride({ n: 1, a: "1" }), ride({ n: 0 })], origin(0));
  expect(await valueOf(features, "number.n_1h", noon + 1, { n: "1" })).toBe(0);
  expect(await valueOf(features, "number.n_1h", noon + 1, { n: null })).toBe(0);
  expect(await valueOf(features, "number.n_1h", noon + 1, {})).toBe(0);
  expect(await valueOf(features, "number.n_1h", noon + 1, { n: 1 })).toBe(1);
  expect(await valueOf(features, "number.n_1h", noon + 1, { n: -0 })).toBe(1);
  expect(await valueOf(features, "a.count_1h", noon + 1, { a: 1 })).toBe(0);
});

test("rows no question can need any more are dropped, and questions within the slack stay exact", async () => {
  const store = openMemoryStore();
  const features = createOnlineFeatures({ store, views: tripViews, slackUs: 60 * minute });
  const rows: TimedRow[] = Array.from({ length: 6000 }, (_, i) => {
    const at = noon + Math.floor(i / 2) * minute;
    return {
      eventUs: at,
      knownUs: at + (i % 7) * minute,
      values: { at, told: at + (i % 7) * minute, a: "1", b: "23", n: 0, amount: i / 7, delay: i % 40, ok: i % 3 === 0 },
    };
  });
  let most = 0;
  for (let from = 0; from < rows.length; from += 250) {
    await features.ingest(
      "trips",
      rows.slice(from, from + 250).map((row, i) => ({ ...row.values, _row: from + i })),
      origin(from),
    );
    let bytes = 0;
    for await (const { value } of store.range(Uint8Array.of(0), Uint8Array.of(255))) bytes += value.length;
    most = Math.max(most, bytes);
  }
  // 6,000 rows in three views are about 1.2 MB; windows and slack are two hours, 240 rows.
  expect(most).toBeLessThan(250_000);
  const newest = rows.at(-1)!.eventUs;
  for (let timeUs = newest + minute; timeUs >= newest - 60 * minute; timeUs -= 7 * minute) {
    const expected = new Float64Array(tripService.slots.length);
    naiveVector(tripService, () => rows, timeUs, { a: "1", b: "23", n: 0 }, expected);
    const out = new Float64Array(tripService.slots.length);
    await features.reader(tripService)(timeUs, { a: "1", b: "23", n: 0 }, out, 0);
    expect([...out]).toEqual([...expected]);
  }
});

test("one row with a time far ahead does not make its key forget the rest", async () => {
  const features = open();
  for (let i = 0; i < 40; i++) {
    const rows = Array.from({ length: 10 }, (_, j) => ride({ _row: i * 10 + j, at: noon + i * minute, told: noon + i * minute }));
    await features.ingest("trips", i === 5 ? [...rows, ride({ _row: 99_999, at: noon * 5, told: noon })] : rows, origin(i));
  }
  expect(await valueOf(features, "a.count_1h", noon + 40 * minute)).toBe(400);
});

/** The port's other kind: a server that answers a moment later, while others write. */
function answeringLater(store: KeyValueStore): KeyValueStore {
  const later = async <T>(work: () => T): Promise<T> => {
    await new Promise((resolve) => setImmediate(resolve));
    return work();
  };
  return {
    ...store,
    get: (key) => later(() => store.get(key) as Uint8Array | undefined),
    getMany: (keys) => later(() => store.getMany(keys) as (Uint8Array | undefined)[]),
  };
}

test("a question asked while blocks are replaced is answered as of some batch, never from halves of two", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        tripRow.map((row) => ({ ...row, values: { ...row.values, a: "1", b: "23", n: 0 } })),
        { minLength: 500, maxLength: 500, size: "max" },
      ),
      async (rows) => {
        const features = open(answeringLater(openMemoryStore()));
        const read = features.reader(tripService);
        const timeUs = noon + 100 * minute;
        const fields = { a: "1", b: null, n: null };
        const possible = new Set<string>();
        const size = 50;
        for (let taken = 0; taken <= rows.length; taken += size) {
          const expected = new Float64Array(tripService.slots.length);
          naiveVector(tripService, () => rows.slice(0, taken), timeUs, fields, expected);
          possible.add(expected.join());
        }
        const writing = (async () => {
          for (let from = 0; from < rows.length; from += size)
            await features.ingest(
              "trips",
              rows.slice(from, from + size).map((row) => row.values),
              origin(from),
            );
        })();
        let asked = 0;
        const progress = { isWriting: true };
        void writing.finally(() => (progress.isWriting = false));
        while (progress.isWriting) {
          const outs = Array.from({ length: 3 }, () => new Float64Array(tripService.slots.length));
          await Promise.all(outs.map((out) => read(timeUs, fields, out, 0)));
          for (const out of outs) expect(possible).toContain(out.join());
          asked += 3;
        }
        await writing;
        expect(asked).toBeGreaterThan(10);
      },
    ),
    { numRuns: 10, seed: 3 },
  );
});

test("an unknown source, a view that is not kept and a sequence that is no whole number are refused", async () => {
  const features = open();
  await expect(features.ingest("nobody", [], origin(0))).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  await expect(features.ingest("trips", [], origin(-1))).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  await expect(features.ingest("trips", [], origin(0.5))).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  const other = featureView("other", { entity: entity("a", { keys: ["a"] }), source: trips, on: { a: "a" }, features: { n: window("1h").count() } });
  expect(() => features.reader(featureService("s", [other.at({ a: "a" })]))).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
});

test("rows of equal time sent again count once, wherever their key's blocks were cut", async () => {
  const features = open();
  const rows = Array.from({ length: 300 }, (_, i) => ride({ _row: i, at: noon + Math.floor(i / 50) * minute, told: noon }));
  await features.ingest("trips", rows, origin(0));
  await features.ingest("trips", rows, origin(1));
  for (const row of rows) await features.load("trips", [row]);
  expect(await valueOf(features, "a.count_1h", noon + 10 * minute)).toBe(300);
});
