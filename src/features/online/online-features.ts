import { sourceHash, type SourceDefinition } from "../../data/source.ts";
import type { Micros } from "../../kernel/clock.ts";
import { codeOf, KarkhanaError } from "../../kernel/error.ts";
import { MICROS_PER_DAY } from "../../kernel/time.ts";
import type { KeyValueStore } from "../../storage/kv/port.ts";
import { featureViewHash, slotsOf, type FeatureService, type FeatureViewDefinition } from "../definition.ts";
import { planView, type ViewPlan } from "../view-plan.ts";
import { SourceIngest, type RejectedRow } from "./ingest.ts";
import type { CategoryDictionary } from "../vector.ts";
import type { Writes } from "./key-rows.ts";
import type { LookupWatch } from "./lookup-watch.ts";
import { ViewsReader, type BatchFeatureReader, type FeatureReader, type ValuesReader } from "./reader.ts";
import type { QuarantinedRow, SourceCounters } from "./source-counts.ts";
import type { SourceRow } from "./source-rows.ts";
import { ValueMemory } from "./value-memory.ts";

export type { RejectedRow } from "./ingest.ts";
export type { BatchFeatureReader, FeatureReader, ValuesReader, ViewValues } from "./reader.ts";
export type { QuarantinedRow, SourceCounters } from "./source-counts.ts";
export type { SourceRow } from "./source-rows.ts";

export interface OnlineFeaturesOptions {
  readonly store: KeyValueStore;
  readonly views: readonly FeatureViewDefinition[];
  /** Sources that may be pushed although no view reads them. */
  readonly sources?: readonly SourceDefinition[];
  /** How far behind a key's newest event a question may be asked and still be exact; default two days. */
  readonly slackUs?: Micros;
  /** Told of every lookup; default nobody. */
  readonly watch?: LookupWatch;
}

/** Sequences of one producer grow; a batch that is not newer than the last applied is a retry. */
export interface BatchOrigin {
  readonly producer: string;
  readonly sequence: number;
  /** Where the batch after this one begins in the log of pushed rows; kept with the rows, so that a restart knows where to go on. */
  readonly logEnd?: number;
}

export interface IngestResult {
  /** False if this batch was applied before. */
  readonly applied: boolean;
  readonly rejected: readonly RejectedRow[];
}

/**
 * Features as of any time, over a key-value store.
 * Promises: a batch is in all views of its source or in none, together with its producer's sequence, once `ingest` resolves; a batch sent
 * again is applied once, whatever was killed in between. A read at t sees exactly the rows that count at t (`definition.ts`), however far
 * ahead of t the store already is, for t up to `slackUs` before a key's newest event. A row sent again with its `_row` counts once; with a
 * higher sequence it replaces what was sent before (same key, and event time in the same block: others are new rows). Where the source's
 * rows are versions, a version is named by its `_row` and never changes. A row that cannot be used is set aside and stops nothing.
 * Any number of processes write to a source and read: of two batches put together from the same blocks one is put together again.
 */
export interface OnlineFeatures {
  /** @throws INVALID_ARGUMENT for an unknown source or a sequence that is not a whole number; STORAGE errors with nothing applied */
  ingest(source: string, rows: readonly SourceRow[], batch: BatchOrigin): Promise<IngestResult>;
  /** Made once for a service, called for each question. @param dictionary codes of the categories that views give; without one they are NaN */
  reader(service: FeatureService, dictionary?: CategoryDictionary): FeatureReader;
  batchReader(service: FeatureService, dictionary?: CategoryDictionary): BatchFeatureReader;
  /** Values as they are (text, lists, null apart from NaN), with a status each. */
  valuesReader(service: FeatureService): ValuesReader;
  /** Adds rows of history: without producer and sequence, and never replacing a pushed row, so it may be done again at any time. */
  load(source: string, rows: readonly SourceRow[]): Promise<readonly RejectedRow[]>;
  /** How far before a time rows of a source are still read by questions asked then or later; Infinity if all are. @throws INVALID_ARGUMENT */
  retentionUs(source: string): Micros;
  /** The sequence of a producer's last batch; -1 before its first. @throws INVALID_ARGUMENT */
  appliedSequence(source: string, producer: string): Promise<number>;
  /** How far the log of pushed rows is applied: where the next batch begins; 0 before the first. @throws INVALID_ARGUMENT */
  appliedOffset(source: string): Promise<number>;
  /** What became of a source's rows. @throws INVALID_ARGUMENT */
  counters(source: string): Promise<SourceCounters>;
  /** The rows last set aside, with their reasons. @throws INVALID_ARGUMENT */
  quarantine(source: string): Promise<QuarantinedRow[]>;
}

/** What is to be written for a result; nothing if it stands already. */
interface Change<T> {
  readonly writes: Writes | undefined;
  readonly result: T;
}

/** Writers of other processes may come first this often in a row. */
const maxWriteAttempts = 100;

/** How far behind a key's newest event questions are answered exactly. */
export const defaultSlackUs: Micros = 2 * MICROS_PER_DAY;

/** Below every producer's: what was pushed is never replaced by what is loaded. */
const historySequence = -1;

