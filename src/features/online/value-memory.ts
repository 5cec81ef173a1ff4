const slabFloats = 1 << 16;
/** 16 MB: a batch that writes more takes the rest from the garbage collector. */
const keptSlabs = 32;

/**
 * Memory of the values that a batch writes, used again for the next one: memory of its own for each batch is what the collector is started
 * for, and it then walks all the process has (a third of the time that ingestion took). Whoever writes a batch says with `takeBack` that the
 * store is done with the one before.
 */
export class ValueMemory {
  /** Where the last `room` lies. It holds what was there before. */
  floats: Float64Array = new Float64Array(slabFloats);
  readonly #slabs: Float64Array[] = [this.floats];
  #slab: Float64Array = this.floats;
  #next = 1;
  #used = 0;

  /** @returns where in `floats` there is room */
  room(length: number): number {
    if (length > slabFloats / 4) {
      this.floats = new Float64Array(length);
      return 0;
    }
    if (this.#used + length > slabFloats) {
      this.#slab = this.#slabs[this.#next] ?? new Float64Array(slabFloats);
      if (this.#next < keptSlabs) this.#slabs[this.#next++] = this.#slab;
      this.#used = 0;
    }
    const at = this.#used;
    this.#used += length;
    this.floats = this.#slab;
    return at;
  }

  /** Of the last `room`. */
  bytes(at: number, length: number): Uint8Array {
    return new Uint8Array(this.floats.buffer, 8 * at, 8 * length);
  }

  takeBack(): void {
    this.#slab = this.#slabs[0]!;
    this.#next = 1;
    this.#used = 0;
  }
}
