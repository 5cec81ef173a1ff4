import { appendFileSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openSegmentReader, openSegmentWriter } from "../storage/segments/log.ts";
import type { SegmentReader, SegmentWriter } from "../storage/segments/port.ts";
import { logFolderOf, orderFolderOf } from "./log-folders.ts";
import { openSeveralLogs } from "./several-logs.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "karkhana-several-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Said {
  readonly time: number;
  readonly process: number;
  readonly sequence: number;
}

const encode = (said: Said): Buffer => Buffer.from(JSON.stringify(said));
const decode = (payload: Uint8Array): Said => JSON.parse(Buffer.from(payload).toString()) as Said;
const timeOf = (payload: Uint8Array): number => decode(payload).time;

const writerOf = (process: number): Promise<SegmentWriter> =>
  openSegmentWriter(path.join(logFolderOf(folder, process), "predictions"), { maxSegmentBytes: 400, fsyncIntervalMs: 1000 });
const readerOf = (arrivalsRead = 3): Promise<SegmentReader> => openSeveralLogs(folder, { kind: "predictions", timeOf, arrivalsRead });

async function wholeOf(reader: SegmentReader, limit = 1000): Promise<Said[]> {
  const all: Said[] = [];
  for (let from = 0; ;) {
    const records = await reader.read(from, limit);
    all.push(...records.map(({ payload }) => decode(payload)));
    if (records.length < limit) return all;
    from = records.at(-1)!.offset + 1;
  }
}

