/** How MLflow's requests are read and its refusals answered, whichever of its routes they come to. */
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { codeOf, KarkhanaError } from "../../kernel/error.ts";
import { drained } from "../../serving/drain.ts";
import { fromFastify } from "../../serving/http-errors.ts";
import { toMlflowError } from "../../tracking/mlflow/errors.ts";
import { Message, type Fields } from "../../tracking/mlflow/message.ts";

/** A full batch of long values, each character escaped, is below this; files are streamed and have no such limit. */
export const maxJsonBytes: number = 10 * 1024 * 1024;
/** Not part of this program's own description. */
export const hidden = { schema: { hide: true } } as const;

export function readJson(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser("application/json", { parseAs: "string", bodyLimit: maxJsonBytes }, (_request, body, done) => {
    try {
      done(null, parseBody(String(body)));
    } catch (error) {
      done(error instanceof Error ? error : new Error("unreadable"));
    }
  });
}

/** Whatever its type, a body is a file and goes to disk as it comes. */
export function readStream(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser("*", (_request, payload, done) => done(null, payload));
}

export function answerErrors(scope: FastifyInstance): void {
  answerThrown(scope);
  scope.setNotFoundHandler(answerUnknown);
}

/** Addresses of MLflow's API, whatever of it is served. */
export function isMlflowAddress(path: string): boolean {
  return /^\/(?:ajax-)?api\/[23]\.0(?:\/|$)/.test(path);
}

export function answerUnknown(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return answerError(new KarkhanaError("ROUTE_NOT_FOUND", { method: request.method, path: request.url.split("?")[0]!.slice(0, 200) }), reply);
}

export function answerThrown(scope: FastifyInstance): void {
  scope.setErrorHandler<FastifyError>(async (error, request, reply) => {
    const brokeOff = codeOf(error) === undefined && request.raw.destroyed && !request.raw.complete;
    const known = brokeOff ? new KarkhanaError("REQUEST_MALFORMED", { problem: "it broke off" }, { cause: error }) : fromFastify(error, request, maxJsonBytes);
    // A client that is still sending reads the answer only if what it sends is taken.
    if (codeOf(known) === "BODY_TOO_LARGE" || codeOf(known) === "DISK_FULL") await drained(request.raw);
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
export function messageOf(request: FastifyRequest): Message {
  if (request.method === "GET") return queryOf(request);
  const body = request.body instanceof JsonBody ? request.body : new JsonBody("", undefined);
  return new Message({ ...asFields(body.value), ...asFields(request.params) }, false, body.text);
}

/** What stands in the address, whatever the method. */
export function queryOf(request: FastifyRequest): Message {
  return new Message({ ...asFields(request.query), ...asFields(request.params) }, true);
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
