import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { KeyValue, KeyValueStore } from "../../src/storage/kv/port.ts";

export interface KeyValueUnderTest {
  /** A store with nothing in it. */
  open(): Promise<KeyValueStore>;
  /** Closes a store and opens what it kept; absent where nothing is kept. */
  reopen?(store: KeyValueStore): Promise<KeyValueStore>;
}

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const key = (text: string): Uint8Array => Buffer.from(text);
const plain = (value: Uint8Array | undefined): number[] | undefined => (value === undefined ? undefined : [...value]);

async function collect(range: AsyncIterable<KeyValue>): Promise<[number[], number[]][]> {
  const found: [number[], number[]][] = [];
  for await (const { key: name, value } of range) found.push([[...name], [...value]]);
  return found;
}

/** What every key-value store promises. */
export function keyValueContract(name: string, under: KeyValueUnderTest): void {
  describe(`key-value store: ${name}`, () => {
    let store: KeyValueStore;
    let space = 0;
    // Keys of a test start with a byte pair of their own, so that tests share one store.
    const own = (...rest: number[]): Uint8Array => bytes(space >> 8, space & 255, ...rest);
    beforeAll(async () => {
      store = await under.open();
    });
    afterAll(async () => {
      await store.close();
    });
    beforeEach(() => {
      space++;
    });

    it("an absent key reads as undefined, an empty value as empty", async () => {
      await store.write({ puts: [{ key: own(1), value: bytes() }] });
      expect(plain(await store.get(own(1)))).toEqual([]);
      expect(await store.get(own(2))).toBeUndefined();
    });

    it("a write is seen by the next read, and a later one replaces it", async () => {
      await store.write({ puts: [{ key: own(1), value: bytes(1, 0, 255) }] });
      expect(plain(await store.get(own(1)))).toEqual([1, 0, 255]);
      await store.write({ puts: [{ key: own(1), value: bytes(2) }] });
      expect(plain(await store.get(own(1)))).toEqual([2]);
    });

    it("getMany answers in the order asked, repeated keys and absent ones included", async () => {
      await store.write({ puts: [1, 2, 3].map((i) => ({ key: own(i), value: bytes(i) })) });
      const found = await store.getMany([own(3), own(9), own(1), own(3)]);
      expect(found.map(plain)).toEqual([[3], undefined, [1], [3]]);
      expect(await store.getMany([])).toEqual([]);
    });

    it("a batch whose claim is there already changes nothing; of many writers that claim the same, one is applied", async () => {
      await store.write({ puts: [{ key: own(1), value: bytes(1) }], claim: own(9, 1) });
      expect([plain(await store.get(own(1))), plain(await store.get(own(9, 1)))]).toEqual([[1], []]);
      const refused = store.write({ puts: [{ key: own(2), value: bytes(9) }], deletes: [own(1)], claim: own(9, 1) });
      await expect(refused).rejects.toMatchObject({ code: "WRITE_CONFLICT" });
      expect([plain(await store.get(own(1))), plain(await store.get(own(2)))]).toEqual([[1], undefined]);
      const writers = Array.from({ length: 8 }, (_, i) => store.write({ puts: [{ key: own(1), value: bytes(10 + i) }], claim: own(9, 2) }));
      const outcomes = await Promise.allSettled(writers);
      expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      expect(plain(await store.get(own(1)))).toEqual([10 + outcomes.findIndex(({ status }) => status === "fulfilled")]);
    });

    it("in one batch deletes come before puts, and the later of two puts counts", async () => {
      await store.write({
        puts: [
          { key: own(1), value: bytes(1) },
          { key: own(2), value: bytes(1) },
        ],
      });
      await store.write({
        puts: [
          { key: own(1), value: bytes(2) },
          { key: own(1), value: bytes(3) },
        ],
        deletes: [own(1), own(2), own(7)],
      });
      expect(plain(await store.get(own(1)))).toEqual([3]);
      expect(await store.get(own(2))).toBeUndefined();
    });

    it("batches of one writer apply in call order, awaited or not", async () => {
      await Promise.all(Array.from({ length: 50 }, (_, i) => store.write({ puts: [{ key: own(1), value: bytes(i) }] })));
      expect(plain(await store.get(own(1)))).toEqual([49]);
    });

    it("a buffer handed to write may be used again at once", async () => {
      const value = bytes(5, 5);
      const name = own(1);
      const done = store.write({ puts: [{ key: name, value }] });
      value.fill(9);
      name.fill(9);
      await done;
      expect(plain(await store.get(own(1)))).toEqual([5, 5]);
    });

    it("memory that stays as it is until a write settles may be used for the next: many values in one buffer, written, refused and written again", async () => {
      const shared = Buffer.alloc(64_000);
      const puts = Array.from({ length: 200 }, (_, i) => ({ key: own(i), value: shared.subarray(i * 300, i * 300 + 300) }));
      for (let round = 1; round <= 3; round++) {
        shared.fill(round);
        await store.write({ puts, claim: own(240 + round), isStill: true });
        shared.fill(100 + round);
        await expect(store.write({ puts, claim: own(240 + round), isStill: true })).rejects.toMatchObject({ code: "WRITE_CONFLICT" });
        shared.fill(200 + round);
        for (let i = 0; i < 200; i += 33) expect(plain(await store.get(own(i)))).toEqual(Array.from({ length: 300 }, () => round));
      }
    });

    it("two values read one after the other are both whole", async () => {
      await store.write({
        puts: [
          { key: own(1), value: Buffer.alloc(300, 1) },
          { key: own(2), value: Buffer.alloc(300, 2) },
        ],
      });
      const first = await store.get(own(1));
      const second = await store.get(own(2));
      expect([first?.[299], second?.[299]]).toEqual([1, 2]);
    });

    it("a key of 511 bytes is kept; one of 512 or of none refuses the whole batch", async () => {
      const longest = own(...Array.from({ length: 509 }, () => 7));
      await store.write({ puts: [{ key: longest, value: bytes(1) }] });
      expect(plain(await store.get(longest))).toEqual([1]);
      const good = { key: own(1), value: bytes(1) };
      for (const bad of [new Uint8Array(512), new Uint8Array(0)]) {
        await expect(store.write({ puts: [good, { key: bad, value: bytes(1) }] })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
        await expect(store.write({ puts: [good], deletes: [bad] })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
      }
      expect(await store.get(own(1))).toBeUndefined();
    });

    it("range walks keys in unsigned byte order, from included, to excluded", async () => {
      const tails = [[255], [0], [128, 1], [127], [128], [1, 0], [1]];
      await store.write({ puts: tails.map((tail, i) => ({ key: own(...tail), value: bytes(i) })) });
      const walked = await collect(store.range(own(1), own(255)));
      expect(walked.map(([name]) => name.slice(2))).toEqual([[1], [1, 0], [127], [128], [128, 1]]);
      expect(walked.map(([, value]) => value[0])).toEqual([6, 5, 3, 4, 2]);
      expect(await collect(store.range(own(1), own(255), 2))).toHaveLength(2);
      expect(await collect(store.range(own(1), own(255), 0))).toEqual([]);
      expect(await collect(store.range(own(9), own(9)))).toEqual([]);
      expect(await collect(store.range(own(200), own(100)))).toEqual([]);
    });

    it("range from the empty key begins at the first", async () => {
      await store.write({ puts: [{ key: bytes(0), value: bytes(42) }] });
      const walked = await collect(store.range(bytes(), bytes(0, 0)));
      expect(walked).toEqual([[[0], [42]]]);
      expect(await collect(store.range(bytes(), bytes()))).toEqual([]);
    });

    it("range gives every key once over many chunks, each value its own", async () => {
      const count = 3000;
      const tail = (i: number): Uint8Array => own(i >> 8, i & 255);
      await store.write({ puts: Array.from({ length: count }, (_, i) => ({ key: tail(i), value: bytes(i & 255, i >> 8) })) });
      const kept: KeyValue[] = [];
      for await (const entry of store.range(own(), own(255, 255, 255))) kept.push({ key: entry.key.slice(), value: entry.value.slice() });
      expect(kept).toHaveLength(count);
      for (const [i, entry] of kept.entries()) expect([...entry.key, ...entry.value]).toEqual([...tail(i), i & 255, i >> 8]);
      expect(await collect(store.range(own(), own(255, 255, 255), 2500))).toHaveLength(2500);
    });

    it("range goes on while keys are deleted under it", async () => {
      await store.write({ puts: Array.from({ length: 20 }, (_, i) => ({ key: own(i), value: bytes(i) })) });
      const seen: number[] = [];
      for await (const { key: name } of store.range(own(), own(255))) {
        seen.push(name[2]!);
        await store.write({ puts: [], deletes: [name.slice()] });
      }
      expect(seen).toEqual(Array.from({ length: 20 }, (_, i) => i));
      expect(await collect(store.range(own(), own(255)))).toEqual([]);
    });

    it("agrees with a plain sorted map over any sequence of batches", async () => {
      const part = fc.uint8Array({ minLength: 0, maxLength: 3 });
      const batch = fc.record({
        puts: fc.array(fc.record({ key: part, value: fc.uint8Array({ maxLength: 4 }) }), { maxLength: 6 }),
        deletes: fc.array(part, { maxLength: 3 }),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(batch, { maxLength: 6 }), part, part, async (batches, from, to) => {
          space++;
          const model = new Map<string, Uint8Array>();
          for (const { puts, deletes } of batches) {
            await store.write({ puts: puts.map((put) => ({ key: own(...put.key), value: put.value })), deletes: deletes.map((tail) => own(...tail)) });
            for (const tail of deletes) model.delete(Buffer.from(tail).toString("hex"));
            for (const put of puts) model.set(Buffer.from(put.key).toString("hex"), put.value);
          }
          const expected = [...model]
            .map(([hex, value]) => [Buffer.from(hex, "hex"), value] as const)
            .filter(([tail]) => Buffer.compare(tail, from) >= 0 && Buffer.compare(tail, to) < 0)
            .sort(([a], [b]) => Buffer.compare(a, b))
            .map(([tail, value]) => [[...own(...tail)], [...value]]);
          expect(await collect(store.range(own(...from), own(...to)))).toEqual(expected);
        }),
        { numRuns: 40, seed: 7 },
      );
    });

    if (under.reopen !== undefined) {
      it("what was written is there after closing and opening again", async () => {
        await store.write({ puts: [{ key: own(1), value: key("kept") }] });
        store = await under.reopen!(store);
        expect(plain(await store.get(own(1)))).toEqual([...key("kept")]);
      });
    }

    it("a closed store refuses reads and writes", async () => {
      const other = await under.open();
      await other.close();
      await other.close();
      await expect((async () => other.get(own(1)))()).rejects.toMatchObject({ code: "STORAGE_CLOSED" });
      await expect(other.write({ puts: [] })).rejects.toMatchObject({ code: "STORAGE_CLOSED" });
    });
  });
}
