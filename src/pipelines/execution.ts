import { createHash } from "node:crypto";
import type { Clock } from "../kernel/clock.ts";
import { codeOf, KarkhanaError, toErrorRecord } from "../kernel/error.ts";
import { definitionHash } from "../kernel/hashing.ts";
import type { BlobStore } from "../storage/blobs/port.ts";
import type { SqlDatabase, SqlTransaction } from "../storage/sql/port.ts";
import type { BlobReference, Json, StepContext, StepOptions, StepRecord, WorkflowContext } from "./port.ts";
import { asRecorded } from "./recorded.ts";
import type { CachedOutput, PipelineStore } from "./store.ts";

/** Resolves after the time, or at once when the signal fires. */
export type Wait = (milliseconds: number, signal: AbortSignal) => Promise<void>;

export interface ExecutionParts {
  readonly runId: string;
  readonly store: PipelineStore;
  readonly database: SqlDatabase;
  readonly blobs: BlobStore;
  readonly clock: Clock;
  readonly wait: Wait;
  /** Cacheable steps at work in this process, by key. */
  readonly flights: Map<string, Promise<unknown>>;
}

type Progress = NonNullable<StepRecord["progress"]>;
type StepWork<T> = (step: StepContext) => Promise<T>;

/** First pause between attempts; it doubles, up to the longest. */
const firstPauseMs = 200;
const longestPauseMs = 10_000;

/** One execution of one run: the workflow function's view of the world. */
export class WorkflowExecution implements WorkflowContext {
  readonly runId: string;
  readonly #parts: ExecutionParts;
  readonly #used = new Set<string>();
  readonly #inFlight = new Set<Promise<unknown>>();
  readonly #progress = new Map<string, Progress>();
  readonly #abort = new AbortController();

  constructor(parts: ExecutionParts) {
    this.runId = parts.runId;
    this.#parts = parts;
  }

  abort(): void {
    this.#abort.abort();
  }

