/** How a backend's answer reaches the client: a stream event by event as it comes, anything else whole. */
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { isObject } from "../request-fields.ts";
import type { Backend } from "./backend.ts";
import { BadEvents, readEvents } from "./events.ts";
import { appended, choicesOf, textOfPiece, textOfReply, usageOf, type Asked, type Usage } from "./reading.ts";
import { backendFailed, messageIn, withoutKey } from "./upstream.ts";

const maxEventBytes = 1_048_576;
const maxReplyBytes = 67_108_864;
/** A whole answer is read for its text and tokens up to this size; of a larger one (many embeddings) only the end is. */
const maxParsedBytes = 1_048_576;
const tailBytes = 2000;

/** What is known of an exchange so far. Times are of the monotonic timer. */
export interface Seen {
  usage: Usage | undefined;
  /** Pieces that held something of the answer: as good as tokens where a backend does not count them. */
  pieces: number;
  firstTokenMs: number;
  lastTokenMs: number;
  text: string;
  /** Why a stream that had begun ended badly, in the backend's own words. */
  problem: string | undefined;
}

export function nothingSeen(): Seen {
  return { usage: undefined, pieces: 0, firstTokenMs: Number.NaN, lastTokenMs: Number.NaN, text: "", problem: undefined };
}

export interface Passing {
  readonly backend: Backend;
  readonly asked: Asked;
  readonly raw: ServerResponse;
  readonly seen: Seen;
  readonly timerMs: () => number;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** The backend has this long for its next piece; undefined: it is not the backend that is waited for. */
  readonly expect: (ms: number | undefined) => void;
}

/** @throws LLM_BACKEND_FAILED; nothing of it has been sent then */
export async function passReply(response: IncomingMessage, { backend, raw, seen, headers }: Passing): Promise<void> {
  const body = await wholeOf(backend, response);
  if (body.length <= maxParsedBytes) {
    const reply = objectIn(body.toString("utf8"));
    if (reply === undefined) throw backendFailed(backend, "its answer is not JSON");
    seen.usage = usageOf(reply);
    if (backend.plan.log.text) seen.text = appended("", textOfReply(reply), backend.plan.log);
  } else {
    const found = /"usage"\s*:\s*(\{[^{}]*\})/.exec(body.toString("utf8", body.length - tailBytes));
    seen.usage = usageOf({ usage: objectIn(found?.[1] ?? "") });
  }
  raw.writeHead(200, { ...headers, "content-type": "application/json", "content-length": body.length });
  raw.end(body);
}

async function wholeOf(backend: Backend, response: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of response) {
    const bytes = part as Buffer;
    length += bytes.length;
    if (length > maxReplyBytes) throw backendFailed(backend, `its answer is larger than ${maxReplyBytes} bytes`);
    parts.push(bytes);
  }
  return Buffer.concat(parts);
}

/** Nothing is sent before the first event that can be read, so that until then another backend may answer. @throws LLM_BACKEND_FAILED, BadEvents */
export async function passStream(response: IncomingMessage, passing: Passing): Promise<void> {
  const { backend, asked, raw, seen, headers, signal, expect } = passing;
  const { plan } = backend;
  const type = response.headers["content-type"] ?? "nothing";
  if (!type.startsWith("text/event-stream")) throw backendFailed(backend, `it answered a stream with ${type.slice(0, 60)}`);
  let isDone = false;
  for await (const { text, data } of readEvents(response, maxEventBytes)) {
    expect(undefined);
    if (isDone) continue;
    isDone = data === "[DONE]";
    const piece = data === undefined || isDone ? {} : objectIn(data);
    if (piece === undefined) throw new BadEvents("an event holds no JSON");
    const problem = piece["error"] === undefined ? undefined : (messageIn(data ?? "") ?? "an error");
    if (problem !== undefined && !raw.headersSent) throw backendFailed(backend, problem);
    if (!raw.headersSent) {
      if (data === undefined) continue;
      raw.writeHead(200, { ...headers, "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache", "x-accel-buffering": "no" });
    }
    note(piece, passing);
    seen.problem ??= problem;
    const isOurs = plan.streamUsage && !asked.wantsUsage && isObject(piece["usage"]) && choicesOf(piece).length === 0;
    // A client that reads slowly holds the backend back, and no more than one event is kept for it.
    if (!isOurs && !raw.write(withoutKey(backend, text))) await once(raw, "drain", { signal });
    if (isDone) raw.end();
    expect(plan.idleTimeoutMs);
  }
  expect(undefined);
  if (!isDone) throw new BadEvents("the stream ended before its [DONE]");
}

function note(piece: Readonly<Record<string, unknown>>, { backend, seen, timerMs }: Passing): void {
  seen.usage = usageOf(piece) ?? seen.usage;
  const text = textOfPiece(piece);
  if (text === "") return;
  seen.pieces++;
  seen.lastTokenMs = timerMs();
  if (Number.isNaN(seen.firstTokenMs)) seen.firstTokenMs = seen.lastTokenMs;
  if (backend.plan.log.text) seen.text = appended(seen.text, text, backend.plan.log);
}

function objectIn(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const json: unknown = JSON.parse(text);
    return isObject(json) ? json : undefined;
  } catch {
    return undefined;
  }
}
