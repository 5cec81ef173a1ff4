import { randomUUID } from "node:crypto";
import type { RunOrder } from "../tracking/table/order.ts";

/**
 * Orders of runs that pages are scrolling through, by name; the ones not looked at for longest are forgotten first. A page that names a
 * forgotten one gets a new one, so nothing depends on them being kept.
 */
export class RunOrders {
  readonly #maxBytes: number;
  readonly #kept: Map<string, { readonly query: string; readonly order: RunOrder }> = new Map();
  #bytes = 0;

  constructor(maxBytes: number = 64 * 1024 * 1024) {
    this.#maxBytes = maxBytes;
  }

  /** @param query what the order answers: a name is good for its own query only */
  get(name: string, query: string): RunOrder | undefined {
    const held = this.#kept.get(name);
    if (held?.query !== query) return undefined;
    this.#kept.delete(name);
    this.#kept.set(name, held);
    return held.order;
  }

  keep(query: string, order: RunOrder): string {
    const name = randomUUID();
    this.#kept.set(name, { query, order });
    this.#bytes += order.sizeBytes + 1024;
    for (const [oldest, { order: old }] of this.#kept) {
      if (this.#bytes <= this.#maxBytes || oldest === name) break;
      this.#kept.delete(oldest);
      this.#bytes -= old.sizeBytes + 1024;
    }
    return name;
  }
}
