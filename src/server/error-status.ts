import { errorCatalogue, type ErrorCode } from "../kernel/error-catalogue.ts";

/** The one place that knows HTTP statuses. A code without a line here gets its family's status. */
const statuses: Partial<Record<ErrorCode, number>> = {
  INTERNAL: 500,
  MODEL_RUN_FAILED: 500,
  REMOTE_REFUSED: 502,
  LLM_BACKEND_FAILED: 502,
  LLM_BACKEND_BUSY: 429,
  LLM_MODEL_UNKNOWN: 404,
  RUNTIME_ABSENT: 501,
  INFER_UNSUPPORTED: 501,
  INFER_MODEL_UNKNOWN: 404,
  MODEL_VERSION_NOT_LOADED: 404,
  SHARE_EXCEEDED: 429,
  MODEL_NOT_REPRODUCIBLE: 501,
  INVALID_CONFIG: 500,
  QUERY_FAILED: 500,
  FEEDBACK_RECORD_CORRUPT: 500,
  ROUTE_NOT_FOUND: 404,
  MODEL_NOT_IN_PROJECT: 404,
  SOURCE_NOT_IN_PROJECT: 404,
  EMBEDDING_NOT_FOUND: 404,
  NEAREST_INDEX_FULL: 507,
  NEAREST_UNAVAILABLE: 503,
  CONTENT_TYPE_REFUSED: 415,
  CONTENT_ENCODING_REFUSED: 415,
  BODY_TOO_LARGE: 413,
  UNPACKED_BODY_TOO_LARGE: 413,
  ACCESS_UNAUTHENTICATED: 401,
  ACCESS_DENIED: 403,
  HOST_REFUSED: 403,
  ORIGIN_REFUSED: 403,
  WRITE_CONFLICT: 409,
  WORKSPACE_NOT_EMPTY: 409,
  MODEL_ALIAS_GUARDED: 409,
  MODEL_IN_USE: 409,
  PROOF_MISSING: 409,
  PROMOTION_STEP_REFUSED: 409,
  DEPLOYMENT_PLACE_TAKEN: 409,
  NOTHING_DEPLOYED: 409,
  NOTHING_TO_ROLL_BACK: 409,
  PARAM_CHANGED: 409,
  SHEET_ANSWERED: 409,
  EVIDENCE_DAMAGED: 500,
  SECRET_KEY_MISSING: 500,
  SECRET_DAMAGED: 500,
};

/** HTTP status of an error code: its own line, else by family, else 400. */
export function statusOf(code: ErrorCode): number {
  return statuses[code] ?? familyStatus(code);
}

function familyStatus(code: ErrorCode): number {
  if (code.endsWith("_NOT_FOUND")) return 404;
  if (code.endsWith("_EXISTS") || code.endsWith("_CONFLICT")) return 409;
  if (code.endsWith("_CORRUPT")) return 500;
  return errorCatalogue[code].retryable ? 503 : 400;
}
