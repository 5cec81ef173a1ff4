/** What `/api/v1` answers about experiments and runs; `api.ts` has the rest. */
import type { ExperimentSummary, Evaluation } from "./api.ts";

/** JSON has no words of its own for these. */
export type MetricValue = number | "NaN" | "Infinity" | "-Infinity";

export interface ExperimentRow extends ExperimentSummary {
  readonly tags: Readonly<Record<string, string>>;
  readonly runs: number;
  readonly running: number;
  readonly failed: number;
  readonly latestUs: number | null;
}

/** A run with the columns that were asked for. */
export interface RunRow {
  readonly runId: string;
  readonly experimentId: string;
  readonly name: string;
  readonly status: string;
  readonly stage: string;
  readonly userId: string;
  readonly startUs: number;
  readonly endUs: number | null;
  readonly metrics: Readonly<Record<string, MetricValue>>;
  readonly params: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
}

/** Rows `from` and on of an order that the server keeps, so that a table can be jumped through and does not move under its reader. */
export interface RunWindow {
  /** Name of the order. Not the one asked for: that one was forgotten, and this is a new one. */
  readonly order: string;
  /** All runs that matched when the order was made; the order holds `length` of them. */
  readonly total: number;
  readonly length: number;
  readonly from: number;
  /** Where the run lies that was asked for with `find`. */
  readonly found: number | null;
  readonly rows: readonly RunRow[];
}

export interface RunCount {
  readonly total: number;
}

/** Keys of the newest runs, the most common first. */
export interface RunKeys {
  readonly looked: number;
  readonly metrics: readonly string[];
  readonly params: readonly string[];
  readonly tags: readonly string[];
}

export interface RunGroup {
  readonly value: string | null;
  readonly runs: number;
  readonly latestUs: number;
  readonly metrics: Readonly<Record<string, { readonly runs: number; readonly mean: MetricValue; readonly low: MetricValue; readonly high: MetricValue }>>;
}

export interface RunGroups {
  readonly groups: readonly RunGroup[];
  readonly more: boolean;
}

/** What was deleted and can be deleted for good: a whole experiment, or the deleted runs of an active one. */
export interface DeletedRow {
  readonly kind: "experiment" | "runs";
  readonly experimentId: string;
  readonly name: string;
  readonly runs: number;
  readonly loggedModels: number;
  readonly files: number;
  readonly bytes: number;
  /** False: files and bytes are of the first ones only. */
  readonly isCounted: boolean;
}

/** Of a deletion for good. */
export interface Purged {
  readonly runs: number;
  /** Runs that stay, since a registered version uses their files. */
  readonly inUse: number;
}

/** A part of the data that knows nothing of the others. */
export interface WorkspaceRow {
  readonly name: string;
  readonly description: string | null;
  /** Of whoever asks; null where nobody is asked. */
  readonly role: "viewer" | "editor" | "admin" | null;
}

export interface SavedView {
  readonly name: string;
  readonly query: string;
  readonly updatedUs: number;
}

/** See `tracking/table/series.ts`: what a series that is thinned still says. */
export interface MetricSeries {
  readonly key: string;
  readonly axis: "step" | "time";
  readonly total: number;
  readonly notFinite: number;
  readonly thinned: boolean;
  readonly x: readonly number[];
  readonly y: readonly (number | null)[];
  readonly low: readonly (number | null)[];
  readonly high: readonly (number | null)[];
}

/** Latest value of a metric and how long its history is. */
export interface MetricLatest {
  readonly key: string;
  readonly value: MetricValue;
  readonly step: number;
  readonly timestampMs: number;
  readonly points: number;
  readonly firstStep: number;
  readonly lastStep: number;
}

export interface RunDatasetUse {
  readonly name: string;
  readonly digest: string;
  readonly sourceType: string;
  readonly source: string;
  readonly schema: string | null;
  readonly profile: string | null;
  readonly context: string | null;
}

export interface LoggedModelUse {
  readonly modelId: string;
  readonly name: string;
  readonly status: string;
  readonly modelType: string | null;
  readonly use: "made" | "read";
  readonly step: number | null;
  readonly isHere: boolean;
}

export interface RunDetail {
  readonly runId: string;
  readonly experimentId: string;
  readonly experiment: string;
  readonly name: string;
  readonly status: string;
  readonly stage: string;
  readonly userId: string;
  readonly startUs: number;
  readonly endUs: number | null;
  readonly params: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
  readonly metrics: readonly MetricLatest[];
  readonly datasets: readonly RunDatasetUse[];
  /** Logged models it made or read. */
  readonly models: readonly LoggedModelUse[];
  /** Where a client put the artifacts, if not here. */
  readonly artifactsAt: string | null;
  readonly evaluation: Evaluation | null;
  /** The file its console was logged to. */
  readonly consoleLog: string | null;
  readonly parent: { readonly runId: string; readonly name: string } | null;
  readonly children: number;
  readonly versions: readonly { readonly model: string; readonly version: number }[];
}

export interface ArtifactEntry {
  readonly name: string;
  readonly path: string;
  readonly isFolder: boolean;
  readonly sizeBytes: number;
}

export interface ArtifactFolder {
  readonly path: string;
  readonly entries: readonly ArtifactEntry[];
  /** There are more than are given. */
  readonly more: boolean;
}

/** The beginning of an artifact, in the form a person can look at. `why` says why there is none. */
export type ArtifactPreview =
  | { readonly kind: "text" | "json"; readonly path: string; readonly sizeBytes: number; readonly truncated: boolean; readonly text: string }
  | { readonly kind: "image"; readonly path: string; readonly sizeBytes: number }
  | {
      readonly kind: "table";
      readonly path: string;
      readonly sizeBytes: number;
      readonly columns: readonly { readonly name: string; readonly type: string }[];
      readonly rows: readonly (readonly (string | null)[])[];
      /** null: not counted, since only the beginning was read. */
      readonly totalRows: number | null;
      readonly moreColumns: number;
    }
  | { readonly kind: "none"; readonly path: string; readonly sizeBytes: number; readonly why: string };
