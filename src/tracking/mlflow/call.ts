import type { TrackingStore } from "../store.ts";
import type { Message } from "./message.ts";

/** What MLflow's API reads and writes of tracking. */
export type MlflowTracking = Pick<
  TrackingStore,
  "logBatch" | "experiments" | "runs" | "files" | "loggedModels" | "modelFiles" | "artifactRoot" | "uploads" | "signing" | "purging" | "workspace"
>;

/** One method of MLflow's API: what a request asks and the JSON object it is answered with. */
export interface MlflowCall {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  /** Below /api/2.0/mlflow and /ajax-api/2.0/mlflow; a part after ":" is a field of the message. */
  readonly path: string;
  readonly answer: (message: Message, tracking: MlflowTracking) => Promise<object>;
}

/** The release whose protocol is spoken; clients compare it with the one that brought a feature. */
export const mlflowVersion = "3.17.2";
