/** A point in time: integer microseconds since 1970-01-01T00:00:00Z. A JS number holds them exactly until the year 2255. */
export type Micros = number;

/** Where the program gets its time from. Nothing below `server/` reads the machine's clock itself. */
export interface Clock {
  nowUs(): Micros;
}

/** A clock that stands still until told: tests and the replay of history. It never goes backwards. */
export class ManualClock implements Clock {
  #nowUs: Micros;

  constructor(startUs: Micros) {
    this.#nowUs = startUs;
  }

  nowUs(): Micros {
    return this.#nowUs;
  }

  advanceTo(us: Micros): void {
    if (us > this.#nowUs) this.#nowUs = us;
  }

  advanceBy(us: Micros): void {
    this.advanceTo(this.#nowUs + us);
  }
}
