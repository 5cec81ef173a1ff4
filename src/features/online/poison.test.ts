import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { csv } from "../../data/source.ts";
import { openDuckDb } from "../../storage/duckdb/duckdb.ts";
import { openLmdb } from "../../storage/kv/lmdb.ts";
import { openMemoryStore } from "../../storage/kv/memory.ts";
import { derivedFeatures, entity, featureService, featureView, latest, window } from "../definition.ts";
import { compareVectors, type ServedVector } from "../parity.ts";
import { minute, relationOfRows } from "../test-streams.ts";
import { derivedFiller } from "../vector.ts";
import { createOnlineFeatures } from "./online-features.ts";

const schema = { at: "timestamp", told: "timestamp", zone: "string", fare: "float64", kind: "string" } as const;
const rides = csv("rides", { path: "r.csv", schema, eventTime: "at", knownTime: "told", lateness: "1h", ahead: "5m" });
const view = featureView("zone", {
  entity: entity("zone", { keys: ["zone"] }),
  source: rides,
  on: { zone: "zone" },
  ttl: "30m",
  features: { newest: latest("fare"), kind: latest("kind"), rides: window("1h").count(), fares: window("1h").sum("fare") },
});
const mean = derivedFeatures("mean", {
  inputs: ["zone.fares", "zone.rides"],
  outputs: ["fare"],
  compute: (of) => ({ fare: of["zone.fares"] / of["zone.rides"] }),
});
const service = featureService("rides", [view.at({ zone: "zone" }), mean]);
const start = 16_000_000 * minute;
const row = (m: number, other: Record<string, unknown> = {}): Record<string, unknown> => ({
  at: start + m * minute,
  told: start + m * minute,
  zone: "a",
  fare: 2,
  kind: "x",
  _row: m,
  ...other,
});

test("poisoned rows are set aside with their reasons, kept over a restart, and stop nothing", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "karkhana-poison-"));
  try {
    const first = openLmdb(folder);
    const poison = [
      row(1, { fare: "twelve" }),
      row(2, { at: "yesterday" }),
      row(3, { at: start + 60 * 24 * 365 * minute }),
      row(4, { zone: null }),
      row(5, { fare: 1e300 }),
      row(6, { zone: 7 }),
      row(7, { told: start + 7 * minute + 60 * minute + 1 }),
    ];
    const online = createOnlineFeatures({ store: first, views: [view] });
    const { applied, rejected } = await online.ingest("rides", [row(0), ...poison, row(8)], { producer: "p", sequence: 1 });
    expect(applied).toBe(true);
    expect(rejected.map(({ index, code }) => [index, code])).toEqual([
      [1, "ROW_REFUSED"],
      [2, "ROW_REFUSED"],
      [3, "ROW_REFUSED"],
      [4, "ROW_KEYLESS"],
      [5, "MEASURE_OUT_OF_RANGE"],
      [6, "ROW_REFUSED"],
    ]);
    await first.close();
    const second = openLmdb(folder);
    const after = createOnlineFeatures({ store: second, views: [view] });
    const [answer] = await after.valuesReader(service)([start + 10 * minute], [{ zone: "a" }]);
    expect(answer![0]!.values).toEqual([2, "x", 2, 4]);
    const aside = await after.quarantine("rides");
    expect(aside.map(({ number, code }) => [number, code])).toEqual(rejected.map(({ code }, i) => [i, code]));
    expect(aside[0]!.message).toContain("fare: expected a number (got twelve)");
    expect(JSON.parse(aside[2]!.row)).toEqual(row(3, { at: start + 60 * 24 * 365 * minute }));
    const counters = await after.counters("rides");
    expect(counters).toMatchObject({ rows: 3, late: 1, setAside: 6, refused: { ROW_REFUSED: 4, ROW_KEYLESS: 1, MEASURE_OUT_OF_RANGE: 1 } });
    expect([counters.newestEventUs, counters.newestKnownUs]).toEqual([start + 8 * minute, start + 8 * minute]);
    await second.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a stream of poison fills no disk: the last thousand rows are kept, all are counted", async () => {
  const online = createOnlineFeatures({ store: openMemoryStore(), views: [view] });
  for (let i = 0; i < 5; i++) {
    const rows = Array.from({ length: 300 }, () => row(1, { fare: "x".repeat(10_000) }));
    await online.ingest("rides", rows, { producer: "p", sequence: i });
  }
  const aside = await online.quarantine("rides");
  expect([aside.length, aside[0]!.number, aside.at(-1)!.number]).toEqual([1000, 500, 1499]);
  expect(Math.max(...aside.map((one) => one.row.length + one.message.length))).toBeLessThan(5000);
  expect((await online.counters("rides")).setAside).toBe(1500);
});

