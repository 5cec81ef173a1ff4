import type { Micros } from "../kernel/clock.ts";
import type { Metric } from "./port.ts";
import type { Page } from "./records.ts";
import type { LifecycleStage } from "./tables.ts";

export type LoggedModelStatus = "UNSPECIFIED" | "PENDING" | "READY" | "FAILED";

/** A model as an entity of its own: made by a run, measured by any number of runs, on any number of datasets. */
export interface LoggedModel {
  /** "m-" and 32 hex digits. */
  readonly modelId: string;
  readonly experimentId: string;
  readonly name: string;
  readonly createdUs: Micros;
  readonly updatedUs: Micros;
  readonly stage: LifecycleStage;
  readonly status: LoggedModelStatus;
  readonly modelType?: string;
  readonly sourceRunId?: string;
  /** Where clients read and write its files. */
  readonly artifactUri: string;
  /** Blob folder of its files, if this program keeps them. */
  readonly artifactPath?: string;
  readonly params: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
  readonly metrics: readonly ModelMetric[];
}

/** A measurement of a model: which run took it, and on what. */
export interface ModelMetric extends Metric {
  readonly modelId: string;
  readonly runId: string;
}

export interface NewLoggedModel {
  readonly experimentId: string;
  readonly name?: string | undefined;
  readonly modelType?: string | undefined;
  readonly sourceRunId?: string | undefined;
  readonly params: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
}

export interface DatasetChoice {
  readonly name: string;
  readonly digest?: string | undefined;
}

export interface LoggedModelOrder {
  /** An attribute, or "metrics.<key>". */
  readonly field: string;
  readonly descending: boolean;
  /** Of a metric: only its measurements on this dataset. */
  readonly dataset?: { readonly name?: string | undefined; readonly digest?: string | undefined };
}

export interface LoggedModelQuery {
  readonly experimentIds: readonly string[];
  readonly filter?: string | undefined;
  /** Models measured on one of these; metrics in the filter then mean measurements on one of these. */
  readonly datasets: readonly DatasetChoice[];
  readonly orderBy: readonly LoggedModelOrder[];
  readonly limit: number;
  readonly token?: string | undefined;
}

/** Promises as of runs: what resolved is durable, a repeated call changes nothing, params keep their first value. */
export interface LoggedModels {
  /** @throws EXPERIMENT_NOT_FOUND, EXPERIMENT_DELETED */
  create(input: NewLoggedModel): Promise<LoggedModel>;
  /** @throws LOGGED_MODEL_NOT_FOUND, also for a deleted one unless it is asked for */
  get(modelId: string, options?: { allowDeleted?: boolean }): Promise<LoggedModel>;
  setStatus(modelId: string, status: LoggedModelStatus): Promise<LoggedModel>;
  /** It can still be read when asked for as deleted. */
  delete(modelId: string): Promise<void>;
  /** @throws PARAM_CHANGED */
  logParams(modelId: string, params: Readonly<Record<string, string>>): Promise<void>;
  setTags(modelId: string, tags: Readonly<Record<string, string>>): Promise<void>;
  /** @throws TAG_NOT_FOUND */
  deleteTag(modelId: string, key: string): Promise<void>;
  /** @throws SEARCH_INVALID */
  search(query: LoggedModelQuery): Promise<Page<LoggedModel>>;
}
