/**
 * How a log forgets: whole segments, the oldest first, each gone for good before the next goes, so that whatever is killed or loses power on
 * the way, what is left is the end of the log without a hole. Its newest segment stays: it says where the log goes on, and offsets never
 * come back. Any process may drop while the writer appends and readers read: a reader that is in a dropped segment reads it to its end and
 * goes on at the oldest that is left.
 */
import { closeSync, openSync, statSync } from "node:fs";
import { rm, stat } from "node:fs/promises";
import path from "node:path";
import type { Micros } from "../../kernel/clock.ts";
import { KarkhanaError } from "../../kernel/error.ts";
import { errnoOf } from "../errno.ts";
import { lockFolder } from "../folder-lock.ts";
import { syncFolder } from "../sync-folder.ts";
import { listSegments, segmentPath, type SegmentFile } from "./folder.ts";
import { findEnd, syncFolderNow } from "./writer.ts";

export interface MeasuredSegment extends SegmentFile {
  readonly bytes: number;
  /** When the file system says it was last written to: no record in it is younger. */
  readonly writtenUs: Micros;
}

/** Segments with their sizes, oldest first; one that was dropped meanwhile is left out. */
export async function measureSegments(folder: string): Promise<MeasuredSegment[]> {
  const measured: MeasuredSegment[] = [];
  for (const segment of await listSegments(folder)) {
    try {
      const { size, mtimeMs } = await stat(segment.path);
      measured.push({ ...segment, bytes: size, writtenUs: Math.round(mtimeMs * 1000) });
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw error;
    }
  }
  return measured;
}

/**
 * Drops segments from the oldest on until one is not past, or is the newest.
 * @param isPast asked with the segment after it: what is in both is known by where that one begins
 * @returns how many went
 */
export async function dropOldest(folder: string, isPast: (segment: SegmentFile, next: SegmentFile) => boolean | Promise<boolean>): Promise<number> {
  const segments = await listSegments(folder);
  let dropped = 0;
  for (const [i, segment] of segments.entries()) {
    const next = segments[i + 1];
    if (next === undefined || !(await isPast(segment, next))) break;
    await rm(segment.path, { force: true });
    // Not once at the end: a file system may put removals on disk in another order than they were made.
    await syncFolder(folder);
    dropped++;
  }
  return dropped;
}

/**
 * Begins an empty segment where the log ends, so that what was its newest can be dropped: for the log of a process that is gone, which would
 * keep it for ever.
 * @returns false if a writer has the log, or there is nothing to end
 */
export async function endNewest(folder: string): Promise<boolean> {
  const newest = (await measureSegments(folder)).at(-1);
  if (newest === undefined || newest.bytes === 0) return false;
  const end = newest.base + (await findEnd(newest.path)).records;
  if (end === newest.base) return false;
  const lock = tryLock(folder);
  if (lock === undefined) return false;
  // Nothing is awaited while the lock is held: a process that starts here meanwhile would be refused.
  try {
    if (statSync(newest.path).size !== newest.bytes) return false;
    closeSync(openSync(segmentPath(folder, end), "wx"));
    syncFolderNow(folder);
    return true;
  } catch (error) {
    // A writer came, ended the segment itself and left.
    if (errnoOf(error) === "EEXIST") return false;
    throw error;
  } finally {
    lock.release();
  }
}

function tryLock(folder: string): { release(): void } | undefined {
  try {
    return lockFolder(path.join(folder, "writer.lock"));
  } catch (error) {
    if (error instanceof KarkhanaError && error.code === "FOLDER_LOCKED") return undefined;
    throw error;
  }
}