test("a value says whether it is there, null, too old, or of a key nobody has seen", async () => {
  const online = createOnlineFeatures({ store: openMemoryStore(), views: [view] });
  await online.ingest("rides", [row(0), row(1, { zone: "b", fare: null })], { producer: "p", sequence: 1 });
  const read = online.valuesReader(service);
  const statuses = async (m: number, zone: string | null): Promise<readonly string[]> => {
    const [answer] = await read([start + m * minute], [{ zone }]);
    return answer![0]!.statuses;
  };
  expect(await statuses(2, "a")).toEqual(["PRESENT", "PRESENT", "PRESENT", "PRESENT"]);
  expect(await statuses(30, "a")).toEqual(["PRESENT", "PRESENT", "PRESENT", "PRESENT"]);
  expect(await statuses(31, "a")).toEqual(["OUTSIDE_MAX_AGE", "OUTSIDE_MAX_AGE", "PRESENT", "PRESENT"]);
  expect(await statuses(2, "b")).toEqual(["NULL_VALUE", "PRESENT", "PRESENT", "NULL_VALUE"]);
  expect(await statuses(-1, "a")).toEqual(["NOT_FOUND", "NOT_FOUND", "PRESENT", "NULL_VALUE"]);
  expect(await statuses(2, "c")).toEqual(["NOT_FOUND", "NOT_FOUND", "PRESENT", "NOT_FOUND"]);
  expect(await statuses(2, null)).toEqual(["NOT_FOUND", "NOT_FOUND", "PRESENT", "NOT_FOUND"]);
});

test("categories of views and derived features are recomputed offline as they were served, and a changed one is found", async () => {
  const rows = Array.from({ length: 40 }, (_, m) => row(m, { kind: ["x", "y", "a longer kind"][m % 3], fare: m / 3 }));
  const online = createOnlineFeatures({ store: openMemoryStore(), views: [view] });
  await online.ingest("rides", rows, { producer: "p", sequence: 1 });
  const dictionary = { "zone.kind": ["a longer kind", "y"] };
  const read = online.reader(service, dictionary);
  const derive = derivedFiller(service);
  const served: ServedVector[] = [];
  for (let m = 0; m < 45; m++) {
    const [timeUs, vector] = [start + m * minute, new Float64Array(service.slots.length)];
    await read(timeUs, { zone: "a" }, vector, 0);
    derive(timeUs, vector, 0);
    served.push({ id: String(m), timeUs, fields: { zone: "a" }, vector });
  }
  expect(new Set(served.map(({ vector }) => vector[1]))).toEqual(new Set([Number.NaN, 0, 1]));
  const timed = rows.map((one) => ({ eventUs: Number(one["at"]), knownUs: Number(one["told"]), values: one as never }));
  const duck = await openDuckDb({ threads: 1 });
  try {
    const options = { service, relations: () => relationOfRows(rides, timed), dictionary };
    expect(await compareVectors(duck, { ...options, served })).toEqual([]);
    served[20]!.vector[4] = 1;
    expect((await compareVectors(duck, { ...options, served })).map(({ id, slot }) => [id, slot])).toEqual([["20", "mean.fare"]]);
  } finally {
    await duck.close();
  }
});
