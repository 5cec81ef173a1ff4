import { access, type FileHandle, open } from "node:fs/promises";
import { KarkhanaError } from "../../kernel/error.ts";
import { errnoOf } from "../errno.ts";
import { corrupt, listSegments, type SegmentFile } from "./folder.ts";
import type { SegmentReader, SegmentRecord } from "./port.ts";
import { SegmentScan } from "./scan.ts";

// A seek starts at the nearest mark, one every so many bytes, among those met so far.
const MARK_BYTES = 1024 * 1024;

/**
 * Opens the log in `folder` for reading; the folder may come into being later. Sequential reads (each from where the last one ended)
 * cost one file read per MiB. Payloads are views of those MiBs: copy what you keep for long.
 */
export async function openSegmentReader(folder: string): Promise<SegmentReader> {
  const reading = new LogCursor(folder);
  const measuring = new LogCursor(folder);
  let last: Promise<unknown> = Promise.resolve();
  let closed = false;
  // One call at a time: a cursor has one position.
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    if (closed) return Promise.reject(new KarkhanaError("STORAGE_CLOSED", { store: folder }));
    const result = last.then(work);
    last = result.catch(() => {});
    return result;
  };
  return {
    read: (from, limit) =>
      inTurn(async () => {
        const records: SegmentRecord[] = [];
        if (limit <= 0 || !(await reading.seek(from))) return records;
        while (records.length < limit) {
          const payload = reading.take() ?? (await reading.next());
          if (payload === undefined) break;
          // Asked afterwards: where segments were dropped meanwhile, the record is a later one than was next before.
          const offset = reading.offset - 1;
          if (offset >= from) records.push({ offset, payload });
        }
        return records;
      }),
    endOffset: () =>
      inTurn(async () => {
        await measuring.seekNewest();
        while ((measuring.take() ?? (await measuring.next())) !== undefined);
        return measuring.offset;
      }),
    close: async () => {
      if (closed) return;
      closed = true;
      await last;
      await reading.close();
      await measuring.close();
    },
  };
}

async function isThere(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

/** A position between two records of the log, that moves forward over segments. */
class LogCursor {
  readonly #folder: string;
  readonly #marks: Map<number, { offset: number; position: number }[]> = new Map();
  #segment: SegmentFile | undefined;
  #handle: FileHandle | undefined;
  #scan: SegmentScan | undefined;
  #offset = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Offset of the record that `next` would give. */
  get offset(): number {
    return this.#offset;
  }

  take(): Buffer | undefined {
    const payload = this.#scan?.take();
    if (payload !== undefined) this.#advance();
    return payload;
  }

  async next(): Promise<Buffer | undefined> {
    for (;;) {
      if (this.#scan === undefined || this.#segment === undefined) return undefined;
      let payload = await this.#scan.next();
      if (payload === undefined) {
        const { base } = this.#segment;
        const following = (await listSegments(this.#folder)).find((segment) => segment.base > base);
        if (following === undefined) return undefined;
        // The writer may have added to this segment before it began the following one.
        payload = await this.#scan.next();
        if (payload === undefined) {
          // Oldest first is how segments are dropped: if this one is there still, so was every one after it when they were listed.
          if (following.base !== this.#offset && (await isThere(this.#segment.path)))
            throw corrupt(this.#segment.path, this.#scan.position, `it ends at record ${this.#offset}, the following segment begins at ${following.base}`);
          // Dropped between listing and opening: whoever lists again finds the one that is oldest now.
          await this.#enter(following, following.base, 0);
          continue;
        }
      }
      this.#advance();
      return payload;
    }
  }

  /** Moves to record `from`, or to the first there is after it; false if the log ends before. */
  async seek(from: number): Promise<boolean> {
    while (this.#scan === undefined || from !== this.#offset) {
      const segments = await listSegments(this.#folder);
      const segment = segments.findLast((each) => each.base <= from) ?? segments[0];
      if (segment === undefined) return false;
      for (const base of this.#marks.keys()) if (base < segments[0]!.base) this.#marks.delete(base);
      const mark = this.#marks.get(segment.base)?.findLast((each) => each.offset <= from) ?? { offset: segment.base, position: 0 };
      const ahead = this.#segment?.base === segment.base && this.#offset <= from && this.#offset >= mark.offset;
      if (!ahead && !(await this.#enter(segment, mark.offset, mark.position))) continue;
      while (this.#offset < from) if ((this.take() ?? (await this.next())) === undefined) return false;
      break;
    }
    return true;
  }

  async seekNewest(): Promise<void> {
    for (;;) {
      const newest = (await listSegments(this.#folder)).at(-1);
      if (newest === undefined || newest.base === this.#segment?.base || (await this.#enter(newest, newest.base, 0))) return;
    }
  }

  async close(): Promise<void> {
    await this.#handle?.close();
    this.#handle = undefined;
    this.#scan = undefined;
  }

  /** False, and nothing is changed, if the segment was dropped since it was listed. */
  async #enter(segment: SegmentFile, offset: number, position: number): Promise<boolean> {
    let handle: FileHandle;
    try {
      handle = await open(segment.path, "r");
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return false;
      throw error;
    }
    await this.close();
    this.#handle = handle;
    this.#scan = new SegmentScan(segment.path, handle, position);
    this.#segment = segment;
    this.#offset = offset;
    return true;
  }

  #advance(): void {
    this.#offset++;
    const { base } = this.#segment!;
    const position = this.#scan!.position;
    let marks = this.#marks.get(base);
    if (marks === undefined) this.#marks.set(base, (marks = []));
    if (position >= (marks.at(-1)?.position ?? 0) + MARK_BYTES) marks.push({ offset: this.#offset, position });
  }
}
