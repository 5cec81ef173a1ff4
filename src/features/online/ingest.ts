import type { SourceDefinition } from "../../data/source.ts";
import { timingOf } from "../../data/timing.ts";
import type { ErrorCode } from "../../kernel/error-catalogue.ts";
import { KarkhanaError, toErrorRecord } from "../../kernel/error.ts";
import type { KeyValue, KeyValueStore } from "../../storage/kv/port.ts";
import type { ViewPlan } from "../view-plan.ts";
import { MEASURES } from "./blocks.ts";
import { FactVersions } from "./fact-versions.ts";
import { changesKept, encodeKeys } from "./changed-keys.ts";
import { IncomingRows } from "./incoming-rows.ts";
import { KeyGroups } from "./key-groups.ts";
import type { Folding, KeyRows, Placing, Writes } from "./key-rows.ts";
import { appliedOffsetOf, changesKey, isOfView, logKey, producerKey, writesKey } from "./keys.ts";
import { readMark } from "./marks.ts";
import type { PendingWrites } from "./pending-writes.ts";
import { SourceCounts, type SetAside } from "./source-counts.ts";
import { rowReader, type ReadRow, type RowReader, type RowSink, type SourceRow } from "./source-rows.ts";
import { TextIds } from "./text-ids.ts";
import type { ValueMemory } from "./value-memory.ts";
import { giveVectorIds, type WaitingVector } from "./vector-ids.ts";

export interface RejectedRow {
  /** Position in the batch. */
  readonly index: number;
  readonly code: ErrorCode;
  readonly message: string;
}

/** A text in a row that has no id yet. */
interface WaitingText {
  readonly text: string;
  readonly put: (id: number) => void;
}

export interface Taken extends Writes {
  readonly rejected: readonly RejectedRow[];
}

/** A batch gives the turn of the event loop back this often: whoever serves from this process must not wait for all of it. */
const rowsATurn = 250;
const keysATurn = 100;

/** Room behind a head for rows of the batches that are written with the one that makes it: few keys have more in one go. */
const spareRows = 8;

/** A writer that was stopped between reading and writing while others wrote this many batches would no longer be refused. */
export const claimsKept = 65_536;

export interface IngestStore {
  readonly store: KeyValueStore;
  /** The store with what was taken and is not written yet. */
  readonly pending: PendingWrites;
  /** Values that are taken lie in it. */
  readonly memory: ValueMemory;
}

/** A source and the views over it: turns rows into the writes that add them. */
export class SourceIngest {
  readonly source: SourceDefinition;
  readonly counts: SourceCounts;
  readonly #store: KeyValueStore;
  readonly #pending: PendingWrites;
  readonly #plans: readonly ViewPlan[];
  readonly #readRow: RowReader;
  readonly #slackUs: number;
  readonly #memory: ValueMemory;
  #spareRows = 0;
  readonly #texts: TextIds;
  readonly #versions: FactVersions;
  readonly #groups: readonly KeyGroups[];

  constructor({ store, pending, memory }: IngestStore, source: SourceDefinition, plans: readonly ViewPlan[], slackUs: number) {
    this.source = source;
    this.counts = new SourceCounts(store, source.name);
    this.#store = store;
    this.#pending = pending;
    this.#plans = plans;
    this.#slackUs = slackUs;
    this.#memory = memory;
    this.#readRow = rowReader(source, plans);
    this.#texts = new TextIds(pending);
    this.#versions = new FactVersions(pending, source.name);
    this.#groups = plans.map((plan) => new KeyGroups(plan, new IncomingRows(plan.measures.length)));
  }

