import { mkdtempSync, readdirSync, rmSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { listSegments } from "../storage/segments/folder.ts";
import { openSegmentReader, openSegmentWriter } from "../storage/segments/log.ts";
import type { SegmentReader, SegmentWriter } from "../storage/segments/port.ts";
import { openExchangeLog, readExchanges, type ExchangeRecord } from "./exchanges.ts";
import { logFolderOf, orderFolderOf } from "./log-folders.ts";
import { keepLogs, measureLogs, type KeepOptions } from "./retention.ts";
import { openSeveralLogs } from "./several-logs.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "karkhana-retention-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const second = 1_000_000;
const nowUs = 1_000_000 * second;
const keepAll: KeepOptions = { keptUs: nowUs, maxBytes: Number.MAX_SAFE_INTEGER, neededUs: 0 };

interface Said {
  readonly time: number;
  readonly process: number;
  readonly sequence: number;
}
const decode = (payload: Uint8Array): Said => JSON.parse(Buffer.from(payload).toString()) as Said;
const logOf = (process: number, kind = "predictions"): string => path.join(logFolderOf(folder, process), kind);
const writerOf = (process: number, kind = "predictions"): Promise<SegmentWriter> =>
  openSegmentWriter(logOf(process, kind), { maxSegmentBytes: 200, fsyncIntervalMs: 1000 });
const readerOf = (arrivalsRead = 3): Promise<SegmentReader> =>
  openSeveralLogs(folder, { kind: "predictions", timeOf: (payload) => decode(payload).time, arrivalsRead, orderSegmentBytes: 300 });
const say = (said: Said): Uint8Array => Buffer.from(JSON.stringify(said));

async function write(process: number, count: number, from = 0, kind = "predictions"): Promise<void> {
  const writer = await writerOf(process, kind);
  for (let sequence = from; sequence < from + count; sequence++) await writer.append([say({ time: sequence, process, sequence })]);
  await writer.close();
}

/** Dates each segment of a log by its place: the oldest at `fromSecond`, and each following `step` later. */
async function date(log: string, fromSecond: number, step: number): Promise<number> {
  const segments = await listSegments(log);
  for (const [i, segment] of segments.entries()) utimesSync(segment.path, fromSecond + i * step, fromSecond + i * step);
  return segments.length;
}

async function placesOf(reader: SegmentReader, limit = 1000): Promise<Map<number, string>> {
  const found = new Map<number, string>();
  for (let from = 0; ;) {
    const records = await reader.read(from, limit);
    for (const { offset, payload } of records) found.set(offset, Buffer.from(payload).toString());
    if (records.length < limit) return found;
    from = records.at(-1)!.offset + 1;
  }
}

describe("retention of the logs", () => {
  it("drops the segments last written to before the retention, of every log and kind, and nothing younger", async () => {
    for (const kind of ["predictions", "labels", "exchanges"])
      for (const process of [0, 1]) {
        await write(process, 20, 0, kind);
        expect(await date(logOf(process, kind), nowUs / second - 100, 10)).toBe(5);
      }
    const writers = await Promise.all([0, 1].flatMap((process) => ["predictions", "labels", "exchanges"].map((kind) => writerOf(process, kind))));
    await keepLogs(folder, { ...keepAll, keptUs: 65 * second }, nowUs);
    for (const kind of ["predictions", "labels", "exchanges"])
      for (const process of [0, 1]) {
        const reader = await openSegmentReader(logOf(process, kind));
        const kept = (await reader.read(0, 100)).map(({ payload }) => decode(payload).sequence);
        // Segments of 100, 90, 80 and 70 seconds are gone, four records each.
        expect(kept[0]).toBe(16);
        expect(kept).toEqual([16, 17, 18, 19]);
        await reader.close();
      }
    await Promise.all(writers.map((writer) => writer.close()));
  });

  it("above the bytes allowed the oldest go sooner, but never what is still read", async () => {
    for (const process of [0, 1]) {
      await write(process, 40);
      await date(logOf(process), nowUs / second - 100, 5);
    }
    const before = (await measureLogs(folder)).bytes.predictions;
    await keepLogs(folder, { ...keepAll, maxBytes: before / 2 }, nowUs);
    const half = (await measureLogs(folder)).bytes.predictions;
    expect(half).toBeLessThanOrEqual(before / 2);
    expect(half).toBeGreaterThan(before / 4);
    // Cut in step, whatever log they are in.
    const [zero, one] = await Promise.all([0, 1].map((process) => listSegments(logOf(process))));
    expect(zero!.map(({ base }) => base)).toEqual(one!.map(({ base }) => base));
    await keepLogs(folder, { ...keepAll, maxBytes: 0, neededUs: nowUs }, nowUs);
    expect((await measureLogs(folder)).bytes.predictions).toBe(half);
  });

  it("the newest segment of a running process stays however old it is; that of one that is gone goes, and one that comes back goes on behind it", async () => {
    await write(0, 3);
    await write(1, 3);
    const [zero, reader] = [await writerOf(0), await readerOf()];
    const places = await placesOf(reader);
    for (const process of [0, 1]) await date(logOf(process), 0, 0);
    await keepLogs(folder, { ...keepAll, keptUs: second }, nowUs);
    const kept = [...(await placesOf(reader)).values()].map((text) => decode(Buffer.from(text)));
    expect(new Set(kept.map(({ process }) => process))).toEqual(new Set([0]));
    expect(kept.length).toBeGreaterThan(0);
    await write(1, 2, 3);
    const after = await placesOf(reader);
    const end = Math.max(...places.keys());
    expect([...after].filter(([place]) => place > end).map(([, text]) => decode(Buffer.from(text)).sequence)).toEqual([3, 4]);
    const fresh = await readerOf();
    expect(await placesOf(fresh)).toEqual(after);
    await Promise.all([zero.close(), reader.close(), fresh.close()]);
  });

  it("the order of several logs is dropped with the records it places; who reads from the beginning goes straight to what is kept", async () => {
    const writers = await Promise.all([writerOf(0), writerOf(1)]);
    const reader = await readerOf();
    for (let sequence = 0; sequence < 60; sequence++) {
      for (const [process, writer] of writers.entries()) await writer.append([say({ time: sequence, process, sequence })]);
      await reader.endOffset();
    }
    const before = await placesOf(reader);
    expect(before.size).toBe(120);
    const orderFolder = orderFolderOf(folder, "predictions");
    const pages = (await listSegments(orderFolder)).length;
    for (const process of [0, 1]) await date(logOf(process), 0, (2 * nowUs) / second / (await listSegments(logOf(process))).length);
    await keepLogs(folder, { ...keepAll, keptUs: 1 }, nowUs);
    const left = (await listSegments(orderFolder)).length;
    expect(left).toBeLessThan(pages * 0.7);
    expect(left).toBeGreaterThan(1);
    const fresh = await readerOf();
    const after = await placesOf(fresh, 7);
    expect(after.size).toBeGreaterThan(30);
    expect(after.size).toBeLessThan(90);
    for (const [place, text] of after) expect(before.get(place)).toBe(text);
    expect(await placesOf(reader)).toEqual(after);
    expect([...after.keys()]).toEqual([...before.keys()].slice(-after.size));
    await Promise.all([...writers.map((writer) => writer.close()), reader.close(), fresh.close()]);
  });

  it("whatever is written, read and dropped, and however many processes there are: a place keeps its record, and only the oldest of a log are gone", async () => {
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.record({ kind: fc.constant("append" as const), process: fc.nat(2), count: fc.integer({ min: 1, max: 9 }) }) },
      { weight: 3, arbitrary: fc.record({ kind: fc.constant("read" as const), reader: fc.nat(1), limit: fc.integer({ min: 1, max: 9 }) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("ends" as const), reader: fc.nat(1) }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant("keep" as const), age: fc.integer({ min: 0, max: 12 }) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("leave" as const), process: fc.nat(2) }) },
    );
    let dropped = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 50 }), async (steps) => {
        rmSync(folder, { recursive: true, force: true });
        const writers = new Map<number, SegmentWriter>();
        const said = [0, 0, 0];
        const readers = [await readerOf(), await readerOf(1)];
        const next = [0, 0];
        const places = new Map<number, string>();
        const seen = readers.map(() => new Set<string>());
        const take = async (which: number, limit: number): Promise<number> => {
          const records = await readers[which]!.read(next[which]!, limit);
          for (const { offset, payload } of records) {
            const text = Buffer.from(payload).toString();
            expect(offset).toBeGreaterThanOrEqual(next[which]!);
            expect(places.get(offset) ?? text).toBe(text);
            expect(seen[which]!.has(text)).toBe(false);
            places.set(offset, text);
            seen[which]!.add(text);
            next[which] = offset + 1;
          }
          return records.length;
        };
        let atSecond = 1000;
        for (const one of steps) {
          atSecond++;
          if (one.kind === "append") {
            let writer = writers.get(one.process);
            if (writer === undefined) writers.set(one.process, (writer = await writerOf(one.process)));
            for (let i = 0; i < one.count; i++)
              await writer.append([say({ time: Math.floor(atSecond / 3), process: one.process, sequence: said[one.process]!++ })]);
            for (const segment of await listSegments(logOf(one.process)))
              if (segment.base >= said[one.process]! - one.count) utimesSync(segment.path, atSecond, atSecond);
          } else if (one.kind === "read") await take(one.reader, one.limit);
          else if (one.kind === "ends") await readers[one.reader]!.endOffset();
          else if (one.kind === "keep") dropped += (await keepLogs(folder, { ...keepAll, keptUs: one.age * second }, atSecond * second)).dropped;
          else {
            await writers.get(one.process)?.close();
            writers.delete(one.process);
          }
        }
        for (const which of [0, 1]) while ((await take(which, 5)) > 0);
        const fresh = await readerOf();
        const byProcess = new Map<number, number[]>();
        for (const [place, text] of await placesOf(fresh, 4)) {
          expect(places.get(place)).toBe(text);
          const { process, sequence } = decode(Buffer.from(text));
          byProcess.set(process, [...(byProcess.get(process) ?? []), sequence]);
        }
        for (const [process, sequences] of byProcess)
          expect(sequences).toEqual(Array.from({ length: sequences.length }, (_, i) => said[process]! - sequences.length + i));
        for (const log of [...readers, fresh, ...writers.values()]) await log.close();
      }),
      { numRuns: 12 },
    );
    expect(dropped).toBeGreaterThan(10);
  });

  it("exchanges with language models go by the same rule, and are read from where they begin", async () => {
    const log = openExchangeLog(folder, { maxSegmentBytes: 200 });
    for (let i = 0; i < 5; i++) await log.logExchanges([{ id: `q${i}`, model: "m", askedUs: i } as ExchangeRecord]);
    await date(path.join(folder, "exchanges"), nowUs / second - 50, 20);
    await keepLogs(folder, { ...keepAll, keptUs: 25 * second }, nowUs);
    const kept = (await readExchanges(folder)).map(({ id }) => id);
    expect(kept.at(-1)).toBe("q4");
    expect(kept).not.toContain("q0");
    await log.close();
  });

  it("a folder that nobody wrote to is left as it is", async () => {
    expect(await keepLogs(folder, { ...keepAll, keptUs: 0 }, nowUs)).toEqual({ dropped: 0 });
    expect(readdirSync(folder)).toEqual([]);
    expect(await measureLogs(folder)).toEqual({ bytes: { predictions: 0, labels: 0, exchanges: 0 }, sinceUs: undefined });
  });
});
