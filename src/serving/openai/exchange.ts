/**
 * One question to a language model, from its admission to its record:
 *
 *   room at the backend? ──no──> the next, else refused
 *     └─> asked ──no good first piece in time──> the next, else refused
 *           └─> passed on as it comes ──breaks off──> an error as the stream's last event, never a second beginning
 *
 * The client's leaving, and the end of its time, end the question at the backend too.
 */
import type { ServerResponse } from "node:http";
import type { ExchangeRecord } from "../../feedback/exchanges.ts";
import type { Clock } from "../../kernel/clock.ts";
import { KarkhanaError, toErrorRecord } from "../../kernel/error.ts";
import type { NewId } from "../../kernel/ids.ts";
import { deadlineOf } from "../call.ts";
import type { StatusOf } from "../http-errors.ts";
import { nothingSeen, passReply, passStream, type Seen } from "./answers.ts";
import { traceAnswer, type TraceSink } from "../traces.ts";
import type { TraceParent } from "../traceparent.ts";
import type { Backend } from "./backend.ts";
import type { BackendPlan } from "./plan.ts";
import { openAiError } from "./error-body.ts";
import { BadEvents } from "./events.ts";
import { bodyFor, forLog, textOfQuestion, type Asked, type OpenAiRoute } from "./reading.ts";
import { costOf, type ExchangeOutcome } from "./stats.ts";
import { askBackend, backendFailed, reasonOf, refusalOf } from "./upstream.ts";

export interface Client {
  readonly raw: ServerResponse;
  readonly tenant: string;
  /** Milliseconds it waits, if it said so. */
  readonly clientMs: number | undefined;
  readonly startedMs: number;
  readonly parent: TraceParent | undefined;
}

export interface ExchangeOptions {
  readonly timerMs: () => number;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly statusOf: StatusOf;
  readonly record: (record: ExchangeRecord) => void;
  readonly traces?: TraceSink | undefined;
}

/** Why a question ends before its answer does. */
type Ending = "left" | "late";

/** @param backends the one asked for, then those that may answer in its stead. Never rejects. */
export async function exchange(route: OpenAiRoute, asked: Asked, backends: readonly Backend[], client: Client, options: ExchangeOptions): Promise<void> {
  const { raw, startedMs } = client;
  const { timerMs } = options;
  const id = options.newId();
  const askedUs = options.clock.nowUs();
  const ending = new AbortController();
  const end = (why: Ending): void => ending.abort(why);
  if (raw.destroyed) end("left");
  raw.on("error", () => end("left"));
  raw.once("close", () => {
    if (!raw.writableFinished) end("left");
  });
  const deadlineMs = deadlineOf(startedMs, backends[0]!.plan.timeoutMs, client.clientMs);
  const late = setTimeout(() => end("late"), Math.max(0, deadlineMs - timerMs()));
  const fellBack: Backend[] = [];
  let seen = nothingSeen();
  let backend = backends[0]!;
  let failure: KarkhanaError | undefined;
  try {
    const resting = backends.filter((one) => one.isResting(startedMs));
    const order = [...backends.filter((one) => !resting.includes(one)), ...resting];
    for (backend of order) {
      seen = nothingSeen();
      failure = await attempt(route, asked, backend, client, seen, id, ending.signal, options);
      if (failure === undefined || raw.headersSent || ending.signal.aborted || !mayAskAnother(failure) || backend === order.at(-1)) break;
      backend.stats.outcomes.fallback++;
      fellBack.push(backend);
    }
  } finally {
    clearTimeout(late);
  }
  const why = ending.signal.aborted ? (ending.signal.reason as Ending) : undefined;
  const doneMs = timerMs();
  const totalMs = doneMs - startedMs;
  if (why === "late" && !raw.headersSent) backend.failed(doneMs);
  if (why === "late" && failure !== undefined) failure = new KarkhanaError("DEADLINE_PASSED", { waitedMs: Math.round(totalMs) });
  // 499 is what proxies write down where the client did not wait for the answer.
  const status = failure === undefined || raw.headersSent ? 200 : why === "left" ? 499 : options.statusOf(failure.code);
  if (failure !== undefined && why !== "left") tell(raw, failure, options.statusOf(failure.code));
  const answeredBy = { version: backend.version, role: "champion", stages: { compute: totalMs, total: totalMs } };
  traceAnswer(options.traces, options.clock, { startedMs, deadlineMs, model: asked.model, answeredBy }, client.parent, doneMs, "http", failure?.code);
  const outcome = outcomeOf(failure, why, seen);
  count(backend, outcome, seen, asked, totalMs, startedMs);
  options.record(recordOf({ id, askedUs, servedUs: options.clock.nowUs(), route, asked, backend, client, outcome, status, failure, seen, totalMs, fellBack }));
}

