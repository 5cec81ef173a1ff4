import fc from "fast-check";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openDuckDb, type DuckDb } from "../storage/duckdb/duckdb.ts";
import { openLmdb } from "../storage/kv/lmdb.ts";
import { openMemoryStore } from "../storage/kv/memory.ts";
import { naiveVector, type TimedRow } from "./naive.ts";
import { offlineVectors } from "./offline/vectors.ts";
import { materialize } from "./online/materialize.ts";
import { createOnlineFeatures, type OnlineFeatures } from "./online/online-features.ts";
import { question, relationOfRows, spineOfQuestions, tripRow, trips, tripService, tripViews, type Question } from "./test-streams.ts";

let duck: DuckDb;
beforeAll(async () => {
  duck = await openDuckDb({ threads: 2 });
});
afterAll(() => duck.close());

const width = tripService.slots.length;

function byDefinition(rows: readonly TimedRow[], questions: readonly Question[]): number[][] {
  return questions.map(({ timeUs, fields }) => {
    const out = new Float64Array(width);
    naiveVector(tripService, () => rows, timeUs, fields, out);
    return [...out];
  });
}

async function offline(rows: readonly TimedRow[], questions: readonly Question[]): Promise<number[][]> {
  const vectors: number[][] = [];
  for await (const chunk of offlineVectors(duck, { service: tripService, relations: () => relationOfRows(trips, rows), spine: spineOfQuestions(questions) })) {
    for (let i = 0; i < chunk.numRows; i++) {
      expect(chunk.rows[i]).toBe(vectors.length);
      vectors.push(chunk.columns.map((column) => Number(column[i])));
    }
  }
  return vectors;
}

async function online(features: OnlineFeatures, questions: readonly Question[]): Promise<number[][]> {
  const read = features.reader(tripService);
  const vectors: number[][] = [];
  for (const { timeUs, fields } of questions) {
    const out = new Float64Array(width + 3).fill(-7);
    await read(timeUs, fields, out, 3);
    expect([...out.subarray(0, 3)]).toEqual([-7, -7, -7]);
    vectors.push([...out.subarray(3)]);
  }
  const batch = new Float64Array(width * questions.length);
  await features.batchReader(tripService)(
    questions.map((one) => one.timeUs),
    questions.map((one) => one.fields),
    batch,
  );
  expect(Array.from({ length: questions.length }, (_, i) => [...batch.subarray(i * width, (i + 1) * width)])).toEqual(vectors);
  return vectors;
}

const pushed = (rows: readonly TimedRow[], from = 0): Record<string, unknown>[] => rows.map((row, i) => ({ ...row.values, _row: from + i }));

const stream = fc.record({
  rows: fc.array(tripRow, { maxLength: 60 }),
  questions: fc.array(question, { minLength: 1, maxLength: 12 }),
  batches: fc.array(fc.integer({ min: 1, max: 25 }), { minLength: 1, maxLength: 8 }),
});

/** Many rows of few keys, so that blocks are sealed and cut, and late rows land in sealed ones. */
const longStream = fc.record({
  rows: fc.array(
    tripRow.map((row) => ({ ...row, values: { ...row.values, a: "1", b: "23", n: 0 } })),
    { minLength: 400, maxLength: 700, size: "max" },
  ),
  questions: fc.array(
    question.map((one) => ({ ...one, fields: { a: "1", b: "23", n: 0 } })),
    { minLength: 20, maxLength: 20 },
  ),
  batches: fc.array(fc.constantFrom(1, 3, 90, 200), { minLength: 1, maxLength: 12 }),
});

async function ingestAll(features: OnlineFeatures, rows: readonly TimedRow[], sizes: readonly number[]): Promise<void> {
  let from = 0;
  for (let sequence = 0; from < rows.length; sequence++) {
    const size = sizes[sequence] ?? rows.length;
    const part = pushed(rows.slice(from, from + size), from);
    const { applied, rejected } = await features.ingest("trips", part, { producer: "test", sequence });
    const keyless = part.flatMap((row, index) => (row["a"] === null && row["n"] === null ? [index] : []));
    expect([applied, rejected.map(({ index }) => index)]).toEqual([true, keyless]);
    from += size;
  }
}

describe("a window at t holds the rows with event in [t - W, t) and known by t", () => {
  test("in DuckDB, whatever the stream", async () => {
    await fc.assert(
      fc.asyncProperty(stream, async ({ rows, questions }) => {
        expect(await offline(rows, questions)).toEqual(byDefinition(rows, questions));
      }),
      { numRuns: 25, seed: 11 },
    );
  });

  test("in the online store, whatever the stream and its batches", async () => {
    await fc.assert(
      fc.asyncProperty(stream, async ({ rows, questions, batches }) => {
        const features = createOnlineFeatures({ store: openMemoryStore(), views: tripViews });
        await ingestAll(features, rows, batches);
        expect(await online(features, questions)).toEqual(byDefinition(rows, questions));
      }),
      { numRuns: 300, seed: 12 },
    );
  });

  test("in both, for keys of many rows", async () => {
    await fc.assert(
      fc.asyncProperty(longStream, async ({ rows, questions, batches }) => {
        const expected = byDefinition(rows, questions);
        const features = createOnlineFeatures({ store: openMemoryStore(), views: tripViews });
        await ingestAll(features, rows, batches);
        expect(await online(features, questions)).toEqual(expected);
        expect(await offline(rows, questions)).toEqual(expected);
      }),
      { numRuns: 12, seed: 13 },
    );
  });

  test("after LMDB was closed and opened again, and after history was loaded twice over rows already pushed", async () => {
    await fc.assert(
      fc.asyncProperty(longStream, async ({ rows, questions }) => {
        const folder = mkdtempSync(path.join(tmpdir(), "karkhana-features-"));
        try {
          const upToKnownUs = questions[0]!.timeUs;
          const first = openLmdb(folder);
          const before = createOnlineFeatures({ store: first, views: tripViews });
          const later = rows.flatMap((row, i) => (row.knownUs > upToKnownUs || i % 5 === 0 ? [{ ...row.values, _row: i }] : []));
          await before.ingest("trips", later, { producer: "test", sequence: 1 });
          await first.close();
          const second = openLmdb(folder);
          const after = createOnlineFeatures({ store: second, views: tripViews });
          for (let i = 0; i < 2; i++) await materialize({ duck, online: after, relation: relationOfRows(trips, rows), source: trips, upToKnownUs });
          expect(await online(after, questions)).toEqual(byDefinition(rows, questions));
          await second.close();
        } finally {
          rmSync(folder, { recursive: true });
        }
      }),
      { numRuns: 5, seed: 14 },
    );
  });
});
