/**
 * The rows of each leaf: one array of row numbers in which a leaf is a stretch, ascending within the leaf.
 * Splitting a leaf is a stable partition of its stretch, so rows stay in order and sums keep their bits.
 */
export class LeafRows {
  readonly rows: Int32Array;
  readonly #right: Int32Array;

  constructor(capacity: number) {
    this.rows = new Int32Array(capacity);
    this.#right = new Int32Array(capacity);
  }

  /** Sends row r of [begin, begin + count) left if `goesLeft[(packed[r] >>> shift) & 255]` is 1. Returns how many went left. */
  split(begin: number, count: number, packed: Int32Array, shift: number, goesLeft: Uint8Array): number {
    const { rows } = this;
    const right = this.#right;
    let numLeft = 0;
    let numRight = 0;
    for (let i = begin; i < begin + count; i++) {
      const row = rows[i]!;
      // Both are written and one cursor moves: no branch to mispredict.
      const left = goesLeft[(packed[row]! >>> shift) & 255]!;
      rows[begin + numLeft] = row;
      right[numRight] = row;
      numLeft += left;
      numRight += 1 - left;
    }
    rows.set(right.subarray(0, numRight), begin + numLeft);
    return numLeft;
  }
}
