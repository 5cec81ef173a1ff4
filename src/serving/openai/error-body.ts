import type { ErrorRecord } from "../../kernel/error.ts";

const types: Readonly<Record<number, string>> = { 401: "authentication_error", 403: "permission_error", 429: "rate_limit_error" };

/** A refusal as OpenAI's clients read it. */
export function openAiError({ code, message, remedy }: ErrorRecord, status: number): string {
  const type = types[status] ?? (status >= 500 ? "server_error" : "invalid_request_error");
  return JSON.stringify({ error: { message: `${message}. ${remedy}`, type, param: null, code } });
}

/** Whether a route is one of OpenAI's API. */
export function isOpenAi(url: string): boolean {
  return /^\/v1\/(chat\/completions|completions|embeddings)(\?|$)/.test(url);
}
