import { expect, test } from "vitest";
import { csv } from "../../data/source.ts";
import { ManualClock } from "../../kernel/clock.ts";
import { MICROS_PER_DAY, MICROS_PER_SECOND } from "../../kernel/time.ts";
import { openMemoryStore } from "../../storage/kv/memory.ts";
import type { KeyValueStore } from "../../storage/kv/port.ts";
import { entity, featureService, featureView, latest, window } from "../definition.ts";
import { ageEdges, LookupWatch, readViewProfile } from "./lookup-watch.ts";
import { createOnlineFeatures, type OnlineFeatures } from "./online-features.ts";

const source = csv("visits", { path: "visits.csv", eventTime: "at", schema: { at: "timestamp", city: "string", spent: "float64", mood: "string" } });
const city = featureView("city", {
  entity: entity("city", { keys: ["city"] }),
  source,
  on: { city: "city" },
  ttl: "2h",
  features: { visits: window("1h").count(), spent: latest("spent"), moods: window("1d").lastN("mood", 3) },
});
const service = featureService("all", [city.at({ city: "city" })]);
const noon = 20_000 * MICROS_PER_DAY + 12 * 3600 * MICROS_PER_SECOND;
const hour = 3600 * MICROS_PER_SECOND;

async function world(store: KeyValueStore, writer = "a", clock = new ManualClock(noon)): Promise<{ watch: LookupWatch; online: OnlineFeatures }> {
  const watch = new LookupWatch({ store, views: [city], clock, writer });
  await watch.start(3_600_000);
  const online = createOnlineFeatures({ store, views: [city], watch });
  const row = (at: number, spent: number | null, mood: string): Record<string, unknown> => ({ at, city: "Pune", spent, mood, _row: at });
  await online.ingest("visits", [row(noon - 30 * MICROS_PER_SECOND, 12.5, "merry"), row(noon - hour / 2, 3, "calm and long of name")], {
    producer: "p",
    sequence: 0,
  });
  return { watch, online };
}

const ask = async (online: OnlineFeatures, name: string, timeUs: number): Promise<void> => {
  await online.reader(service)(timeUs, { city: name }, new Float64Array(service.slots.length), 0);
};

test("lookups are counted by what they found: present, default, null, never there, too old", async () => {
  const store = openMemoryStore();
  const { watch, online } = await world(store);
  await ask(online, "Pune", noon);
  await ask(online, "Agra", noon);
  await ask(online, "Pune", noon + 3 * hour);
  await online.valuesReader(service)([noon], [{ city: "Pune" }]);
  await watch.write();
  const profile = await readViewProfile(store, city);
  expect([profile.lookups, profile.notFound]).toEqual([4, 1]);
  expect(profile.features.get("visits")?.statuses).toEqual({ PRESENT: 2, DEFAULT: 2, NULL_VALUE: 0, NOT_FOUND: 0, OUTSIDE_MAX_AGE: 0 });
  expect(profile.features.get("spent")?.statuses).toEqual({ PRESENT: 2, DEFAULT: 0, NULL_VALUE: 0, NOT_FOUND: 1, OUTSIDE_MAX_AGE: 1 });
  expect(profile.features.get("spent")?.numbers.quantile(0.5)).toBeCloseTo(12.5, 0);
  expect(profile.features.get("moods")?.texts.top()).toEqual([
    ["calm and long of name", 3],
    ["merry", 3],
  ]);
  expect(profile.ages.count).toBe(3);
  expect(profile.ages.min).toBe(30);
  const [totals] = watch.totals();
  expect(totals?.ages[ageEdges.indexOf(60)]).toBe(2);
  expect(totals?.ageSumSeconds).toBe(30 + 30 + 3 * 3600 + 30);
});

test("outlives a restart, and adds up over processes", async () => {
  const store = openMemoryStore();
  for (const writer of ["a", "a", "b"]) {
    const { watch, online } = await world(store, writer);
    for (let i = 0; i < 10; i++) await ask(online, "Pune", noon);
    await watch.close();
  }
  const profile = await readViewProfile(store, city);
  expect(profile.lookups).toBe(30);
  expect(profile.features.get("spent")?.numbers.count).toBe(30);
});

test("many lookups are weighed, not all looked at, and the counts stay exact", async () => {
  const store = openMemoryStore();
  const { watch, online } = await world(store);
  const read = online.reader(service);
  const out = new Float64Array(service.slots.length);
  for (let i = 0; i < 20_000; i++) await read(noon, { city: i % 4 === 0 ? "Agra" : "Pune" }, out, 0);
  await watch.write();
  const profile = await readViewProfile(store, city);
  expect([profile.lookups, profile.notFound]).toEqual([20_000, 5000]);
  const statuses = profile.features.get("spent")!.statuses;
  const weighed = statuses.PRESENT + statuses.NOT_FOUND;
  expect(Math.abs(weighed - 20_000)).toBeLessThan(1000);
  // Asked in turn: a sample taken in step would see one of the two only.
  expect(Math.abs(statuses.NOT_FOUND / weighed - 0.25)).toBeLessThan(0.04);
});

test("keeps the newest four days of questions; one about next year pushes none of them out", async () => {
  const store = openMemoryStore();
  const clock = new ManualClock(noon + 9 * MICROS_PER_DAY);
  const { watch, online } = await world(store, "a", clock);
  for (let day = 0; day < 9; day++) await ask(online, "Pune", noon + day * MICROS_PER_DAY);
  await ask(online, "Pune", noon + 400 * MICROS_PER_DAY);
  await ask(online, "Pune", noon);
  await watch.write();
  const kept = await readViewProfile(store, city, 100);
  expect([kept.lookups, kept.fromUs, kept.toUs]).toEqual([4, noon + 5 * MICROS_PER_DAY, noon + 8 * MICROS_PER_DAY]);
  expect((await readViewProfile(store, city)).lookups).toBe(2);
  expect(watch.totals()[0]?.lookups).toBe(11);
});

test("what is broken in the store is left out", async () => {
  const store = openMemoryStore();
  const { watch, online } = await world(store);
  await ask(online, "Pune", noon);
  await watch.write();
  for await (const { key } of store.range(Uint8Array.of(0x66, 0x73), Uint8Array.of(0x66, 0x74)))
    await store.write({ puts: [{ key, value: Buffer.from("{") }] });
  expect((await readViewProfile(store, city)).lookups).toBe(0);
  const next = await world(store);
  await ask(next.online, "Pune", noon);
  await next.watch.write();
  expect((await readViewProfile(store, city)).lookups).toBe(1);
});