  /** Aborts what is still at work and waits until its end is recorded, so that nothing of this execution writes after its run ended. */
  async stop(): Promise<void> {
    this.abort();
    await Promise.allSettled(this.#inFlight);
  }

  progressOf(stepId: string): Progress | undefined {
    return this.#progress.get(stepId);
  }

  step<T extends Json>(id: string, options: StepOptions<T>, work: StepWork<T>): Promise<T> {
    return this.#track(this.#step(id, options, work));
  }

  transact<T extends Json>(id: string, work: (trx: SqlTransaction, step: { readonly requestId: string }) => Promise<T>): Promise<T> {
    return this.#track(this.#transact(id, work));
  }

  async #step<T extends Json>(id: string, options: StepOptions<T>, work: StepWork<T>): Promise<T> {
    await this.#enter(id);
    const done = await this.#parts.store.readStep(this.runId, id);
    if (done?.state === "succeeded" && (await this.#holds(done, options))) return done.output as T;
    const before = done?.attempt ?? 0;
    if (options.cacheKey === undefined) return this.#attempts(id, options, before, undefined, work);
    const cacheKey = definitionHash({ step: id, codeVersion: options.codeVersion ?? "", key: options.cacheKey });
    return this.#alone(cacheKey, () => this.#cachedOr(id, options, before, cacheKey, work));
  }

  async #transact<T extends Json>(id: string, work: (trx: SqlTransaction, step: { readonly requestId: string }) => Promise<T>): Promise<T> {
    await this.#enter(id);
    const { store, database, clock } = this.#parts;
    const startedUs = clock.nowUs();
    let attempt = 1;
    try {
      return await database.transaction(async (trx) => {
        const done = await store.readStep(this.runId, id, trx);
        if (done?.state === "succeeded") return done.output as T;
        attempt = (done?.attempt ?? 0) + 1;
        await store.refuseUnlessMine(this.runId, trx);
        const output = asRecorded(await work(trx, { requestId: this.#requestId(id) }), this.#place(id));
        await store.recordStep(this.runId, id, { output, blobs: [], attempt, cached: false, startedUs }, trx);
        return output;
      });
    } catch (error) {
      await this.#recordFailure(id, error, attempt, startedUs);
      throw error;
    }
  }

  /** One at a time per key in this process: the second waits, and then finds what the first one cached. */
  async #alone<T>(cacheKey: string, work: () => Promise<T>): Promise<T> {
    const { flights } = this.#parts;
    for (let other = flights.get(cacheKey); other !== undefined; other = flights.get(cacheKey)) await other.catch(() => undefined);
    const flight = work().finally(() => flights.delete(cacheKey));
    flights.set(cacheKey, flight);
    return flight;
  }

  async #cachedOr<T extends Json>(id: string, options: StepOptions<T>, before: number, cacheKey: string, work: StepWork<T>): Promise<T> {
    const { store, clock } = this.#parts;
    const startedUs = clock.nowUs();
    const hit = await store.readCache(cacheKey);
    if (hit !== undefined && (await this.#holds(hit, options))) {
      await store.recordStep(this.runId, id, { ...hit, attempt: before + 1, cached: true, cacheKey, startedUs });
      return hit.output as T;
    }
    return this.#attempts(id, options, before, cacheKey, work);
  }

  async #attempts<T extends Json>(id: string, options: StepOptions<T>, before: number, cacheKey: string | undefined, work: StepWork<T>): Promise<T> {
    const { store, wait, clock } = this.#parts;
    const retries = options.retries ?? 0;
    let pauseMs = firstPauseMs;
    for (let tried = 0; ; tried++) {
      const attempt = before + tried + 1;
      const startedUs = clock.nowUs();
      await store.beginStep(this.runId, id, attempt, cacheKey);
      try {
        const { output, blobs } = await this.#attempt(id, attempt, options.timeoutMs, work);
        await store.endStep(this.runId, id, { output, blobs, ...(cacheKey === undefined ? {} : { cacheKey }) });
        return output;
      } catch (error) {
        await this.#recordFailure(id, error, attempt, startedUs);
        if (tried >= retries || !toErrorRecord(error).retryable) throw error;
      } finally {
        this.#progress.delete(id);
      }
      await wait(pauseMs, this.#abort.signal);
      this.#refuseAborted();
      pauseMs = Math.min(longestPauseMs, 2 * pauseMs);
    }
  }

  /** If the failure cannot even be recorded, the step's own error is still the one worth telling. */
  async #recordFailure(id: string, error: unknown, attempt: number, startedUs: number): Promise<void> {
    await this.#parts.store.failStep(this.runId, id, error, attempt, startedUs).catch(() => undefined);
  }

  async #attempt<T extends Json>(
    id: string,
    attempt: number,
    timeoutMs: number | undefined,
    work: StepWork<T>,
  ): Promise<{ output: T; blobs: BlobReference[] }> {
    this.#refuseAborted();
    const blobs: BlobReference[] = [];
    const signal = timeoutMs === undefined ? this.#abort.signal : AbortSignal.any([this.#abort.signal, AbortSignal.timeout(timeoutMs)]);
    const stopped = Promise.withResolvers<never>();
    const stop = (): void =>
      stopped.reject(this.#abort.signal.aborted ? this.#cancelled() : new KarkhanaError("STEP_TIMED_OUT", { runId: this.runId, step: id, timeoutMs }));
    signal.addEventListener("abort", stop, { once: true });
    try {
      const context: StepContext = {
        runId: this.runId,
        requestId: this.#requestId(id),
        attempt,
        signal,
        progress: (done, total, unit) => this.#progress.set(id, { done, total, unit }),
        keep: (blob) => blobs.push({ path: blob.path, sha256: blob.sha256 }),
      };
      const output = await Promise.race([work(context), stopped.promise]);
      return { output: asRecorded(output, this.#place(id)), blobs };
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  async #enter(id: string): Promise<void> {
    if (this.#used.has(id)) throw new KarkhanaError("STEP_REPEATED", { runId: this.runId, step: id });
    this.#used.add(id);
    this.#refuseAborted();
    // A cancelled run stops at its next step, whichever process cancelled it.
    await this.#parts.store.refuseUnlessMine(this.runId);
  }

  #refuseAborted(): void {
    if (this.#abort.signal.aborted) throw this.#cancelled();
  }

  #cancelled(): KarkhanaError {
    return new KarkhanaError("PIPELINE_CANCELLED", { runId: this.runId });
  }

  #requestId(id: string): string {
    return `${this.runId}/${id}`;
  }

  #place(id: string): string {
    return `Output of step ${id} of run ${this.runId}`;
  }

  #track<T>(work: Promise<T>): Promise<T> {
    const tracked: Promise<T> = work.finally(() => this.#inFlight.delete(tracked));
    this.#inFlight.add(tracked);
    return tracked;
  }

  /** An output is used only while what it names is there unchanged. */
  async #holds<T extends Json>({ output, blobs }: CachedOutput, { stillHolds }: StepOptions<T>): Promise<boolean> {
    return (await this.#allThere(blobs)) && (stillHolds === undefined || stillHolds(output as T));
  }

  async #allThere(blobs: readonly BlobReference[]): Promise<boolean> {
    for (const { path, sha256 } of blobs) {
      const hash = createHash("sha256");
      try {
        for await (const chunk of await this.#parts.blobs.stream(path)) hash.update(chunk);
      } catch (error) {
        if (codeOf(error) === "BLOB_NOT_FOUND") return false;
        throw error;
      }
      if (hash.digest("hex") !== sha256) return false;
    }
    return true;
  }
}
