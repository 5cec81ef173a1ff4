/** OpenAI's API for the declared backends: `/v1/chat/completions`, `/v1/completions`, `/v1/embeddings`, and their list in `/v1/models`. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Clock } from "../../kernel/clock.ts";
import { KarkhanaError } from "../../kernel/error.ts";
import type { NewId } from "../../kernel/ids.ts";
import { readParent, readTenant, readTimeout } from "../http-call.ts";
import type { StatusOf } from "../http-errors.ts";
import type { TraceSink } from "../traces.ts";
import type { Backend } from "./backend.ts";
import { exchange } from "./exchange.ts";
import { openAiRoutes, readAsked } from "./reading.ts";
import type { ExchangeRecorder } from "./recorder.ts";

export interface OpenAiOptions {
  readonly backends: ReadonlyMap<string, Backend>;
  readonly recorder: ExchangeRecorder;
  readonly timerMs: () => number;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly statusOf: StatusOf;
  readonly maxBodyBytes: number;
  readonly traces?: TraceSink | undefined;
}

export function addOpenAiRoutes(app: FastifyInstance, options: OpenAiOptions): void {
  const { backends, recorder, maxBodyBytes } = options;
  const shared = { ...options, record: recorder.record };
  for (const route of openAiRoutes)
    app.post(`/v1${route}`, { bodyLimit: maxBodyBytes }, (request: FastifyRequest, reply: FastifyReply) => {
      const asked = readAsked(request.body, route);
      const chain = chainOf(backends, asked.model);
      const { headers, startedMs } = request;
      const client = { raw: reply.raw, tenant: readTenant(headers), clientMs: readTimeout(headers), startedMs, parent: readParent(headers) };
      reply.hijack();
      void exchange(route, asked, chain, client, shared);
    });
}

/** @throws LLM_MODEL_UNKNOWN */
function chainOf(backends: ReadonlyMap<string, Backend>, model: string): readonly Backend[] {
  const first = backends.get(model);
  if (first === undefined) throw new KarkhanaError("LLM_MODEL_UNKNOWN", { model: model.slice(0, 100), models: [...backends.keys()].join(", ") || "none" });
  const others = first.plan.fallback.flatMap((name) => backends.get(name) ?? []);
  return [first, ...others.filter((backend) => backend !== first)];
}

/** The entries of OpenAI's list of models. */
export function listBackends(backends: Iterable<Backend>): readonly Readonly<Record<string, unknown>>[] {
  return Array.from(backends, ({ name, createdSeconds }) => ({ id: name, object: "model", created: createdSeconds, owned_by: "karkhana" }));
}
