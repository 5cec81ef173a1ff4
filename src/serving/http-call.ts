/** What the headers of a request say about how it is to be treated, and how its answer leaves. */
import type { FastifyReply, FastifyRequest } from "fastify";
import type { IncomingHttpHeaders } from "node:http";
import type { Clock } from "../kernel/clock.ts";
import { KarkhanaError, toErrorRecord } from "../kernel/error.ts";
import type { Call } from "./call.ts";
import type { Compression } from "./compression.ts";
import type { ConnectionTurns } from "./connection-turns.ts";
import { sendError, type StatusOf } from "./http-errors.ts";
import type { InFlight, Refuse } from "./in-flight.ts";
import { readTraceparent, type TraceParent } from "./traceparent.ts";
import { traceAnswer, type TraceSink } from "./traces.ts";

export interface Payload {
  readonly body: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

const jsonType = "application/json; charset=utf-8";
const maxTenantLength = 100;

/** Milliseconds a client still waits for its answer. */
const timeoutHeader = "x-request-timeout-ms";
/** On whose behalf a client asks: room is shared fairly between tenants. */
export const tenantHeader = "x-tenant";

/**
 * Runs one request inside the bounds of number and time; an answer that comes too late is dropped, since the client has one already.
 * Nothing is returned to Fastify: it would wait for the reply's end, with listeners of its own on every request.
 * @throws SERVER_OVERLOADED, SHARE_EXCEEDED
 */
export type AnswerWork = (request: FastifyRequest, reply: FastifyReply, model: string, work: (call: Call) => Promise<string | Payload>) => void;

export interface AnsweringOptions {
  readonly timerMs: () => number;
  readonly statusOf: StatusOf;
  readonly clock: Clock;
  readonly compression: Compression;
  readonly traces?: TraceSink | undefined;
}

export function answering(inFlight: InFlight<Refuse>, turns: ConnectionTurns, { timerMs, statusOf, clock, compression, traces }: AnsweringOptions): AnswerWork {
  return (request, reply, model, work) => {
    const { headers } = request;
    const parent = readParent(headers);
    const call = inFlight.enter((error) => void sendError(reply, error, statusOf), {
      startedMs: request.startedMs,
      clientMs: readTimeout(headers),
      model,
      tenant: readTenant(headers),
      traceId: parent?.traceId,
    });
    if (parent !== undefined) reply.header("traceparent", headers["traceparent"]);
    const finish = (payload: string | Payload | Error): void => {
      const doneMs = timerMs();
      inFlight.leave(call, doneMs);
      if (traces !== undefined) traceAnswer(traces, clock, call, parent, doneMs, "http", payload instanceof Error ? toErrorRecord(payload).code : undefined);
      if (call.expired) return;
      if (typeof payload === "string" || payload instanceof Error) reply.header("content-type", jsonType).send(payload);
      else {
        reply.header("content-type", jsonType);
        if (payload.headers !== undefined) reply.headers(payload.headers);
        reply.send(payload.body);
      }
      turns.answered(request.raw.socket, call);
    };
    const fail = (error: unknown): void => finish(error instanceof Error ? error : new KarkhanaError("INTERNAL", { problem: String(error) }));
    const leave = (payload: string | Payload): void => {
      const packing = compression.pack(headers, payload);
      if (packing === undefined) finish(payload);
      else packing.then((packed) => finish(packed ?? payload), fail);
    };
    work(call).then(leave, fail);
  };
}

export function readParent({ traceparent }: IncomingHttpHeaders): TraceParent | undefined {
  return typeof traceparent === "string" ? readTraceparent(traceparent) : undefined;
}

/** On whose behalf is asked; empty where the client does not say. */
export function readTenant(headers: IncomingHttpHeaders): string {
  const tenant = headers[tenantHeader];
  return typeof tenant === "string" ? tenant.slice(0, maxTenantLength) : "";
}

/** Milliseconds the client waits, if it says so. @throws INVALID_ARGUMENT */
export function readTimeout(headers: IncomingHttpHeaders): number | undefined {
  const header = headers[timeoutHeader];
  if (header === undefined) return undefined;
  const ms = Number(header);
  if (typeof header !== "string" || header.trim() === "" || !(ms >= 0))
    throw new KarkhanaError("INVALID_ARGUMENT", { field: timeoutHeader, problem: "expected milliseconds", value: String(header).slice(0, 100) });
  return ms;
}
