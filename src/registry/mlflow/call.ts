import type { Message } from "../../tracking/mlflow/message.ts";

/** One method of MLflow's registry API, bound to its stores: what a request asks and the JSON object it is answered with. */
export interface RegistryCall {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  /** Below /api/2.0/mlflow and /ajax-api/2.0/mlflow; `:name` is a field of the message like any other. */
  readonly path: string;
  readonly answer: (message: Message) => Promise<object>;
}
