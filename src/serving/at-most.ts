/** Runs so many works at once, and the others after them in the order they came. */
export class AtMost {
  readonly #count: number;
  readonly #line: (() => void)[] = [];
  #running = 0;

  constructor(count: number) {
    this.#count = count;
  }

  get waiting(): number {
    return this.#line.length;
  }

  /** @throws what `work` throws */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running < this.#count) this.#running++;
    else await new Promise<void>((resolve) => this.#line.push(resolve));
    try {
      return await work();
    } finally {
      // A place goes from hand to hand: between two works nobody new can take it.
      const next = this.#line.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}
