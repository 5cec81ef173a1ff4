/**
 * A backend that speaks OpenAI's API (vLLM, llama.cpp, Ollama, a hosted one), as `openai.json` in the folder of its version declares it:
 *
 *   {"url": "http://10.0.0.7:8000/v1", "model": "meta-llama/Llama-3.1-8B-Instruct", "apiKeyVariable": "VLLM_API_KEY",
 *    "timeoutMs": 120000, "firstByteTimeoutMs": 30000, "idleTimeoutMs": 30000, "maxConcurrent": 32, "fallback": ["small"], "streamUsage": true,
 *    "price": {"currency": "USD", "input": 0.0002, "output": 0.0006},
 *    "log": {"text": false, "maxCharacters": 2000, "redact": ["email", "digits"]}}
 *
 * Only this address is ever asked: nothing in a request chooses where it goes.
 */
import { KarkhanaError } from "../../kernel/error.ts";
import { isObject } from "../request-fields.ts";

export const redactions = ["email", "digits"] as const;
export type Redaction = (typeof redactions)[number];

/** Of 1,000 tokens. */
export interface TokenPrice {
  readonly currency: string;
  readonly input: number;
  readonly output: number;
}

export interface TextLog {
  /** Whether prompts and answers are logged at all. */
  readonly text: boolean;
  readonly maxCharacters: number;
  readonly redact: readonly Redaction[];
}

export interface BackendPlan {
  /** Without a slash at its end: routes such as `/chat/completions` follow. */
  readonly url: string;
  /** Its name there. */
  readonly model: string;
  readonly apiKeyVariable: string | undefined;
  /** Of the whole answer. */
  readonly timeoutMs: number;
  /** Until the first piece of an answer. */
  readonly firstByteTimeoutMs: number;
  /** Between two pieces of a stream. */
  readonly idleTimeoutMs: number;
  readonly maxConcurrent: number;
  /** Backends asked in its stead, in order, as long as the client has nothing of an answer. */
  readonly fallback: readonly string[];
  /** Whether it is asked to count the tokens of a stream; servers that do not know the option refuse it. */
  readonly streamUsage: boolean;
  readonly price: TokenPrice | undefined;
  readonly log: TextLog;
}

const fields = [
  "url",
  "model",
  "apiKeyVariable",
  "timeoutMs",
  "firstByteTimeoutMs",
  "idleTimeoutMs",
  "maxConcurrent",
  "fallback",
  "streamUsage",
  "price",
  "log",
];
const maxTimeoutMs = 3_600_000;
const maxCharacters = 1_000_000;

function invalid(field: string, problem: string): KarkhanaError {
  return new KarkhanaError("MODEL_FILE_INVALID", { field: `openai.json${field}`, problem });
}

/** @throws MODEL_FILE_INVALID naming the field */
export function readBackendPlan(bytes: Uint8Array): BackendPlan {
  let raw: unknown;
  try {
    raw = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw invalid("", "is not JSON");
  }
  if (!isObject(raw)) throw invalid("", "expected an object");
  onlyKnown(raw, fields, "");
  const { model, fallback = [], streamUsage = true, apiKeyVariable } = raw;
  if (typeof model !== "string" || model === "") throw invalid(".model", "expected the model's name there");
  if (!Array.isArray(fallback) || fallback.length > 10 || !fallback.every((name) => typeof name === "string"))
    throw invalid(".fallback", "expected names of other backends, at most 10");
  if (typeof streamUsage !== "boolean") throw invalid(".streamUsage", "expected true or false");
  if (apiKeyVariable !== undefined && (typeof apiKeyVariable !== "string" || !/^[A-Z0-9_]{0,92}API_KEY$/.test(apiKeyVariable)))
    // No other secret of the environment may be sent to an address that a file names.
    throw invalid(".apiKeyVariable", "expected the name of an environment variable that ends in API_KEY; the key itself does not belong into a file");
  const timeoutMs = numberIn(raw, "timeoutMs", 120_000, 1, maxTimeoutMs);
  return {
    url: addressIn(raw["url"]),
    model,
    apiKeyVariable,
    timeoutMs,
    firstByteTimeoutMs: numberIn(raw, "firstByteTimeoutMs", Math.min(30_000, timeoutMs), 1, maxTimeoutMs),
    idleTimeoutMs: numberIn(raw, "idleTimeoutMs", Math.min(30_000, timeoutMs), 1, maxTimeoutMs),
    maxConcurrent: numberIn(raw, "maxConcurrent", 32, 1, 10_000),
    fallback,
    streamUsage,
    price: priceIn(raw["price"]),
    log: logIn(raw["log"]),
  };
}

function onlyKnown(raw: Readonly<Record<string, unknown>>, known: readonly string[], at: string): void {
  const unknown = Object.keys(raw).find((field) => !known.includes(field));
  if (unknown !== undefined) throw invalid(`${at}.${unknown.slice(0, 60)}`, `is not one of ${known.join(", ")}`);
}

function addressIn(url: unknown): string {
  const parsed = typeof url === "string" && URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol)) throw invalid(".url", "expected an http address such as http://127.0.0.1:8000/v1");
  if (parsed.username !== "" || parsed.password !== "" || parsed.search !== "" || parsed.hash !== "")
    throw invalid(".url", "must hold neither a user, a password nor a query: a key comes from the environment (apiKeyVariable)");
  return parsed.href.replace(/\/+$/, "");
}

function numberIn(raw: Readonly<Record<string, unknown>>, field: string, fallback: number, least: number, most: number): number {
  const value = raw[field] ?? fallback;
  if (typeof value !== "number" || !Number.isInteger(value) || value < least || value > most)
    throw invalid(`.${field}`, `expected a whole number from ${least} to ${most}`);
  return value;
}

function priceIn(raw: unknown): TokenPrice | undefined {
  if (raw === undefined) return undefined;
  if (!isObject(raw)) throw invalid(".price", "expected currency, input and output, of 1,000 tokens");
  onlyKnown(raw, ["currency", "input", "output"], ".price");
  const { currency, input = 0, output = 0 } = raw;
  if (typeof currency !== "string" || !/^[A-Z]{3}$/.test(currency)) throw invalid(".price.currency", "expected three letters such as USD");
  const isPrice = (value: unknown): value is number => typeof value === "number" && value >= 0 && value < 1e6;
  if (!isPrice(input) || !isPrice(output)) throw invalid(".price", "expected input and output as prices of 1,000 tokens, from 0");
  return { currency, input, output };
}

function logIn(raw: unknown): TextLog {
  if (raw === undefined) return { text: false, maxCharacters: 2000, redact: [] };
  if (!isObject(raw)) throw invalid(".log", "expected text, maxCharacters and redact");
  onlyKnown(raw, ["text", "maxCharacters", "redact"], ".log");
  const { text = false, maxCharacters: characters = 2000, redact = [] } = raw;
  if (typeof text !== "boolean") throw invalid(".log.text", "expected true or false");
  if (typeof characters !== "number" || !Number.isInteger(characters) || characters < 1 || characters > maxCharacters)
    throw invalid(".log.maxCharacters", `expected a whole number from 1 to ${maxCharacters}`);
  const isRedaction = (kind: unknown): kind is Redaction => redactions.some((known) => known === kind);
  if (!Array.isArray(redact) || !redact.every(isRedaction)) throw invalid(".log.redact", `expected some of ${redactions.join(", ")}`);
  return { text, maxCharacters: characters, redact };
}
