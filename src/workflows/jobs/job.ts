import type { Json } from "../../pipelines/port.ts";

/** Told by a job while it works. */
export type JobProgress = (done: number, total: number, unit: string) => void;

/** Heavy work, run in a worker thread: JSON in, JSON out, large results written to files it is told. */
export type Job<I, O extends Json> = (input: I, progress: JobProgress) => Promise<O>;
