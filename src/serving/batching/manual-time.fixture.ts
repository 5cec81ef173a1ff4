/** A monotonic clock that stands still until told, with what is to be done at its times. */
export class ManualTime {
  nowMs = 0;
  readonly #due: { readonly atMs: number; readonly run: () => void }[] = [];

  readonly timerMs = (): number => this.nowMs;

  readonly after = (ms: number, run: () => void): (() => void) => {
    const entry = { atMs: this.nowMs + ms, run };
    this.#due.push(entry);
    return () => {
      const at = this.#due.indexOf(entry);
      if (at >= 0) this.#due.splice(at, 1);
    };
  };

  get hasNext(): boolean {
    return this.#due.length > 0;
  }

  /** Does what is next, at its time, and everything that follows from it without time passing. */
  async step(): Promise<void> {
    const next = this.#due.reduce((a, b) => (b.atMs < a.atMs ? b : a));
    this.#due.splice(this.#due.indexOf(next), 1);
    this.nowMs = Math.max(this.nowMs, next.atMs);
    next.run();
    await settled();
  }

  async run(): Promise<void> {
    while (this.hasNext) await this.step();
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve));
  }
}

/** After every promise that could settle without time has. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
