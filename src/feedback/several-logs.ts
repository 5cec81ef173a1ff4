/**
 * Several logs, each with a writer of its own, read as one.
 *
 * While a folder holds one log, places are its offsets. Once there is a second, what the first holds keeps its places and everything after is
 * placed by time, then process, then sequence, among what is there when a reader meets it. That order is written down (`log-order.ts`) before
 * anybody is given a place by it, under a lock, so that a place means the same record to every reader for ever: each keeps one number, and
 * whatever the number of processes was at each start, everything is read once.
 *
 *   one log ──a second appears──> first page: what the first log holds ──> a page for whatever is new, by whichever reader meets it first
 */
import { access } from "node:fs/promises";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { codeOf, KarkhanaError } from "../kernel/error.ts";
import { listSegments } from "../storage/segments/folder.ts";
import { openSegmentReader, openSegmentWriter } from "../storage/segments/log.ts";
import type { SegmentReader, SegmentRecord } from "../storage/segments/port.ts";
import { orderFolderOf, otherLogs, type LogKind } from "./log-folders.ts";
import { decodePage, encodePage, firstKept, mergeByTime, pageEnds, stretchOf, type Arrivals, type OrderPage } from "./log-order.ts";

/** Small segments: whoever adds a page reads the newest one through first. */
const orderSegmentBytes = 4 * 1024 * 1024;
/** New records of each log that are looked at for one page. */
const arrivalsRead = 8192;
const pagesAhead = 16;
const pagesKept = 24;
const lockedWaitMs = 5;
const maxLockedMs = 30_000;
/** The log of process 0, which lies in the folder itself. */
const first = "";

export interface SeveralLogsOptions {
  readonly kind: LogKind;
  /** When a record was written, in any unit that grows. */
  readonly timeOf: (payload: Uint8Array) => number;
  readonly arrivalsRead?: number;
  readonly orderSegmentBytes?: number;
}

/** Opens all logs of a kind under `folder` for reading, whichever there are and will be, in any process, while their writers go on. */
export async function openSeveralLogs(folder: string, options: SeveralLogsOptions): Promise<SegmentReader> {
  const order = await openSegmentReader(orderFolderOf(folder, options.kind));
  return new SeveralLogs(folder, options, order);
}

/** A page that is no longer in the order's log. */
class PageGone extends KarkhanaError {
  constructor(index: number) {
    super("FEEDBACK_RECORD_CORRUPT", { kind: "order page", problem: `page ${index} is gone` });
  }
}

class SeveralLogs implements SegmentReader {
  readonly #folder: string;
  readonly #orderFolder: string;
  readonly #kind: LogKind;
  readonly #timeOf: (payload: Uint8Array) => number;
  readonly #arrivalsRead: number;
  readonly #orderSegmentBytes: number;
  readonly #order: SegmentReader;
  readonly #reading = new Map<string, SegmentReader>();
  /** Apart from those that consumers read by, which would lose their place in the file. */
  readonly #placing = new Map<string, SegmentReader>();
  #isOrdered = false;
  #numPages = 0;
  /** The oldest there is, as far as this reader met it: older ones were dropped with the records they place. */
  #firstPage = 0;
  /** The one that was read last: whoever reads on goes on there. */
  #lastPage = 0;
  /** Places given so far. */
  #end = 0;
  /** Offset of each log's first record without a place. */
  #placed = new Map<string, number>();
  readonly #pages = new Map<number, OrderPage>();
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(folder: string, options: SeveralLogsOptions, order: SegmentReader) {
    const { kind, timeOf } = options;
    this.#folder = folder;
    this.#orderFolder = orderFolderOf(folder, kind);
    this.#kind = kind;
    this.#timeOf = timeOf;
    this.#arrivalsRead = options.arrivalsRead ?? arrivalsRead;
    this.#orderSegmentBytes = options.orderSegmentBytes ?? orderSegmentBytes;
    this.#order = order;
  }

  read(from: number, limit: number): Promise<SegmentRecord[]> {
    return this.#inTurn(async () => {
      if (limit <= 0) return [];
      for (let isWhole = false; ;) {
        const records = this.#isOrdered ? await this.#readPlaces(from, limit) : await this.#readAlone(from, limit);
        if (records === undefined) continue;
        if (records.length === limit || isWhole || !(await this.#placeNew())) return records;
        isWhole = true;
      }
    });
  }

