import type { ColumnType } from "../data/source.ts";
import type { ErrorRecord } from "../kernel/error.ts";

/** What the workflow and the replay's worker thread say to each other. */

export interface ReplayWorkerData {
  readonly model: string;
  /** Request fields every question carries. */
  readonly fields: readonly string[];
  /** Condition over the spine's columns, as SQL: the outcome. */
  readonly labelSql: string;
  readonly servingUrl: string;
  readonly servingToken?: string | undefined;
  /** SQL relation (data/relation.ts) of the spine and of every source the model's views read, by source name. */
  readonly spine: string;
  readonly sources: Readonly<Record<string, { readonly relation: string; readonly columns: Readonly<Record<string, ColumnType>> }>>;
  readonly threads: number;
  readonly tempFolder: string;
  readonly fromUs: number;
  readonly toUs: number;
  readonly concurrency: number;
}

export interface DayRequest {
  readonly kind: "day";
  readonly fromUs: number;
  readonly toUs: number;
}

export type ReplayRequest = DayRequest | { readonly kind: "stop" };

export type DayResult = {
  readonly asked: number;
  readonly pushed: number;
  readonly labelled: number;
  /** Requests that had to be sent again because the server was not there; none is lost. */
  readonly retried: number;
  /** [bucket, count] of `math/latency-histogram.ts`, of requests over HTTP as the client saw them. */
  readonly latency: readonly (readonly [number, number])[];
};

export type ReplayReply =
  | { readonly kind: "loaded"; readonly rows: number }
  | { readonly kind: "progress"; readonly asked: number; readonly atUs: number }
  | { readonly kind: "done"; readonly result: DayResult }
  | { readonly kind: "failed"; readonly error: ErrorRecord };
