import fc from "fast-check";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { openLmdb } from "../../storage/kv/lmdb.ts";
import { openMemoryStore } from "../../storage/kv/memory.ts";
import type { KeyValueStore } from "../../storage/kv/port.ts";
import { question, tripRow, tripService, tripViews, type Question } from "../test-streams.ts";
import type { TimedRow } from "../naive.ts";
import { createOnlineFeatures } from "./online-features.ts";

/*
 * The store lends values "until the next await or write" (storage/kv/port.ts). LMDB takes them back somewhat later, at the end of the turn, so a
 * reader that keeps one too long is right nearly always. This store takes everything back as early as it may, and leaves rubbish there.
 */

/** @param waits answers like a server, a turn later, in place of at once */
function openStrictStore(waits: boolean): { readonly store: KeyValueStore; readonly lent: () => number } {
  const inner = openMemoryStore();
  const loans = new Set<Uint8Array>();
  let count = 0;
  const takeBack = (taken: Iterable<Uint8Array>): void => {
    for (const loan of taken) {
      loan.fill(0xff);
      loans.delete(loan);
    }
  };
  const lend = (values: (Uint8Array | undefined)[]): (Uint8Array | undefined)[] => {
    const lent = values.map((value) => value?.slice());
    const own = lent.filter((loan) => loan !== undefined);
    count += own.length;
    for (const loan of own) loans.add(loan);
    // The first microtask is the borrower's, who awaited the answer; whatever runs after it is past its next await.
    queueMicrotask(() => queueMicrotask(() => takeBack(own)));
    return lent;
  };
  const answer = async <T>(read: () => T): Promise<T> => {
    await new Promise((resolve) => setImmediate(resolve));
    return read();
  };
  const getMany = (keys: readonly Uint8Array[]): (Uint8Array | undefined)[] => lend(keys.map((key) => inner.get(key) as Uint8Array | undefined));
  const store: KeyValueStore = {
    ...inner,
    get: (key) => (waits ? answer(() => getMany([key])[0]) : getMany([key])[0]),
    getMany: (keys) => (waits ? answer(() => getMany(keys)) : getMany(keys)),
    write: async (batch) => {
      // What is written must not be borrowed either.
      const copied = {
        puts: batch.puts.map(({ key, value }) => ({ key: new Uint8Array(key), value: new Uint8Array(value) })),
        deletes: [...(batch.deletes ?? [])],
      };
      takeBack(loans);
      for (const { value } of batch.puts) value.fill(0xff);
      await inner.write(copied);
    },
  };
  return { store, lent: () => count };
}

async function answers(store: KeyValueStore, rows: readonly TimedRow[], questions: readonly Question[]): Promise<number[]> {
  const features = createOnlineFeatures({ store, views: tripViews });
  const batch = (from: number, to: number): Record<string, unknown>[] => rows.slice(from, to).map((row, i) => ({ ...row.values, _row: from + i }));
  const half = rows.length >> 1;
  await features.load("trips", batch(0, half));
  for (let at = half; at < rows.length; at += 40) await features.ingest("trips", batch(at, Math.min(rows.length, at + 40)), { producer: "p", sequence: at });
  const width = tripService.slots.length;
  const read = features.reader(tripService);
  const all: number[] = [];
  for (const { timeUs, fields } of questions) {
    const out = new Float64Array(width);
    await read(timeUs, fields, out, 0);
    all.push(...out);
  }
  const together = new Float64Array(width * questions.length);
  await features.batchReader(tripService)(
    questions.map((one) => one.timeUs),
    questions.map((one) => one.fields),
    together,
  );
  // Readers that wait overlap.
  const overlapping = await Promise.all(
    questions.map(async ({ timeUs, fields }) => {
      const out = new Float64Array(width);
      await read(timeUs, fields, out, 0);
      return [...out];
    }),
  );
  return [...all, ...together, ...overlapping.flat()];
}

/** Keys of many rows, so that blocks are sealed, cut and read one by one. */
const longStream = fc.record({
  rows: fc.array(
    tripRow.map((row) => ({ ...row, values: { ...row.values, a: "1", b: "23", n: 0 } })),
    { minLength: 300, maxLength: 500, size: "max" },
  ),
  questions: fc.array(
    question.map((one) => ({ ...one, fields: { a: "1", b: "23", n: 0 } })),
    { minLength: 12, maxLength: 12 },
  ),
});

test.each([
  ["at once", false],
  ["a turn later", true],
])("nobody looks at a lent value after the next await or write, with a store that answers %s", async (_title, waits) => {
  for (const { rows, questions } of fc.sample(longStream, { numRuns: 8, seed: 21 })) {
    const { store, lent } = openStrictStore(waits);
    const found = await answers(store, rows, questions);
    expect(found).toEqual(await answers(openMemoryStore(), rows, questions));
    // Heads alone would be four a question, asked three times; the rest are sealed blocks.
    expect(lent()).toBeGreaterThan(4 * 3 * questions.length);
    expect(Math.max(...found.filter((value) => !Number.isNaN(value)))).toBeGreaterThan(128);
  }
});

test("LMDB lends a turn's values side by side, however many and large, and none is another's", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "karkhana-lent-"));
  const store = openLmdb(folder);
  try {
    const sizes = Array.from({ length: 40 }, (_, i) => [1, 7, 8, 1000, 300_000, 1_048_576, 1_500_000][i % 7]!);
    const key = (i: number): Uint8Array => Uint8Array.of(1, i);
    await store.write({ puts: sizes.map((size, i) => ({ key: key(i), value: new Uint8Array(size).fill(i + 1) })) });
    for (let turn = 0; turn < 3; turn++) {
      const first = await store.getMany(sizes.map((_, i) => key(i)));
      const second = await store.getMany(sizes.map((_, i) => key(sizes.length - 1 - i)).filter((_, i) => i % 2 === 0));
      const whole = (value: Uint8Array | undefined, i: number): boolean =>
        value !== undefined && value.length === sizes[i] && value.every((byte) => byte === i + 1) && value.byteOffset % 8 === 0;
      expect(first.map(whole)).toEqual(sizes.map(() => true));
      expect(second.map((value, i) => whole(value, sizes.length - 1 - 2 * i))).toEqual(second.map(() => true));
      await new Promise((resolve) => setImmediate(resolve));
    }
  } finally {
    await store.close();
    rmSync(folder, { recursive: true });
  }
});
