import { MEASURES } from "./blocks.ts";

/**
 * Rows of one batch on their way into one view, flat and as they lie in a block: shape [numRows, MEASURES + m]. The memory is used again for
 * the next batch: a list of numbers for each row costs more than all that is done with it.
 */
export class IncomingRows {
  readonly stride: number;
  floats: Float64Array;
  /** By number of the row: its index in the batch, and the number of its key's next row, -1 for the last. */
  indexes: Int32Array = new Int32Array(64);
  nexts: Int32Array = new Int32Array(64);
  #used = 0;

  constructor(numMeasures: number) {
    this.stride = MEASURES + numMeasures;
    this.floats = new Float64Array(64 * this.stride);
  }

  clear(): void {
    this.#used = 0;
  }

  /** @returns where in `floats` there is room for one more row */
  next(): number {
    const at = this.#used;
    this.#used += this.stride;
    if (this.#used > this.floats.length) {
      const grown = new Float64Array(2 * this.floats.length);
      grown.set(this.floats);
      this.floats = grown;
      this.indexes = doubled(this.indexes);
      this.nexts = doubled(this.nexts);
    }
    return at;
  }

  add(row: readonly number[]): number {
    const at = this.next();
    this.floats.set(row, at);
    return at;
  }
}

function doubled(numbers: Int32Array): Int32Array {
  const grown = new Int32Array(2 * numbers.length);
  grown.set(numbers);
  return grown;
}
