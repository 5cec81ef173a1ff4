import type { Micros } from "../kernel/clock.ts";
import type { RunDataset } from "./datasets.ts";
import type { RunMetric, SampleQuery } from "./history-bulk.ts";
import type { Experiment, Metric, Run, RunStatus } from "./port.ts";
import type { LifecycleStage } from "./tables.ts";

export type { LifecycleStage };
export type StageView = "ACTIVE_ONLY" | "DELETED_ONLY" | "ALL";
type Tags = Readonly<Record<string, string>>;

/** An experiment with all that is kept of it. */
export interface ExperimentRecord extends Experiment {
  readonly updatedUs: Micros;
  readonly stage: LifecycleStage;
  readonly workspace: string;
  /** Where clients put its artifacts. */
  readonly artifactLocation: string;
  readonly tags: Tags;
}

/** A run with all that is kept of it. */
export interface RunRecord {
  readonly run: Run;
  readonly stage: LifecycleStage;
  readonly userId: string;
  /** Where clients read and write its artifacts. */
  readonly artifactUri: string;
  /** This program keeps them, under `run.artifactPath`; false: they lie where the experiment's own location says. */
  readonly artifactsAreHere: boolean;
  readonly datasets: readonly RunDataset[];
  /** Ids of logged models the run read. */
  readonly modelInputs: readonly string[];
  /** Logged models it made, each at a step. */
  readonly modelOutputs: readonly ModelOutput[];
}

export interface ModelOutput {
  readonly modelId: string;
  readonly step: number;
}

/** What runs of an experiment read, told apart by name, digest and context. */
export interface DatasetSummary {
  readonly experimentId: string;
  readonly name: string;
  readonly digest: string;
  readonly context?: string;
}

/** `filter` and `orderBy` are of MLflow's search language (`search/filter-parser.ts`); a token is good for the same query only. */
export interface RecordQuery {
  readonly filter?: string | undefined;
  readonly orderBy?: readonly string[];
  readonly view: StageView;
  readonly limit: number;
  readonly token?: string | undefined;
}

export interface RunQuery extends RecordQuery {
  readonly experimentIds: readonly string[];
  /** Params, tags, metrics, datasets and models are left out, and cost nothing. */
  readonly infoOnly?: boolean;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly nextToken?: string;
}

/** Experiments as a person manages them. A deleted one keeps its name and can be restored; its runs go and come with it. */
export interface ExperimentRecords {
  /** @throws EXPERIMENT_EXISTS, also for the name of a deleted one */
  create(input: { name: string; artifactLocation?: string | undefined; tags: Tags }): Promise<string>;
  /** @throws EXPERIMENT_NOT_FOUND */
  get(experimentId: string): Promise<ExperimentRecord>;
  named(name: string): Promise<ExperimentRecord | undefined>;
  /** @throws EXPERIMENT_DELETED, EXPERIMENT_EXISTS */
  rename(experimentId: string, name: string): Promise<void>;
  /** @throws EXPERIMENT_NOT_FOUND if it is not in the other stage */
  setStage(experimentId: string, stage: LifecycleStage): Promise<void>;
  setTag(experimentId: string, key: string, value: string): Promise<void>;
  /** @throws TAG_NOT_FOUND */
  deleteTag(experimentId: string, key: string): Promise<void>;
  /** @throws SEARCH_INVALID */
  search(query: RecordQuery): Promise<Page<ExperimentRecord>>;
}

/** Runs as a client reports them: their times, user and name are the client's. */
export interface RunRecords {
  /** @throws EXPERIMENT_NOT_FOUND, EXPERIMENT_DELETED */
  create(input: { experimentId: string; name?: string | undefined; userId: string; startUs: Micros; tags: Tags }): Promise<RunRecord>;
  /** Deleted ones too. @throws RUN_NOT_FOUND */
  get(runId: string): Promise<RunRecord>;
  /** Where its files lie, without the rest. @throws RUN_NOT_FOUND */
  place(runId: string): Promise<{ experimentId: string; artifactPath: string; isDeleted: boolean }>;
  /** @returns what its own row says then, without params, tags, metrics, datasets and models @throws RUN_DELETED */
  update(runId: string, change: { status?: RunStatus | undefined; endUs?: Micros | undefined; name?: string | undefined }): Promise<RunRecord>;
  setStage(runId: string, stage: LifecycleStage): Promise<void>;
  /** Names what the run read. @throws RUN_NOT_FOUND, RUN_DELETED */
  logDatasets(runId: string, datasets: readonly RunDataset[]): Promise<void>;
  /** Names models it read or made; naming one again changes nothing. @throws RUN_NOT_FOUND, RUN_DELETED, LOGGED_MODEL_NOT_FOUND */
  logModels(runId: string, models: { inputs?: readonly string[]; outputs?: readonly ModelOutput[] }): Promise<void>;
  /** At most `limit` of them. */
  datasetSummaries(experimentIds: readonly string[], limit: number): Promise<DatasetSummary[]>;
  /** @throws TAG_NOT_FOUND, RUN_DELETED */
  deleteTag(runId: string, key: string): Promise<void>;
  /** @throws SEARCH_INVALID */
  search(query: RunQuery): Promise<Page<RunRecord>>;
  /** How many runs a search would find, without reading them. @throws SEARCH_INVALID */
  count(query: Pick<RunQuery, "experimentIds" | "filter" | "view">): Promise<number>;
  /** By time, step, value. All of it without a limit. @throws SEARCH_INVALID for a token it did not make */
  metricHistory(runId: string, key: string, page: { limit?: number | undefined; token?: string | undefined }): Promise<Page<Metric>>;
  /** By run, time, step, value: the first `limit` of all. */
  bulkHistory(runIds: readonly string[], key: string, limit: number): Promise<RunMetric[]>;
  /** Evenly chosen points a run, in the order of the ids. @throws RUN_NOT_FOUND */
  sampledHistory(runIds: readonly string[], key: string, sample: SampleQuery): Promise<RunMetric[]>;
}
