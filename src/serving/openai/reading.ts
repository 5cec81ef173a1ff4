/** What is read of OpenAI's API: of a question what this server decides on, of an answer tokens and text. The rest passes as it is. */
import { KarkhanaError } from "../../kernel/error.ts";
import { isObject } from "../request-fields.ts";
import type { BackendPlan, Redaction, TextLog } from "./plan.ts";

export const openAiRoutes = ["/chat/completions", "/completions", "/embeddings"] as const;
export type OpenAiRoute = (typeof openAiRoutes)[number];

export interface Asked {
  readonly body: Readonly<Record<string, unknown>>;
  readonly model: string;
  readonly stream: boolean;
  /** Whether the client wants a stream's last piece, which holds the tokens and no choice. */
  readonly wantsUsage: boolean;
}

/** @throws LLM_REQUEST_REFUSED */
export function readAsked(body: unknown, route: OpenAiRoute): Asked {
  const refuse = (problem: string): KarkhanaError => new KarkhanaError("LLM_REQUEST_REFUSED", { problem });
  if (!isObject(body)) throw refuse("the body is not a JSON object");
  const { model, stream = false, stream_options: options } = body;
  if (typeof model !== "string" || model === "") throw refuse("model is missing: name one that GET /v1/models lists");
  if (stream !== null && typeof stream !== "boolean") throw refuse("stream must be true or false");
  if (stream === true && route === "/embeddings") throw refuse("embeddings are not streamed: leave stream out");
  return { body, model, stream: stream === true, wantsUsage: isObject(options) && options["include_usage"] === true };
}

/** The question as the backend is asked it: by the name it has there, with its tokens counted. */
export function bodyFor({ body, stream }: Asked, { model, streamUsage }: BackendPlan): string {
  if (!stream || !streamUsage) return JSON.stringify({ ...body, model });
  const options = body["stream_options"];
  return JSON.stringify({ ...body, model, stream_options: { ...(isObject(options) ? options : {}), include_usage: true } });
}

export interface Usage {
  readonly promptTokens: number;
  readonly completionTokens: number;
}

/** Of an answer, or of a piece of one. */
export function usageOf(reply: Readonly<Record<string, unknown>>): Usage | undefined {
  const { usage } = reply;
  if (!isObject(usage)) return undefined;
  const { prompt_tokens: prompt, completion_tokens: completion = 0 } = usage;
  const isCount = (value: unknown): value is number => typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
  return isCount(prompt) && isCount(completion) ? { promptTokens: prompt, completionTokens: completion } : undefined;
}

/** What one piece of a stream adds to the answer, whichever of its members carries it; empty where it only opens or closes. */
export function textOfPiece(piece: Readonly<Record<string, unknown>>): string {
  return choicesOf(piece)
    .map((choice) => {
      const { delta } = choice;
      if (!isObject(delta)) return textIn(choice["text"]);
      return textIn(delta["content"]) + textIn(delta["reasoning_content"]) + (Array.isArray(delta["tool_calls"]) ? JSON.stringify(delta["tool_calls"]) : "");
    })
    .join("");
}

/** The text of a whole answer. */
export function textOfReply(reply: Readonly<Record<string, unknown>>): string {
  return choicesOf(reply)
    .map(({ message, text }) => (isObject(message) ? textIn(message["content"]) : textIn(text)))
    .join("\n");
}

export function choicesOf(reply: Readonly<Record<string, unknown>>): readonly Readonly<Record<string, unknown>>[] {
  const { choices } = reply;
  return Array.isArray(choices) ? choices.filter(isObject) : [];
}

function textIn(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** Beyond what is kept, so that what is hidden is not cut in two by the limit before it is seen. */
const slack = 300;

/** The texts of a question, in order, no more of them than the log keeps. */
export function textOfQuestion(body: Readonly<Record<string, unknown>>, { maxCharacters }: TextLog): string {
  let out = "";
  const limit = maxCharacters + slack;
  const walk = (value: unknown, depth: number): void => {
    if (out.length >= limit || depth > 8) return;
    // Pictures and sounds are no text.
    if (typeof value === "string") out += (out === "" ? "" : "\n") + (value.startsWith("data:") ? "[data]" : value.slice(0, limit - out.length));
    else if (Array.isArray(value)) for (const item of value) walk(item, depth + 1);
    else if (isObject(value)) for (const name of ["content", "text", "image_url", "url"]) walk(value[name], depth + 1);
  };
  for (const name of ["messages", "prompt", "input"]) walk(body[name], 0);
  return out;
}

/** Adds a piece to a text that is kept no longer than the log needs it. */
export function appended(text: string, piece: string, { maxCharacters }: TextLog): string {
  return text.length >= maxCharacters + slack ? text : text + piece.slice(0, maxCharacters + slack - text.length);
}

const patterns: Readonly<Record<Redaction, readonly [RegExp, string]>> = {
  email: [/[^\s@<>"'(),;:]{1,64}@[^\s@<>"'(),;:]{1,253}/g, "[email]"],
  digits: [/\d(?:[ -]?\d){5,}/g, "[digits]"],
};

/** A text as the log keeps it. */
export function forLog(text: string, { maxCharacters, redact }: TextLog): string {
  return redact.reduce((kept, kind) => kept.replaceAll(patterns[kind][0], patterns[kind][1]), text).slice(0, maxCharacters);
}
