import type { SqlTransaction } from "../storage/sql/port.ts";

/** What a step returns and a run takes: JSON only. Large results go to blobs and are named by path and hash. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

export interface StepOptions<T extends Json = Json> {
  /**
   * Makes the step cacheable: everything its result depends on besides its code (input hashes, params, seed). An equal key of an earlier
   * successful step, in any run, gives that step's recorded output without running it, if every blob it names still exists with its hash.
   */
  readonly cacheKey?: Json;
  /** Version of the step's code; part of the key. */
  readonly codeVersion?: string;
  /** For what an output names outside the blobs: whether a cached or recorded output may still be used. Otherwise the step runs again. */
  readonly stillHolds?: (output: T) => Promise<boolean>;
  readonly retries?: number;
  readonly timeoutMs?: number;
}

/** Blob a step produced; verified to exist before a cached or recorded output is used. */
export type BlobReference = {
  readonly path: string;
  readonly sha256: string;
};

export interface StepContext {
  readonly runId: string;
  /** `<runId>/<stepId>`: the same on every attempt; pass it on as idempotency key of effects. */
  readonly requestId: string;
  readonly attempt: number;
  /** Fires when the run is cancelled, another step failed or the time is up. The step is then over: work that goes on is on its own. */
  readonly signal: AbortSignal;
  /** Progress for people; not durable. */
  progress(done: number, total: number, unit: string): void;
  /** Names a blob the output depends on. */
  keep(blob: BlobReference): void;
}

/**
 * Durable workflow over recorded steps. A step's identity is (run, id), never call order; an id used twice in one run is refused with
 * STEP_REPEATED. After a crash the workflow function runs again from its start and every finished step returns its recorded output;
 * the step in flight runs again (at least once). `transact` is exactly once: its effect and its record are one transaction.
 */
export interface WorkflowContext {
  readonly runId: string;
  step<T extends Json>(id: string, options: StepOptions<T>, work: (step: StepContext) => Promise<T>): Promise<T>;
  transact<T extends Json>(id: string, work: (trx: SqlTransaction, step: { readonly requestId: string }) => Promise<T>): Promise<T>;
}

export interface Workflow<I extends Json, O extends Json> {
  readonly name: string;
  readonly run: (context: WorkflowContext, input: I) => Promise<O>;
}

export type RunState = "running" | "succeeded" | "failed" | "cancelled";

export interface PipelineRun {
  readonly runId: string;
  readonly workflow: string;
  readonly state: RunState;
  readonly input: Json;
  readonly output?: Json;
  readonly error?: { readonly code: string; readonly message: string };
  readonly startedUs: number;
  readonly endedUs?: number;
  readonly steps: readonly StepRecord[];
}

export interface StepRecord {
  readonly stepId: string;
  readonly state: "running" | "succeeded" | "failed";
  readonly attempt: number;
  readonly cached: boolean;
  readonly cacheKey?: string;
  readonly startedUs: number;
  readonly endedUs?: number;
  readonly error?: { readonly code: string; readonly message: string };
  readonly output?: Json;
  /** Latest progress while it runs; lost on a crash. */
  readonly progress?: { readonly done: number; readonly total: number; readonly unit: string };
}

export interface Pipelines {
  register<I extends Json, O extends Json>(workflow: Workflow<I, O>): void;
  /**
   * Idempotent by `runId`: the same id again attaches to the run there is in this process, returns the output of one that succeeded, and
   * goes on with one that failed, was cancelled or lost its process: finished steps keep their output, the failed one runs again.
   * @throws PIPELINE_INPUT_CHANGED for another workflow or input, PIPELINE_RUN_OWNED while another live process runs it, and what the workflow throws
   */
  start<I extends Json, O extends Json>(workflow: Workflow<I, O>, input: I, runId: string): Promise<O>;
  /**
   * Resumes every run of a registered workflow that a dead process left running, and returns the ids of those now running here. Two
   * processes may recover at once: each run goes to one of them.
   */
  recover(): Promise<string[]>;
  getRun(runId: string): Promise<PipelineRun>;
  listRuns(limit?: number): Promise<PipelineRun[]>;
  /** Of the runs of a workflow whose ids begin so, the one whose id is the last in order; undefined if there is none. */
  lastRun(workflow: string, idsFrom: string): Promise<PipelineRun | undefined>;
  cancel(runId: string): Promise<void>;
}
