import type { Micros } from "../kernel/clock.ts";
import { FeedbackJoin } from "../feedback/join.ts";
import type { FeedbackReader } from "../feedback/log.ts";
import { isPrediction, type PredictionRecord } from "../feedback/prediction.ts";
import type { MonitorPolicy } from "../project/definition.ts";
import type { MonitorLimits } from "./limits.ts";
import { createMonitor, type LogPosition, type Monitor, type MonitorEvent } from "./monitor.ts";
import type { ReferenceProfile } from "./profile.ts";
import type { MonitoringStore } from "./store.ts";

export interface MonitorConsumerOptions {
  readonly model: string;
  readonly policy: MonitorPolicy;
  readonly limits?: Partial<MonitorLimits>;
  readonly reader: Pick<FeedbackReader, "predictions" | "labels" | "ends">;
  readonly store: MonitoringStore;
  /** Reads a version's `profile.json`; undefined if it has none. */
  readonly loadProfile: (version: number) => Promise<ReferenceProfile | undefined>;
  /** Records read at a time. */
  readonly batchSize?: number;
}

export interface MonitorConsumer {
  /** Reads both logs to their present ends. Safe to call at any time; it closes nothing. */
  poll(): Promise<LogPosition>;
  /**
   * Polls, then closes what ends by `watermarkUs` and commits it. The caller promises that everything asked, and every label known, before
   * the watermark is in the logs by now: the replay's clock, or the present less the time a request may take.
   * @returns what was closed, raised and resolved, after it is on disk
   */
  advance(watermarkUs: Micros): Promise<MonitorEvent[]>;
  /**
   * The same for traffic of the present, `watermarkUs` being a moment ago: does nothing for a model that was asked nothing since its history
   * was replayed, and takes the gap between that history and now for no outage (`Monitor.goLive`).
   */
  advanceLive(watermarkUs: Micros): Promise<MonitorEvent[]>;
  /** Next offsets to read; undefined before the first call. */
  position(): LogPosition | undefined;
}

/**
 * Tails the prediction and label logs of one model into a monitor. One consumer a model; calls are queued.
 *
 * After a crash, or any error, nothing of the memory is trusted: the next call starts from the stored state, reads the logs again from
 * `rebuildFrom` and arrives at the same windows. That state is written in the transaction of the windows it follows from.
 */
export function createMonitorConsumer(options: MonitorConsumerOptions): MonitorConsumer {
  return new LogConsumer(options);
}

const defaultBatch = 4096;

interface Session {
  readonly monitor: Monitor;
  readonly join: FeedbackJoin;
  readonly startLabels: number;
  revision: number;
  predictions: number;
  labels: number;
}

class LogConsumer implements MonitorConsumer {
  readonly #options: MonitorConsumerOptions;
  readonly #profiles = new Map<number, ReferenceProfile | undefined>();
  #session: Session | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: MonitorConsumerOptions) {
    this.#options = options;
  }

  poll(): Promise<LogPosition> {
    return this.#queued(async (session) => {
      await this.#read(session);
      return { predictions: session.predictions, labels: session.labels };
    });
  }

  advance(watermarkUs: Micros): Promise<MonitorEvent[]> {
    return this.#queued(async (session) => {
      await this.#read(session);
      return this.#close(session, watermarkUs);
    });
  }

  advanceLive(watermarkUs: Micros): Promise<MonitorEvent[]> {
    return this.#queued(async (session) => {
      await this.#read(session);
      return session.monitor.goLive() ? this.#close(session, watermarkUs) : [];
    });
  }

  position(): LogPosition | undefined {
    return this.#session === undefined ? undefined : { predictions: this.#session.predictions, labels: this.#session.labels };
  }

  async #close(session: Session, watermarkUs: Micros): Promise<MonitorEvent[]> {
    const events = session.monitor.advance(watermarkUs);
    session.join.advanceTo(watermarkUs);
    if (events.length > 0) {
      const state = session.monitor.state({ predictions: session.predictions, labels: session.labels });
      session.revision = await this.#options.store.commit(this.#options.model, session.revision, events, state);
    }
    return events;
  }

  #queued<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const run = this.#last.then(async () => {
      try {
        this.#session ??= await this.#start();
        return await work(this.#session);
      } catch (error) {
        // The monitor may be ahead of what is stored.
        this.#session = undefined;
        throw error;
      }
    });
    this.#last = run.catch(() => undefined);
    return run;
  }

  async #start(): Promise<Session> {
    const { model, policy, limits, store } = this.#options;
    const saved = await store.loadState(model);
    const monitor = createMonitor({
      model,
      policy,
      profile: (version) => this.#profiles.get(version),
      ...(limits === undefined ? {} : { limits }),
      ...(saved === undefined ? {} : { startState: saved.state }),
    });
    const from = saved?.state.rebuildFrom ?? { predictions: 0, labels: 0 };
    // A question is held until its window of outcomes has closed.
    const join = new FeedbackJoin(monitor.windowUs + monitor.limits.maturityUs);
    return { monitor, join, startLabels: from.labels, revision: saved?.revision ?? 0, predictions: from.predictions, labels: from.labels };
  }

  /**
   * The end of the labels is taken first, and predictions are read to their end after it: a label is only accepted once its prediction is
   * logged, so no label up to that end is read before its prediction. Then the order of reading cannot change what is counted.
   */
  async #read(session: Session): Promise<void> {
    const { reader, batchSize = defaultBatch } = this.#options;
    const { labels: labelsEnd } = await reader.ends();
    for (;;) {
      const batch = await reader.predictions(session.predictions, batchSize);
      for (const { record } of batch) if (record.model === this.#options.model && !this.#profiles.has(record.version)) await this.#loadProfile(record.version);
      for (const { offset, record } of batch) this.#observe(session, record, offset);
      session.predictions = nextOffset(batch, session.predictions);
      if (batch.length < batchSize) break;
    }
    while (session.labels < labelsEnd) {
      const batch = await reader.labels(session.labels, Math.min(batchSize, labelsEnd - session.labels));
      // Where the oldest are gone from the log, what is read may reach beyond.
      const before = batch.filter(({ offset }) => offset < labelsEnd);
      for (const { offset, record } of before) {
        if (record.model !== this.#options.model) continue;
        for (const matured of session.join.addLabel(record)) session.monitor.observeMatured(matured, offset);
      }
      session.labels = before.length < batch.length || batch.length === 0 ? labelsEnd : nextOffset(batch, session.labels);
    }
  }

  #observe(session: Session, record: PredictionRecord, offset: number): void {
    if (record.model !== this.#options.model || !isPrediction(record)) return;
    // A day replayed after a crash asks its questions again: windows count what was asked, not how often.
    if (session.join.holds(record)) return;
    if (!session.monitor.observePrediction(record, offset)) return;
    // Vectors and fields are counted already: what waits for a label is kept small.
    const slim: PredictionRecord = { ...record, vector: noVector, fields: noFields };
    for (const matured of session.join.addPrediction(slim)) session.monitor.observeMatured(matured, session.startLabels);
  }

  async #loadProfile(version: number): Promise<void> {
    this.#profiles.set(version, await this.#options.loadProfile(version));
  }
}

const noVector = new Float64Array(0);
const noFields: PredictionRecord["fields"] = {};

function nextOffset(batch: readonly { readonly offset: number }[], before: number): number {
  const last = batch.at(-1);
  return last === undefined ? before : last.offset + 1;
}
