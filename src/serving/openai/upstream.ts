/** One question to a backend over HTTP, and what its refusals mean here. Redirects are not followed: only the declared address is asked. */
import { request as askHttp, type ClientRequest, type IncomingMessage } from "node:http";
import { request as askHttps } from "node:https";
import { KarkhanaError } from "../../kernel/error.ts";
import { isObject } from "../request-fields.ts";
import type { Backend } from "./backend.ts";
import type { OpenAiRoute } from "./reading.ts";

const maxErrorBytes = 16_384;
const maxProblemLength = 500;

export function backendFailed(backend: Backend, problem: string, cause?: unknown): KarkhanaError {
  return new KarkhanaError("LLM_BACKEND_FAILED", { model: backend.name, problem: withoutKey(backend, problem).slice(0, maxProblemLength) }, { cause });
}

/** Texts of a backend may repeat what it was sent. */
export function withoutKey({ key }: Backend, text: string): string {
  return key === undefined ? text : text.replaceAll(key, "[key]");
}

/** Resolves with the head of its answer. @throws LLM_BACKEND_FAILED where none comes; the signal's end ends the question */
export async function askBackend(backend: Backend, route: OpenAiRoute, body: string, signal: AbortSignal): Promise<IncomingMessage> {
  const ask = (): Promise<IncomingMessage> => once(backend, route, body, signal);
  try {
    return await ask().catch((error: unknown) => {
      if (error instanceof StaleConnection) return ask();
      throw error;
    });
  } catch (error) {
    throw backendFailed(backend, reasonOf(error), error);
  }
}

/** A connection kept from before that the server had closed meanwhile: nobody has seen the question. */
class StaleConnection extends Error {}

function once({ plan, key, agent }: Backend, route: OpenAiRoute, body: string, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const url = new URL(plan.url + route);
    const bytes = Buffer.from(body);
    const headers = {
      "content-type": "application/json",
      "content-length": bytes.length,
      accept: "application/json, text/event-stream",
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
    };
    const request: ClientRequest = (url.protocol === "https:" ? askHttps : askHttp)(url, { method: "POST", agent, headers, signal });
    request.on("response", resolve);
    request.on("error", (error: NodeJS.ErrnoException) => {
      const isStale = request.reusedSocket && error.code === "ECONNRESET";
      reject(isStale ? new StaleConnection(error.message, { cause: error }) : error);
    });
    request.end(bytes);
  });
}

export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = "code" in error && typeof error.code === "string" ? error.code : undefined;
  // Messages of the system hold addresses, which are not for clients.
  return code ?? error.message;
}

/** What an answer other than 200 is to the client. Of a refusal of our key or our address nothing is passed on: it is not the client's. */
export async function refusalOf(backend: Backend, response: IncomingMessage): Promise<KarkhanaError> {
  const status = response.statusCode ?? 0;
  const text = await beginningOf(response).catch(() => "");
  if (status === 400 || status === 413 || status === 422) {
    const problem = withoutKey(backend, messageIn(text) ?? `the backend answered ${status}`).slice(0, maxProblemLength);
    return new KarkhanaError("LLM_REQUEST_REFUSED", { problem });
  }
  if (status === 429) {
    const seconds = Number(response.headers["retry-after"]);
    return new KarkhanaError("LLM_BACKEND_BUSY", { model: backend.name, retryAfterSeconds: seconds > 0 && seconds <= 3600 ? Math.ceil(seconds) : 1 });
  }
  if (status === 401 || status === 403) return backendFailed(backend, `it does not accept this server's key (${status})`);
  const problem = messageIn(text);
  return backendFailed(backend, `it answered ${status}${problem === undefined || status === 404 ? "" : `: ${problem}`}`);
}

/** The message in an error of OpenAI's shape, or of FastAPI's. */
export function messageIn(text: string): string | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(json)) return undefined;
  const { error, message, detail } = json;
  const found = isObject(error) ? error["message"] : (message ?? detail ?? error);
  return typeof found === "string" ? found : undefined;
}

async function beginningOf(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of response) {
    const bytes = part as Buffer;
    length += bytes.length;
    if (length > maxErrorBytes) break;
    parts.push(bytes);
  }
  return Buffer.concat(parts).toString("utf8");
}
