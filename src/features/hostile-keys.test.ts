import { expect, test } from "vitest";
import { openDuckDb } from "../storage/duckdb/duckdb.ts";
import { openMemoryStore } from "../storage/kv/memory.ts";
import { naiveVector, type TimedRow } from "./naive.ts";
import { offlineVectors } from "./offline/vectors.ts";
import { materialize } from "./online/materialize.ts";
import { createOnlineFeatures } from "./online/online-features.ts";
import { minute, relationOfRows, spineOfQuestions, trips, tripService, tripViews, type Question } from "./test-streams.ts";

const noon = 1_000_000 * minute;

/** Texts that a store, a normaliser, a C string or a decoder may take for one another. */
const texts = [
  "",
  " ",
  "a",
  "A",
  "a ",
  "\u{FEFF}a",
  "\u00E9",
  "e\u0301",
  "\u{1F600}",
  "\u{1F600}\u{FE0F}",
  "\u202Ea",
  "'; DROP TABLE x; --",
  "\\x61",
  "%61",
  "NULL",
  "null",
  "0",
  "-0",
  ...[133, 134, 397, 398, 400, 401, 999, 1000, 1001, 5000].flatMap((length) => ["k".repeat(length), "\u4E2D".repeat(length), `${"k".repeat(length - 1)}l`]),
];
const numbers = [0, 1, -1, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER - 1, -Number.MAX_SAFE_INTEGER];

/** Every text i + 1 times, half of them known before they happen, all in the hour before noon. */
const rows: TimedRow[] = texts.flatMap((a, i) =>
  Array.from({ length: (i % 5) + 1 }, (_, k): TimedRow => {
    const at = noon - (k + 1) * minute;
    const told = at + (i % 2 === 0 ? 0 : -30 * minute);
    const values = { at, told, a, b: texts[(i * 7 + 3) % texts.length]!, n: numbers[i % numbers.length]!, amount: 0.5, delay: i, ok: true };
    return { eventUs: at, knownUs: told, values };
  }),
);
const questions: Question[] = texts.map((a, i) => ({
  timeUs: noon,
  fields: { a, b: texts[(i * 7 + 3) % texts.length]!, n: numbers[(i * 3) % numbers.length]! },
}));

test("keys that look alike, very long ones and the largest whole numbers are apart, pushed, loaded and in SQL", async () => {
  const width = tripService.slots.length;
  const expected = questions.map(({ timeUs, fields }) => {
    const out = new Float64Array(width);
    naiveVector(tripService, () => rows, timeUs, fields, out);
    return [...out];
  });
  const duck = await openDuckDb({ threads: 2 });
  try {
    const offline: number[][] = [];
    for await (const chunk of offlineVectors(duck, { service: tripService, relations: () => relationOfRows(trips, rows), spine: spineOfQuestions(questions) }))
      for (let i = 0; i < chunk.numRows; i++) offline.push(chunk.columns.map((column) => Number(column[i])));
    expect(offline).toEqual(expected);

    const pushed = createOnlineFeatures({ store: openMemoryStore(), views: tripViews });
    const sent = rows.map((row, i) => ({ ...row.values, _row: i }));
    expect((await pushed.ingest("trips", sent, { producer: "p", sequence: 1 })).rejected).toEqual([]);
    const loaded = createOnlineFeatures({ store: openMemoryStore(), views: tripViews });
    const { rejected } = await materialize({ duck, online: loaded, relation: relationOfRows(trips, rows), source: trips, upToKnownUs: noon });
    expect(rejected).toEqual([]);
    for (const features of [pushed, loaded]) {
      const read = features.reader(tripService);
      for (const [i, { timeUs, fields }] of questions.entries()) {
        const out = new Float64Array(width);
        await read(timeUs, fields, out, 0);
        expect([...out], JSON.stringify(fields).slice(0, 100)).toEqual(expected[i]);
      }
    }
  } finally {
    await duck.close();
  }
});
