interface Waiting<T, R> {
  readonly batch: T;
  readonly resolve: (result: R) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Group commit: batches that come while others are being written wait, and are written together next. A key's blocks are then read and written
 * once for all of them, and a flush is shared; a batch that comes alone is not kept waiting.
 */
export class Together<T extends { readonly rows: readonly unknown[] }, R> {
  readonly #write: (batches: readonly T[]) => Promise<readonly R[]>;
  readonly #maxRows: number;
  readonly #areApart: boolean;
  #waiting: Waiting<T, R>[] = [];
  #running: Promise<void> | undefined;

  /**
   * @param write one result a batch, in order; all of them or none
   * @param maxRows a group has no more, unless it is one batch
   * @param areApart what could not be written together is tried one by one, so that no batch fails for another
   */
  constructor(write: (batches: readonly T[]) => Promise<readonly R[]>, { maxRows, areApart }: { readonly maxRows: number; readonly areApart: boolean }) {
    this.#write = write;
    this.#maxRows = maxRows;
    this.#areApart = areApart;
  }

  /** In the order of the calls. */
  add(batch: T): Promise<R> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ batch, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** Resolves once all that was added is written or refused. */
  async settled(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    // What the caller adds in one go is together from the first.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const group = this.#next();
      try {
        await this.#settle(group);
      } catch (error) {
        if (group.length > 1 && this.#areApart)
          for (const one of group)
            try {
              await this.#settle([one]);
            } catch (own) {
              one.reject(own);
            }
        else for (const { reject } of group) reject(error);
      }
    }
    this.#running = undefined;
  }

  #next(): Waiting<T, R>[] {
    let rows = this.#waiting[0]!.batch.rows.length;
    let count = 1;
    while (count < this.#waiting.length && (rows += this.#waiting[count]!.batch.rows.length) <= this.#maxRows) count++;
    return this.#waiting.splice(0, count);
  }

  async #settle(group: readonly Waiting<T, R>[]): Promise<void> {
    const results = await this.#write(group.map(({ batch }) => batch));
    for (const [i, { resolve }] of group.entries()) resolve(results[i]!);
  }
}
