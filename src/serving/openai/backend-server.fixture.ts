/** A real HTTP server that behaves as vLLM does, well or badly: what the tests of language models stand before. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface AskedOfBackend {
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: Record<string, unknown>;
}

export type Behaviour = (asked: AskedOfBackend, reply: ServerResponse) => void | Promise<void>;

export interface BackendServer {
  /** With `/v1`. */
  readonly url: string;
  readonly asked: AskedOfBackend[];
  /** How it answers from now on. */
  behave(behaviour: Behaviour): void;
  /** Resolves with the next answer that its asker did not wait for. */
  readonly left: () => Promise<void>;
  close(): Promise<void>;
}

export const words: readonly string[] = ["The", " flight", " will", " be", " late", "."];
export const usage: Readonly<Record<string, number>> = { prompt_tokens: 7, completion_tokens: words.length, total_tokens: 7 + words.length };

export const event = (data: unknown): string => `data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`;
const meta = (asked: AskedOfBackend, object: string): Record<string, unknown> => ({ id: "cmpl-1", object, created: 1_700_000_000, model: asked.body["model"] });

export function piece(asked: AskedOfBackend, delta: Record<string, unknown>, finish: string | null = null): string {
  if (asked.path === "/v1/completions")
    return event({ ...meta(asked, "text_completion"), choices: [{ index: 0, text: delta["content"] ?? "", logprobs: null, finish_reason: finish }] });
  return event({ ...meta(asked, "chat.completion.chunk"), choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }] });
}

export function startStream(reply: ServerResponse): void {
  reply.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
  reply.flushHeaders();
}

/** The end of a stream, with its tokens where they were asked for. */
export function endStream(asked: AskedOfBackend, reply: ServerResponse): void {
  const options = asked.body["stream_options"] as { include_usage?: boolean } | undefined;
  if (options?.include_usage === true) reply.write(event({ ...meta(asked, "chat.completion.chunk"), choices: [], usage }));
  reply.end(event("[DONE]"));
}

/** As vLLM answers when all is well. */
export const well: Behaviour = (asked, reply) => {
  if (asked.path === "/v1/embeddings") {
    const inputs = Array.isArray(asked.body["input"]) ? asked.body["input"] : [asked.body["input"]];
    // Python's client asks for base64, and reads what it gets.
    const floats = Float32Array.of(0.5, -0.25, 1);
    const embedding = asked.body["encoding_format"] === "base64" ? Buffer.from(floats.buffer).toString("base64") : [...floats];
    const data = inputs.map((_, index) => ({ object: "embedding", index, embedding }));
    json(reply, 200, { ...meta(asked, "list"), data, usage: { prompt_tokens: 3, total_tokens: 3 } });
    return;
  }
  if (asked.body["stream"] === true) {
    startStream(reply);
    reply.write(piece(asked, { role: "assistant", content: "" }));
    for (const word of words) reply.write(piece(asked, { content: word }));
    reply.write(piece(asked, {}, "stop"));
    endStream(asked, reply);
    return;
  }
  const text = words.join("");
  const isChat = asked.path === "/v1/chat/completions";
  const choice = { index: 0, finish_reason: "stop", logprobs: null, ...(isChat ? { message: { role: "assistant", content: text } } : { text }) };
  json(reply, 200, { ...meta(asked, isChat ? "chat.completion" : "text_completion"), choices: [choice], usage });
};

function json(reply: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  reply.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}

/** A refusal in vLLM's words. */
export function refusing(status: number, message: string, headers: Record<string, string> = {}): Behaviour {
  return (_asked, reply) =>
    json(reply, status, { object: "error", message, type: "SomeError", code: status, error: { message, type: "SomeError", code: status } }, headers);
}

export async function openBackendServer(): Promise<BackendServer> {
  const asked: AskedOfBackend[] = [];
  let behaviour: Behaviour = well;
  let onLeft: (() => void)[] = [];
  const server = createServer((request, reply) => {
    void answer(request, reply).catch(() => reply.destroy());
  });
  const answer = async (request: IncomingMessage, reply: ServerResponse): Promise<void> => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    reply.on("close", () => {
      if (reply.writableFinished) return;
      for (const tell of onLeft) tell();
      onLeft = [];
    });
    const one = {
      path: request.url ?? "",
      authorization: request.headers.authorization,
      body: JSON.parse(Buffer.concat(parts).toString()) as Record<string, unknown>,
    };
    asked.push(one);
    await behaviour(one, reply);
  };
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    asked,
    behave: (next) => {
      behaviour = next;
    },
    left: () => new Promise((resolve) => onLeft.push(resolve)),
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** The data of a stream's events. */
export function dataIn(text: string): readonly string[] {
  return text
    .split("\n\n")
    .filter((part) => part !== "")
    .map((part) => part.replace(/^data: /, ""));
}

/** A refusal in OpenAI's shape. */
export async function errorOf(response: Response): Promise<{ readonly message: string; readonly type: string; readonly code: string }> {
  return ((await response.json()) as { error: { message: string; type: string; code: string } }).error;
}
