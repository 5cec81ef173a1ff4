import { expect, test } from "vitest";
import { seededRng } from "../../kernel/rng.ts";
import { openMemoryStore } from "../../storage/kv/memory.ts";
import { entity, featureService, featureView, window } from "../definition.ts";
import { naiveVector, type TimedRow } from "../naive.ts";
import { minute, trips } from "../test-streams.ts";
import { FIRST, KNOWN, LAST, MAX_KNOWN, MIN_KNOWN, EVENT, decodeHead, entryStride, rowStride } from "./blocks.ts";
import { headKeyMaker } from "./keys.ts";
import { createOnlineFeatures } from "./online-features.ts";
import { planView } from "../view-plan.ts";

const windowsUs = [2 * minute, 60 * minute, 1440 * minute];
const features = { count_2m: window("2m").count(), mean_1h: window("1h").mean("delay"), sum_1d: window("1d").sum("amount"), count_1d: window("1d").count() };
const view = featureView("by_a", { entity: entity("a", { keys: ["a"] }), source: trips, on: { a: "a" }, features });
const service = featureService("by_a", [view.at({ a: "a" })]);
const fields = { a: "1" };
const start = 1_000_000 * minute;

test.each([
  ["within minutes, so that blocks lie inside the shortest window", 2, 1],
  ["within hours", 150, 5],
  ["within days, so that most blocks count by their totals", 4000, 30],
])("rows %s: exact a microsecond before, at and after every edge of a block, a window and a known time", async (_, spanMinutes, lagMinutes) => {
  const rng = seededRng(spanMinutes);
  const rows: TimedRow[] = Array.from({ length: 900 }, () => {
    const at = start + Math.floor((rng.next() * spanMinutes * minute) / 1e6) * 1e6;
    const told = at + Math.floor(rng.next() * lagMinutes) * minute;
    return { eventUs: at, knownUs: told, values: { at, told, a: "1", b: null, n: null, amount: rng.int(1000) / 8, delay: rng.int(60), ok: null } };
  });
  const store = openMemoryStore();
  const online = createOnlineFeatures({ store, views: [view], slackUs: 10_000 * minute });
  for (let from = 0; from < rows.length; from += 60) {
    await online.ingest(
      "trips",
      rows.slice(from, from + 60).map((row) => row.values),
      { producer: "p", sequence: from },
    );
  }
  const plan = planView(view);
  const head = decodeHead(await store.get(headKeyMaker(plan.hash, plan.keyTypes)(["1"])!), plan.measures.length);
  const size = entryStride(plan.measures.length);
  expect(head.entries.length / size).toBeGreaterThan(5);
  const edges = new Set<number>();
  for (let at = 0; at < head.entries.length; at += size) {
    for (const field of [FIRST, LAST, MIN_KNOWN, MAX_KNOWN]) edges.add(head.entries[at + field]!);
  }
  for (let at = 0; at < head.open.length; at += 7 * rowStride(plan.measures.length)) edges.add(head.open[at + EVENT]!).add(head.open[at + KNOWN]!);
  const read = online.reader(service);
  const [out, expected] = [new Float64Array(service.slots.length), new Float64Array(service.slots.length)];
  for (const edge of edges) {
    for (const windowUs of [0, ...windowsUs]) {
      for (const off of [-1, 0, 1]) {
        const timeUs = edge + windowUs + off;
        await read(timeUs, fields, out, 0);
        naiveVector(service, () => rows, timeUs, fields, expected);
        expect([...out], `at ${timeUs - start}`).toEqual([...expected]);
      }
    }
  }
});
