import path from "node:path";
import { expect, test } from "vitest";
import { pushed } from "../../src/data/source.ts";
import { entity, featureService, featureView, latest, window } from "../../src/features/definition.ts";
import { naiveVector, type TimedRow } from "../../src/features/naive.ts";
import { openLoggedFeatures, type LoggedFeatures } from "../../src/features/online/logged-features.ts";
import { createOnlineFeatures } from "../../src/features/online/online-features.ts";
import { pushLogFolder, readBatches } from "../../src/features/online/push-log.ts";
import { minute, tripService, trips, tripViews } from "../../src/features/test-streams.ts";
import { killStream } from "../../src/features/online/kill-writer.ts";
import type { Clock } from "../../src/kernel/clock.ts";
import { MICROS_PER_DAY, MICROS_PER_HOUR } from "../../src/kernel/time.ts";
import { statusOf } from "../../src/server/error-status.ts";
import { noon, openWorld } from "../../src/serving/test-world.ts";
import { openMemoryStore } from "../../src/storage/kv/memory.ts";
import type { KeyValueStore } from "../../src/storage/kv/port.ts";
import { openSegmentReader } from "../../src/storage/segments/log.ts";
import { scratchFolder } from "../contract/scratch-folder.ts";

/* The machine's clock set forth and back, by seconds and by days, while rows come in and questions are answered. */

const scratch = scratchFolder();
const jumps = [0, 1_000_000, -MICROS_PER_HOUR, 3 * MICROS_PER_DAY, -5 * MICROS_PER_DAY, 2 * MICROS_PER_DAY, 7, MICROS_PER_DAY];
const start = 1_000_000 * minute;

/** Jumps each time it is read. */
function jumping(): Clock {
  let reads = 0;
  let nowUs = start;
  return { nowUs: () => (nowUs += jumps[reads++ % jumps.length]! + 1000) };
}

async function everything(store: KeyValueStore): Promise<string[]> {
  const all: string[] = [];
  for await (const { key, value } of store.range(Buffer.alloc(0), Buffer.alloc(8, 0xff)))
    all.push(`${Buffer.from(key).toString("hex")} ${Buffer.from(value).toString("hex")}`);
  return all;
}

test("rows that bring their own times lie in the store as they do under a steady clock", async () => {
  const states: string[][] = [];
  for (const [name, clock] of Object.entries({ steady: { nowUs: () => start }, jumping: jumping() })) {
    const store = openMemoryStore();
    const online = await openLoggedFeatures({
      online: createOnlineFeatures({ store, views: tripViews }),
      sources: [trips],
      folder: path.join(scratch, name),
      clock,
    });
    const rows = killStream().map((row) => row.values);
    for (let sequence = 0; sequence < 50; sequence++) await online.ingest("trips", rows.slice(sequence * 40, sequence * 40 + 40), { producer: "p", sequence });
    await online.close();
    // Where a batch lies in the log depends on how its arrival is written; everything else must not.
    states.push((await everything(store)).filter((line) => !line.startsWith("666c")));
    const read = createOnlineFeatures({ store, views: tripViews }).reader(tripService);
    const [out, expected] = [new Float64Array(tripService.slots.length), new Float64Array(tripService.slots.length)];
    for (let m = 10; m < 60; m += 7) {
      await read(start + m * minute, { a: "12", b: "3", n: 1 }, out, 0);
      naiveVector(tripService, () => killStream().slice(0, 2000), start + m * minute, { a: "12", b: "3", n: 1 }, expected);
      expect([...out]).toEqual([...expected]);
    }
  }
  expect(states[0]!.length).toBeGreaterThan(10);
  expect(states[1]).toEqual(states[0]);
});

const orders = pushed("orders", { schema: { at: "timestamp", shop: "string", amount: "float64" }, eventTime: "at" });
const shops = featureView("shop", {
  entity: entity("shop", { keys: ["shop"] }),
  source: orders,
  on: { shop: "shop" },
  features: { orders: window("1h").count(), spent: window("1h").sum("amount"), last: latest("amount") },
});
const service = featureService("shops", [shops.at({ shop: "shop" })]);

