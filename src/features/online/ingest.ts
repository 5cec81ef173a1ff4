import type { SourceDefinition } from "../../data/source.ts";
import { KarkhanaError, toErrorRecord } from "../../kernel/error.ts";
import type { ErrorCode } from "../../kernel/error-catalogue.ts";
import type { KeyValue, KeyValueStore } from "../../storage/kv/port.ts";
import type { ViewPlan } from "../view-plan.ts";
import { KeyRows, type Writes } from "./key-rows.ts";
import { producerKey } from "./keys.ts";
import { rowReader, type RowReader, type SourceRow } from "./source-rows.ts";

export interface RejectedRow {
  /** Position in the batch. */
  readonly index: number;
  readonly code: ErrorCode;
  readonly message: string;
}

export interface Taken extends Writes {
  readonly rejected: readonly RejectedRow[];
}

/** How often a batch is put together again because blocks it read were replaced meanwhile: a sign of a second writer. */
const maxAttempts = 3;

/** A source and the views over it: turns rows into the writes that add them. */
export class SourceIngest {
  readonly source: SourceDefinition;
  readonly #store: KeyValueStore;
  readonly #plans: readonly ViewPlan[];
  readonly #readRow: RowReader;
  readonly #slackUs: number;

  constructor(store: KeyValueStore, source: SourceDefinition, plans: readonly ViewPlan[], slackUs: number) {
    this.source = source;
    this.#store = store;
    this.#plans = plans;
    this.#slackUs = slackUs;
    this.#readRow = rowReader(source, plans);
  }

  /** How far before the newest event rows are still read. */
  get retentionUs(): number {
    return Math.max(0, ...this.#plans.map((plan) => plan.windowsUs.at(-1)!)) + this.#slackUs;
  }

  async lastSequence(producer: string): Promise<number> {
    const value = await this.#store.get(producerKey(this.source.name, producer));
    return value === undefined ? -1 : new DataView(value.buffer, value.byteOffset, value.byteLength).getFloat64(0);
  }

  sequencePut(producer: string, sequence: number): KeyValue {
    const value = new Uint8Array(8);
    new DataView(value.buffer).setFloat64(0, sequence);
    return { key: producerKey(this.source.name, producer), value };
  }

  /** Rows grouped by key first, so that each key's blocks are read and written once a batch. */
  async take(rows: readonly SourceRow[], sequence: number): Promise<Taken> {
    for (let attempt = 1; attempt <= maxAttempts; attempt++) {
      const taken = await this.#tryTake(rows, sequence);
      if (taken !== undefined) return taken;
    }
    throw new KarkhanaError("FEATURES_CHANGING", { view: this.#plans.map((plan) => plan.view.name).join(", "), attempts: maxAttempts });
  }

  async #tryTake(rows: readonly SourceRow[], sequence: number): Promise<Taken | undefined> {
    const rejected: RejectedRow[] = [];
    const groups = this.#group(rows, sequence, rejected);
    const keys = groups.map(({ headKey }) => headKey);
    const heads = keys.length === 0 ? [] : await this.#store.getMany(keys);
    const placed = groups.map((keyRows, i) => ({ keyRows, ...keyRows.place(heads[i]) }));
    const blockKeys = placed.flatMap(({ blocks }) => blocks);
    const blocks = blockKeys.length === 0 ? [] : await this.#store.getMany(blockKeys);
    const writes: Writes = { puts: [], deletes: [] };
    let next = 0;
    for (const { keyRows, blocks: asked, refused } of placed) {
      const own: Uint8Array[] = [];
      for (let i = 0; i < asked.length; i++) {
        const block = blocks[next++];
        if (block === undefined) return undefined;
        own.push(block);
      }
      const { plan } = keyRows;
      for (const { index, measure, value } of refused) {
        const error = new KarkhanaError("MEASURE_OUT_OF_RANGE", { view: plan.view.name, measure: plan.measures[measure]!.text, value });
        rejected.push({ index, code: error.code, message: error.message });
      }
      keyRows.finish(own, plan.windowsUs.at(-1)! + this.#slackUs, writes);
    }
    return { ...writes, rejected: rejected.sort((a, b) => a.index - b.index) };
  }

  #group(rows: readonly SourceRow[], sequence: number, rejected: RejectedRow[]): KeyRows[] {
    const groups = new Map<string, KeyRows>();
    for (const [index, raw] of rows.entries()) {
      let found: ReturnType<RowReader>;
      try {
        found = this.#readRow(raw, sequence);
      } catch (error) {
        const { code, message } = toErrorRecord(error);
        if (code !== "ROW_REFUSED" && code !== "MEASURE_OUT_OF_RANGE") throw error;
        rejected.push({ index, code, message });
        continue;
      }
      for (const { view, headKey, row } of found) {
        const name = Buffer.from(headKey.buffer, headKey.byteOffset, headKey.length).toString("latin1");
        let group = groups.get(name);
        if (group === undefined) groups.set(name, (group = new KeyRows(this.#plans[view]!, headKey)));
        group.add(row, index);
      }
    }
    return [...groups.values()];
  }
}
