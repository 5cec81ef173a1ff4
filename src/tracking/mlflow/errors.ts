/** Our errors in MLflow's codes and words: its clients branch on the code, its users and tests know the words. */
import type { ErrorCode } from "../../kernel/error-catalogue.ts";
import { toErrorRecord, type ErrorDetails } from "../../kernel/error.ts";

export interface MlflowError {
  readonly status: number;
  readonly body: { readonly error_code: string; readonly message: string };
}

const statuses = {
  INVALID_PARAMETER_VALUE: 400,
  BAD_REQUEST: 400,
  RESOURCE_ALREADY_EXISTS: 400,
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  RESOURCE_DOES_NOT_EXIST: 404,
  ENDPOINT_NOT_FOUND: 404,
  RANGE_NOT_SATISFIABLE: 416,
  INVALID_STATE: 500,
  INTERNAL_ERROR: 500,
  NOT_IMPLEMENTED: 501,
  TEMPORARILY_UNAVAILABLE: 503,
} as const;

type MlflowCode = keyof typeof statuses;
type Line = readonly [code: MlflowCode, message?: ((details: ErrorDetails) => string) | undefined, status?: number];

const lines: Partial<Record<ErrorCode, Line>> = {
  INVALID_ARGUMENT: ["INVALID_PARAMETER_VALUE"],
  MLFLOW_REQUEST_REFUSED: ["INVALID_PARAMETER_VALUE"],
  SEARCH_INVALID: ["INVALID_PARAMETER_VALUE"],
  EXPERIMENT_EXISTS: ["RESOURCE_ALREADY_EXISTS", ({ name }) => `Experiment(name=${text(name)}) already exists.`],
  EXPERIMENT_NOT_FOUND: ["RESOURCE_DOES_NOT_EXIST", ({ experimentId }) => `No Experiment with id=${text(experimentId)} exists`],
  EXPERIMENT_NAME_NOT_FOUND: ["RESOURCE_DOES_NOT_EXIST", ({ name }) => `Could not find experiment with name '${text(name)}'`],
  // Renaming a deleted experiment is a wrong state to MLflow where other writes to one are a wrong parameter.
  EXPERIMENT_RENAME_REFUSED: ["INVALID_STATE", () => "Cannot rename a non-active experiment."],
  EXPERIMENT_DELETED: [
    "INVALID_PARAMETER_VALUE",
    ({ experimentId }) => `The experiment ${text(experimentId)} must be in the 'active' state. Current state is deleted.`,
  ],
  RUN_NOT_FOUND: ["RESOURCE_DOES_NOT_EXIST", ({ runId }) => `Run with id=${text(runId)} not found`],
  RUN_DELETED: ["INVALID_PARAMETER_VALUE", ({ runId }) => `The run ${text(runId)} must be in the 'active' state. Current state is deleted.`],
  TAG_NOT_FOUND: ["RESOURCE_DOES_NOT_EXIST", ({ owner, key }) => `No tag with name: ${text(key)} in ${text(owner)}`],
  // MLflow fails on this one, and its tests know it by that.
  SOURCE_HOST_REFUSED: ["INTERNAL_ERROR"],
  RANGE_REFUSED: ["RANGE_NOT_SATISFIABLE"],
  SIGNATURE_REFUSED: ["PERMISSION_DENIED"],
  UPLOAD_NOT_FOUND: ["RESOURCE_DOES_NOT_EXIST"],
  UPLOAD_PART_MISSING: ["INVALID_PARAMETER_VALUE"],
  UPLOAD_PART_CHANGED: ["INVALID_PARAMETER_VALUE"],
  NOT_DELETED_YET: ["INVALID_PARAMETER_VALUE"],
  ARTIFACTS_IN_USE: ["INVALID_PARAMETER_VALUE"],
  LOGGED_MODEL_NOT_FOUND: ["RESOURCE_DOES_NOT_EXIST", ({ modelId }) => `Logged model with ID '${text(modelId)}' not found.`],
  LOGGED_MODEL_TAG_NOT_FOUND: ["RESOURCE_DOES_NOT_EXIST", ({ key, modelId }) => `No tag with key '${text(key)}' found for model with ID '${text(modelId)}'.`],
  PARAM_CHANGED: [
    "INVALID_PARAMETER_VALUE",
    ({ key, old, runId, value }) =>
      `Changing param values is not allowed. Param with key='${text(key)}' was already logged with value='${text(old)}' for run ID='${text(runId)}'. Attempted logging new value '${text(value)}'.`,
  ],
  REGISTERED_MODEL_NOT_FOUND: ["RESOURCE_DOES_NOT_EXIST", ({ model }) => `Registered Model with name=${text(model)} not found`],
  REGISTERED_MODEL_EXISTS: ["RESOURCE_ALREADY_EXISTS", ({ model }) => `Registered Model (name=${text(model)}) already exists.`],
  VERSION_NOT_FOUND: ["RESOURCE_DOES_NOT_EXIST", ({ model, version }) => `Model Version (name=${text(model)}, version=${text(version)}) not found`],
  // To MLflow an unknown alias is a wrong parameter.
  MODEL_ALIAS_NOT_FOUND: ["INVALID_PARAMETER_VALUE", ({ alias }) => `Registered model alias ${text(alias)} not found.`],
  MODEL_ALIAS_GUARDED: ["PERMISSION_DENIED"],
  WEBHOOK_NOT_FOUND: ["RESOURCE_DOES_NOT_EXIST", ({ webhookId }) => `Webhook with ID ${text(webhookId)} not found.`],
  MODEL_IN_USE: ["PERMISSION_DENIED"],
  PROOF_MISSING: ["PERMISSION_DENIED"],
  PROMOTION_STEP_REFUSED: ["PERMISSION_DENIED"],
  BLOB_NOT_FOUND: ["RESOURCE_DOES_NOT_EXIST", ({ path }) => `No such artifact: '${text(path)}'`],
  BLOB_PATH_REFUSED: ["INVALID_PARAMETER_VALUE", () => "Invalid path"],
  ROUTE_NOT_FOUND: ["ENDPOINT_NOT_FOUND"],
  REQUEST_MALFORMED: ["BAD_REQUEST"],
  CONTENT_TYPE_REFUSED: ["INVALID_PARAMETER_VALUE", () => "Bad Request. Content-Type must be one of ['application/json']."],
  BODY_TOO_LARGE: ["BAD_REQUEST"],
  ACCESS_UNAUTHENTICATED: ["UNAUTHENTICATED"],
  ACCESS_DENIED: ["PERMISSION_DENIED"],
  WORKSPACE_NOT_FOUND: ["RESOURCE_DOES_NOT_EXIST"],
  WORKSPACE_EXISTS: ["RESOURCE_ALREADY_EXISTS"],
  // MLflow's code, but not its 500: its client repeats that for minutes before it tells anybody.
  WORKSPACE_NOT_EMPTY: ["INVALID_STATE", undefined, 409],
  WORKSPACE_CONFLICT: [
    "INVALID_STATE",
    ({ workspace, names }) =>
      `Cannot reassign resources from workspace '${text(workspace)}' to 'default': the following names already exist in the default workspace and would cause conflicts:\n${Array.isArray(names) ? names.map((name) => `  - ${text(name)}`).join("\n") : ""}\nRename or remove the conflicting resources before retrying.`,
    409,
  ],
  HOST_REFUSED: ["PERMISSION_DENIED"],
  ORIGIN_REFUSED: ["PERMISSION_DENIED"],
};

/** Retryable errors become 503, which the client tries again; what is not ours is a defect and tells nothing of the inside. */
export function toMlflowError(error: unknown): MlflowError {
  const { code, message, details, retryable } = toErrorRecord(error);
  const [known, words, status]: Line = lines[code] ?? [retryable ? "TEMPORARILY_UNAVAILABLE" : "INTERNAL_ERROR"];
  const shown = code === "INTERNAL" ? "Internal error; the server's own log says more." : (words?.(details) ?? message);
  return { status: status ?? statuses[known], body: { error_code: known, message: shown } };
}

function text(value: unknown): string {
  return typeof value === "string" ? value.slice(0, 1000) : String(value);
}
