import { KarkhanaError } from "../kernel/error.ts";
import type { ServingLimits } from "./limits.ts";

/** One request under way. `expired` once it was answered for want of time: its own answer is then dropped. */
export interface Ticket<Reply> {
  readonly reply: Reply;
  readonly startedMs: number;
  expired: boolean;
}

/**
 * Requests under way: bounded in number and in time. One sweep over the oldest instead of a timer a request, since nearly all
 * are answered within a millisecond.
 */
export class InFlight<Reply> {
  readonly #open = new Set<Ticket<Reply>>();
  readonly #limits: Pick<ServingLimits, "maxInFlight" | "answerTimeoutMs">;
  readonly #expire: (reply: Reply, error: KarkhanaError) => void;

  constructor(limits: Pick<ServingLimits, "maxInFlight" | "answerTimeoutMs">, expire: (reply: Reply, error: KarkhanaError) => void) {
    this.#limits = limits;
    this.#expire = expire;
  }

  /** Requests refused for want of room, and answered for want of time, since the start. */
  overloaded = 0;
  timedOut = 0;

  get size(): number {
    return this.#open.size;
  }

  /** @throws SERVER_OVERLOADED */
  refuseIfFull(): void {
    if (this.#open.size < this.#limits.maxInFlight) return;
    this.overloaded++;
    throw new KarkhanaError("SERVER_OVERLOADED", { inFlight: this.#open.size });
  }

  /** @throws SERVER_OVERLOADED */
  enter(reply: Reply, startedMs: number): Ticket<Reply> {
    this.refuseIfFull();
    const ticket = { reply, startedMs, expired: false };
    this.#open.add(ticket);
    return ticket;
  }

  leave(ticket: Ticket<Reply>): void {
    this.#open.delete(ticket);
  }

  /** Answers what is overdue. An expired request keeps its place until its work ends, so that work cannot pile up behind it. */
  sweep(nowMs: number): void {
    for (const ticket of this.#open) {
      if (nowMs - ticket.startedMs < this.#limits.answerTimeoutMs) return;
      if (ticket.expired) continue;
      ticket.expired = true;
      this.timedOut++;
      this.#expire(ticket.reply, new KarkhanaError("ANSWER_TIMEOUT", { timeoutMs: this.#limits.answerTimeoutMs }));
    }
  }
}
