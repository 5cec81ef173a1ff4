import type { Role } from "../access/roles.ts";

/** Whom a route of the control server answers; undefined: anybody; "known": whoever has a name. What is not named here is not open. */
export function roleForRoute(method: string, pattern: string | undefined): Role | "known" | undefined {
  if (pattern === undefined || open.has(pattern) || signed.test(pattern)) return undefined;
  const isReading = method === "GET" || method === "HEAD" || method === "OPTIONS";
  if (workspaces.test(pattern)) return isReading ? "known" : "admin";
  if (adminOnly.test(pattern)) return "admin";
  if (isReading) return "viewer";
  return readingPosts.test(pattern) ? "viewer" : "editor";
}

/** No route: an answer that there is nothing, or the console's page. The console's files hold no data; signing in cannot need to be signed in. */
const open = new Set(["/", "/*", "/health", "/version", "/api/v1/session"]);

/** These addresses say themselves what they allow and until when; clients send them no credentials. */
const signed = /^\/(ajax-)?api\/2\.0\/mlflow-artifacts\/signed\//;

/** The list is cut to those that whoever asks has a role in. */
const workspaces = /\/workspaces(\/:workspace_name)?$/;

/** A route that looks into the workspace the request names. Every other is of `default`, whatever the request names. */
export function isInWorkspace(pattern: string | undefined): boolean {
  return pattern !== undefined && within.test(pattern);
}

const within =
  /^\/(ajax-)?api\/2\.0\/mlflow(-artifacts)?\/|^\/get-artifact$|^\/model-versions\/get-artifact$|^\/api\/v1\/(experiments|runs|views|registry|deleted)(\/|$)/;

/** What is deployed, and who is told of it; what cannot be brought back; and code of theirs that this machine runs: the grader's guards are made for accidents, not for strangers. */
const adminOnly = /\/webhooks(\/|$)|\/purge$|\/rollback$|\/promote$|\/traffic$|\/path\/labs\/:lab\/grade$/;

/** MLflow's clients ask long questions by POST; they change nothing. */
const readingPosts = /\/(search|search-datasets|get-latest-versions|get-history-bulk|get-history-bulk-interval|count)$/;
