import type { Clock } from "../kernel/clock.ts";
import { KarkhanaError, toErrorRecord } from "../kernel/error.ts";
import { definitionHash, sha256 } from "../kernel/hashing.ts";
import type { BlobStore } from "../storage/blobs/port.ts";
import type { SqlDatabase, SqlTransaction } from "../storage/sql/port.ts";
import type { BlobReference, Json, StepContext, StepOptions, StepRecord, WorkflowContext } from "./port.ts";
import type { PipelineStore } from "./store.ts";

export type Wait = (milliseconds: number, signal: AbortSignal) => Promise<void>;

export interface ExecutionParts {
  readonly runId: string;
  readonly store: PipelineStore;
  readonly database: SqlDatabase;
  readonly blobs: BlobStore;
  readonly clock: Clock;
  readonly wait: Wait;
  readonly flights: Map<string, Promise<unknown>>;
}

type Progress = NonNullable<StepRecord["progress"]>;

/** First pause between attempts; it doubles, up to the longest. */
const firstPauseMs = 200;
const longestPauseMs = 10_000;

/** One execution of one run: the workflow function's view of the world. */
export class WorkflowExecution implements WorkflowContext {
  readonly runId: string;
  readonly #parts: ExecutionParts;
  readonly #used = new Set<string>();
  readonly #progress = new Map<string, Progress>();
  readonly #abort = new AbortController();

  constructor(parts: ExecutionParts) {
    this.runId = parts.runId;
    this.#parts = parts;
  }

  abort(): void {
    this.#abort.abort();
  }

  progressOf(stepId: string): Progress | undefined {
    return this.#progress.get(stepId);
  }

  async step<T extends Json>(id: string, options: StepOptions, work: (step: StepContext) => Promise<T>): Promise<T> {
    await this.#enter(id);
    const done = await this.#parts.store.readStep(this.runId, id);
    if (done?.state === "succeeded" && (await this.#allThere(done.blobs))) return done.output as T;
    const before = done?.attempt ?? 0;
    if (options.cacheKey === undefined) return this.#attempts(id, options, before, undefined, work);
    const cacheKey = definitionHash({ step: id, codeVersion: options.codeVersion ?? "", key: options.cacheKey });
    await this.#parts.flights.get(cacheKey)?.catch(() => undefined);
    const flight = this.#cachedOr(id, options, before, cacheKey, work);
    this.#parts.flights.set(cacheKey, flight);
    return flight.finally(() => {
      if (this.#parts.flights.get(cacheKey) === flight) this.#parts.flights.delete(cacheKey);
    });
  }

  async transact<T extends Json>(id: string, work: (trx: SqlTransaction, step: { readonly requestId: string }) => Promise<T>): Promise<T> {
    await this.#enter(id);
    const { store, database, clock } = this.#parts;
    const startedUs = clock.nowUs();
    return database.transaction(async (trx) => {
      const done = await store.readStep(this.runId, id, trx);
      if (done?.state === "succeeded") return done.output as T;
      const output = asRecorded(await work(trx, { requestId: `${this.runId}/${id}` }));
      await store.recordStep(this.runId, id, { output, blobs: [], cached: false, startedUs }, trx);
      return output;
    });
  }

  async #cachedOr<T extends Json>(id: string, options: StepOptions, before: number, cacheKey: string, work: (step: StepContext) => Promise<T>): Promise<T> {
    const { store, clock } = this.#parts;
    const startedUs = clock.nowUs();
    const hit = await store.readCache(cacheKey);
    if (hit !== undefined && (await this.#allThere(hit.blobs))) {
      await store.recordStep(this.runId, id, { ...hit, cached: true, cacheKey, startedUs });
      return hit.output as T;
    }
    return this.#attempts(id, options, before, cacheKey, work);
  }

  async #attempts<T extends Json>(id: string, options: StepOptions, before: number, cacheKey: string | undefined, work: (step: StepContext) => Promise<T>): Promise<T> {
    const { store, wait } = this.#parts;
    const retries = options.retries ?? 0;
    let pauseMs = firstPauseMs;
    for (let tried = 0; ; tried++) {
      const attempt = before + tried + 1;
      await store.beginStep(this.runId, id, attempt, cacheKey);
      try {
        const { output, blobs } = await this.#attempt(id, attempt, options.timeoutMs, work);
        await store.endStep(this.runId, id, { output, blobs, ...(cacheKey === undefined ? {} : { cacheKey }) });
        return output;
      } catch (error) {
        await store.failStep(this.runId, id, error);
        if (tried >= retries || !toErrorRecord(error).retryable || this.#abort.signal.aborted) throw error;
      } finally {
        this.#progress.delete(id);
      }
      await wait(pauseMs, this.#abort.signal);
      pauseMs = Math.min(longestPauseMs, 2 * pauseMs);
    }
  }

  async #attempt<T extends Json>(id: string, attempt: number, timeoutMs: number | undefined, work: (step: StepContext) => Promise<T>): Promise<{ output: T; blobs: BlobReference[] }> {
    const blobs: BlobReference[] = [];
    const signal = timeoutMs === undefined ? this.#abort.signal : AbortSignal.any([this.#abort.signal, AbortSignal.timeout(timeoutMs)]);
    const stopped = new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => reject(this.#abort.signal.aborted ? new KarkhanaError("PIPELINE_CANCELLED", { runId: this.runId }) : new KarkhanaError("STEP_TIMED_OUT", { runId: this.runId, step: id, timeoutMs })), { once: true });
    });
    stopped.catch(() => undefined);
    const output = await Promise.race([
      work({
        runId: this.runId,
        requestId: `${this.runId}/${id}`,
        attempt,
        signal,
        progress: (done, total, unit) => this.#progress.set(id, { done, total, unit }),
        keep: (blob) => blobs.push(blob),
      }),
      stopped,
    ]);
    return { output: asRecorded(output), blobs };
  }

  async #enter(id: string): Promise<void> {
    if (this.#used.has(id)) throw new KarkhanaError("STEP_REPEATED", { runId: this.runId, step: id });
    this.#used.add(id);
    // A cancelled run stops at its next step, whoever cancelled it.
    if (this.#abort.signal.aborted || !(await this.#parts.store.isRunning(this.runId))) throw new KarkhanaError("PIPELINE_CANCELLED", { runId: this.runId });
  }

  /** An output is used only while what it names is there unchanged. */
  async #allThere(blobs: readonly BlobReference[]): Promise<boolean> {
    for (const { path, sha256: wanted } of blobs) {
      if ((await this.#parts.blobs.stat(path)) === undefined) return false;
      if (sha256(await this.#parts.blobs.get(path)) !== wanted) return false;
    }
    return true;
  }
}

/** What a later replay of the workflow will see: JSON, no more and no less. */
function asRecorded<T extends Json>(output: T): T {
  return (output === undefined ? null : JSON.parse(JSON.stringify(output))) as T;
}
