import { Worker } from "node:worker_threads";
import type { CompiledQuery } from "kysely";
import { fromErrorRecord, KarkhanaError, type ErrorRecord } from "../../kernel/error.ts";

export type ApartRequest =
  | { readonly kind: "read"; readonly id: number; readonly sql: string; readonly parameters: readonly unknown[] }
  | { readonly kind: "close" };
export type ApartReply =
  | { readonly kind: "rows"; readonly id: number; readonly rows: unknown[] }
  | { readonly kind: "failed"; readonly id: number; readonly error: ErrorRecord };

interface Waiting {
  readonly resolve: (rows: unknown[]) => void;
  readonly reject: (error: unknown) => void;
}

/** Reads of one SQLite file on a thread with a read connection of its own, started by the first read: `node:sqlite` holds up the thread that asks. */
export class SqliteApart {
  readonly #file: string;
  readonly #waiting: Map<number, Waiting> = new Map();
  #worker: Worker | undefined;
  #lastId = 0;
  #closed = false;

  constructor(file: string) {
    this.#file = file;
  }

  read<R>(query: CompiledQuery<R>): Promise<R[]> {
    if (this.#closed) return Promise.reject(new KarkhanaError("STORAGE_CLOSED", { store: this.#file }));
    const worker = (this.#worker ??= this.#start());
    const id = ++this.#lastId;
    return new Promise<R[]>((resolve, reject) => {
      this.#waiting.set(id, { resolve: (rows) => resolve(rows as R[]), reject });
      // While it reads, its answer is waited for; idle, the thread keeps no program alive.
      worker.ref();
      worker.postMessage({ kind: "read", id, sql: query.sql, parameters: query.parameters } satisfies ApartRequest);
    });
  }

  /** Waits for reads under way. */
  async close(): Promise<void> {
    this.#closed = true;
    const worker = this.#worker;
    if (worker === undefined || worker.threadId === -1) return;
    const ended = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
    worker.ref();
    worker.postMessage({ kind: "close" } satisfies ApartRequest);
    await ended;
  }

  #start(): Worker {
    const worker = new Worker(new URL(`./sqlite-apart-worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url), { workerData: this.#file });
    worker.on("message", (reply: ApartReply) => {
      const asked = this.#waiting.get(reply.id);
      this.#waiting.delete(reply.id);
      if (this.#waiting.size === 0) worker.unref();
      if (reply.kind === "rows") asked?.resolve(reply.rows);
      else asked?.reject(fromErrorRecord(reply.error));
    });
    const end = (problem: unknown): void => {
      if (this.#worker === worker) this.#worker = undefined;
      for (const asked of this.#waiting.values()) asked.reject(problem);
      this.#waiting.clear();
    };
    worker.once("error", end);
    worker.once("exit", () => end(new KarkhanaError("INTERNAL", { problem: "the thread that reads ended without an answer" })));
    return worker;
  }
}
