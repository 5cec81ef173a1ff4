import { closeSync, fstatSync, fsync, fsyncSync, ftruncateSync, mkdirSync, openSync, writeSync } from "node:fs";
import { open } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { KarkhanaError } from "../../kernel/error.ts";
import { errnoOf } from "../errno.ts";
import { lockFolder, type FolderLock } from "../folder-lock.ts";
import { corrupt, listSegments, segmentPath } from "./folder.ts";
import type { SegmentWriter, SegmentWriterOptions } from "./port.ts";
import { encodeRecord, HEADER_BYTES, MAX_PAYLOAD_BYTES, MIN_PAYLOAD_BYTES } from "./record.ts";
import { SegmentScan } from "./scan.ts";

const DEFAULT_MAX_SEGMENT_BYTES = 64 * 1024 * 1024;
const DEFAULT_FSYNC_INTERVAL_MS = 100;
const fsyncLater = promisify(fsync);

/** How bytes get into the file: `fs.writeSync`, or a test's stand-in for a full disk. Returns how many it wrote. */
export type WriteBytes = (fd: number, bytes: Uint8Array, from: number, length: number, position: number) => number;

/**
 * Opens (creates) the log in `folder` for appending; cuts off a torn tail.
 * @throws FOLDER_LOCKED if another writer has it, SEGMENT_CORRUPT if its newest segment is damaged before the tail
 */
export async function openSegmentWriter(folder: string, options: SegmentWriterOptions = {}, write: WriteBytes = writeSync): Promise<SegmentWriter> {
  mkdirSync(folder, { recursive: true });
  const lock = lockFolder(path.join(folder, "writer.lock"));
  try {
    const newest = (await listSegments(folder)).at(-1);
    const end = newest === undefined ? { base: 0, records: 0, bytes: 0 } : { base: newest.base, ...(await findEnd(newest.path)) };
    const fd = openSync(segmentPath(folder, end.base), newest === undefined ? "wx+" : "r+");
    // Cut before anything is appended, and on disk before anything is acknowledged.
    if (fstatSync(fd).size > end.bytes) ftruncateSync(fd, end.bytes);
    fsyncSync(fd);
    syncFolderNow(folder);
    return new LogWriter(folder, options, write, lock, fd, end.base + end.records, end.bytes);
  } catch (error) {
    lock.release();
    throw error;
  }
}

interface Waiting {
  /** How many records of the batch come before this one's first. */
  readonly skip: number;
  readonly resolve: (offset: number) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Appends are encoded at once into one growing buffer; at the end of the event-loop turn it is written in one call and everybody in it
 * is answered. The write is synchronous on purpose: handing 20 microseconds of work to a thread costs more than doing it.
 */
class LogWriter implements SegmentWriter {
  readonly #folder: string;
  readonly #maxSegmentBytes: number;
  readonly #fsyncIntervalMs: number;
  readonly #write: WriteBytes;
  readonly #lock: FolderLock;
  #fd: number;
  /** Records in the files, and bytes in the newest. */
  #written: number;
  #segmentBytes: number;
  #batch: Buffer = Buffer.allocUnsafe(64 * 1024);
  #batchBytes = 0;
  #batchRecords = 0;
  #waiting: Waiting[] = [];
  #turnEnd: NodeJS.Immediate | undefined;
  #fsyncTimer: NodeJS.Timeout | undefined;
  #fsyncNext: Promise<void> | undefined;
  #fsyncLast: Promise<void> = Promise.resolve();
  #refusal: KarkhanaError | undefined;
  #closing: Promise<void> | undefined;

  constructor(folder: string, options: SegmentWriterOptions, write: WriteBytes, lock: FolderLock, fd: number, written: number, segmentBytes: number) {
    this.#folder = folder;
    this.#maxSegmentBytes = options.maxSegmentBytes ?? DEFAULT_MAX_SEGMENT_BYTES;
    this.#fsyncIntervalMs = options.fsyncIntervalMs ?? DEFAULT_FSYNC_INTERVAL_MS;
    this.#write = write;
    this.#lock = lock;
    this.#fd = fd;
    this.#written = written;
    this.#segmentBytes = segmentBytes;
  }

  get nextOffset(): number {
    return this.#written + this.#batchRecords;
  }

