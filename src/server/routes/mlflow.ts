/** MLflow's REST API beside our own: the same stores, other words. Its stock clients are pointed here and change nothing else. */
import { Readable } from "node:stream";
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { codeOf, KarkhanaError } from "../../kernel/error.ts";
import type { RegistryCall } from "../../registry/mlflow/call.ts";
import { drained } from "../../serving/drain.ts";
import { fromFastify } from "../../serving/http-errors.ts";
import { artifactCalls, listProxied } from "../../tracking/mlflow/artifact-calls.ts";
import { parseProxyPath } from "../../tracking/mlflow/artifact-uri.ts";
import { mlflowVersion, type MlflowCall, type MlflowTracking } from "../../tracking/mlflow/call.ts";
import { toMlflowError } from "../../tracking/mlflow/errors.ts";
import { experimentCalls } from "../../tracking/mlflow/experiment-calls.ts";
import { inputCalls } from "../../tracking/mlflow/input-calls.ts";
import { loggedModelCalls } from "../../tracking/mlflow/logged-model-calls.ts";
import { loggingCalls } from "../../tracking/mlflow/logging-calls.ts";
import { Message, type Fields } from "../../tracking/mlflow/message.ts";
import { runCalls } from "../../tracking/mlflow/run-calls.ts";
import { attachment } from "./attachment.ts";

const calls: readonly MlflowCall[] = [...experimentCalls, ...runCalls, ...loggingCalls, ...inputCalls, ...artifactCalls, ...loggedModelCalls];
/** A full batch of long values, each character escaped, is below this; files are streamed and have no such limit. */
const maxJsonBytes = 10 * 1024 * 1024;
const hidden = { schema: { hide: true } };

export async function addMlflowRoutes(app: FastifyInstance, tracking: MlflowTracking, registryCalls: readonly RegistryCall[]): Promise<void> {
  const bound = [...calls.map((call) => ({ ...call, answer: (message: Message) => call.answer(message, tracking) })), ...registryCalls];
  for (const prefix of ["/api/2.0", "/ajax-api/2.0"]) {
    await app.register(async (scope) => addCalls(scope, bound), { prefix: `${prefix}/mlflow` });
    await app.register(async (scope) => addProxy(scope, tracking), { prefix: `${prefix}/mlflow-artifacts` });
    await app.register(async (scope) => answerErrors(scope), { prefix });
  }
  for (const prefix of ["/api/3.0", "/ajax-api/3.0"]) {
    await app.register(
      async (scope) => {
        answerErrors(scope);
        scope.get("/mlflow/server-info", hidden, () => ({ store_type: "SqlStore", workspaces_enabled: false, trace_archival_enabled: false }));
      },
      { prefix },
    );
  }
  app.get("/version", hidden, (_request, reply) => reply.type("text/plain; charset=utf-8").send(mlflowVersion));
}

function addCalls(scope: FastifyInstance, bound: readonly RegistryCall[]): void {
  answerErrors(scope);
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser("application/json", { parseAs: "string", bodyLimit: maxJsonBytes }, (_request, body, done) => {
    try {
      done(null, parseBody(String(body)));
    } catch (error) {
      done(error instanceof Error ? error : new Error("unreadable"));
    }
  });
  for (const call of bound) {
    scope.route({
      ...hidden,
      method: call.method,
      url: `/${call.path}`,
      bodyLimit: maxJsonBytes,
      handler: (request) => call.answer(messageOf(request)),
    });
  }
}

function addProxy(scope: FastifyInstance, tracking: MlflowTracking): void {
  answerErrors(scope);
  scope.removeAllContentTypeParsers();
  // Whatever its type, a body is a file and goes to disk as it comes.
  scope.addContentTypeParser("*", (_request, payload, done) => done(null, payload));
  scope.get("/artifacts", hidden, (request) => listProxied(messageOf(request), tracking));
  scope.get<{ Params: { "*": string } }>("/artifacts/*", hidden, async (request, reply) => {
    const file = parseProxyPath(request.params["*"]);
    const { sizeBytes, content } = await tracking.files.read(file);
    // Never shown in place: a page among the artifacts must not run as one of ours.
    return reply
      .headers({ "content-type": "application/octet-stream", "content-length": sizeBytes, "content-disposition": attachment(file.path) })
      .send(Readable.from(content));
  });
  scope.put<{ Params: { "*": string } }>("/artifacts/*", hidden, async (request) => {
    const { body } = request;
    await tracking.files.write(parseProxyPath(request.params["*"]), body instanceof Readable ? body : Readable.from([]));
    return {};
  });
  scope.delete<{ Params: { "*": string } }>("/artifacts/*", hidden, async (request) => {
    await tracking.files.delete(parseProxyPath(request.params["*"]));
    return {};
  });
  // The client then sends the file in one piece.
  scope.post("/mpu/*", hidden, (_request, reply) =>
    reply.code(501).send({ error_code: "NOT_IMPLEMENTED", message: "Multipart upload is not supported for the current artifact repository" }),
  );
}

function answerErrors(scope: FastifyInstance): void {
  const answer = (error: unknown, reply: FastifyReply): FastifyReply => {
    const code = codeOf(error);
    if (code === undefined || code === "INTERNAL") console.error(error);
    const { status, body } = toMlflowError(error);
    if (status === 503) void reply.header("retry-after", "1");
    return reply.code(status).send(body);
  };
  scope.setErrorHandler<FastifyError>(async (error, request, reply) => {
    const brokeOff = request.raw.destroyed && !request.raw.complete;
    const known = brokeOff ? new KarkhanaError("REQUEST_MALFORMED", { problem: "it broke off" }, { cause: error }) : fromFastify(error, request, maxJsonBytes);
    if (codeOf(known) === "BODY_TOO_LARGE") await drained(request.raw);
    return answer(known, reply);
  });
  scope.setNotFoundHandler((request, reply) =>
    answer(new KarkhanaError("ROUTE_NOT_FOUND", { method: request.method, path: request.url.split("?")[0]!.slice(0, 200) }), reply),
  );
}

/** A GET asks in its query, everything else in its body; what the path names is a field like any other. */
function messageOf(request: FastifyRequest): Message {
  const named = asFields(request.params);
  return request.method === "GET" ? new Message({ ...asFields(request.query), ...named }, true) : new Message({ ...asFields(request.body), ...named });
}

/** Older clients send their JSON as a JSON string. */
function parseBody(text: string): unknown {
  if (text.trim() === "") return {};
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === "string" ? JSON.parse(body) : body;
  } catch (cause) {
    throw new KarkhanaError("REQUEST_MALFORMED", { problem: "its body is not JSON" }, { cause });
  }
}

function asFields(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? Object.fromEntries(Object.entries(value)) : {};
}