  endOffset(): Promise<number> {
    return this.#inTurn(async () => {
      for (;;) {
        await this.#placeNew();
        if (this.#isOrdered) return this.#end;
        const end = await (await this.#log(first, this.#placing)).endOffset();
        if (!(await this.#hasOrder())) return end;
      }
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#last;
    for (const log of [this.#order, ...this.#reading.values(), ...this.#placing.values()]) await log.close();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(new KarkhanaError("STORAGE_CLOSED", { store: this.#folder }));
    const result = this.#last.then(work);
    this.#last = result.catch(() => {});
    return result;
  }

  async #log(name: string, among: Map<string, SegmentReader>): Promise<SegmentReader> {
    let log = among.get(name);
    if (log === undefined) among.set(name, (log = await openSegmentReader(path.join(this.#folder, name, this.#kind))));
    return log;
  }

  /**
   * Undefined if an order came into being meanwhile. Looked for after the reading: who makes the order does so before it looks where the
   * first log ends, so what was read while there was none keeps its places.
   */
  async #readAlone(from: number, limit: number): Promise<SegmentRecord[] | undefined> {
    const records = await (await this.#log(first, this.#reading)).read(from, limit);
    return (await this.#hasOrder()) ? undefined : records;
  }

  async #hasOrder(): Promise<boolean> {
    if (this.#isOrdered) return true;
    const isThere = await access(this.#orderFolder).then(
      () => true,
      () => false,
    );
    if (isThere) await this.#readPages();
    return isThere;
  }

  async #readPlaces(from: number, limit: number): Promise<SegmentRecord[]> {
    const found: SegmentRecord[] = [];
    for (let place = from; found.length < limit && place < this.#end;) {
      const { at, reads, turns } = await this.#stretch(place, Math.min(limit - found.length, this.#end - place));
      place = at;
      const before = found.length;
      const rows = new Map<string, { readonly records: SegmentRecord[]; offset: number; next: number }>();
      for (const [name, { from: offset, count }] of reads) {
        rows.set(name, { records: await (await this.#log(name, this.#reading)).read(offset, count), offset, next: 0 });
      }
      for (const [i, name] of turns.entries()) {
        const row = rows.get(name)!;
        const record = row.records[row.next];
        // A log whose oldest segments were taken away has nothing at their places.
        if (record?.offset === row.offset) {
          found.push({ offset: place + i, payload: record.payload });
          row.next++;
        }
        row.offset++;
      }
      place += turns.length;
      if (found.length === before) place = await this.#nextKept(place);
    }
    return found;
  }

  /** The first place from there on whose record was not dropped with the oldest of its log, so that what is gone is not walked through. */
  async #nextKept(from: number): Promise<number> {
    const starts = new Map<string, number>();
    for (let place = from; place < this.#end;) {
      const page = await this.#pageOf(place);
      for (const [name] of page.logs) if (!starts.has(name)) starts.set(name, await this.#startOf(name));
      const kept = firstKept(page, Math.max(0, place - page.at), starts);
      if (kept !== undefined) return page.at + kept;
      place = page.at + page.count;
    }
    return this.#end;
  }

  /** Offset of the oldest record that a log still has; one that is gone altogether has none. */
  async #startOf(name: string): Promise<number> {
    const [oldest] = await listSegments(path.join(this.#folder, name, this.#kind));
    return oldest?.base ?? Number.POSITIVE_INFINITY;
  }

  /**
   * What to read of each log for `take` places or fewer, over as many pages as they lie on: each log is then read once.
   * @param from later, as `at`, where the pages of that place are gone
   */
  async #stretch(
    from: number,
    take: number,
  ): Promise<{
    readonly at: number;
    readonly reads: ReadonlyMap<string, { readonly from: number; readonly count: number }>;
    readonly turns: readonly string[];
  }> {
    const reads = new Map<string, { readonly from: number; count: number }>();
    const turns: string[] = [];
    let at = from;
    while (turns.length < take && at + turns.length < this.#end) {
      const page = await this.#pageOf(at + turns.length);
      if (turns.length === 0) at = Math.max(at, page.at);
      const skip = at + turns.length - page.at;
      const stretch = stretchOf(page, skip, Math.min(take - turns.length, page.count - skip));
      const used = stretch.reads.filter(({ count }) => count > 0);
      // A log that goes on further ahead than it ended, since its oldest segments were taken away meanwhile, is read apart.
      if (used.some(({ name, from }) => (reads.get(name)?.from ?? from) + (reads.get(name)?.count ?? 0) !== from)) break;
      for (const { name, from, count } of used) {
        const read = reads.get(name);
        if (read === undefined) reads.set(name, { from, count });
        else read.count += count;
      }
      for (const turn of stretch.turns) turns.push(stretch.reads[turn]!.name);
    }
    return { at, reads, turns };
  }

  /** The page that holds a place; the oldest there is for a place whose page was dropped. */
  async #pageOf(place: number): Promise<OrderPage> {
    for (;;) {
      try {
        return await this.#findPage(place);
      } catch (error) {
        if (!(error instanceof PageGone)) throw error;
        const [oldest] = await this.#order.read(0, 1);
        if (oldest === undefined || oldest.offset <= this.#firstPage) throw error;
        this.#firstPage = oldest.offset;
        this.#lastPage = Math.max(this.#lastPage, oldest.offset);
      }
    }
  }

  async #findPage(place: number): Promise<OrderPage> {
    const holds = (page: OrderPage | undefined): boolean => page !== undefined && page.at <= place && place < page.at + page.count;
    for (const index of [this.#lastPage, this.#lastPage + 1]) {
      if (index >= this.#numPages) continue;
      const page = await this.#pageAt(index, index > this.#lastPage ? pagesAhead : 1);
      if (!holds(page)) continue;
      this.#lastPage = index;
      return page;
    }
    // From the end in growing steps, since most who look anew look at what is new.
    let [low, high] = [this.#numPages - 1, this.#numPages - 1];
    const oldest = this.#firstPage;
    for (let step = 1; low > oldest && (await this.#pageAt(low)).at > place; step *= 2) [low, high] = [Math.max(oldest, low - step), low - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((await this.#pageAt(middle)).at <= place) low = middle;
      else high = middle - 1;
    }
    this.#lastPage = low;
    return this.#pageAt(low);
  }

  /** @param ahead how many to read from there on, for those that follow */
  async #pageAt(index: number, ahead = 1): Promise<OrderPage> {
    const known = this.#pages.get(index);
    if (known !== undefined) return known;
    for (const { offset, payload } of await this.#order.read(index, ahead)) {
      if (this.#pages.size >= pagesKept) this.#pages.delete([...this.#pages.keys()][0]!);
      this.#pages.set(offset, decodePage(payload));
    }
    const page = this.#pages.get(index);
    if (page === undefined) throw new PageGone(index);
    return page;
  }

  /** Takes over pages that are new; true if there were any. The last one says where everything ends, so a long order costs no more than a short one. */
  async #readPages(): Promise<boolean> {
    this.#isOrdered = true;
    const numPages = await this.#order.endOffset();
    if (numPages === this.#numPages) return false;
    const last = await this.#pageAt(numPages - 1);
    this.#numPages = numPages;
    this.#end = last.at + last.count;
    this.#placed = pageEnds(last);
    return true;
  }

  /** Gives a place to every record that is there now; true if there are places that this reader did not know. */
  async #placeNew(): Promise<boolean> {
    const others = await otherLogs(this.#folder, this.#kind);
    if (others.length === 0 && !(await this.#hasOrder())) return false;
    const before = this.#isOrdered ? this.#end : -1;
    if (this.#isOrdered) await this.#readPages();
    const ends = new Map<string, number>();
    for (const name of [first, ...others]) {
      const end = await (await this.#log(name, this.#placing)).endOffset();
      // Of a log that holds nothing any more nothing is to be placed, whatever it once held.
      ends.set(name, end > (await this.#startOf(name)) ? end : 0);
    }
    let lockedMs = 0;
    while (!this.#isOrdered || [...ends].some(([name, end]) => (this.#placed.get(name) ?? 0) < end)) {
      try {
        if (!(await this.#addPage(ends))) break;
      } catch (error) {
        // Another reader is adding one, which may be all that was to be done.
        if (codeOf(error) !== "FOLDER_LOCKED" || lockedMs >= maxLockedMs) throw error;
        await wait(lockedWaitMs);
        lockedMs += lockedWaitMs;
        await this.#readPages();
      }
    }
    return this.#end > before;
  }

  /** False if there is nothing to place after all: it was placed by another reader, or dropped. */
  async #addPage(ends: ReadonlyMap<string, number>): Promise<boolean> {
    // On disk before anybody is given a place by it.
    const writer = await openSegmentWriter(this.#orderFolder, { maxSegmentBytes: this.#orderSegmentBytes, fsyncIntervalMs: 0 });
    try {
      await this.#readPages();
      const page = this.#numPages === 0 ? await this.#pageOfFirst(ends) : await this.#nextPage(ends);
      if (page === undefined) return false;
      await writer.append([encodePage(page)]);
    } finally {
      await writer.close();
    }
    await this.#readPages();
    return true;
  }

  async #pageOfFirst(ends: ReadonlyMap<string, number>): Promise<OrderPage | undefined> {
    const count = await (await this.#log(first, this.#placing)).endOffset();
    return count === 0 ? this.#nextPage(ends) : { at: 0, count, logs: [[first, 0]], runs: [0, count] };
  }

  async #nextPage(ends: ReadonlyMap<string, number>): Promise<OrderPage | undefined> {
    const names = [...new Set([...this.#placed.keys(), ...ends.keys()])];
    const logs: [name: string, from: number][] = [];
    const arrivals: Arrivals[] = [];
    for (const name of names) {
      const placed = this.#placed.get(name) ?? 0;
      const end = ends.get(name) ?? placed;
      const records = end <= placed ? [] : await (await this.#log(name, this.#placing)).read(placed, Math.min(this.#arrivalsRead, end - placed));
      // Later than what was placed last where the oldest segments were taken away.
      const from = records[0]?.offset ?? Math.max(placed, end);
      logs.push([name, from]);
      arrivals.push({ times: records.map(({ payload }) => this.#timeOf(payload)), isAll: from + records.length >= end });
    }
    const { runs, count } = mergeByTime(arrivals);
    return count === 0 ? undefined : { at: this.#end, count, logs, runs };
  }
}