test("rows stamped on arrival: arrivals never go back, every answer is what the definition says of them, and a lost store comes back the same", async () => {
  const folder = path.join(scratch, "arrivals");
  const clock = jumping();
  const stores = [openMemoryStore(), openMemoryStore()];
  const open = (store: KeyValueStore): Promise<LoggedFeatures> =>
    openLoggedFeatures({ online: createOnlineFeatures({ store, views: [shops] }), sources: [orders], folder, clock });
  let online = await open(stores[0]!);
  for (let sequence = 0; sequence < 60; sequence++) {
    const rows = Array.from({ length: 3 }, (_, i) => ({ at: start + (sequence - 30 + i * 7) * minute, shop: `s${i % 2}`, amount: sequence + i / 4 }));
    expect(await online.ingest("orders", rows, { producer: "p", sequence })).toEqual({ applied: true, rejected: [] });
    // A restart forgets what the clock said before.
    if (sequence % 20 !== 19) continue;
    await online.close();
    online = await open(stores[0]!);
  }
  await online.close();
  const reader = await openSegmentReader(pushLogFolder(folder, "orders"));
  const [arrivals, timed]: [number[], TimedRow[]] = [[], []];
  for await (const { arrivedUs, rows } of readBatches(reader, 0)) {
    arrivals.push(arrivedUs);
    for (const row of rows)
      timed.push({
        eventUs: Number(row["at"]),
        knownUs: arrivedUs,
        values: { at: Number(row["at"]), shop: String(row["shop"]), amount: Number(row["amount"]), arrived: arrivedUs },
      });
  }
  await reader.close();
  expect(arrivals).toHaveLength(60);
  expect(arrivals).toEqual(arrivals.toSorted((a, b) => a - b));
  expect(new Set(arrivals).size).toBeGreaterThan(3);

  const rebuilt = await open(stores[1]!);
  await rebuilt.close();
  expect(await everything(stores[1]!)).toEqual(await everything(stores[0]!));
  const read = createOnlineFeatures({ store: stores[1]!, views: [shops] }).reader(service);
  let told = 0;
  for (const timeUs of [...new Set(arrivals)].flatMap((us) => [us - 1, us, us + 20 * minute]))
    for (const shop of ["s0", "s1"]) {
      const [out, expected] = [new Float64Array(3), new Float64Array(3)];
      await read(timeUs, { shop }, out, 0);
      naiveVector(service, () => timed, timeUs, { shop }, expected);
      expect([timeUs, shop, ...out]).toEqual([timeUs, shop, ...expected]);
      told += Number(out[0]! > 0);
    }
  expect(told).toBeGreaterThan(3);
});

test("a question is answered as of the time the clock says, forth and back, and the same time gives the same answer", async () => {
  let nowUs = noon;
  const world = await openWorld({ statusOf, serving: { clock: { nowUs: () => nowUs } } });
  try {
    const rides = [10, 50, 100].map((m) => ({ at: noon - m * minute, zone: "AAA", miles: 3, late: 1, seats: 2, shared: false }));
    await world.online.ingest("rides", rides, { producer: "p", sequence: 0 });
    const asked = async (): Promise<unknown> => {
      const answer = await world.post("/get-online-features", { features: ["zone:rides_2h"], entities: { zone: ["AAA"] } });
      expect(answer.status).toBe(200);
      return (JSON.parse(answer.text) as { results: { values: unknown[] }[] }).results[1]!.values[0];
    };
    const answers: unknown[] = [];
    for (const jump of [0, MICROS_PER_HOUR, -2 * MICROS_PER_HOUR, -3 * MICROS_PER_DAY, MICROS_PER_DAY * 300, 0]) {
      nowUs = noon + jump;
      answers.push(await asked());
    }
    expect(answers).toEqual([2, 2, 0, 0, 0, 2]);
  } finally {
    await world.close();
  }
});
