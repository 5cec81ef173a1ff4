import { randomUUID } from "node:crypto";
import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import { readPushedManifest, type PushedManifest, type PushedPart } from "../../data/pushed-copy.ts";
import type { SourceDefinition } from "../../data/source.ts";
import type { Micros } from "../../kernel/clock.ts";
import { KarkhanaError } from "../../kernel/error.ts";
import { parseDuration } from "../../kernel/time.ts";
import type { DuckDb } from "../../storage/duckdb/duckdb.ts";
import { lockFolder } from "../../storage/folder-lock.ts";
import { listSegments } from "../../storage/segments/folder.ts";
import { openSegmentReader } from "../../storage/segments/log.ts";
import { dropOldest } from "../../storage/segments/retention.ts";
import { syncFolder } from "../../storage/sync-folder.ts";
import { pushLogFolder, readBatches, type LoggedBatch } from "../online/push-log.ts";
import type { ViewPlan } from "../view-plan.ts";
import { PartText, rowsAPart } from "./pushed-part.ts";

export interface PushedFolders {
  /** Of the logs of pushed rows. */
  readonly logFolder: string;
  /** Of the offline copies. */
  readonly copyFolder: string;
}

/** The pushed source as readers know it: its path is the manifest of its offline copy. Other sources are as they are. */
export function locatePushed(source: SourceDefinition, { copyFolder }: PushedFolders): SourceDefinition {
  return source.format === "pushed" ? { ...source, path: path.join(pushLogFolder(copyFolder, source.name), "manifest.json") } : source;
}

export interface CopyPushedOptions extends PushedFolders {
  readonly duck: DuckDb;
  readonly source: SourceDefinition;
  /** Views over the source: a row whose measure one of them cannot sum is set aside, as online. */
  readonly plans: readonly ViewPlan[];
  readonly nowUs: Micros;
}

export interface CopiedPushed {
  readonly rows: number;
  readonly setAside: number;
  readonly segmentsDropped: number;
}

/** Files that are no longer named stay this long for those who began to read before. */
const leftForUs: Micros = 3_600_000_000;

/**
 * Brings the offline copy of a pushed source up to the end of its log, and forgets what retention no longer asks for, in the copy and in the
 * log. Memory is bounded whatever is to be copied; killed at any moment it leaves the copy as it was, or longer by whole files. Rows that
 * cannot be used lie beside, with the reason. Of a source that is a file only retention is looked after: the file is its offline copy.
 * @returns undefined if another process is at it
 */
export async function copyPushed(options: CopyPushedOptions): Promise<CopiedPushed | undefined> {
  const { source, logFolder, copyFolder, nowUs } = options;
  const folder = pushLogFolder(copyFolder, source.name);
  await mkdir(folder, { recursive: true });
  const lock = tryLock(path.join(folder, "writer.lock"));
  if (lock === undefined) return undefined;
  try {
    const done = source.format === "pushed" ? await copyNew(options, folder) : { rows: 0, setAside: 0, nextOffset: Number.POSITIVE_INFINITY };
    const cutoffUs = source.retention === undefined ? undefined : nowUs - parseDuration(source.retention, `source ${source.name}, retention`);
    const segmentsDropped = cutoffUs === undefined ? 0 : await dropSegments(pushLogFolder(logFolder, source.name), cutoffUs, done.nextOffset);
    return { rows: done.rows, setAside: done.setAside, segmentsDropped };
  } finally {
    lock.release();
  }
}

function tryLock(file: string): { release(): void } | undefined {
  try {
    return lockFolder(file);
  } catch (error) {
    if (error instanceof KarkhanaError && error.code === "FOLDER_LOCKED") return undefined;
    throw error;
  }
}

