import { sourceHash, type SourceDefinition } from "../../data/source.ts";
import type { Micros } from "../../kernel/clock.ts";
import { codeOf, KarkhanaError } from "../../kernel/error.ts";
import { MICROS_PER_DAY } from "../../kernel/time.ts";
import type { KeyValue, KeyValueStore } from "../../storage/kv/port.ts";
import { featureViewHash, slotsOf, type FeatureService, type FeatureViewDefinition } from "../definition.ts";
import { planView, type ViewPlan } from "../view-plan.ts";
import { nextTurn, SourceIngest, type IngestStore, type RejectedRow } from "./ingest.ts";
import type { CategoryDictionary } from "../vector.ts";
import type { Writes } from "./key-rows.ts";
import type { LookupWatch } from "./lookup-watch.ts";
import { ViewsReader, type BatchFeatureReader, type ColumnsReader, type FeatureReader, type ValuesReader } from "./reader.ts";
import type { QuarantinedRow, SourceCounters } from "./source-counts.ts";
import type { SourceRow } from "./source-rows.ts";
import { PendingWrites } from "./pending-writes.ts";
import { Together } from "./together.ts";
import { ValueMemory } from "./value-memory.ts";

export type { RejectedRow } from "./ingest.ts";
export type { BatchFeatureReader, ColumnsReader, FeatureReader, ValuesReader, ViewColumns } from "./reader.ts";
export type { QuarantinedRow, SourceCounters } from "./source-counts.ts";
export type { SourceRow } from "./source-rows.ts";

