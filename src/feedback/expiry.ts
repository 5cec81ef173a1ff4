import type { Micros } from "../kernel/clock.ts";

/**
 * Keys to be forgotten once their time lies a horizon behind the watermark. Times come nearly, not quite, in order, and one far in the
 * future must not hold back the rest: so keys lie in slices of a 64th of the horizon, and a slice goes when all of it is past.
 * What is forgotten is therefore between 1 and 1 + 1/64 horizons old, and an insertion costs O(1).
 */
export class ExpiryQueue {
  readonly #horizonUs: Micros;
  readonly #sliceUs: Micros;
  readonly #slices = new Map<number, string[]>();
  #watermarkUs: Micros = Number.NEGATIVE_INFINITY;

  constructor(horizonUs: Micros) {
    this.#horizonUs = horizonUs;
    this.#sliceUs = Math.max(1, Math.ceil(horizonUs / 64));
  }

  isPast(us: Micros): boolean {
    return this.#endOf(this.#sliceOf(us)) <= this.#watermarkUs;
  }

  /** A key of a time that is past already is never handed back: ask `isPast` first. */
  add(key: string, us: Micros): void {
    const slice = this.#sliceOf(us);
    const keys = this.#slices.get(slice);
    if (keys === undefined) this.#slices.set(slice, [key]);
    else keys.push(key);
  }

  /** Moves the watermark forward (never back) and hands over the keys whose time has come, oldest slice first. */
  advanceTo(us: Micros): string[] {
    if (us <= this.#watermarkUs) return [];
    this.#watermarkUs = us;
    const past = [...this.#slices.keys()].filter((slice) => this.#endOf(slice) <= us).sort((a, b) => a - b);
    return past.flatMap((slice) => {
      const keys = this.#slices.get(slice) ?? [];
      this.#slices.delete(slice);
      return keys;
    });
  }

  #sliceOf(us: Micros): number {
    return Math.floor(us / this.#sliceUs);
  }

  #endOf(slice: number): Micros {
    return (slice + 1) * this.#sliceUs + this.#horizonUs;
  }
}
