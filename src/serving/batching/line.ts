/**
 * Requests that wait for a model, in the order in which they are to be served: by priority; within it by start-time fair queuing, so that a
 * tenant who floods the model waits behind itself; then by arrival.
 * @see Goyal, Vin, Cheng, Start-time fair queuing (1996)
 */
import { KarkhanaError } from "../../kernel/error.ts";
import { FairShare } from "../fair-share.ts";
import { levelOf, type BatchingPolicy } from "./policy.ts";

/** What the line must know of a request. */
export interface Waiting {
  readonly rows: number;
  /** Requests of equal keys may run together; undefined: it runs alone. */
  readonly key: string | undefined;
  readonly tenant: string;
  /** Level, 1 first; 0 where there are none. */
  readonly level: number;
  readonly enqueuedMs: number;
  /** Past it the request is not run. */
  readonly deadlineMs: number;
}

interface Place<W> {
  readonly item: W;
  readonly start: number;
  readonly sequence: number;
}

interface Level {
  size: number;
  readonly tenants: FairShare;
}

/** A batch and the moment from which it may run. */
export interface Candidate<W> {
  readonly batch: readonly W[];
  readonly readyMs: number;
}

/** Tenants remembered beyond those who wait: a name that left behind no debt is not. */
const maxTenants = 1000;

export class WaitingLine<W extends Waiting> {
  readonly #policy: BatchingPolicy;
  #places: Place<W>[] = [];
  readonly #levels = new Map<number, Level>();
  /** Where each tenant's last request ends, in rows served. */
  readonly #finish = new Map<string, number>();
  #virtual = 0;
  #sequence = 0;

  constructor(policy: BatchingPolicy) {
    this.#policy = policy;
  }

  get size(): number {
    return this.#places.length;
  }

  /** The sooner of the request's own deadline and its level's. */
  deadlineOf(priority: number, nowMs: number, deadlineMs: number): { readonly level: number; readonly deadlineMs: number } {
    const level = levelOf(this.#policy, priority);
    const { queueTimeoutMs } = this.#policy.levels.get(level) ?? this.#policy.queue;
    return { level, deadlineMs: queueTimeoutMs === 0 ? deadlineMs : Math.min(deadlineMs, nowMs + queueTimeoutMs) };
  }

  /** @throws MODEL_QUEUE_FULL, SHARE_EXCEEDED */
  push(item: W): void {
    const { tenant, level, rows, enqueuedMs } = item;
    const { maxQueue } = this.#policy.levels.get(level) ?? this.#policy.queue;
    let held = this.#levels.get(level);
    if (held === undefined) this.#levels.set(level, (held = { size: 0, tenants: new FairShare() }));
    if (held.size >= maxQueue) throw new KarkhanaError("MODEL_QUEUE_FULL", { waiting: held.size });
    if (!held.tenants.admits(tenant, enqueuedMs, held.size, maxQueue))
      throw new KarkhanaError("SHARE_EXCEEDED", { kind: "tenant", name: tenant, inFlight: held.tenants.of(tenant), limit: maxQueue });
    held.size++;
    held.tenants.enter(tenant, enqueuedMs);
    const start = Math.max(this.#virtual, this.#finish.get(tenant) ?? 0);
    if (this.#finish.size >= maxTenants) for (const [name, end] of this.#finish) if (end <= this.#virtual) this.#finish.delete(name);
    this.#finish.set(tenant, start + rows);
    const place = { item, start, sequence: this.#sequence++ };
    let at = this.#places.length;
    while (at > 0 && isBefore(place, this.#places[at - 1]!)) at--;
    this.#places.splice(at, 0, place);
  }

  /** Takes out what nobody waits for any more. */
  takeExpired(nowMs: number): readonly W[] {
    const expired = this.#places.filter(({ item }) => nowMs >= item.deadlineMs);
    if (expired.length > 0) this.#remove(new Set(expired.map(({ item }) => item)));
    return expired.map(({ item }) => item);
  }

  /** When the next request expires; Infinity if none waits. */
  nextDeadlineMs(): number {
    return this.#places.reduce((soonest, { item }) => Math.min(soonest, item.deadlineMs), Infinity);
  }

  /** The first batch that may run now, taken out of the line; else when the next may. */
  takeReady(nowMs: number): Candidate<W> | { readonly batch: undefined; readonly readyMs: number } {
    let readyMs = Infinity;
    for (const candidate of this.#candidates()) {
      if (candidate.readyMs <= nowMs) {
        const batch = new Set(candidate.batch);
        for (const { item, start } of this.#places) if (batch.has(item)) this.#virtual = Math.max(this.#virtual, start);
        this.#remove(batch);
        return candidate;
      }
      readyMs = Math.min(readyMs, candidate.readyMs);
    }
    return { batch: undefined, readyMs };
  }

  /** A batch of each kind, in the order of their first requests. */
  *#candidates(): Iterable<Candidate<W>> {
    const { maxBatchSize, maxDelayMs, preferredBatchSizes } = this.#policy;
    const kinds = new Map<string, { readonly batch: W[]; rows: number; isFull: boolean; preferred: number }>();
    for (const { item } of this.#places) {
      const key = item.key ?? `alone ${kinds.size}`;
      const kind = kinds.get(key);
      if (kind === undefined) {
        const isPreferred = preferredBatchSizes.includes(item.rows);
        kinds.set(key, { batch: [item], rows: item.rows, isFull: item.key === undefined || item.rows >= maxBatchSize, preferred: isPreferred ? 1 : 0 });
      } else if (kind.isFull) continue;
      else if (kind.rows + item.rows > maxBatchSize) kind.isFull = true;
      else {
        kind.batch.push(item);
        kind.rows += item.rows;
        if (kind.rows === maxBatchSize) kind.isFull = true;
        if (preferredBatchSizes.includes(kind.rows)) kind.preferred = kind.batch.length;
      }
    }
    for (const { batch, isFull, preferred } of kinds.values()) {
      if (isFull) yield { batch, readyMs: -Infinity };
      else if (preferred > 0) yield { batch: batch.slice(0, preferred), readyMs: -Infinity };
      else yield { batch, readyMs: maxDelayMs === 0 ? -Infinity : Math.min(...batch.map(({ enqueuedMs }) => enqueuedMs)) + maxDelayMs };
    }
  }

  #remove(items: ReadonlySet<W>): void {
    for (const item of items) {
      const held = this.#levels.get(item.level)!;
      held.size--;
      held.tenants.leave(item.tenant);
    }
    this.#places = this.#places.filter(({ item }) => !items.has(item));
  }
}

function isBefore<W extends Waiting>(a: Place<W>, b: Place<W>): boolean {
  if (a.item.level !== b.item.level) return a.item.level < b.item.level;
  return a.start === b.start ? a.sequence < b.sequence : a.start < b.start;
}
