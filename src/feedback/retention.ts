/**
 * How what serving writes is forgotten: predictions, labels and exchanges of every serving process by one cutoff in time, so that the logs
 * are cut in step, and then the order they are read in. Ages are when a segment was last written to: labels carry the times of others, and a
 * replay asks the questions of another year.
 */
import path from "node:path";
import type { Micros } from "../kernel/clock.ts";
import { openSegmentReader } from "../storage/segments/log.ts";
import { listSegments } from "../storage/segments/folder.ts";
import { dropOldest, endNewest, measureSegments, type MeasuredSegment } from "../storage/segments/retention.ts";
import { servedTimeOf } from "./codec.ts";
import { orderFolderOf, otherLogs, type LogKind } from "./log-folders.ts";
import { decodePage, isAllBeforeGone } from "./log-order.ts";

const ordered: readonly LogKind[] = ["predictions", "labels"];
type Kind = LogKind | "exchanges";
const kinds: readonly Kind[] = [...ordered, "exchanges"];

export interface KeepOptions {
  readonly keptUs: Micros;
  /** Of all logs together. */
  readonly maxBytes: number;
  /** Younger segments stay, however many bytes there are. */
  readonly neededUs: Micros;
}

interface OwnLog {
  readonly kind: Kind;
  /** Of the process that writes it; "" is process 0. */
  readonly name: string;
  readonly folder: string;
  readonly segments: readonly MeasuredSegment[];
}

/**
 * Drops what the retention no longer asks for. Safe at any time, in any process, while serving processes write and others read; killed
 * anywhere it leaves logs that are whole from some place on, and the next round goes on.
 * @throws what went wrong with a log, after the others were seen to
 */
export async function keepLogs(logFolder: string, options: KeepOptions, nowUs: Micros): Promise<{ readonly dropped: number }> {
  const logs = await logsIn(logFolder);
  const cutoffUs = cutoffOf(
    logs.flatMap(({ segments }) => segments),
    options,
    nowUs,
  );
  let dropped = 0;
  const failures: unknown[] = [];
  for (const log of logs) {
    try {
      dropped += await cutLog(log, cutoffUs);
    } catch (error) {
      failures.push(error);
    }
  }
  // After the records: an order that reaches further back than they do is only longer than need be.
  for (const kind of ordered) {
    try {
      dropped += await cutOrder(logFolder, kind);
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
  return { dropped };
}

async function logsIn(logFolder: string): Promise<OwnLog[]> {
  const found: OwnLog[] = [];
  for (const kind of kinds) {
    for (const name of ["", ...(await otherLogs(logFolder, kind))]) {
      const folder = path.join(logFolder, name, kind);
      found.push({ kind, name, folder, segments: await measureSegments(folder) });
    }
  }
  return found;
}

/** Segments last written to before it go. */
function cutoffOf(segments: readonly MeasuredSegment[], { keptUs, maxBytes, neededUs }: KeepOptions, nowUs: Micros): Micros {
  let cutoffUs = nowUs - keptUs;
  let bytes = 0;
  for (const { bytes: own, writtenUs } of segments.toSorted((a, b) => b.writtenUs - a.writtenUs)) {
    bytes += own;
    if (bytes <= maxBytes) continue;
    cutoffUs = Math.max(cutoffUs, writtenUs + 1);
    break;
  }
  return Math.min(cutoffUs, nowUs - neededUs);
}

async function cutLog({ folder, segments }: OwnLog, cutoffUs: Micros): Promise<number> {
  const newest = segments.at(-1);
  // Of a process that is gone, or has written nothing since.
  if (newest !== undefined && newest.writtenUs < cutoffUs) await endNewest(folder);
  const writtenUs = new Map(segments.map((segment) => [segment.base, segment.writtenUs]));
  return dropOldest(folder, ({ base }) => (writtenUs.get(base) ?? Number.POSITIVE_INFINITY) < cutoffUs);
}

/** Pages go in whole segments, once the page that follows says that all of what was placed before it is gone. */
async function cutOrder(logFolder: string, kind: LogKind): Promise<number> {
  const folder = orderFolderOf(logFolder, kind);
  if ((await listSegments(folder)).length < 2) return 0;
  const starts = new Map<string, number>();
  for (const name of ["", ...(await otherLogs(logFolder, kind))]) {
    const [oldest] = await listSegments(path.join(logFolder, name, kind));
    if (oldest !== undefined) starts.set(name, oldest.base);
  }
  const reader = await openSegmentReader(folder);
  try {
    return await dropOldest(folder, async (_segment, next) => {
      const [page] = await reader.read(next.base, 1);
      return page !== undefined && isAllBeforeGone(decodePage(page.payload), starts);
    });
  } finally {
    await reader.close();
  }
}

export interface LogSizes {
  readonly bytes: Readonly<Record<Kind, number>>;
  /** When the oldest prediction that is kept was answered; undefined while there is none. */
  readonly sinceUs: Micros | undefined;
}

/** Disk that the logs of all serving processes take, and how far back they reach. */
export async function measureLogs(logFolder: string): Promise<LogSizes> {
  const bytes = { predictions: 0, labels: 0, exchanges: 0 };
  let sinceUs: Micros | undefined;
  for (const { kind, folder, segments } of await logsIn(logFolder)) {
    for (const segment of segments) bytes[kind] += segment.bytes;
    if (kind !== "predictions") continue;
    const reader = await openSegmentReader(folder);
    try {
      const [oldest] = await reader.read(0, 1);
      if (oldest !== undefined) sinceUs = Math.min(sinceUs ?? Number.POSITIVE_INFINITY, servedTimeOf(oldest.payload));
    } finally {
      await reader.close();
    }
  }
  return { bytes, sinceUs };
}
