import { Worker } from "node:worker_threads";
import { fromErrorRecord, KarkhanaError, type ErrorRecord } from "../../kernel/error.ts";
import { leaveWorker } from "../leave-worker.ts";
import type { JobProgress } from "./job.ts";
import type { JobInput, JobName, JobOutput } from "./jobs.ts";

export type JobMessage =
  | { readonly kind: "progress"; readonly done: number; readonly total: number; readonly unit: string }
  | { readonly kind: "done"; readonly output: unknown }
  | { readonly kind: "failed"; readonly error: ErrorRecord };

/** Runs a job in a worker thread of its own, ended when the job is or when `signal` fires. @throws what the job threw, by code */
export async function runJob<N extends JobName>(name: N, input: JobInput<N>, progress: JobProgress, signal?: AbortSignal): Promise<JobOutput<N>> {
  const worker = new Worker(new URL(`./job-worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url), { workerData: { name, input } });
  const ended = new Promise<JobOutput<N>>((resolve, reject) => {
    signal?.addEventListener("abort", () => reject(new KarkhanaError("JOB_STOPPED", { job: name })), { once: true });
    worker.on("message", (message: JobMessage) => {
      if (message.kind === "progress") progress(message.done, message.total, message.unit);
      else if (message.kind === "failed") reject(fromErrorRecord(message.error));
      else resolve(message.output as JobOutput<N>);
    });
    worker.once("error", reject);
    worker.once("exit", (code) => reject(new KarkhanaError("INTERNAL", { problem: `the worker of job ${name} ended with exit code ${code}` })));
  });
  try {
    return await ended;
  } finally {
    // A job that was told to stop is still at work; any other has ended and closes what it opened.
    if (signal?.aborted === true) await worker.terminate();
    else await leaveWorker(worker);
  }
}
