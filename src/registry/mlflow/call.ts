import type { Message } from "../../tracking/mlflow/message.ts";

/** Who sent the request, where that matters. */
export interface Asker {
  readonly user: string;
  /** Whether they may change what is deployed. */
  readonly mayDeploy: boolean;
  readonly role: string;
}

/** One method of MLflow's registry API, bound to its stores: what a request asks and the JSON object it is answered with. */
export interface RegistryCall {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  /** Below /api/2.0/mlflow and /ajax-api/2.0/mlflow; `:name` is a field of the message like any other. */
  readonly path: string;
  readonly answer: (message: Message, asker: Asker) => Promise<object>;
}
