import type { Worker } from "node:worker_threads";

/**
 * Waits until a worker thread that has done its work has ended by itself. Terminating it instead, in the middle of a native library's callback
 * (DuckDB, LMDB), can end the whole process. One that has not left after `patienceMs` is terminated all the same.
 */
export async function leaveWorker(worker: Worker, patienceMs = 5000): Promise<void> {
  // A thread that has ended has no id any more.
  if (worker.threadId === -1) return;
  const ended = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
  const timer = setTimeout(() => void worker.terminate(), patienceMs);
  await ended;
  clearTimeout(timer);
}