/** @returns why it did not come to its end */
async function attempt(
  route: OpenAiRoute,
  asked: Asked,
  backend: Backend,
  { raw, tenant }: Client,
  seen: Seen,
  id: string,
  ending: AbortSignal,
  { timerMs }: ExchangeOptions,
): Promise<KarkhanaError | undefined> {
  const { plan } = backend;
  let ticket: ReturnType<Backend["enter"]>;
  try {
    ticket = backend.enter({ startedMs: timerMs(), tenant });
  } catch (error) {
    return ours(error, backend);
  }
  const stalled = new AbortController();
  let watch: ReturnType<typeof setTimeout> | undefined;
  const expect = (ms: number | undefined): void => {
    clearTimeout(watch);
    watch = ms === undefined ? undefined : setTimeout(() => stalled.abort(ms), ms);
  };
  const signal = AbortSignal.any([ending, stalled.signal]);
  const failed = (error: KarkhanaError): KarkhanaError => {
    if (error.code === "LLM_BACKEND_FAILED" && !ending.aborted) backend.failed(timerMs());
    return error;
  };
  try {
    const body = writtenFor(asked, plan);
    expect(plan.firstByteTimeoutMs);
    const response = await askBackend(backend, route, body, signal);
    // Its end by our signal is told by whoever reads it.
    response.on("error", () => {});
    if (response.statusCode !== 200) return failed(await refusalOf(backend, response));
    const headers = { "x-karkhana-backend": backend.name, "x-karkhana-version": String(backend.version), "x-request-id": id };
    await (asked.stream ? passStream : passReply)(response, { backend, asked, raw, seen, timerMs, headers, signal, expect });
    backend.answered();
    return undefined;
  } catch (error) {
    if (stalled.signal.aborted && !ending.aborted) return failed(backendFailed(backend, `it was silent for ${String(stalled.signal.reason)} ms`, error));
    return failed(ours(error, backend));
  } finally {
    expect(undefined);
    backend.leave(ticket, timerMs());
    // A backend whose answer nobody reads to its end stops making it.
    stalled.abort(0);
  }
}

/** @throws LLM_REQUEST_REFUSED for nesting that can be read but not written */
function writtenFor(asked: Asked, plan: BackendPlan): string {
  try {
    return bodyFor(asked, plan);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new KarkhanaError("LLM_REQUEST_REFUSED", { problem: "the body is nested too deeply" }, { cause });
  }
}

function ours(error: unknown, backend: Backend): KarkhanaError {
  if (error instanceof KarkhanaError) return error;
  return backendFailed(backend, error instanceof BadEvents ? error.message : `its answer broke off (${reasonOf(error)})`, error);
}

/** What lies with the question, or with a tenant's flood of them, no other backend mends. */
function mayAskAnother({ code }: KarkhanaError): boolean {
  return code !== "LLM_REQUEST_REFUSED" && code !== "SHARE_EXCEEDED";
}

/** An answer's status if nothing was sent yet, else the stream's last event. */
function tell(raw: ServerResponse, failure: KarkhanaError, status: number): void {
  const text = openAiError(toErrorRecord(failure), status);
  if (raw.writableEnded || raw.destroyed) return;
  if (raw.headersSent) {
    // Who does not read what is there will not read this either.
    if (raw.writableNeedDrain) raw.destroy();
    else raw.end(`data: ${text}\n\n`);
    return;
  }
  const seconds = failure.details["retryAfterSeconds"];
  const retry = status === 429 || status === 503 ? { "retry-after": typeof seconds === "number" ? String(seconds) : "1" } : {};
  raw.writeHead(status, { ...retry, "content-type": "application/json; charset=utf-8", "content-length": Buffer.byteLength(text) });
  raw.end(text);
}

function outcomeOf(failure: KarkhanaError | undefined, why: Ending | undefined, { problem }: Seen): ExchangeOutcome {
  if (failure === undefined) return problem === undefined ? "ok" : "failed";
  if (why !== undefined) return why;
  const { code } = failure;
  if (code === "LLM_REQUEST_REFUSED") return "refused";
  return code === "SERVER_OVERLOADED" || code === "SHARE_EXCEEDED" || code === "LLM_BACKEND_BUSY" ? "shed" : "failed";
}

function count({ stats, plan }: Backend, outcome: ExchangeOutcome, seen: Seen, { stream }: Asked, totalMs: number, startedMs: number): void {
  stats.outcomes[outcome]++;
  const { usage, pieces, firstTokenMs, lastTokenMs } = seen;
  if (usage !== undefined) stats.used(usage, plan.price);
  if (!Number.isNaN(firstTokenMs)) stats.firstTokenSeconds.record((firstTokenMs - startedMs) / 1000);
  if (outcome !== "ok") return;
  stats.seconds.record(totalMs / 1000);
  const tokens = usage?.completionTokens ?? pieces;
  // The first token's time is the prompt's: what follows it tells how fast it writes.
  const [written, ms] = stream ? [tokens - 1, lastTokenMs - firstTokenMs] : [tokens, totalMs];
  if (written > 0 && ms > 0) stats.tokensPerSecond.record((written / ms) * 1000);
}

interface Ended {
  readonly id: string;
  readonly askedUs: number;
  readonly servedUs: number;
  readonly route: OpenAiRoute;
  readonly asked: Asked;
  readonly backend: Backend;
  readonly client: Client;
  readonly outcome: ExchangeOutcome;
  readonly status: number;
  readonly failure: KarkhanaError | undefined;
  readonly seen: Seen;
  readonly totalMs: number;
  readonly fellBack: readonly Backend[];
}

function recordOf({ asked, backend, client, failure, seen, totalMs, fellBack, ...ended }: Ended): ExchangeRecord {
  const { log, price } = backend.plan;
  const { usage, firstTokenMs } = seen;
  return {
    ...ended,
    model: asked.model,
    stream: asked.stream,
    backend: backend.name,
    version: backend.version,
    tenant: client.tenant,
    code: failure?.code ?? null,
    promptTokens: usage?.promptTokens ?? null,
    completionTokens: usage?.completionTokens ?? null,
    firstTokenUs: Number.isNaN(firstTokenMs) ? null : Math.round((firstTokenMs - client.startedMs) * 1000),
    totalUs: Math.round(totalMs * 1000),
    cost: usage === undefined ? null : costOf(usage, price),
    currency: price?.currency ?? null,
    fellBack: fellBack.map(({ name }) => name),
    prompt: log.text ? forLog(textOfQuestion(asked.body, log), log) : null,
    completion: log.text ? forLog(seen.text, log) : null,
  };
}
