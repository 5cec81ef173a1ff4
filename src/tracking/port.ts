import type { Micros } from "../kernel/clock.ts";
import type { SqlTransaction } from "../storage/sql/port.ts";

export type RunStatus = "RUNNING" | "SCHEDULED" | "FINISHED" | "FAILED" | "KILLED";

export interface Experiment {
  readonly experimentId: string;
  readonly name: string;
  readonly createdUs: Micros;
}

export interface Metric {
  readonly key: string;
  readonly value: number;
  readonly step: number;
  readonly timestampMs: number;
  /** The logged model that was measured; kept with the model, not in the run's own history. */
  readonly modelId?: string;
  /** What the model was measured on. */
  readonly datasetName?: string;
  readonly datasetDigest?: string;
}

export interface Run {
  readonly runId: string;
  readonly experimentId: string;
  readonly name: string;
  readonly status: RunStatus;
  readonly startUs: Micros;
  readonly endUs?: Micros;
  /** Blob folder of the run's artifacts. */
  readonly artifactPath: string;
  readonly params: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
  /** Latest value of each metric: highest (step, timestamp, value). */
  readonly metrics: Readonly<Record<string, Metric>>;
}

export interface RunBatch {
  readonly metrics?: readonly Metric[];
  readonly params?: Readonly<Record<string, string>>;
  readonly tags?: Readonly<Record<string, string>>;
}

/**
 * Promises: a call that resolved is durable; repeating a metric with the same (run, key, timestamp, step, value) adds nothing;
 * a param once set keeps its value, another value is refused with PARAM_CHANGED; a batch is stored whole or not at all.
 */
export interface Tracking {
  /** Creates it if it is not there. */
  experiment(name: string): Promise<Experiment>;
  listExperiments(): Promise<Experiment[]>;
  /** The same request id again returns the run made the first time. */
  createRun(input: { experimentId: string; name: string; requestId?: string; tags?: Readonly<Record<string, string>> }, trx?: SqlTransaction): Promise<Run>;
  logBatch(runId: string, batch: RunBatch, trx?: SqlTransaction): Promise<void>;
  finishRun(runId: string, status: RunStatus, trx?: SqlTransaction): Promise<void>;
  getRun(runId: string): Promise<Run>;
  /** Newest first; keyset paging by the token of the page before. */
  listRuns(experimentId: string, page?: { limit?: number; token?: string }): Promise<{ runs: Run[]; nextToken?: string }>;
  metricHistory(runId: string, key: string): Promise<Metric[]>;
}
