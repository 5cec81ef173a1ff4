import { Agent, request } from "node:http";
import { KarkhanaError, type ErrorRecord } from "../kernel/error.ts";

export interface ServingClientOptions {
  readonly baseUrl: string;
  readonly maxSockets: number;
  /** Shown to a server that asks who calls. */
  readonly token?: string | undefined;
  /** How long to keep trying while the server is away (restarting, swapping machines). */
  readonly patienceMs: number;
  readonly onRetry?: () => void;
}

/** Not there, or not taking more now: sending again is right, since every request carries an id or a sequence number. */
class Away extends Error {}

/** HTTP client of a serving process: keep-alive, and patient while the process restarts. */
export class ServingClient {
  readonly #agent: Agent;
  readonly #host: string;
  readonly #port: number;
  readonly #options: ServingClientOptions;

  constructor(options: ServingClientOptions) {
    const url = new URL(options.baseUrl);
    this.#host = url.hostname;
    this.#port = Number(url.port);
    this.#options = options;
    this.#agent = new Agent({ keepAlive: true, maxSockets: options.maxSockets, scheduling: "lifo" });
  }

  /** @throws what the server answered, as a KarkhanaError; SERVING_UNREACHABLE once patience is over */
  async post<T>(path: string, body: unknown): Promise<T> {
    return (await this.#patiently("POST", path, JSON.stringify(body))) as T;
  }

  async get<T>(path: string): Promise<T> {
    return (await this.#patiently("GET", path)) as T;
  }

  close(): void {
    this.#agent.destroy();
  }

  async #patiently(method: string, path: string, body?: string): Promise<unknown> {
    const deadline = performance.now() + this.#options.patienceMs;
    for (let pauseMs = 10; ; pauseMs = Math.min(500, pauseMs * 2)) {
      try {
        return await this.#send(method, path, body);
      } catch (error) {
        if (!(error instanceof Away)) throw error;
        if (performance.now() > deadline) throw new KarkhanaError("SERVING_UNREACHABLE", { url: this.#options.baseUrl, problem: error.message });
        this.#options.onRetry?.();
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    }
  }

  #send(method: string, path: string, body?: string): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const { token } = this.#options;
      const headers = {
        ...(body === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      };
      const outgoing = request({ host: this.#host, port: this.#port, path, method, headers, agent: this.#agent }, (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
        incoming.on("error", (error) => reject(new Away(error.message)));
        incoming.on("end", () => {
          if (!incoming.complete) return reject(new Away("answer cut off"));
          if (incoming.statusCode === 503 || incoming.statusCode === 429)
            return reject(new Away(`it answers ${incoming.statusCode}: ${Buffer.concat(chunks).toString().slice(0, 300)}`));
          try {
            const reply: unknown = JSON.parse(Buffer.concat(chunks).toString());
            if (incoming.statusCode === 200) resolve(reply);
            else reject(refusal(reply, incoming.statusCode));
          } catch (error) {
            reject(error instanceof Error ? error : new Error(String(error)));
          }
        });
      });
      outgoing.on("error", (error) => reject(new Away(error.message)));
      outgoing.end(body);
    });
  }
}

function refusal(reply: unknown, status: number | undefined): KarkhanaError {
  const { error } = reply as { error?: ErrorRecord };
  if (error === undefined) return new KarkhanaError("INTERNAL", { problem: `the serving process answered ${status}` });
  return new KarkhanaError(error.code, error.details);
}
