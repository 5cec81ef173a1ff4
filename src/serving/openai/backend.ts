import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { KarkhanaError } from "../../kernel/error.ts";
import { InFlight, type Entry, type Ticket } from "../in-flight.ts";
import type { BackendPlan } from "./plan.ts";
import { BackendStats, type BackendState } from "./stats.ts";

/** Failures in a row after which it rests. */
const patience = 3;
const restMs = 5000;

export interface BackendParts {
  readonly name: string;
  readonly version: number;
  readonly plan: BackendPlan;
  /** Where its key is looked for. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly createdSeconds: number;
  /** Carried over from the version whose place it takes. */
  readonly stats?: BackendStats | undefined;
}

/** One declared backend: its connections, its room, its counts. */
export class Backend {
  readonly name: string;
  readonly version: number;
  readonly plan: BackendPlan;
  /** Never logged, never told. */
  readonly key: string | undefined;
  readonly stats: BackendStats;
  readonly agent: HttpAgent;
  /** Seconds since 1970, as `created` in the list of models. */
  readonly createdSeconds: number;
  readonly #inFlight: InFlight<undefined>;
  #isClosing = false;
  #failures = 0;
  #restsUntilMs = -Infinity;

  /** @throws MODEL_FILE_INVALID where the environment has no key */
  constructor({ name, version, plan, environment, createdSeconds, stats = new BackendStats() }: BackendParts) {
    const { apiKeyVariable, maxConcurrent, timeoutMs, url } = plan;
    this.name = name;
    this.version = version;
    this.plan = plan;
    this.stats = stats;
    this.createdSeconds = createdSeconds;
    this.key = apiKeyVariable === undefined ? undefined : environment[apiKeyVariable];
    if (apiKeyVariable !== undefined && (this.key === undefined || !/^[\x21-\x7e]+$/.test(this.key)))
      throw new KarkhanaError("MODEL_FILE_INVALID", { field: "openai.json.apiKeyVariable", problem: `the environment has no key in ${apiKeyVariable}` });
    this.agent = url.startsWith("https:") ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true });
    // Its answers take seconds: they say nothing of how busy this process is.
    this.#inFlight = new InFlight({ maxInFlight: maxConcurrent, answerTimeoutMs: timeoutMs, targetLatencyMs: Infinity }, () => {});
  }

  get underWay(): number {
    return this.#inFlight.size;
  }

  /** After failures in a row it is asked last for a while, and then by one question first: others do not each wait for it to fail again. */
  isResting(nowMs: number): boolean {
    return this.#failures >= patience && nowMs < this.#restsUntilMs;
  }

  answered(): void {
    this.#failures = 0;
  }

  failed(nowMs: number): void {
    this.#failures++;
    this.#restsUntilMs = nowMs + restMs;
  }

  /** @throws SERVER_OVERLOADED, SHARE_EXCEEDED */
  enter(entry: Entry): Ticket<undefined> {
    if (this.#failures >= patience) this.#restsUntilMs = entry.startedMs + restMs;
    return this.#inFlight.enter(undefined, { ...entry, model: this.name });
  }

  leave(ticket: Ticket<undefined>, nowMs: number): void {
    this.#inFlight.leave(ticket, nowMs);
    if (this.#isClosing && this.underWay === 0) this.agent.destroy();
  }

  state(): BackendState {
    const { outcomes, firstTokenSeconds, tokensPerSecond, seconds, promptTokens, completionTokens, cost } = this.stats;
    const { price, maxConcurrent } = this.plan;
    return {
      model: this.name,
      version: this.version,
      underWay: this.underWay,
      maxConcurrent,
      outcomes,
      firstTokenSeconds: firstTokenSeconds.state(),
      tokensPerSecond: tokensPerSecond.state(),
      seconds: seconds.state(),
      promptTokens,
      completionTokens,
      cost: price === undefined ? null : { amount: cost, currency: price.currency },
    };
  }

  /** Lets go of its connections once the answers under way have ended. */
  close(): void {
    this.#isClosing = true;
    if (this.underWay === 0) this.agent.destroy();
  }
}
