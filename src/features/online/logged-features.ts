import type { SourceDefinition } from "../../data/source.ts";
import type { Clock } from "../../kernel/clock.ts";
import { KarkhanaError } from "../../kernel/error.ts";
import { openSegmentReader, openSegmentWriter } from "../../storage/segments/log.ts";
import type { SegmentReader, SegmentWriter, SegmentWriterOptions } from "../../storage/segments/port.ts";
import { defaultRowsTogether, type IngestBatch, type IngestResult, type OnlineFeatures, type OnlineState, type SourceRow } from "./online-features.ts";
import { encodeBatch, fillerRecord, placeOf, pushLogFolder, readBatches, rowInLog, rowsARecord, type LoggedBatch } from "./push-log.ts";
import { Together } from "./together.ts";

export interface LoggedFeaturesOptions {
  readonly online: OnlineState;
  readonly sources: readonly SourceDefinition[];
  /** Folder of the logs of pushed rows, one folder a source. */
  readonly folder: string;
  readonly clock: Clock;
  readonly log?: SegmentWriterOptions;
}

export interface LoggedFeatures extends OnlineFeatures {
  close(): Promise<void>;
}

/**
 * Online features as a state derived from a log: a batch is appended before it is applied, and acknowledged once it is both. What the log has
 * and the store lacks (a crash in between, or an online store that is new) is applied before this resolves, in the log's order.
 * Promises beside those of `OnlineFeatures`: an acknowledged batch is in the log as `SegmentWriter` promises; a batch is in the log once,
 * however often it is sent. A batch that is in the log and could not be applied (the store was away) is applied before any later one.
 * One process a log.
 * @throws FOLDER_LOCKED, SEGMENT_CORRUPT, STORAGE_CORRUPT
 */
export async function openLoggedFeatures({ online, sources, folder, clock, log = {} }: LoggedFeaturesOptions): Promise<LoggedFeatures> {
  const logged = new Map<string, LoggedSource>();
  const close = async (): Promise<void> => {
    for (const source of logged.values()) await source.close();
  };
  try {
    for (const source of new Map(sources.map((one) => [one.name, one])).values()) {
      const own = pushLogFolder(folder, source.name);
      const writer = await openSegmentWriter(own, log);
      const one = new LoggedSource(online, source, writer, await openSegmentReader(own), clock);
      logged.set(source.name, one);
      await one.recover();
    }
  } catch (error) {
    await close();
    throw error;
  }
  // Nothing goes round the log.
  const { ingestAll: _, ...offered } = online;
  return {
    ...offered,
    ingest: async (name, rows, { producer, sequence }) => {
      const source = logged.get(name);
      // An unknown source is refused in the store's words.
      if (source === undefined) return online.ingest(name, rows, { producer, sequence });
      if (!Number.isSafeInteger(sequence) || sequence < 0)
        throw new KarkhanaError("INVALID_ARGUMENT", { field: "sequence", problem: "expected a whole number from 0", value: sequence });
      return source.ingest(rows, producer, sequence);
    },
    appliedSequence: async (name, producer) => {
      const source = logged.get(name);
      return source === undefined ? online.appliedSequence(name, producer) : source.lastSequence(producer);
    },
    close,
  };
}

/** Nobody waits for an answer before what the log has is applied. */
const rowsTogetherAtStart = 16_000;
const fillersAtOnce = 10_000;
/** Records read from the end of a log, and how many times more if no whole batch is among them. */
const tailRead = 64;

class LoggedSource {
  readonly #online: OnlineState;
  readonly #source: SourceDefinition;
  readonly #writer: SegmentWriter;
  readonly #reader: SegmentReader;
  readonly #clock: Clock;
  /** Highest sequence of each producer that is on its way into the log or the store. */
  readonly #underWay = new Map<string, { sequence: number; done: Promise<unknown> }>();
  /** Batches that are in the log, on their way into the store. None is written unless those before it are. */
  readonly #together: Together<LoggedBatch, IngestResult>;
  #admitting: Promise<unknown> = Promise.resolve();
  #logging: Promise<unknown> = Promise.resolve();
  #applying: Promise<unknown> = Promise.resolve();
  /** The store lacks batches that the log has: they come first. */
  #isBehind = false;
  #lastArrivedUs = 0;

  constructor(online: OnlineState, source: SourceDefinition, writer: SegmentWriter, reader: SegmentReader, clock: Clock) {
    this.#online = online;
    this.#source = source;
    this.#writer = writer;
    this.#reader = reader;
    this.#clock = clock;
    this.#together = new Together((batches) => this.#inTurn(() => this.#apply(batches)), { maxRows: defaultRowsTogether, areApart: false });
  }

