/**
 * Who holds how much of the room. While there is plenty, anybody may take it; once half is taken, nobody gets more than an equal share
 * among those who asked lately. So a flood of one asker is refused before it fills the room, and the others' few requests find a place.
 */
export class FairShare {
  readonly #held = new Map<string, { count: number; seenMs: number }>();

  of(key: string): number {
    return this.#held.get(key)?.count ?? 0;
  }

  /** @param size taken in all @param limit room in all */
  admits(key: string, nowMs: number, size: number, limit: number): boolean {
    if (size < limit / 2) return true;
    this.#forgetIdle(nowMs);
    const askers = this.#held.size + (this.#held.has(key) ? 0 : 1);
    return this.of(key) < Math.max(1, Math.floor(limit / askers));
  }

  enter(key: string, nowMs: number): void {
    const held = this.#held.get(key);
    if (held === undefined) {
      if (this.#held.size >= maxKeys) this.#forgetIdle(nowMs + rememberedMs);
      this.#held.set(key, { count: 1, seenMs: nowMs });
      return;
    }
    held.count++;
    held.seenMs = nowMs;
  }

  leave(key: string): void {
    const held = this.#held.get(key);
    if (held !== undefined) held.count--;
  }

  #forgetIdle(nowMs: number): void {
    for (const [key, { count, seenMs }] of this.#held) if (count <= 0 && nowMs - seenMs >= rememberedMs) this.#held.delete(key);
  }
}

/** An asker of the last second counts, whether or not it has a request under way at this moment. */
const rememberedMs = 1000;
/** Names come from clients. Those with a request under way are bounded by the room; others beyond this many are forgotten at once. */
const maxKeys = 1000;
