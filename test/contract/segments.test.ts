import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { openSegmentReader, openSegmentWriter } from "../../src/storage/segments/log.ts";
import { dropOldest, endNewest } from "../../src/storage/segments/retention.ts";
import { openSegmentWriter as openWithWrite, type WriteBytes } from "../../src/storage/segments/writer.ts";
import { startChild } from "./child.ts";
import { scratchFolder } from "./scratch-folder.ts";
import { segmentsContract } from "./segments-contract.ts";

const scratch = scratchFolder();
let made = 0;
const fresh = (): string => path.join(scratch, `log-${made++}`);

segmentsContract("files", { fresh, writer: openSegmentWriter, reader: openSegmentReader });

const segmentsOf = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith(".seg"))
    .sort();
const firstSegment = (folder: string): string => path.join(folder, "0".repeat(20) + ".seg");

async function readAll(folder: string): Promise<string[]> {
  const reader = await openSegmentReader(folder);
  try {
    const all = (await reader.read(0, 1_000_000)).map(({ payload }) => Buffer.from(payload).toString());
    expect(await reader.endOffset()).toBe(all.length);
    return all;
  } finally {
    await reader.close();
  }
}

async function logOf(records: readonly string[], maxSegmentBytes?: number): Promise<string> {
  const folder = fresh();
  const writer = await openSegmentWriter(folder, maxSegmentBytes === undefined ? {} : { maxSegmentBytes });
  for (const text of records) await writer.append([Buffer.from(text)]);
  await writer.close();
  return folder;
}

describe("a damaged segment", () => {
  const records = ["alpha", "beta", "gamma-gamma"];
  const ends = records.map((_, i) => records.slice(0, i + 1).reduce((bytes, text) => bytes + 8 + text.length, 0));

  it("torn at any byte: the whole records before the tear are read, the writer cuts the rest off and goes on", async () => {
    const whole = await logOf(records);
    for (let length = 0; length < ends[2]!; length++) {
      const folder = fresh();
      mkdirSync(folder);
      copyFileSync(firstSegment(whole), firstSegment(folder));
      truncateSync(firstSegment(folder), length);
      const kept = records.filter((_, i) => ends[i]! <= length);
      expect(await readAll(folder)).toEqual(kept);
      const writer = await openSegmentWriter(folder);
      expect(writer.nextOffset).toBe(kept.length);
      await writer.append([Buffer.from("next")]);
      await writer.close();
      expect(await readAll(folder)).toEqual([...kept, "next"]);
    }
  });

  it("a tail of zeros or of a wrong checksum is a torn tail too", async () => {
    for (const tail of [Buffer.alloc(4096), Buffer.alloc(7), Buffer.concat([Buffer.from([4, 0, 0, 0, 1, 2, 3, 4]), Buffer.from("torn")])]) {
      const folder = await logOf(records);
      writeFileSync(firstSegment(folder), tail, { flag: "a" });
      expect(await readAll(folder)).toEqual(records);
      const writer = await openSegmentWriter(folder);
      await writer.append([Buffer.from("next")]);
      await writer.close();
      expect(await readAll(folder)).toEqual([...records, "next"]);
    }
  });

  it("any changed bit before the last record is refused by reader and writer, naming file and position, and nothing is cut", async () => {
    const whole = await logOf(records);
    const bytes = readFileSync(firstSegment(whole));
    for (let at = 0; at < ends[1]!; at++) {
      const folder = fresh();
      mkdirSync(folder);
      const damaged = Buffer.from(bytes);
      damaged[at] = damaged[at]! ^ (1 << (at % 8));
      writeFileSync(firstSegment(folder), damaged);
      const refusal = { code: "SEGMENT_CORRUPT", details: { path: firstSegment(folder), position: at < ends[0]! ? 0 : ends[0]! } };
      const reader = await openSegmentReader(folder);
      await expect(reader.read(0, 10)).rejects.toMatchObject(refusal);
      await expect(reader.endOffset()).rejects.toMatchObject(refusal);
      await reader.close();
      await expect(openSegmentWriter(folder)).rejects.toMatchObject(refusal);
      expect(damaged.equals(readFileSync(firstSegment(folder)))).toBe(true);
    }
  });

  it("an earlier segment that lost its end is refused, and so is a missing one", async () => {
    const many = Array.from({ length: 12 }, (_, n) => `record ${n}`);
    for (const harm of ["shorten", "empty"] as const) {
      const folder = await logOf(many, 60);
      const [, second] = segmentsOf(folder);
      const file = path.join(folder, second!);
      truncateSync(file, harm === "empty" ? 0 : readFileSync(file).length - 1);
      const reader = await openSegmentReader(folder);
      await expect(reader.read(0, 100)).rejects.toMatchObject({ code: "SEGMENT_CORRUPT" });
      await reader.close();
    }
  });
});