/** @throws EXPRESSION_INVALID, INVALID_ARGUMENT for a definition that cannot be computed */
export function createOnlineFeatures(options: OnlineFeaturesOptions): OnlineFeatures {
  const { store, slackUs = defaultSlackUs, watch } = options;
  const plans = new Map<string, ViewPlan>();
  for (const view of options.views) plans.set(featureViewHash(view), planView(view));
  const sources = ingestsBySource(store, [...plans.values()], options.sources ?? [], slackUs);
  const sourceNamed = (name: string): SourceIngest => {
    const found = sources.get(name);
    if (found === undefined)
      throw new KarkhanaError("INVALID_ARGUMENT", {
        field: "source",
        problem: `no feature is computed from it; there are ${[...sources.keys()].join(", ")}`,
        value: name,
      });
    return found;
  };
  const planOf = (view: FeatureViewDefinition): ViewPlan => {
    const plan = plans.get(featureViewHash(view));
    if (plan === undefined)
      throw new KarkhanaError("INVALID_ARGUMENT", {
        field: "feature service",
        problem: "reads a view that is not kept online, or has changed since",
        value: view.name,
      });
    return plan;
  };
  // Read, change, write: one batch at a time, or two would start from the same blocks.
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = last.then(work);
    last = result.catch(() => undefined);
    return result;
  };
  // Writers in other processes are told apart by the source's count of batches, compared as the batch is written.
  const changing = async <T>(source: SourceIngest, work: () => Promise<Change<T>>, attempt = 1): Promise<T> => {
    const before = await source.numWrites();
    const { writes, result } = await work();
    if (writes === undefined) return result;
    try {
      const { claim, put, forgotten } = source.numWritten(before);
      const changes = source.changesWritten(before, writes);
      await store.write({ puts: [...writes.puts, put, ...changes.puts], deletes: [...writes.deletes, forgotten, ...changes.deletes], claim, isStill: true });
      return result;
    } catch (error) {
      if (codeOf(error) !== "WRITE_CONFLICT" || attempt >= maxWriteAttempts) throw error;
      return changing(source, work, attempt + 1);
    }
  };
  const ingest = (source: SourceIngest, rows: readonly SourceRow[], batch: BatchOrigin): Promise<IngestResult> =>
    changing<IngestResult>(source, async () => {
      if (batch.sequence <= (await source.lastSequence(batch.producer))) return { writes: undefined, result: { applied: false, rejected: [] } };
      const { puts, deletes, rejected } = await source.take(rows, batch.sequence);
      const logged = batch.logEnd === undefined ? [] : [source.appliedOffsetPut(batch.logEnd)];
      return { writes: { puts: [...puts, source.sequencePut(batch.producer, batch.sequence), ...logged], deletes }, result: { applied: true, rejected } };
    });
  return {
    ingest: async (name, rows, batch) => {
      const source = sourceNamed(name);
      if (!Number.isSafeInteger(batch.sequence) || batch.sequence < 0)
        throw new KarkhanaError("INVALID_ARGUMENT", { field: "sequence", problem: "expected a whole number from 0", value: batch.sequence });
      return inTurn(() => ingest(source, rows, batch));
    },
    reader: (service, dictionary = {}) => new ViewsReader(store, inputsOf(service), planOf, dictionary, watch).one,
    batchReader: (service, dictionary = {}) => new ViewsReader(store, inputsOf(service), planOf, dictionary, watch).many,
    valuesReader: (service) => new ViewsReader(store, service, planOf, {}, watch).values,
    load: async (name, rows) => {
      const source = sourceNamed(name);
      return inTurn(() =>
        changing<readonly RejectedRow[]>(source, async () => {
          const { puts, deletes, rejected } = await source.take(rows, historySequence);
          return { writes: { puts, deletes }, result: rejected };
        }),
      );
    },
    retentionUs: (name) => sourceNamed(name).retentionUs,
    appliedSequence: async (name, producer) => sourceNamed(name).lastSequence(producer),
    appliedOffset: async (name) => sourceNamed(name).appliedOffset(),
    counters: async (name) => sourceNamed(name).counts.counters(),
    quarantine: async (name) => sourceNamed(name).counts.quarantine(),
  };
}

/** A service without the views that no slot of its vector comes from: embeddings that no model reads. */
function inputsOf(service: FeatureService): FeatureService {
  return { ...service, features: service.features.filter((feature) => feature.kind !== "featureReference" || slotsOf(feature).length > 0) };
}

function ingestsBySource(store: KeyValueStore, plans: readonly ViewPlan[], others: readonly SourceDefinition[], slackUs: number): Map<string, SourceIngest> {
  const all = new Map<string, SourceDefinition>();
  for (const source of [...plans.map((plan) => plan.view.source), ...others]) {
    const same = all.get(source.name);
    if (same !== undefined && sourceHash(same) !== sourceHash(source))
      throw new KarkhanaError("INVALID_ARGUMENT", { field: "source", problem: "two different sources have this name", value: source.name });
    all.set(source.name, source);
  }
  const of = (source: SourceDefinition): ViewPlan[] => plans.filter((plan) => plan.view.source.name === source.name);
  // One for all: batches are taken and written one at a time.
  const memory = new ValueMemory();
  return new Map([...all.values()].map((source) => [source.name, new SourceIngest(store, source, of(source), slackUs, memory)]));
}
