import type { FastifyReply, FastifyRequest } from "fastify";
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { ErrorCode } from "../kernel/error-catalogue.ts";
import { codeOf, KarkhanaError, toErrorRecord } from "../kernel/error.ts";
import type { InFlight } from "./in-flight.ts";
import { retryAfterSeconds } from "./connection-turns.ts";
import { isOpenAi, openAiError } from "./openai/error-body.ts";

export type StatusOf = (code: ErrorCode) => number;

/** Every refusal has the shape of its protocol, whatever part of the server made it. */
function errorBody(error: unknown, statusOf: StatusOf, url = ""): { readonly code: ErrorCode; readonly text: string } {
  const record = toErrorRecord(error);
  const { code, message, remedy, details } = record;
  if (isOpenAi(url)) return { code, text: openAiError(record, statusOf(code)) };
  if (isInference(url)) return { code, text: JSON.stringify({ error: `${code}: ${message}. ${remedy}` }) };
  if (isScoring(url)) {
    const isTable = code === "INFER_REFUSED" || code === "TENSOR_REFUSED";
    return { code, text: JSON.stringify({ error_code: "BAD_REQUEST", message: `${code}: ${message}. ${isTable ? tableRemedy : remedy}` }) };
  }
  return { code, text: JSON.stringify({ error: { code, message, remedy, details } }) };
}

/** The codes' own remedies are for clients of the inference protocol, who asked in its words. */
const tableRemedy =
  "Send one of dataframe_split, dataframe_records, instances and inputs, or CSV, with a column for each field of the question, or for each feature of the model.";

/** Of the Open Inference Protocol. */
function isInference(url: string): boolean {
  return url.startsWith("/v2") && !/^\/v2\w/.test(url);
}

/** Of MLflow's scoring server. */
function isScoring(url: string): boolean {
  return url.startsWith("/invocations") || /^\/v1\/models\/[^/]+\/invocations/.test(url);
}

export function sendError(reply: FastifyReply, error: unknown, statusOf: StatusOf): FastifyReply {
  const { url } = reply.request;
  const { code, text } = errorBody(error, statusOf, url);
  // Clients of that protocol take 413 for something else: its servers answer 400.
  const isTooLarge = code === "BODY_TOO_LARGE" || code === "UNPACKED_BODY_TOO_LARGE";
  const status = isTooLarge && isInference(url) ? 400 : statusOf(code);
  if (status === 503 || status === 429) reply.header("retry-after", String(retryAfterSeconds));
  return reply.code(status).header("content-type", "application/json; charset=utf-8").send(text);
}

/**
 * Refuses requests there is no room for before the router sees them: at three times what a server can do, two of three requests end here, so
 * what a refusal costs is what is left for the third. Its text is written anew ten times a second at most.
 */
export function cheapRefusals(
  inFlight: Pick<InFlight<unknown>, "size" | "countRefusal">,
  timerMs: () => number,
  statusOf: StatusOf,
): (url: string, response: ServerResponse) => void {
  const texts = new Map<string, { readonly text: string; readonly madeMs: number }>();
  return (url, response) => {
    inFlight.countRefusal();
    const shape = isInference(url) ? "/v2" : isScoring(url) ? "/invocations" : isOpenAi(url) ? "/v1/completions" : "/";
    const nowMs = timerMs();
    let kept = texts.get(shape);
    if (kept === undefined || nowMs - kept.madeMs >= 100)
      texts.set(shape, (kept = { text: errorBody(new KarkhanaError("SERVER_OVERLOADED", { inFlight: inFlight.size }), statusOf, shape).text, madeMs: nowMs }));
    response.writeHead(statusOf("SERVER_OVERLOADED"), {
      "content-type": "application/json; charset=utf-8",
      "content-length": Buffer.byteLength(kept.text),
      "retry-after": String(retryAfterSeconds),
    });
    response.end(kept.text);
  };
}

/** What Fastify refused by itself, in our codes. */
export function fromFastify(error: unknown, request: FastifyRequest, maxBodyBytes: number): unknown {
  if (codeOf(error) !== undefined || !(error instanceof Error)) return error;
  const code = "code" in error ? error.code : undefined;
  const status = "statusCode" in error ? error.statusCode : undefined;
  if (code === "FST_ERR_CTP_BODY_TOO_LARGE") return new KarkhanaError("BODY_TOO_LARGE", { maxBytes: maxBodyBytes });
  if (code === "FST_ERR_CTP_INVALID_MEDIA_TYPE")
    return new KarkhanaError("CONTENT_TYPE_REFUSED", { value: (request.headers["content-type"] ?? "").slice(0, 100) });
  if (typeof status === "number" && status >= 400 && status < 500) return new KarkhanaError("REQUEST_MALFORMED", { problem: error.message });
  return error;
}

/** Answers bytes that are not HTTP, and clients that are too slow to say what they want. */
export function refuseBadBytes(error: NodeJS.ErrnoException, socket: Socket, statusOf: StatusOf): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const { code, text } = errorBody(new KarkhanaError("REQUEST_MALFORMED", { problem: error.code ?? error.message }), statusOf);
  const status = error.code === "ERR_HTTP_REQUEST_TIMEOUT" ? 408 : error.code === "HPE_HEADER_OVERFLOW" ? 431 : statusOf(code);
  socket.end(
    `HTTP/1.1 ${status} Refused\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(text)}\r\nconnection: close\r\n\r\n${text}`,
  );
}
