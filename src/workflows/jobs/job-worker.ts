import { parentPort, workerData } from "node:worker_threads";
import { toErrorRecord } from "../../kernel/error.ts";
import type { JobProgress } from "./job.ts";
import { jobs, type JobName } from "./jobs.ts";
import type { JobMessage } from "./run-job.ts";

const { name, input } = workerData as { name: JobName; input: never };
const tell = (message: JobMessage): void => parentPort?.postMessage(message);
let toldMs = 0;
const progress: JobProgress = (done, total, unit) => {
  if (performance.now() - toldMs < 100 && done < total) return;
  toldMs = performance.now();
  tell({ kind: "progress", done, total, unit });
};

try {
  tell({ kind: "done", output: await jobs[name](input, progress) });
} catch (error) {
  tell({ kind: "failed", error: toErrorRecord(error) });
}
