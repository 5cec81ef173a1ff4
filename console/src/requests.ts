import { keepPreviousData, QueryClient, queryOptions } from "@tanstack/react-query";
import type {
  Alert,
  ApiError,
  DatasetReport,
  DatasetSummary,
  Distributions,
  Features,
  ModelDetail,
  ModelSummary,
  Monitoring,
  Overview,
  PipelineDetail,
  PipelineSummary,
  Prediction,
  Serving,
} from "../../src/server/api.ts";
import type { Exchange, VersionComparisons } from "../../src/server/api-serving.ts";
import type { ExploredEntity, FeatureViewDetail, Parity, ViewInUse, ViewVersion } from "../../src/server/api-features.ts";
import { sessionEnded } from "./session.ts";
import { chooseWorkspace, chosenWorkspace, defaultWorkspace } from "./workspace-choice.ts";
import type { PredictionExplanation } from "../../src/server/explanation-api.ts";

/** What the server refused, with its code and what to do. */
export class Refusal extends Error {
  readonly code: string;
  readonly remedy: string;
  readonly status: number;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(status: number, body: ApiError["error"]) {
    super(body.message);
    this.name = "Refusal";
    this.status = status;
    this.code = body.code;
    this.remedy = body.remedy;
    this.details = body.details;
  }
}

export async function request<T>(path: string, init?: RequestInit): Promise<T> {
  const workspace = chosenWorkspace();
  const headers = new Headers(init?.headers);
  if (workspace !== defaultWorkspace) headers.set("x-mlflow-workspace", workspace);
  const response = await fetch(`/api/v1${path}`, { ...init, headers }).catch((error: unknown) => {
    if (init?.signal?.aborted === true) throw error;
    throw new Error("The server cannot be reached", { cause: error });
  });
  const body: unknown = await response.json().catch(() => null);
  if (response.ok) return body as T;
  const error = (body as ApiError | null)?.error;
  if (error?.code === "WORKSPACE_NOT_FOUND" && workspace !== defaultWorkspace) {
    // It was deleted since this tab last looked.
    chooseWorkspace(defaultWorkspace);
    return request(path, init);
  }
  if (response.status === 401) sessionEnded();
  throw new Refusal(
    response.status,
    error ?? { code: "UNREACHABLE", message: `The server answered ${response.status}`, remedy: "See whether `karkhana up` still runs.", details: {} },
  );
}

export const queries = new QueryClient({
  // The event stream says when something changed; nothing is asked again on a timer or because a window got the focus.
  defaultOptions: {
    queries: {
      // The server is often this very machine: it answers whatever the browser thinks of the network.
      networkMode: "always",
      staleTime: Number.POSITIVE_INFINITY,
      refetchOnWindowFocus: false,
      retry: (failures, error) => failures < 2 && !(error instanceof Refusal && error.status < 500),
    },
    mutations: { networkMode: "always" },
  },
});

const enc = encodeURIComponent;
export const get = <T>(topic: Topic, path: string) =>
  queryOptions({ queryKey: [topic, path], queryFn: ({ signal }) => request<T>(path, { signal }), placeholderData: keepPreviousData });

/** What a change is about; the first part of every query's key. */
export type Topic =
  | "overview"
  | "data"
  | "features"
  | "runs"
  | "models"
  | "comparisons"
  | "monitoring"
  | "alerts"
  | "pipelines"
  | "serving"
  | "predictions"
  | "path";

export const ask = {
  overview: () => get<Overview>("overview", "/overview"),
  datasets: () => get<readonly DatasetSummary[]>("data", "/datasets"),
  dataset: (hash: string) => get<DatasetReport>("data", `/datasets/${enc(hash)}`),
  features: () => get<Features>("features", "/features"),
  viewVersions: (hash: string) => get<readonly ViewVersion[]>("features", `/features/${enc(hash)}/history`),
  viewInUse: (hash: string) => get<ViewInUse>("serving", `/features/${enc(hash)}/profile`),
  featureView: (hash: string) => get<FeatureViewDetail>("features", `/features/${enc(hash)}`),
  entity: (hash: string, keys: readonly (string | number | boolean)[], atUs: number) =>
    get<ExploredEntity>("serving", `/features/${enc(hash)}/entity?${keys.map((key) => `key=${enc(String(key))}&`).join("")}atUs=${atUs}`),
  distributions: (model: string, atUs: number | null) =>
    get<Distributions>("monitoring", `/models/${enc(model)}/distributions${atUs === null ? "" : `?atUs=${atUs}`}`),
  models: () => get<readonly ModelSummary[]>("models", "/models"),
  model: (name: string) => get<ModelDetail>("models", `/models/${enc(name)}`),
  comparisons: (name: string) => get<VersionComparisons>("comparisons", `/models/${enc(name)}/comparisons`),
  monitoring: (name: string) => get<Monitoring>("monitoring", `/models/${enc(name)}/monitoring`),
  parity: (model: string) => get<Parity>("monitoring", `/models/${enc(model)}/parity`),
  alerts: () => get<readonly Alert[]>("alerts", "/alerts"),
  pipelines: () => get<readonly PipelineSummary[]>("pipelines", "/pipelines"),
  pipeline: (id: string) => get<PipelineDetail>("pipelines", `/pipelines/${enc(id)}`),
  serving: () => get<Serving>("serving", "/serving"),
  explanation: (model: string, id: string, role: string) =>
    get<PredictionExplanation>("predictions", `/models/${enc(model)}/predictions/${enc(id)}/explanation?role=${enc(role)}`),
  exchanges: (model: string) => get<readonly Exchange[]>("serving", `/exchanges?model=${enc(model)}&limit=12`),
  predictions: (model: string) => get<readonly Prediction[]>("predictions", `/models/${enc(model)}/predictions?limit=24`),
};

export function rollback(model: string, reason: string): Promise<unknown> {
  return request(`/models/${enc(model)}/rollback`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ reason }) });
}

export function setTraffic(
  model: string,
  challengers: readonly { readonly version: number; readonly share: number }[],
  shadows: readonly number[],
  reason: string,
): Promise<unknown> {
  const body = JSON.stringify({ challengers, shadows, reason });
  return request(`/models/${enc(model)}/traffic`, { method: "PUT", headers: { "content-type": "application/json" }, body });
}
