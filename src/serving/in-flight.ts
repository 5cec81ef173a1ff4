import { KarkhanaError } from "../kernel/error.ts";
import { deadlineOf, type Call } from "./call.ts";
import { ConcurrencyLimit } from "./concurrency-limit.ts";
import { FairShare } from "./fair-share.ts";
import type { ServingLimits } from "./limits.ts";

/** One request under way. `expired` once it was answered for want of time: its own answer is then dropped. */
export interface Ticket<Reply> extends Call {
  readonly reply: Reply;
  readonly model: string;
  readonly tenant: string;
  expired: boolean;
  /** Where it stands among those under way; -1 once it has left. */
  place: number;
}

/** Answers an overdue request in its protocol. */
export type Refuse = (error: KarkhanaError) => void;

export interface Entry {
  readonly startedMs: number;
  /** Milliseconds the client waits, if it said so. */
  readonly clientMs?: number | undefined;
  readonly model?: string;
  readonly tenant?: string;
  readonly traceId?: string | undefined;
}

type Bounds = Pick<ServingLimits, "maxInFlight" | "answerTimeoutMs" | "targetLatencyMs">;

/** The limit is looked at again after this long. */
const adjustEveryMs = 100;
const minConcurrency = 64;

/**
 * Requests under way: bounded in number and in time, whichever protocol they came by. One sweep over all instead of a timer a request,
 * since nearly all are answered within a millisecond.
 */
export class InFlight<Reply> {
  /**
   * An array and not a Set: with a Set that is added to and deleted from all the time, a third of all requests outlived the young
   * generation (it moves from table to table, and a dead old table holds the next). At 10,000 requests/s each collection of the young
   * generation then took 8 to 10 ms and promoted 8 MB; with the array 0.5 ms and nothing.
   */
  readonly #open: Ticket<Reply>[] = [];
  readonly #bounds: Bounds;
  readonly #limit: ConcurrencyLimit;
  readonly #models = new FairShare();
  readonly #tenants = new FairShare();
  readonly #expire: (reply: Reply, error: KarkhanaError) => void;
  #waiting = 0;
  #peak = 0;
  #adjustedMs = Number.NaN;
  #sweptMs = Number.NaN;

  constructor(bounds: Bounds, expire: (reply: Reply, error: KarkhanaError) => void) {
    this.#bounds = bounds;
    this.#limit = new ConcurrencyLimit({ min: Math.min(minConcurrency, bounds.maxInFlight), max: bounds.maxInFlight, targetMs: bounds.targetLatencyMs });
    this.#expire = expire;
  }

  /** Since the start: requests refused for want of room, for having more than their model's or tenant's share, and answered for want of time. */
  overloaded = 0;
  overShare = 0;
  timedOut = 0;

  get size(): number {
    return this.#open.length;
  }

  /** Connections in line for their turn to be read (`ConnectionTurns`): each is taken to hold a request that waits. */
  get waiting(): number {
    return this.#waiting;
  }

  get #taken(): number {
    return this.#open.length + this.#waiting;
  }

  /** Requests that may be under way at once now. */
  get limit(): number {
    return this.#limit.current;
  }

  get isFull(): boolean {
    return this.#taken >= this.#limit.current;
  }

  /** Most that was taken at once since this was last asked. */
  takePeak(): number {
    const peak = this.#peak;
    this.#peak = this.#taken;
    return peak;
  }

  /** A connection that was answered gets in line; its model and tenant hold room there as they do under way. */
  beginWait({ model, tenant }: Pick<Ticket<Reply>, "model" | "tenant">, nowMs: number): void {
    this.#waiting++;
    this.#models.enter(model, nowMs);
    this.#tenants.enter(tenant, nowMs);
    this.#take();
  }

  endWait({ model, tenant }: Pick<Ticket<Reply>, "model" | "tenant">, waitedMs: number): void {
    this.#waiting--;
    this.#models.leave(model);
    this.#tenants.leave(tenant);
    this.#limit.waited(waitedMs);
  }

  /** Counts a request that was refused since `isFull`. */
  countRefusal(): void {
    // A limit that nothing reaches would never be raised again.
    this.#limit.entered(this.#taken);
    this.overloaded++;
  }

  /** @throws SERVER_OVERLOADED */
  refuseIfFull(): void {
    if (!this.isFull) return;
    this.countRefusal();
    throw new KarkhanaError("SERVER_OVERLOADED", { inFlight: this.#open.length });
  }

  /** @throws SERVER_OVERLOADED, SHARE_EXCEEDED */
  enter(reply: Reply, { startedMs, clientMs, model = "", tenant = "", traceId }: Entry): Ticket<Reply> {
    this.refuseIfFull();
    const { limit } = this;
    const size = this.#taken;
    for (const [shares, key, kind] of [
      [this.#models, model, "model"],
      [this.#tenants, tenant, "tenant"],
    ] as const) {
      if (shares.admits(key, startedMs, size, limit)) continue;
      this.overShare++;
      throw new KarkhanaError("SHARE_EXCEEDED", { kind, name: key, inFlight: shares.of(key), limit });
    }
    const deadlineMs = deadlineOf(startedMs, this.#bounds.answerTimeoutMs, clientMs);
    const ticket: Ticket<Reply> = { reply, startedMs, deadlineMs, model, tenant, traceId, expired: false, place: this.#open.length };
    this.#open.push(ticket);
    this.#models.enter(model, startedMs);
    this.#tenants.enter(tenant, startedMs);
    this.#take();
    return ticket;
  }

  #take(): void {
    this.#peak = Math.max(this.#peak, this.#taken);
    this.#limit.entered(this.#taken);
  }

  leave(ticket: Ticket<Reply>, nowMs: number): void {
    if (ticket.place < 0) return;
    const last = this.#open.pop()!;
    if (last !== ticket) {
      this.#open[ticket.place] = last;
      last.place = ticket.place;
    }
    ticket.place = -1;
    this.#models.leave(ticket.model);
    this.#tenants.leave(ticket.tenant);
    this.#limit.left(nowMs - ticket.startedMs);
  }

  /** Answers what is overdue. An expired request keeps its place until its work ends, so that work cannot pile up behind it. @param everyMs how often this is called */
  sweep(nowMs: number, everyMs: number): void {
    for (const ticket of this.#open) {
      if (ticket.expired || nowMs < ticket.deadlineMs) continue;
      ticket.expired = true;
      this.timedOut++;
      this.#expire(ticket.reply, new KarkhanaError("ANSWER_TIMEOUT", { timeoutMs: Math.round(ticket.deadlineMs - ticket.startedMs) }));
    }
    const lagMs = Number.isNaN(this.#sweptMs) ? 0 : nowMs - this.#sweptMs - everyMs;
    this.#sweptMs = nowMs;
    if (Number.isNaN(this.#adjustedMs)) this.#adjustedMs = nowMs;
    const lookMs = nowMs - this.#adjustedMs;
    if (lookMs < adjustEveryMs) return;
    this.#adjustedMs = nowMs;
    this.#limit.adjust(lagMs, lookMs);
  }
}