describe("several logs read as one", () => {
  it("one log alone has its own offsets, and nothing is written beside it", async () => {
    const writer = await writerOf(0);
    await writer.append([0, 1, 2].map((sequence) => encode({ time: 9 - sequence, process: 0, sequence })));
    const reader = await readerOf();
    expect((await reader.read(1, 10)).map(({ offset, payload }) => [offset, decode(payload).sequence])).toEqual([
      [1, 1],
      [2, 2],
    ]);
    expect(await reader.endOffset()).toBe(3);
    expect(readdirSync(folder)).toEqual(["predictions"]);
    await Promise.all([reader.close(), writer.close()]);
  });

  it("orders by time, then process, then sequence; what was read before the second log keeps its places", async () => {
    const [zero, reader] = [await writerOf(0), await readerOf()];
    await zero.append([encode({ time: 50, process: 0, sequence: 0 })]);
    expect(await reader.endOffset()).toBe(1);
    const one = await writerOf(1);
    await one.append([10, 20, 30].map((time, sequence) => encode({ time, process: 1, sequence })));
    await reader.endOffset();
    await zero.append([60, 61, 62].map((time, i) => encode({ time, process: 0, sequence: i + 1 })));
    await one.append([60, 60, 62].map((time, i) => encode({ time, process: 1, sequence: i + 3 })));
    const order = (await wholeOf(reader)).map(({ time, process, sequence }) => `${time} ${process}/${sequence}`);
    expect(order).toEqual(["50 0/0", "10 1/0", "20 1/1", "30 1/2", "60 0/1", "60 1/3", "60 1/4", "61 0/2", "62 0/3", "62 1/5"]);
    const other = await readerOf(1);
    expect(await wholeOf(other, 2)).toEqual(await wholeOf(reader));
    await Promise.all([reader.close(), other.close(), zero.close(), one.close()]);
  });

  it("the logs of another machine's replica in this volume are read too", async () => {
    for (const name of ["", "pod-7f9c", "pod-7f9c/process-1"]) {
      const writer = await openSegmentWriter(path.join(folder, name, "predictions"));
      await writer.append([encode({ time: name.length, process: name.length, sequence: 0 })]);
      await writer.close();
    }
    const reader = await readerOf();
    expect((await wholeOf(reader)).map(({ process }) => process)).toEqual([0, 8, 18]);
    await reader.close();
  });

  it("a log that begins later, since its oldest segments were taken away, is read from where it begins", async () => {
    for (const process of [0, 1]) {
      const writer = await writerOf(process);
      for (let sequence = 0; sequence < 30; sequence++) await writer.append([encode({ time: sequence, process, sequence })]);
      await writer.close();
      const own = path.join(logFolderOf(folder, process), "predictions");
      rmSync(
        path.join(
          own,
          readdirSync(own)
            .filter((name) => name.endsWith(".seg"))
            .sort()[0]!,
        ),
      );
    }
    const reader = await readerOf();
    const all = await wholeOf(reader, 7);
    for (const process of [0, 1]) {
      const own = all.filter((said) => said.process === process).map(({ sequence }) => sequence);
      expect(own[0]).toBeGreaterThan(0);
      expect(own).toEqual(Array.from({ length: 30 - own[0]! }, (_, i) => own[0]! + i));
    }
    await reader.close();
  });

  it("whatever is written when, by however many processes a start, and whoever reads meanwhile or was cut off while placing: nothing is lost, doubled or moved", async () => {
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ kind: fc.constant("append" as const), process: fc.nat(3), times: fc.array(fc.nat(50), { minLength: 1, maxLength: 8 }) }),
      },
      { weight: 3, arbitrary: fc.record({ kind: fc.constant("read" as const), reader: fc.nat(2), limit: fc.integer({ min: 1, max: 9 }) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("ends" as const), reader: fc.nat(2) }) },
      { weight: 3, arbitrary: fc.record({ kind: fc.constant("restart" as const), processes: fc.integer({ min: 1, max: 4 }) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("reopen" as const), reader: fc.nat(2) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("torn" as const), bytes: fc.uint8Array({ minLength: 1, maxLength: 20 }) }) },
    );
    let ordered = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        rmSync(folder, { recursive: true, force: true });
        let writers = [await writerOf(0)];
        const written: Said[][] = [[], [], [], []];
        const readers = await Promise.all([readerOf(), readerOf(1), readerOf(100)]);
        // What each of three consumers has read, by the place it keeps; a reader that is opened again goes on at its place.
        const read = readers.map((): { place: number; said: Said }[] => []);
        const readOn = async (at: number, limit: number): Promise<number> => {
          const records = await readers[at]!.read((read[at]!.at(-1)?.place ?? -1) + 1, limit);
          read[at]!.push(...records.map(({ offset, payload }) => ({ place: offset, said: decode(payload) })));
          return records.length;
        };
        const ends: [said: number, written: number][] = [];
        for (const one of steps) {
          if (one.kind === "append") {
            const process = one.process % writers.length;
            const records = one.times.map((time, i): Said => ({ time, process, sequence: written[process]!.length + i }));
            await writers[process]!.append(records.map(encode));
            written[process]!.push(...records);
          } else if (one.kind === "read") await readOn(one.reader, one.limit);
          else if (one.kind === "ends") ends.push([await readers[one.reader]!.endOffset(), written.flat().length]);
          else if (one.kind === "restart") {
            await Promise.all(writers.map((writer) => writer.close()));
            writers = await Promise.all(Array.from({ length: one.processes }, (_, process) => writerOf(process)));
          } else if (one.kind === "reopen") {
            await readers[one.reader]!.close();
            readers[one.reader] = await readerOf(2);
          } else {
            // A reader killed amid writing a page leaves the beginning of a record.
            const pages = orderFolderOf(folder, "predictions");
            const [newest] = readdirSync(path.dirname(path.dirname(pages))).includes("order")
              ? readdirSync(pages)
                  .filter((name) => name.endsWith(".seg"))
                  .sort()
                  .toReversed()
              : [];
            if (newest !== undefined) appendFileSync(path.join(pages, newest), Buffer.concat([Buffer.from([200, 1, 0, 0]), one.bytes]));
          }
        }
        for (const at of readers.keys()) while ((await readOn(at, 5)) === 5);
        expect(ends.filter(([said, there]) => said !== there)).toEqual([]);
        const [all] = read;
        expect(all!.map(({ place }) => place)).toEqual(written.flat().map((_, i) => i));
        expect(read[1]).toEqual(all);
        expect(read[2]).toEqual(all);
        for (const [process, own] of written.entries()) expect(all!.filter(({ said }) => said.process === process).map(({ said }) => said)).toEqual(own);
        if (written.slice(1).some((own) => own.length > 0)) ordered++;
        await Promise.all([...readers, ...writers].map((one) => one.close()));
      }),
      { numRuns: 30 },
    );
    expect(ordered, "runs in which there was more than one log").toBeGreaterThan(3);
  });

  it("two readers that place at the same time agree", async () => {
    const writers = await Promise.all([writerOf(0), writerOf(1)]);
    const readers = await Promise.all([readerOf(4), readerOf(3), readerOf(2)]);
    for (let round = 0; round < 10; round++) {
      await Promise.all(
        writers.map((writer, process) =>
          writer.append(Array.from({ length: 9 }, (_, i) => encode({ time: round * 10 + i, process, sequence: round * 9 + i }))),
        ),
      );
      await Promise.all(readers.map((reader) => reader.endOffset()));
    }
    const [one, two, three] = await Promise.all(readers.map((reader) => wholeOf(reader, 11)));
    expect(one).toHaveLength(180);
    expect(two).toEqual(one);
    expect(three).toEqual(one);
    // Wherever one looks, in whatever order: what lies there is found without all pages before it having been read.
    const looking = await readerOf();
    for (let i = 0; i < 180; i++) {
      const place = (i * 77) % 180;
      const [record, next] = await looking.read(place, 2);
      expect([record?.offset, decode(record!.payload), next === undefined ? undefined : decode(next.payload)]).toEqual([place, one![place], one![place + 1]]);
    }
    await looking.close();
    const pages = await openSegmentReader(orderFolderOf(folder, "predictions"));
    expect(await pages.endOffset()).toBeGreaterThan(24);
    await Promise.all([...readers, ...writers, pages].map((each) => each.close()));
  });
});