describe("a full disk", () => {
  /** Writes for real up to `room` bytes in all, then fails as the operating system does: a short count first, then ENOSPC. */
  const diskOf = (disk: { room: number }): WriteBytes => {
    return (fd, bytes, from, length, position) => {
      if (disk.room === 0) throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
      const written = writeSync(fd, bytes, from, Math.min(length, disk.room), position);
      disk.room -= written;
      return written;
    };
  };

  it("refuses the append with DISK_FULL at every possible byte, keeps none of it, and goes on once there is room", async () => {
    const size = 2 * (8 + 5);
    for (let room = 0; room < size; room++) {
      const disk = { room: 8 + 4 + room };
      const folder = fresh();
      const writer = await openWithWrite(folder, {}, diskOf(disk));
      await writer.append([Buffer.from("kept")]);
      const both = [writer.append([Buffer.from("lost1")]), writer.append([Buffer.from("lost2")])];
      for (const refused of await Promise.allSettled(both)) expect(refused).toMatchObject({ status: "rejected", reason: { code: "DISK_FULL" } });
      expect(writer.nextOffset).toBe(1);
      expect(await readAll(folder)).toEqual(["kept"]);
      disk.room = 1000;
      expect(await writer.append([Buffer.from("later")])).toBe(1);
      await writer.close();
      expect(await readAll(folder)).toEqual(["kept", "later"]);
    }
  });

  it("a reader that saw half of a refused record reads what came in its place", async () => {
    const disk = { room: 12 };
    const folder = fresh();
    const writer = await openWithWrite(folder, {}, diskOf(disk));
    await writer.append([Buffer.from("kept")]);
    const reader = await openSegmentReader(folder);
    // As the reader could find it between the short write and its taking back.
    const half = Buffer.from([200, 0, 0, 0, 9, 9, 9, 9, 1, 2, 3]);
    writeFileSync(firstSegment(folder), half, { flag: "a" });
    expect(await reader.read(0, 10)).toHaveLength(1);
    truncateSync(firstSegment(folder), 12);
    disk.room = 1000;
    await writer.append([Buffer.from("in its place")]);
    expect((await reader.read(1, 10)).map(({ payload }) => Buffer.from(payload).toString())).toEqual(["in its place"]);
    await reader.close();
    await writer.close();
  });
});

describe("kill -9 of the writer", () => {
  it("everything it acknowledged is there, in order, and a successor takes the log over", async () => {
    const folder = fresh();
    for (let round = 0; round < 4; round++) {
      const child = startChild("segment-writer.ts", [folder]);
      await child.lines(30 + round * 7);
      await expect(openSegmentWriter(folder)).rejects.toMatchObject({ code: "FOLDER_LOCKED", details: { owner: `process ${child.process.pid}` } });
      const acknowledged = Number((await child.kill()).at(-1));
      const all = await readAll(folder);
      expect(all.length).toBeGreaterThan(acknowledged);
      for (const [offset, text] of all.entries()) expect(text.startsWith(`${offset} `)).toBe(true);
      const writer = await openSegmentWriter(folder);
      expect(writer.nextOffset).toBe(all.length);
      await writer.append([Buffer.from(`${all.length} by the successor`)]);
      await writer.close();
    }
    expect(segmentsOf(folder).length).toBeGreaterThan(1);
  });
});

describe("segments that are dropped", () => {
  const record = (n: number): Buffer => Buffer.from(`record ${n}`);
  const offsets = (records: readonly { readonly offset: number; readonly payload: Uint8Array }[]): number[] =>
    records.map(({ offset, payload }) => {
      expect(Buffer.from(payload).toString()).toBe(`record ${offset}`);
      return offset;
    });
  const from = (first: number, count: number): number[] => Array.from({ length: count }, (_, i) => first + i);
  /** Of two records a segment. */
  const ofTen = (): Promise<string> =>
    logOf(
      Array.from({ length: 10 }, (_, n) => `record ${n}`),
      40,
    );

  it("a reader that is in one reads it to its end and goes on at the oldest that is left", async () => {
    const folder = await ofTen();
    const reader = await openSegmentReader(folder);
    expect(offsets(await reader.read(0, 1))).toEqual([0]);
    expect(await dropOldest(folder, (segment) => segment.base < 6)).toBe(3);
    expect(offsets(await reader.read(1, 100))).toEqual([1, ...from(6, 4)]);
    expect(offsets(await reader.read(3, 2))).toEqual([6, 7]);
    expect(await reader.endOffset()).toBe(10);
    await reader.close();
    expect(segmentsOf(folder)).toHaveLength(2);
  });

  it("the newest stays whatever is asked, and none goes behind one that stays", async () => {
    const folder = await ofTen();
    expect(await dropOldest(folder, (segment) => segment.base !== 4)).toBe(2);
    expect(await dropOldest(folder, () => true)).toBe(2);
    expect(segmentsOf(folder)).toHaveLength(1);
    expect(offsets(await (await openSegmentReader(folder)).read(0, 100))).toEqual([8, 9]);
  });

  it("a segment missing between others is damage still, not retention", async () => {
    const folder = await ofTen();
    rmSync(path.join(folder, segmentsOf(folder)[2]!));
    const reader = await openSegmentReader(folder);
    await expect(reader.read(0, 100)).rejects.toMatchObject({ code: "SEGMENT_CORRUPT" });
    await reader.close();
  });

  it("the log of a writer that is gone is ended, so that all of it can go; who opens it again goes on behind it", async () => {
    const folder = await ofTen();
    const [reader, held] = [await openSegmentReader(folder), await openSegmentWriter(folder)];
    expect(offsets(await reader.read(0, 9))).toEqual(from(0, 9));
    expect(await endNewest(folder)).toBe(false);
    await held.close();
    expect(await endNewest(folder)).toBe(true);
    expect(await endNewest(folder)).toBe(false);
    expect(await dropOldest(folder, () => true)).toBe(5);
    expect(await reader.endOffset()).toBe(10);
    const writer = await openSegmentWriter(folder);
    expect(await writer.append([record(10)])).toBe(10);
    // The ninth it still had open.
    expect(offsets(await reader.read(9, 100))).toEqual([9, 10]);
    expect(offsets(await reader.read(0, 100))).toEqual([10]);
    await Promise.all([reader.close(), writer.close()]);
  });
});