async function copyNew(options: CopyPushedOptions, folder: string): Promise<{ rows: number; setAside: number; nextOffset: number }> {
  const { source, plans, logFolder, nowUs } = options;
  const log = pushLogFolder(logFolder, source.name);
  const file = path.join(folder, "manifest.json");
  let manifest: PushedManifest = readPushedManifest(file) ?? { format: 1, source: source.name, nextOffset: 0, parts: [], left: [] };
  await removeUnnamed(folder, manifest);
  const reader = await openSegmentReader(log);
  let [rows, setAside] = [0, 0];
  try {
    // What a power cut could still take from the log must not be in the copy: its places would be given out again.
    const end = await reader.endOffset();
    await syncNewest(log);
    for (;;) {
      const last = manifest.parts.at(-1);
      // A small file is written anew with what follows, so that there are few.
      const before = last !== undefined && last.rows + last.setAside < rowsAPart / 2 ? last : undefined;
      const text = await PartText.write(source, plans, folder, upTo(end, readBatches(reader, manifest.nextOffset)));
      if (text === undefined) break;
      const part = await text.toParquet(options.duck, before, folder);
      rows += text.rows;
      setAside += text.setAside;
      const parts = [...manifest.parts.slice(0, before === undefined ? undefined : -1), part];
      const left = before === undefined ? [] : filesOf(before).map((name) => ({ file: name, sinceUs: nowUs }));
      manifest = { ...manifest, nextOffset: part.end, parts, left: [...manifest.left, ...left] };
      await writeManifest(folder, file, manifest);
    }
  } finally {
    await reader.close();
  }
  const kept = await forget(source, folder, file, manifest, nowUs);
  return { rows, setAside, nextOffset: kept.nextOffset };
}

async function* upTo(end: number, batches: AsyncIterable<LoggedBatch>): AsyncGenerator<LoggedBatch> {
  for await (const batch of batches) {
    if (batch.end > end) return;
    yield batch;
  }
}

/** Older segments were on disk before the newest began. */
async function syncNewest(folder: string): Promise<void> {
  const newest = (await listSegments(folder)).at(-1);
  if (newest === undefined) return;
  const handle = await open(newest.path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function writeManifest(folder: string, file: string, manifest: PushedManifest): Promise<void> {
  const unfinished = `${file}.${randomUUID()}.unfinished`;
  const handle = await open(unfinished, "wx");
  try {
    await handle.writeFile(`${JSON.stringify(manifest)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(unfinished, file);
  await syncFolder(folder);
}

/** Drops what is older than the retention, and files nobody can still be reading. */
async function forget(source: SourceDefinition, folder: string, file: string, before: PushedManifest, nowUs: Micros): Promise<PushedManifest> {
  const cutoffUs = source.retention === undefined ? Number.NEGATIVE_INFINITY : nowUs - parseDuration(source.retention, `source ${source.name}, retention`);
  const old = before.parts.filter(({ newestArrivedUs }) => newestArrivedUs < cutoffUs);
  const gone = before.left.filter(({ sinceUs }) => nowUs - sinceUs > leftForUs);
  if (old.length === 0 && gone.length === 0) return before;
  const parts = before.parts.filter((part) => !old.includes(part));
  const left = [...before.left.filter((one) => !gone.includes(one)), ...old.flatMap(filesOf).map((name) => ({ file: name, sinceUs: nowUs }))];
  const manifest = { ...before, parts, left };
  await writeManifest(folder, file, manifest);
  for (const { file: name } of gone) await rm(path.join(folder, name), { force: true });
  return manifest;
}

function filesOf({ file, asideFile }: PushedPart): string[] {
  return asideFile === null ? [file] : [file, asideFile];
}

/** What a step that was killed left. The lock is ours: nobody is writing. */
async function removeUnnamed(folder: string, { parts, left }: PushedManifest): Promise<void> {
  const named = new Set([...parts.flatMap(filesOf), ...left.map(({ file }) => file)]);
  for (const name of await readdir(folder)) {
    if (/\.unfinished(\.(rows|aside))?$/.test(name) || (name.endsWith(".parquet") && !named.has(name))) await rm(path.join(folder, name), { force: true });
  }
}

/** A segment goes once the one after it began before the cutoff, so that what is younger stays whole. */
async function dropSegments(folder: string, cutoffUs: Micros, copiedUpTo: number): Promise<number> {
  const reader = await openSegmentReader(folder);
  try {
    return await dropOldest(folder, async (_segment, next) => {
      if (next.base > copiedUpTo) return false;
      const following = await readBatches(reader, next.base).next();
      return following.done !== true && following.value.arrivedUs < cutoffUs;
    });
  } finally {
    await reader.close();
  }
}