  /** Applies what the log has and the store lacks. */
  async recover(): Promise<void> {
    const { name } = this.#source;
    // A power cut may have taken the end of the log and left the store's. The store keeps those rows, so their places stay taken.
    for (let lacking: number; (lacking = (await this.#online.appliedOffset(name)) - this.#writer.nextOffset) > 0;)
      await this.#writer.append(Array.from({ length: Math.min(lacking, fillersAtOnce) }, () => fillerRecord));
    await this.#recallArrival();
    await this.#catchUp(new Map(), rowsTogetherAtStart);
  }

  /** When the log's last batch arrived: the clock may have been set back while nobody ran. */
  async #recallArrival(): Promise<void> {
    const end = this.#writer.nextOffset;
    for (let back = tailRead; this.#lastArrivedUs === 0 && back < end * tailRead; back *= tailRead)
      for await (const { arrivedUs } of readBatches(this.#reader, Math.max(0, end - back))) this.#lastArrivedUs = Math.max(this.#lastArrivedUs, arrivedUs);
  }

  async lastSequence(producer: string): Promise<number> {
    return Math.max(await this.#online.appliedSequence(this.#source.name, producer), this.#underWay.get(producer)?.sequence ?? -1);
  }

  async ingest(rows: readonly SourceRow[], producer: string, sequence: number): Promise<IngestResult> {
    // Admission is in turn; waiting for the disk and for the store is not part of it, so that batches share a write and an fsync.
    const admitted = this.#admitting.then(() => this.#admit(rows, producer, sequence));
    this.#admitting = admitted.catch(() => undefined);
    const { result } = await admitted;
    return result;
  }

  async #admit(rows: readonly SourceRow[], producer: string, sequence: number): Promise<{ readonly result: Promise<IngestResult> }> {
    const before = this.#underWay.get(producer);
    if (before !== undefined && sequence <= before.sequence) return { result: this.#again(before.done) };
    if (sequence <= (await this.#online.appliedSequence(this.#source.name, producer))) return { result: Promise.resolve({ applied: false, rejected: [] }) };
    // Never backwards, whatever the machine's clock does: a row that came later is known later.
    const arrivedUs = Math.max(this.#clock.nowUs(), this.#lastArrivedUs);
    this.#lastArrivedUs = arrivedUs;
    // Whoever read the request has held the event loop long enough.
    if (rows.length > rowsARecord) await nextTurn();
    const records = await encodeBatch({ producer, sequence, arrivedUs, rows }, nextTurn);
    const appended = this.#writer.append(records);
    const inLog = this.#logging.then(async (): Promise<LoggedBatch> => {
      const offset = await appended;
      const places = Float64Array.from(rows, (_, i) => placeOf(offset + Math.floor(i / rowsARecord)) + (i % rowsARecord));
      return { producer, sequence, arrivedUs, rows, offset, end: offset + records.length, places };
    });
    this.#logging = inLog.catch(() => undefined);
    const result = inLog.then((batch) => this.#together.add(batch));
    const entry = { sequence, done: result };
    this.#underWay.set(producer, entry);
    const forget = (): void => {
      // One that is in the log and not in the store stays: it must not be logged again.
      if (this.#underWay.get(producer) === entry) this.#underWay.delete(producer);
    };
    appended.catch(forget);
    result.then(forget, () => undefined);
    return { result };
  }

  /** A batch that is on its way already: its sender waits for the same end, or for a new attempt if it could not be applied. */
  async #again(done: Promise<unknown>): Promise<IngestResult> {
    try {
      await done;
    } catch {
      await this.#inTurn(() => this.#catchUp(new Map()));
    }
    return { applied: false, rejected: [] };
  }

  async #apply(batches: readonly LoggedBatch[]): Promise<readonly IngestResult[]> {
    const results = new Map<number, IngestResult | undefined>(batches.map(({ offset }) => [offset, undefined]));
    if (this.#isBehind) await this.#catchUp(results);
    else {
      try {
        await this.#put(batches, results);
      } catch (error) {
        this.#isBehind = true;
        throw error;
      }
    }
    // Caught up with by another's attempt.
    return batches.map(({ offset }) => results.get(offset) ?? { applied: true, rejected: [] });
  }

  /** @param results filled for the offsets it has */
  async #put(batches: readonly LoggedBatch[], results: Map<number, IngestResult | undefined>): Promise<void> {
    const applied: IngestBatch[] = [];
    let since = 0;
    for (const { rows, places, arrivedUs, producer, sequence, end } of batches) {
      const own: SourceRow[] = [];
      for (let i = 0; i < rows.length; i++) {
        // Answers must not wait for all of a long batch.
        if (since++ === rowsARecord) {
          await nextTurn();
          since = 1;
        }
        own.push(rowInLog(this.#source, rows[i]!, places[i]!, arrivedUs));
      }
      applied.push({ rows: own, producer, sequence, logEnd: end });
    }
    const put = await this.#online.ingestAll(this.#source.name, applied);
    for (const [i, { offset }] of batches.entries()) if (results.has(offset)) results.set(offset, put[i]);
  }

  /** @param results filled for the offsets it has */
  async #catchUp(results: Map<number, IngestResult | undefined>, rowsTogether = defaultRowsTogether): Promise<void> {
    this.#isBehind = true;
    let [waiting, numRows]: [LoggedBatch[], number] = [[], 0];
    const put = async (): Promise<void> => {
      await this.#put(waiting, results);
      for (const { producer, sequence } of waiting) {
        const entry = this.#underWay.get(producer);
        if (entry !== undefined && entry.sequence <= sequence) this.#underWay.delete(producer);
      }
      [waiting, numRows] = [[], 0];
    };
    for await (const batch of readBatches(this.#reader, await this.#online.appliedOffset(this.#source.name))) {
      this.#lastArrivedUs = Math.max(this.#lastArrivedUs, batch.arrivedUs);
      if (waiting.length > 0 && numRows + batch.rows.length > rowsTogether) await put();
      waiting.push(batch);
      numRows += batch.rows.length;
    }
    if (waiting.length > 0) await put();
    this.#isBehind = false;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#applying.then(work);
    this.#applying = result.catch(() => undefined);
    return result;
  }

  async close(): Promise<void> {
    await this.#admitting;
    await this.#logging;
    await this.#together.settled();
    await this.#applying;
    await this.#reader.close();
    await this.#writer.close();
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
