/** MLflow's REST API beside our own: the same stores, other words. Its stock clients are pointed here and change nothing else. */
import { Readable } from "node:stream";
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { codeOf, KarkhanaError } from "../../kernel/error.ts";
import type { RegistryCall } from "../../registry/mlflow/call.ts";
import { drained } from "../../serving/drain.ts";
import { fromFastify } from "../../serving/http-errors.ts";
import { parseBlobPath } from "../../storage/blobs/path.ts";
import { artifactCalls, deleteFile, listProxied, readFile, writeFile } from "../../tracking/mlflow/artifact-calls.ts";
import { proxiedFile, type ProxiedFile } from "../../tracking/mlflow/artifact-uri.ts";
import { mlflowVersion, type MlflowCall, type MlflowTracking } from "../../tracking/mlflow/call.ts";
import { toMlflowError } from "../../tracking/mlflow/errors.ts";
import { experimentCalls } from "../../tracking/mlflow/experiment-calls.ts";
import { historyCalls } from "../../tracking/mlflow/history-calls.ts";
import { inputCalls } from "../../tracking/mlflow/input-calls.ts";
import { loggedModelCalls } from "../../tracking/mlflow/logged-model-calls.ts";
import { loggingCalls } from "../../tracking/mlflow/logging-calls.ts";
import { Message, refuse, type Fields } from "../../tracking/mlflow/message.ts";
import { runCalls } from "../../tracking/mlflow/run-calls.ts";
import { attachment } from "./attachment.ts";

const calls: readonly MlflowCall[] = [...experimentCalls, ...runCalls, ...loggingCalls, ...historyCalls, ...inputCalls, ...artifactCalls, ...loggedModelCalls];
/** A full batch of long values, each character escaped, is below this; files are streamed and have no such limit. */
const maxJsonBytes = 10 * 1024 * 1024;
/** Of a file that comes in one request from a page; clients' uploads are streamed to disk without a limit. */
const maxUploadBytes = 10 * 1024 * 1024;
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
        scope.get("/mlflow/server-info", hidden, () => serverInfo);
      },
      { prefix },
    );
  }
  await app.register(async (scope) => addPageFiles(scope, tracking), { prefix: "" });
  app.get("/version", hidden, (_request, reply) => reply.type("text/plain; charset=utf-8").send(mlflowVersion));
}

/** What clients ask before they use a feature. */
const serverInfo = {
  store_type: "SqlStore",
  workspaces_enabled: false,
  trace_archival_enabled: false,
  multipart_uploads_enabled: false,
  multipart_downloads_enabled: false,
  presigned_upload_run_id_supported: false,
  presigned_upload_model_id_supported: false,
  features_enabled: { gateway: false },
};

/** Files of runs and models as MLflow's own pages, and scripts made after them, fetch and put them. */
function addPageFiles(scope: FastifyInstance, tracking: MlflowTracking): void {
  answerThrown(scope);
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser("*", (_request, payload, done) => done(null, payload));
  const runFile = async (message: Message): Promise<ProxiedFile> => {
    const path = message.text("path") || refuse("Request must specify path.");
    const { run } = await tracking.runs.get(message.runId());
    return { kind: "run", file: { experimentId: run.experimentId, runId: run.runId, path } };
  };
  scope.get("/get-artifact", hidden, async (request, reply) => sendFile(reply, tracking, await runFile(messageOf(request))));
  scope.get("/ajax-api/2.0/mlflow/logged-models/:model_id/artifacts/files", hidden, async (request, reply) => {
    const message = messageOf(request);
    const path = message.text("artifact_file_path");
    if (path === undefined || path === "") throw new KarkhanaError("REQUEST_MALFORMED", { problem: 'its query has no "artifact_file_path"' });
    const { modelId, experimentId } = await tracking.loggedModels.get(message.requiredText("model_id"));
    return sendFile(reply, tracking, { kind: "model", file: { experimentId, modelId, path } });
  });
  scope.post("/ajax-api/2.0/mlflow/upload-artifact", hidden, async (request) => {
    const message = new Message(asFields(request.query), true);
    const [runId, path] = [message.text("run_uuid") || refuse("Request must specify run_uuid."), message.text("path") || refuse("Request must specify path.")];
    parseBlobPath(path);
    const body = request.body instanceof Readable ? await readUpload(request.body) : Buffer.alloc(0);
    if (body.length === 0) refuse("Request must specify data.");
    const { run } = await tracking.runs.get(runId);
    await tracking.files.write({ experimentId: run.experimentId, runId, path }, Readable.from([body]));
    return {};
  });
}