  /** How far before the newest event rows are still read; Infinity if a feature looks at all of them. */
  get retentionUs(): number {
    return Math.max(0, ...this.#plans.map((plan) => plan.reachUs)) + this.#slackUs;
  }

  /** Batches written to the source so far. */
  async numWrites(): Promise<number> {
    const value = await this.#store.get(writesKey(this.source.name));
    return value === undefined ? 0 : floatOf(value);
  }

  /** Of two writers that have seen as many batches, one is told to look again. */
  claim(before: number): Uint8Array {
    return writesKey(this.source.name, before + 1);
  }

  /** What says that a batch was written. @param before how many were; @param isClaimed whether the write claims it */
  numWritten(before: number, isClaimed: boolean): Writes {
    const claimed = isClaimed ? [] : [{ key: this.claim(before), value: Buffer.alloc(0) }];
    const puts = [{ key: writesKey(this.source.name), value: bytesOf(before + 1) }, ...claimed];
    return { puts, deletes: [writesKey(this.source.name, before + 1 - claimsKept)] };
  }

  /** Which keys of views with embeddings the batch taken last changes: what a nearest-neighbour index must read again. Nothing where there are none. */
  changesWritten(before: number): Writes {
    const watched = this.#groups.filter(({ plan }) => plan.validSql.length > 0);
    if (watched.length === 0) return { puts: [], deletes: [] };
    const keys = watched.flatMap(({ touched }) => touched.map(({ headKey }) => headKey));
    return {
      puts: [{ key: changesKey(this.source.name, before + 1), value: encodeKeys(keys) }],
      deletes: [changesKey(this.source.name, before + 1 - changesKept)],
    };
  }

  async lastSequence(producer: string): Promise<number> {
    const value = await this.#store.get(producerKey(this.source.name, producer));
    return value === undefined ? -1 : floatOf(value);
  }

  sequencePut(producer: string, sequence: number): KeyValue {
    return { key: producerKey(this.source.name, producer), value: bytesOf(sequence) };
  }

  /** How far the log of pushed rows is applied: where the next batch begins. */
  async appliedOffset(): Promise<number> {
    return appliedOffsetOf(await this.#store.get(logKey(this.source.name)));
  }

  appliedOffsetPut(offset: number): KeyValue {
    return { key: logKey(this.source.name), value: bytesOf(offset) };
  }

  /** Rows grouped by key first, so that each key's blocks are read and written once a batch. What was taken before is written or pending. */
  async take(rows: readonly SourceRow[], sequence: number): Promise<Taken> {
    const rejected: RejectedRow[] = [];
    const aside: SetAside[] = [];
    const refuse = (index: number, code: ErrorCode, message: string): void => {
      rejected.push({ index, code, message });
      aside.push({ row: rows[index]!, code, message });
    };
    const read: ReadRow[] = [];
    const waiting: WaitingText[] = [];
    const vectors: WaitingVector[] = [];
    const wait = (plan: ViewPlan, headKey: Uint8Array, column: number, text: string, put: (id: number) => void): void => {
      if (plan.measures[column - MEASURES]?.kind === "vector") vectors.push({ headKey, viewHash: plan.hash, text, put });
      else waiting.push({ text, put });
    };
    for (const group of this.#groups) group.start();
    const sink: RowSink = {
      rows: this.#groups.map((group) => group.rows),
      take: (view, values, at, index, texts) => {
        const group = this.#groups[view]!;
        const { headKey } = group.add(values, at, index);
        if (texts.length === 0) return;
        for (const [place, text] of texts) wait(group.plan, headKey, place - at, text, (id) => (group.rows.floats[place] = id));
      },
    };
    for (let from = 0; from < rows.length; from += rowsATurn) {
      if (from > 0) await nextTurn();
      this.#readRows(rows, from, sequence, read, refuse, sink);
    }
    const versions = this.source.id === undefined ? [] : read.filter(({ fact, fate }) => fact !== undefined && fate !== "late" && fate !== "ahead");
    for (const { found } of this.source.id === undefined ? [] : read)
      for (const { view, headKey, texts, row } of found)
        for (const [place, text] of texts) wait(this.#plans[view]!, headKey, place, text, (id) => (row[place] = id));
    const puts = await this.#giveTextIds(waiting);
    if (vectors.length > 0) puts.push(...(await giveVectorIds(this.#pending, vectors)));
    const group = (view: number, headKey: Buffer, row: readonly number[], index: number): void => {
      const own = this.#groups[view]!;
      own.addTo(headKey, own.rows.add(row), index);
    };
    for (const { fact, found, index } of this.source.id === undefined ? [] : read)
      if (fact === undefined) for (const { view, headKey, row } of found) group(view, headKey, row, index);
    if (versions.length > 0) {
      const changed = await this.#versions.change(versions);
      for (const { headKey, row, index } of changed.rows) group(this.#viewOf(headKey), headKey, row, index);
      puts.push(...changed.puts);
    }
    const writes: Writes = { puts, deletes: [] };
    let [placed, behind] = [0, 0];
    for (const { touched, plan } of this.#groups) {
      const placing: Placing = {
        folding: await this.#foldingOf(plan),
        retainUs: plan.reachUs + this.#slackUs,
        memory: this.#memory,
        spareRows: this.#spareRows,
        heads: this.#pending.heads,
        writes,
      };
      for (let from = 0; from < touched.length; from += keysATurn) {
        if (placed >= keysATurn) {
          await nextTurn();
          placed = 0;
        }
        placed += Math.min(keysATurn, touched.length - from);
        await this.#place(touched.slice(from, from + keysATurn), placing, refuse);
      }
      for (const group of touched) behind += group.behind;
    }
    rejected.sort((a, b) => a.index - b.index);
    writes.puts.push(...this.counts.writes(await this.counts.counters(this.#pending), read, rejected, aside, behind));
    return { ...writes, rejected };
  }

  /**
   * What history may still be loaded must not find its place taken by tiles: nothing is folded before the view was filled once, and of a file
   * only what it was filled up to. Rows that are pushed are all there is of a pushed source.
   */
  async #foldingOf({ hash, tileUs }: ViewPlan): Promise<Folding | undefined> {
    if (tileUs === undefined) return undefined;
    const mark = await readMark(this.#pending, hash);
    if (mark === undefined) return undefined;
    const { latenessUs } = timingOf(this.source);
    return { beforeUs: this.source.format === "pushed" ? Number.POSITIVE_INFINITY : mark.untilUs - latenessUs, behindUs: this.#slackUs + latenessUs };
  }

  /** @throws FEATURES_CHANGING if another writer replaced blocks between the two reads */
  async #place(groups: readonly KeyRows[], placing: Placing, refuse: (index: number, code: ErrorCode, message: string) => void): Promise<void> {
    const waiting: { readonly keyRows: KeyRows; readonly blocks: number }[] = [];
    const blockKeys: Uint8Array[] = [];
    const asked: Uint8Array[] = [];
    for (let i = 0; i < groups.length; i++) if (groups[i]!.pendingHead === undefined) asked.push(groups[i]!.headKey);
    const found = asked.length === 0 ? [] : this.#store.getMany(asked);
    const heads = found instanceof Promise ? await found : found;
    let nextHead = 0;
    // Until the next await the heads are ours: most keys need nothing else.
    for (let i = 0; i < groups.length; i++) {
      const keyRows = groups[i]!;
      const head = keyRows.pendingHead ?? heads[nextHead++];
      if (keyRows.join(head, placing)) continue;
      const { plan } = keyRows;
      const { blocks, refused } = keyRows.place(head, placing);
      for (const { index, measure, value } of refused) {
        const error = new KarkhanaError("MEASURE_OUT_OF_RANGE", { view: plan.view.name, measure: plan.measures[measure]!.text, value });
        refuse(index, error.code, error.message);
      }
      if (blocks.length === 0) keyRows.finish([], placing);
      else {
        keyRows.keepHead();
        waiting.push({ keyRows, blocks: blocks.length });
        blockKeys.push(...blocks);
      }
    }
    const blocks = blockKeys.length === 0 ? [] : await this.#pending.getMany(blockKeys);
    let next = 0;
    for (const { keyRows, blocks: count } of waiting) {
      const own: Uint8Array[] = [];
      for (let i = 0; i < count; i++) {
        const block = blocks[next++];
        if (block === undefined) throw new KarkhanaError("FEATURES_CHANGING", { view: keyRows.plan.view.name, attempts: 1 });
        own.push(block);
      }
      keyRows.finish(own, placing);
    }
  }

  #readRows(
    rows: readonly SourceRow[],
    from: number,
    sequence: number,
    read: ReadRow[],
    refuse: (index: number, code: ErrorCode, message: string) => void,
    sink: RowSink,
  ): void {
    const isVersioned = this.source.id !== undefined;
    const to = Math.min(rows.length, from + rowsATurn);
    for (let index = from; index < to; index++) {
      try {
        const row = isVersioned ? this.#readRow(rows[index]!, sequence, index) : this.#readRow(rows[index]!, sequence, index, sink);
        if (row.fate === "keyless") throw new KarkhanaError("ROW_KEYLESS", { source: this.source.name });
        if (row.fate === "ahead")
          throw new KarkhanaError("ROW_REFUSED", { field: "eventTime", problem: `lies further ahead than ${this.source.ahead ?? ""}`, value: row.eventUs });
        read.push(row);
        if (row.problem !== undefined) refuse(index, row.problem.code, row.problem.message);
      } catch (error) {
        const { code, message } = toErrorRecord(error);
        if (code !== "ROW_REFUSED" && code !== "ROW_KEYLESS" && code !== "MEASURE_OUT_OF_RANGE") throw error;
        refuse(index, code, message);
      }
    }
  }

  /** Before batches that are written together: so many. */
  start(batches: number): void {
    this.#spareRows = batches > 1 ? spareRows : 0;
    for (const group of this.#groups) group.trim();
  }

  /** What was taken was not written. */
  forget(): void {
    this.#texts.forget();
  }

  async #giveTextIds(waiting: readonly WaitingText[]): Promise<KeyValue[]> {
    if (waiting.length === 0) return [];
    const { ids, puts } = await this.#texts.idsOf([...new Set(waiting.map(({ text }) => text))]);
    for (const { text, put } of waiting) put(ids.get(text)!);
    return [...puts];
  }

  #viewOf(headKey: Uint8Array): number {
    return this.#plans.findIndex((plan) => isOfView(headKey, plan.hash));
  }
}

/** Whoever waits for the event loop comes first. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function floatOf(value: Uint8Array): number {
  return new DataView(value.buffer, value.byteOffset, value.byteLength).getFloat64(0);
}

function bytesOf(number: number): Uint8Array {
  const value = new Uint8Array(8);
  new DataView(value.buffer).setFloat64(0, number);
  return value;
}
