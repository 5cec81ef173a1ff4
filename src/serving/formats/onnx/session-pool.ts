/**
 * Sessions of one model in threads of their own, each with one batch at a time, and a bounded queue before them.
 *
 *   run ──idle thread?──> sent ──> done
 *    │                     └─ thread dies ──> MODEL_RUN_FAILED, a new thread takes its place
 *    └─ none ──> queue ──full──> MODEL_QUEUE_FULL
 *
 * Threads end by themselves when told to: ending one from outside inside native code can end the process.
 */
import { Worker } from "node:worker_threads";
import { fromErrorRecord, KarkhanaError } from "../../../kernel/error.ts";
import type { Tensor } from "../model.ts";
import type { FromWorker, SessionPlan, ToWorker } from "./session-messages.ts";

export interface SessionPoolOptions {
  /** Threads with a session each; default 1. */
  readonly workers?: number;
  /** Threads that one run may use; default 1. */
  readonly threadsPerRun?: number;
  /** Batches that may wait; default 64. */
  readonly maxWaiting?: number;
}

export interface SessionPool {
  /** @throws MODEL_QUEUE_FULL, MODEL_RUN_FAILED, TENSOR_REFUSED */
  run(inputs: readonly Tensor[], outputs: readonly string[]): Promise<readonly Tensor[]>;
  /** Answers what was accepted, then lets the threads end. */
  close(): Promise<void>;
  readonly waiting: () => number;
}

interface Job {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly string[];
  readonly resolve: (outputs: readonly Tensor[]) => void;
  readonly reject: (error: Error) => void;
}

interface Thread {
  readonly worker: Worker;
  readonly ended: Promise<void>;
  job: Job | undefined;
}

/** A thread that dies is replaced this many times; a model that keeps killing its thread then fails at once. */
const maxReplacements = 8;

/** @throws RUNTIME_ABSENT, MODEL_FILE_INVALID */
export async function openSessionPool(model: Uint8Array, options: SessionPoolOptions = {}): Promise<SessionPool> {
  const shared = new SharedArrayBuffer(model.length);
  new Uint8Array(shared).set(model);
  const plan: SessionPlan = { model: shared, threads: options.threadsPerRun ?? 1 };
  const pool = new Pool(plan, options.maxWaiting ?? 64);
  await pool.start(options.workers ?? 1);
  return pool;
}

class Pool implements SessionPool {
  readonly #plan: SessionPlan;
  readonly #maxWaiting: number;
  readonly #threads = new Set<Thread>();
  readonly #queue: Job[] = [];
  #nextId = 0;
  #replacements = 0;
  #closing: (() => void) | undefined;
  #closed: Promise<void> | undefined;

  constructor(plan: SessionPlan, maxWaiting: number) {
    this.#plan = plan;
    this.#maxWaiting = maxWaiting;
  }

  readonly waiting = (): number => this.#queue.length;

  async start(workers: number): Promise<void> {
    try {
      for (let i = 0; i < workers; i++) this.#threads.add(await this.#open());
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  run(inputs: readonly Tensor[], outputs: readonly string[]): Promise<readonly Tensor[]> {
    return new Promise((resolve, reject) => {
      if (this.#closed !== undefined) return reject(new KarkhanaError("MODEL_RUN_FAILED", { problem: "it has been unloaded" }));
      const job = { inputs, outputs, resolve, reject };
      const idle = [...this.#threads].find((thread) => thread.job === undefined);
      if (idle !== undefined) return this.#send(idle, job);
      if (this.#threads.size === 0) return reject(new KarkhanaError("MODEL_RUN_FAILED", { problem: "its threads ended again and again" }));
      if (this.#queue.length >= this.#maxWaiting) return reject(new KarkhanaError("MODEL_QUEUE_FULL", { waiting: this.#queue.length }));
      this.#queue.push(job);
    });
  }

  close(): Promise<void> {
    this.#closed ??= this.#drain();
    return this.#closed;
  }

  async #drain(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#closing = resolve;
      this.#settle();
    });
    const threads = [...this.#threads];
    for (const { worker } of threads) {
      worker.ref();
      worker.postMessage({ kind: "end" } satisfies ToWorker);
    }
    await Promise.all(threads.map(({ ended }) => ended));
  }

  #settle(): void {
    if (this.#queue.length === 0 && [...this.#threads].every(({ job }) => job === undefined)) this.#closing?.();
  }

  #send(thread: Thread, job: Job): void {
    thread.job = job;
    thread.worker.ref();
    // Copies, given away: the caller's arrays may be views of a request that others read.
    const inputs = job.inputs.map((tensor) => ({ ...tensor, data: Array.isArray(tensor.data) ? tensor.data : (tensor.data as Float32Array).slice() }));
    const transfer = inputs.flatMap(({ data }) => (ArrayBuffer.isView(data) ? [data.buffer] : []));
    thread.worker.postMessage({ kind: "run", id: this.#nextId++, inputs, outputs: job.outputs } satisfies ToWorker, transfer);
  }

  #finish(thread: Thread, settle: (job: Job) => void): void {
    const { job } = thread;
    thread.job = undefined;
    thread.worker.unref();
    if (job !== undefined) settle(job);
    const next = this.#threads.has(thread) ? this.#queue.shift() : undefined;
    if (next !== undefined) this.#send(thread, next);
    this.#settle();
  }

  #open(): Promise<Thread> {
    return new Promise((resolve, reject) => {
      const file = new URL(`./session-worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url);
      const worker = new Worker(file, { workerData: this.#plan });
      const { promise: ended, resolve: end } = Promise.withResolvers<void>();
      const thread: Thread = { worker, ended, job: undefined };
      let problem = "its thread ended";
      worker.on("message", (message: FromWorker) => {
        if (message.kind === "ready") {
          // An idle model keeps no process alive.
          worker.unref();
          resolve(thread);
        } else if (message.kind === "refused") reject(fromErrorRecord(message.error));
        else if (message.kind === "done") this.#finish(thread, (job) => job.resolve(message.outputs));
        else this.#finish(thread, (job) => job.reject(fromErrorRecord(message.error)));
      });
      worker.on("error", (error) => (problem = error instanceof Error ? error.message : String(error)));
      worker.on("exit", () => {
        end();
        const failure = new KarkhanaError("MODEL_RUN_FAILED", { problem });
        reject(failure);
        if (!this.#threads.delete(thread)) return;
        this.#finish(thread, (job) => job.reject(failure));
        if (this.#closed === undefined) this.#replace(failure);
      });
    });
  }

  #replace(failure: KarkhanaError): void {
    const giveUp = (): void => {
      if (this.#threads.size === 0) for (const job of this.#queue.splice(0)) job.reject(failure);
      this.#settle();
    };
    if (this.#replacements++ >= maxReplacements) return giveUp();
    this.#open().then((thread) => this.#admit(thread), giveUp);
  }

  #admit(thread: Thread): void {
    this.#threads.add(thread);
    const next = this.#queue.shift();
    if (next !== undefined) this.#send(thread, next);
    else if (this.#closed !== undefined) thread.worker.postMessage({ kind: "end" } satisfies ToWorker);
    this.#settle();
  }
}