  append(records: readonly Uint8Array[]): Promise<number> {
    if (this.#refusal !== undefined) return Promise.reject(this.#refusal);
    let bytes = 0;
    for (const { length } of records) {
      if (length < MIN_PAYLOAD_BYTES || length > MAX_PAYLOAD_BYTES) {
        const problem = `a record has ${MIN_PAYLOAD_BYTES} to ${MAX_PAYLOAD_BYTES} bytes`;
        return Promise.reject(new KarkhanaError("INVALID_ARGUMENT", { field: "records", problem, value: `${length} bytes` }));
      }
      bytes += HEADER_BYTES + length;
    }
    if (records.length === 0) return Promise.resolve(this.nextOffset);
    this.#reserve(bytes);
    const skip = this.#batchRecords;
    for (const record of records) this.#batchBytes = encodeRecord(this.#batch, this.#batchBytes, record);
    this.#batchRecords += records.length;
    this.#turnEnd ??= setImmediate(() => this.#writeBatch());
    return new Promise((resolve, reject) => this.#waiting.push({ skip, resolve, reject }));
  }

  async flush(): Promise<void> {
    this.#writeBatch();
    await this.#fsync();
    if (this.#refusal !== undefined && this.#closing === undefined) throw this.#refusal;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    try {
      this.#writeBatch();
      this.#refusal ??= new KarkhanaError("STORAGE_CLOSED", { store: this.#folder });
      clearTimeout(this.#fsyncTimer);
      await this.#fsync();
    } finally {
      closeSync(this.#fd);
      this.#lock.release();
    }
  }

  #reserve(bytes: number): void {
    const needed = this.#batchBytes + bytes;
    if (needed <= this.#batch.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, 2 * this.#batch.length));
    this.#batch.copy(larger, 0, 0, this.#batchBytes);
    this.#batch = larger;
  }

  #writeBatch(): void {
    clearImmediate(this.#turnEnd);
    this.#turnEnd = undefined;
    if (this.#batchRecords === 0) return;
    const length = this.#batchBytes;
    const records = this.#batchRecords;
    const waiting = this.#waiting;
    const first = this.#written;
    this.#batchBytes = 0;
    this.#batchRecords = 0;
    this.#waiting = [];
    try {
      if (this.#refusal !== undefined) throw this.#refusal;
      if (this.#segmentBytes > 0 && this.#segmentBytes + length > this.#maxSegmentBytes) this.#startSegment();
      this.#writeWhole(length);
    } catch (error) {
      for (const { reject } of waiting) reject(error);
      return;
    }
    this.#segmentBytes += length;
    this.#written += records;
    const answer = (): void => {
      for (const { skip, resolve } of waiting) resolve(first + skip);
    };
    if (this.#fsyncIntervalMs > 0) {
      answer();
      this.#fsyncTimer ??= setTimeout(() => {
        this.#fsyncTimer = undefined;
        // A failure is kept in #refusal and told to the next append.
        this.#fsync().catch(() => {});
      }, this.#fsyncIntervalMs).unref();
    } else {
      this.#fsync().then(answer, (error: unknown) => {
        for (const { reject } of waiting) reject(error);
      });
    }
  }

  #writeWhole(length: number): void {
    try {
      for (let done = 0; done < length;) done += this.#write(this.#fd, this.#batch, done, length - done, this.#segmentBytes + done);
    } catch (error) {
      // Take back what did get in, or a later record would follow half of this one. If even that fails nothing more may be appended.
      try {
        ftruncateSync(this.#fd, this.#segmentBytes);
      } catch (cause) {
        this.#refuse(cause);
      }
      throw this.#describe(error);
    }
  }

  /**
   * The old segment is on disk before the new one exists: damage in the middle of the log can then never be a power cut's doing.
   * Synchronous, so nothing is written meanwhile; the timer has left little to flush.
   */
  #startSegment(): void {
    const old = this.#fd;
    try {
      fsyncSync(old);
      const file = segmentPath(this.#folder, this.#written);
      // A start that failed half-way (disk full) may have left the empty file.
      const fd = openSync(file, "a+");
      if (fstatSync(fd).size > 0) {
        closeSync(fd);
        throw corrupt(file, 0, "it exists before its first record was written");
      }
      closeSync(fd);
      this.#fd = openSync(file, "r+");
      syncFolderNow(this.#folder);
    } catch (error) {
      throw this.#describe(error);
    }
    this.#segmentBytes = 0;
    // Not before a running fsync of it has returned.
    this.#fsyncLast = this.#fsyncLast.then(() => closeSync(old));
  }

  /** Resolves when everything written before the call is on disk. One runs at a time; all who ask meanwhile share the next. */
  #fsync(): Promise<void> {
    this.#fsyncNext ??= this.#fsyncAfter(this.#fsyncLast);
    this.#fsyncLast = this.#fsyncNext.catch(() => {});
    return this.#fsyncNext;
  }

  async #fsyncAfter(previous: Promise<void>): Promise<void> {
    await previous;
    this.#fsyncNext = undefined;
    try {
      await fsyncLater(this.#fd);
    } catch (error) {
      // The kernel may have dropped the pages it could not write: a second fsync would lie. Only a restart finds out what is there.
      throw this.#refuse(error);
    }
  }

  #refuse(cause: unknown): KarkhanaError {
    this.#refusal = new KarkhanaError(
      "STORAGE_WRITE_FAILED",
      { path: this.#folder, problem: cause instanceof Error ? cause.message : String(cause) },
      { cause },
    );
    return this.#refusal;
  }

  #describe(error: unknown): unknown {
    if (error instanceof KarkhanaError) return error;
    const code = errnoOf(error);
    if (code === "ENOSPC" || code === "EDQUOT" || code === "EFBIG") return new KarkhanaError("DISK_FULL", { path: this.#folder }, { cause: error });
    const problem = error instanceof Error ? error.message : String(error);
    return new KarkhanaError("STORAGE_WRITE_FAILED", { path: this.#folder, problem }, { cause: error });
  }
}

/** How many whole records a segment holds, and the bytes they take. */
export async function findEnd(file: string): Promise<{ records: number; bytes: number }> {
  const handle = await open(file, "r");
  try {
    const scan = new SegmentScan(file, handle);
    let records = 0;
    while ((scan.take() ?? (await scan.next())) !== undefined) records++;
    return { records, bytes: scan.position };
  } finally {
    await handle.close();
  }
}

/** Puts a folder's entries on disk before it returns. */
export function syncFolderNow(folder: string): void {
  // Windows has no descriptor of a folder; its file system alone decides there.
  if (process.platform === "win32") return;
  const fd = openSync(folder, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