export interface OnlineFeaturesOptions {
  readonly store: KeyValueStore;
  readonly views: readonly FeatureViewDefinition[];
  /** Sources that may be pushed although no view reads them. */
  readonly sources?: readonly SourceDefinition[];
  /** How far behind a key's newest event a question may be asked and still be exact; default two days. */
  readonly slackUs?: Micros;
  /** Batches that wait are written together up to so many rows; default 2000, which whoever answers requests as well should not exceed. */
  readonly rowsTogether?: number;
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

/** A batch on its way in. */
export interface IngestBatch extends BatchOrigin {
  readonly rows: readonly SourceRow[];
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
 * ahead of t the store already is, for t up to `slackUs` before a key's newest event; vectors up to `slackUs` before the source's newest, since
 * those that were replaced before are removed (`release-vectors.ts`). A row sent again with its `_row` counts once; with a
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
  /** The same by feature, for answers of many questions. */
  columnsReader(service: FeatureService): ColumnsReader;
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

/** Features as they lie in the store, before anything is put in front of it. */
export interface OnlineState extends OnlineFeatures {
  /** Batches in their order as one: all are in, or none. @throws as `ingest` */
  readonly ingestAll: (source: string, batches: readonly IngestBatch[]) => Promise<readonly IngestResult[]>;
}

/** Takes a batch, to be written with those before it. @param also written with it @returns its rows that were set aside */
type Take = (rows: readonly SourceRow[], sequence: number, also: readonly KeyValue[]) => Promise<readonly RejectedRow[]>;

/** Writers of other processes may come first this often in a row ... */
const maxWriteAttempts = 100;
/** ... before a batch is written, or while it is put together: blocks it wants to read are gone. */
const comeFirst: ReadonlySet<string> = new Set(["WRITE_CONFLICT", "FEATURES_CHANGING"]);

/** Rows of waiting batches that are written together: what one long push has, so that no answer waits longer for many short ones. */
export const defaultRowsTogether = 2000;

/** Short batches that are taken together give the event loop back as often as a long one does; each costs as much as so many rows. */
const workATurn = 250;
const workABatch = 30;

/** How far behind a key's newest event questions are answered exactly. */
export const defaultSlackUs: Micros = 2 * MICROS_PER_DAY;

/** Below every producer's: what was pushed is never replaced by what is loaded. */
const historySequence = -1;

/** @throws EXPRESSION_INVALID, INVALID_ARGUMENT for a definition that cannot be computed */
export function createOnlineFeatures(options: OnlineFeaturesOptions): OnlineState {
  const { store, slackUs = defaultSlackUs, rowsTogether = defaultRowsTogether, watch } = options;
  const plans = new Map<string, ViewPlan>();
  for (const view of options.views) plans.set(featureViewHash(view), planView(view));
  const pending = new PendingWrites(store);
  const memory = new ValueMemory();
  const sources = ingestsBySource({ store, pending, memory }, [...plans.values()], options.sources ?? [], slackUs);
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
  const changing = async <T>(source: SourceIngest, batches: number, work: (take: Take) => Promise<T>, attempt = 1): Promise<T> => {
    pending.clear();
    memory.takeBack();
    source.start(batches);
    const before = await source.numWrites();
    const taken: Writes[] = [];
    let sinceTurn = 0;
    const take: Take = async (rows, sequence, also) => {
      // The next batch is put together from what this one leaves.
      if (taken.length > 0) pending.add(taken.at(-1)!);
      if (sinceTurn >= workATurn) {
        await nextTurn();
        sinceTurn = 0;
      }
      sinceTurn += rows.length + workABatch;
      const number = before + taken.length;
      const { puts, deletes, rejected } = await source.take(rows, sequence);
      const written = source.numWritten(number, taken.length === 0);
      const changes = source.changesWritten(number);
      taken.push({ puts: [...puts, ...also, ...written.puts, ...changes.puts], deletes: [...deletes, ...written.deletes, ...changes.deletes] });
      return rejected;
    };
    try {
      const result = await work(take);
      if (taken.length === 0) return result;
      if (taken.length > 1) {
        pending.add(taken.at(-1)!);
        await nextTurn();
      }
      const { puts, deletes } = taken.length > 1 ? pending.writes() : taken[0]!;
      await store.write({ puts: [...pending.headPuts(), ...puts], deletes, claim: source.claim(before), isStill: true });
      return result;
    } catch (error) {
      source.forget();
      if (!comeFirst.has(codeOf(error) ?? "") || attempt >= maxWriteAttempts) throw error;
      await nextTurn();
      return changing(source, batches, work, attempt + 1);
    }
  };
  const ingest = (source: SourceIngest, batches: readonly IngestBatch[]): Promise<readonly IngestResult[]> =>
    changing<readonly IngestResult[]>(source, batches.length, async (take) => {
      const results: IngestResult[] = [];
      const reached = new Map<string, number>();
      for (const { rows, producer, sequence, logEnd } of batches) {
        if (sequence <= (reached.get(producer) ?? (await source.lastSequence(producer)))) {
          results.push({ applied: false, rejected: [] });
          continue;
        }
        reached.set(producer, sequence);
        const logged = logEnd === undefined ? [] : [source.appliedOffsetPut(logEnd)];
        results.push({ applied: true, rejected: await take(rows, sequence, [source.sequencePut(producer, sequence), ...logged]) });
      }
      return results;
    });
  const together = new Map(
    [...sources].map(([name, source]) => [
      name,
      new Together((batches: readonly IngestBatch[]) => inTurn(() => ingest(source, batches)), { maxRows: rowsTogether, areApart: true }),
    ]),
  );
  const checkSequence = ({ sequence }: BatchOrigin): void => {
    if (Number.isSafeInteger(sequence) && sequence >= 0) return;
    throw new KarkhanaError("INVALID_ARGUMENT", { field: "sequence", problem: "expected a whole number from 0", value: sequence });
  };
  return {
    ingest: async (name, rows, batch) => {
      const { source } = sourceNamed(name);
      checkSequence(batch);
      return together.get(source.name)!.add({ ...batch, rows });
    },
    ingestAll: async (name, batches) => {
      const source = sourceNamed(name);
      for (const batch of batches) checkSequence(batch);
      return inTurn(() => ingest(source, batches));
    },
    reader: (service, dictionary = {}) => new ViewsReader(store, inputsOf(service), planOf, dictionary, watch).one,
    batchReader: (service, dictionary = {}) => new ViewsReader(store, inputsOf(service), planOf, dictionary, watch).many,
    valuesReader: (service) => new ViewsReader(store, service, planOf, {}, watch).values,
    columnsReader: (service) => new ViewsReader(store, service, planOf, {}, watch).columns,
    load: async (name, rows) => {
      const source = sourceNamed(name);
      return inTurn(() => changing(source, 1, (take) => take(rows, historySequence, [])));
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

function ingestsBySource(store: IngestStore, plans: readonly ViewPlan[], others: readonly SourceDefinition[], slackUs: number): Map<string, SourceIngest> {
  const all = new Map<string, SourceDefinition>();
  for (const source of [...plans.map((plan) => plan.view.source), ...others]) {
    const same = all.get(source.name);
    if (same !== undefined && sourceHash(same) !== sourceHash(source))
      throw new KarkhanaError("INVALID_ARGUMENT", { field: "source", problem: "two different sources have this name", value: source.name });
    all.set(source.name, source);
  }
  const of = (source: SourceDefinition): ViewPlan[] => plans.filter((plan) => plan.view.source.name === source.name);
  return new Map([...all.values()].map((source) => [source.name, new SourceIngest(store, source, of(source), slackUs)]));
}
