import { describe, expect, it } from "vitest";
import type { SegmentReader, SegmentRecord, SegmentWriter, SegmentWriterOptions } from "../../src/storage/segments/port.ts";

export interface SegmentsUnderTest {
  /** The name of a log with nothing in it. */
  fresh(): string;
  writer(log: string, options?: SegmentWriterOptions): Promise<SegmentWriter>;
  reader(log: string): Promise<SegmentReader>;
}

const record = (n: number): Buffer => Buffer.from(`record ${n} ${"x".repeat(n % 50)}`);
const show = (records: readonly SegmentRecord[]): [number, string][] => records.map(({ offset, payload }) => [offset, Buffer.from(payload).toString()]);
const expected = (from: number, to: number): [number, string][] => Array.from({ length: to - from }, (_, i) => [from + i, record(from + i).toString()]);

/** What every segment log promises. */
export function segmentsContract(name: string, under: SegmentsUnderTest): void {
  describe(`segments: ${name}`, () => {
    it("records get offsets from 0 in call order, and read back from any of them", async () => {
      const log = under.fresh();
      const writer = await under.writer(log);
      expect(writer.nextOffset).toBe(0);
      expect(await writer.append([record(0), record(1)])).toBe(0);
      const more = [writer.append([record(2)]), writer.append([]), writer.append([record(3), record(4)])];
      expect(writer.nextOffset).toBe(5);
      expect(await Promise.all(more)).toEqual([2, 3, 3]);
      const reader = await under.reader(log);
      expect(show(await reader.read(0, 100))).toEqual(expected(0, 5));
      expect(show(await reader.read(3, 1))).toEqual(expected(3, 4));
      expect(show(await reader.read(1, 2))).toEqual(expected(1, 3));
      expect(await reader.read(5, 10)).toEqual([]);
      expect(await reader.read(99, 10)).toEqual([]);
      expect(await reader.read(0, 0)).toEqual([]);
      expect(await reader.endOffset()).toBe(5);
      await reader.close();
      await writer.close();
    });

    it("a reader that follows sees each acknowledged record once, over many segments", async () => {
      const log = under.fresh();
      const reader = await under.reader(log);
      expect(await reader.read(0, 10)).toEqual([]);
      expect(await reader.endOffset()).toBe(0);
      const writer = await under.writer(log, { maxSegmentBytes: 500, fsyncIntervalMs: 5 });
      const seen: [number, string][] = [];
      for (let n = 0; n < 300; n += 3) {
        await writer.append([record(n), record(n + 1), record(n + 2)]);
        if (n % 4 === 0) seen.push(...show(await reader.read(seen.length, 1000)));
        expect(await reader.endOffset()).toBe(n + 3);
      }
      seen.push(...show(await reader.read(seen.length, 1000)));
      expect(seen).toEqual(expected(0, 300));
      const other = await under.reader(log);
      expect(show(await other.read(0, 1000))).toEqual(expected(0, 300));
      for (const from of [299, 0, 150, 151, 17, 298]) expect(show(await other.read(from, 2))).toEqual(expected(from, Math.min(from + 2, 300)));
      await Promise.all([reader.close(), other.close(), writer.close()]);
    });

    it("calls on one reader at the same time do not disturb each other", async () => {
      const log = under.fresh();
      const writer = await under.writer(log, { maxSegmentBytes: 300 });
      await writer.append(Array.from({ length: 100 }, (_, n) => record(n)));
      await writer.append(Array.from({ length: 100 }, (_, n) => record(100 + n)));
      const reader = await under.reader(log);
      const reads = await Promise.all([reader.read(90, 20), reader.endOffset(), reader.read(0, 5), reader.read(150, 50)]);
      expect(show(reads[0])).toEqual(expected(90, 110));
      expect(reads[1]).toBe(200);
      expect(show(reads[2])).toEqual(expected(0, 5));
      expect(show(reads[3])).toEqual(expected(150, 200));
      await Promise.all([reader.close(), writer.close()]);
    });

    it("a writer that opens the log again goes on where the last one ended", async () => {
      const log = under.fresh();
      for (let n = 0; n < 5; n++) {
        const writer = await under.writer(log, { maxSegmentBytes: 100 });
        expect(writer.nextOffset).toBe(n * 2);
        expect(await writer.append([record(n * 2), record(n * 2 + 1)])).toBe(n * 2);
        await writer.close();
      }
      const reader = await under.reader(log);
      expect(show(await reader.read(0, 100))).toEqual(expected(0, 10));
      await reader.close();
    });

    it("a second writer is refused while the first is open", async () => {
      const log = under.fresh();
      const writer = await under.writer(log);
      await expect(under.writer(log)).rejects.toMatchObject({ code: "FOLDER_LOCKED" });
      await writer.close();
      await (await under.writer(log)).close();
    });

    it("a record of no bytes or of more than 16 MiB refuses its whole append; the largest is kept", async () => {
      const log = under.fresh();
      const writer = await under.writer(log);
      const largest = Buffer.alloc(16 * 1024 * 1024, 3);
      for (const bad of [new Uint8Array(0), new Uint8Array(16 * 1024 * 1024 + 1)]) {
        await expect(writer.append([record(0), bad])).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
      }
      expect(await writer.append([largest, record(1)])).toBe(0);
      const reader = await under.reader(log);
      const records = await reader.read(0, 10);
      expect(records.map(({ payload }) => payload.length)).toEqual([largest.length, record(1).length]);
      expect(largest.equals(records[0]!.payload)).toBe(true);
      await Promise.all([reader.close(), writer.close()]);
    });

    it("a buffer handed to append may be used again at once; payloads read stay what they were", async () => {
      const log = under.fresh();
      const writer = await under.writer(log);
      const buffer = Buffer.from("first");
      const done = writer.append([buffer]);
      buffer.fill("z");
      await done;
      const reader = await under.reader(log);
      const [first] = await reader.read(0, 1);
      await writer.append([Buffer.from("other")]);
      await reader.read(1, 1);
      expect(Buffer.from(first!.payload).toString()).toBe("first");
      await Promise.all([reader.close(), writer.close()]);
    });

    it.each([0, 5])("with an fsync interval of %d ms, flush and close leave everything readable", async (fsyncIntervalMs) => {
      const log = under.fresh();
      const writer = await under.writer(log, { fsyncIntervalMs, maxSegmentBytes: 200 });
      const appends = Array.from({ length: 20 }, (_, n) => writer.append([record(n)]));
      const flushed = writer.flush();
      expect(await Promise.all(appends)).toEqual(Array.from({ length: 20 }, (_, n) => n));
      await flushed;
      const last = writer.append([record(20)]);
      await writer.close();
      expect(await last).toBe(20);
      await expect(writer.append([record(21)])).rejects.toMatchObject({ code: "STORAGE_CLOSED" });
      await writer.close();
      const reader = await under.reader(log);
      expect(show(await reader.read(0, 100))).toEqual(expected(0, 21));
      await reader.close();
      await expect(reader.read(0, 1)).rejects.toMatchObject({ code: "STORAGE_CLOSED" });
    });
  });
}