async function readUpload(body: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxUploadBytes) refuse("Artifact size is too large. Max size is 10MB.");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
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
    return sendFile(reply, tracking, await proxiedFile(tracking, request.params["*"]));
  });
  scope.put<{ Params: { "*": string } }>("/artifacts/*", hidden, async (request) => {
    const { body } = request;
    await writeFile(tracking, await proxiedFile(tracking, request.params["*"]), body instanceof Readable ? body : Readable.from([]));
    return {};
  });
  scope.delete<{ Params: { "*": string } }>("/artifacts/*", hidden, async (request) => {
    await deleteFile(tracking, await proxiedFile(tracking, request.params["*"]));
    return {};
  });
  // The client then sends the file in one piece.
  scope.post("/mpu/*", hidden, (_request, reply) =>
    reply.code(501).send({ error_code: "NOT_IMPLEMENTED", message: "Multipart upload is not supported for the current artifact repository" }),
  );
}

/** Never shown in place: a page among the artifacts must not run as one of ours. */
async function sendFile(reply: FastifyReply, tracking: MlflowTracking, file: ProxiedFile): Promise<FastifyReply> {
  const { sizeBytes, content } = await readFile(tracking, file);
  return reply
    .headers({ "content-type": "application/octet-stream", "content-length": sizeBytes, "content-disposition": attachment(file.file.path) })
    .send(Readable.from(content));
}

function answerErrors(scope: FastifyInstance): void {
  answerThrown(scope);
  scope.setNotFoundHandler((request, reply) =>
    answerError(new KarkhanaError("ROUTE_NOT_FOUND", { method: request.method, path: request.url.split("?")[0]!.slice(0, 200) }), reply),
  );
}

function answerThrown(scope: FastifyInstance): void {
  scope.setErrorHandler<FastifyError>(async (error, request, reply) => {
    const brokeOff = request.raw.destroyed && !request.raw.complete;
    const known = brokeOff ? new KarkhanaError("REQUEST_MALFORMED", { problem: "it broke off" }, { cause: error }) : fromFastify(error, request, maxJsonBytes);
    if (codeOf(known) === "BODY_TOO_LARGE") await drained(request.raw);
    return answerError(known, reply);
  });
}

function answerError(error: unknown, reply: FastifyReply): FastifyReply {
  const code = codeOf(error);
  if (code === undefined || code === "INTERNAL") console.error(error);
  const { status, body } = toMlflowError(error);
  if (status === 503) void reply.header("retry-after", "1");
  return reply.code(status).send(body);
}

/** A GET asks in its query, everything else in its body; what stands in the path counts before both. */
function messageOf(request: FastifyRequest): Message {
  if (request.method === "GET") return new Message({ ...asFields(request.query), ...asFields(request.params) }, true);
  const body = request.body instanceof JsonBody ? request.body : new JsonBody("", undefined);
  return new Message({ ...asFields(body.value), ...asFields(request.params) }, false, body.text);
}

class JsonBody {
  readonly text: string;
  readonly value: unknown;
  constructor(text: string, value: unknown) {
    this.text = text;
    this.value = value;
  }
}

/** Older clients send their JSON as a JSON string. */
function parseBody(text: string): JsonBody {
  if (text.trim() === "") return new JsonBody("{}", {});
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === "string" ? new JsonBody(body, JSON.parse(body)) : new JsonBody(text, body);
  } catch (cause) {
    throw new KarkhanaError("REQUEST_MALFORMED", { problem: "its body is not JSON" }, { cause });
  }
}

function asFields(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? Object.fromEntries(Object.entries(value)) : {};
}
