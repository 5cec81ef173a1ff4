import fc from "fast-check";
import { expect, test } from "vitest";
import { openMemoryStore } from "../../storage/kv/memory.ts";
import { minute, trips, tripService, tripViews } from "../test-streams.ts";
import { naiveVector, type TimedRow } from "../naive.ts";
import { followStream, type RowStream } from "./follow-stream.ts";
import { createOnlineFeatures } from "./online-features.ts";

const start = 1_000_000 * minute;
const rows: TimedRow[] = Array.from({ length: 200 }, (_, i) => {
  const at = start + i * minute;
  return { eventUs: at, knownUs: at, values: { at, told: at, a: "1", b: "2", n: 0, amount: i / 4, delay: i, ok: i % 2 === 0 } };
});

/** One partition, from an offset on, in batches of a size. */
function streamOf(from: number, to: number, size: number, commits: number[]): RowStream {
  return {
    name: "trips",
    batches: async function* (signal) {
      for (let at = from; at < to && !signal.aborted; at += size)
        yield { partition: 0, messages: rows.slice(at, Math.min(to, at + size)).map((row, i) => ({ offset: at + i, value: row.values })) };
    },
    committed: async (_, offset) => void commits.push(offset),
  };
}

test("however often a stream is cut off and begins again further back, in other batches, each message counts once", async () => {
  const cut = fc.record({ back: fc.integer({ min: 0, max: 60 }), length: fc.integer({ min: 1, max: 90 }), size: fc.integer({ min: 1, max: 40 }) });
  await fc.assert(
    fc.asyncProperty(fc.array(cut, { maxLength: 6 }), async (cuts) => {
      const store = openMemoryStore();
      const commits: number[] = [];
      let reached = 0;
      let taken = 0;
      for (const { back, length, size } of [...cuts, { back: 30, length: rows.length, size: 33 }]) {
        // A new process each time: nothing is remembered but what the store holds.
        const online = createOnlineFeatures({ store, views: tripViews });
        const from = Math.max(0, reached - back);
        const to = Math.min(rows.length, from + length);
        taken += (await followStream(online, trips.name, streamOf(from, to, size, commits), new AbortController().signal)).taken;
        reached = Math.max(reached, to);
      }
      if (reached < rows.length) return;
      expect(taken).toBe(rows.length);
      expect(commits.at(-1)).toBe(rows.length - 1);
      const [out, expected] = [new Float64Array(tripService.slots.length), new Float64Array(tripService.slots.length)];
      const [timeUs, fields] = [start + 180 * minute, { a: "1", b: "2", n: 0 }];
      await createOnlineFeatures({ store, views: tripViews }).reader(tripService)(timeUs, fields, out, 0);
      naiveVector(tripService, () => rows, timeUs, fields, expected);
      expect([...out]).toEqual([...expected]);
    }),
    { numRuns: 60, seed: 3 },
  );
});

test("a message that is no object is set aside and the stream goes on", async () => {
  const online = createOnlineFeatures({ store: openMemoryStore(), views: tripViews });
  const values = ["{broken", null, [1, 2], rows[3]!.values];
  const stream: RowStream = {
    name: "trips",
    batches: async function* () {
      yield { partition: 2, messages: values.map((value, offset) => ({ offset, value })) };
    },
    committed: async () => {},
  };
  expect(await followStream(online, trips.name, stream, new AbortController().signal)).toEqual({ taken: 4, again: 0 });
  expect(await online.counters(trips.name)).toMatchObject({ rows: 1, setAside: 3 });
});
