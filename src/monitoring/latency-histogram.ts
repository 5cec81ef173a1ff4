const bucketsPerOctave = 8;
const numBuckets = 27 * bucketsPerOctave;

/** Latencies in fixed space: eight buckets an octave from 1 us to 134 s, so that a quantile is right within 4.5%. */
export class LatencyHistogram {
  readonly #counts: Uint32Array = new Uint32Array(numBuckets);
  #rows = 0;

  /** @param latencyUs microseconds; below 1 counts as 1 */
  add(latencyUs: number): void {
    const bucket = latencyUs > 1 ? Math.min(numBuckets - 1, Math.floor(Math.log2(latencyUs) * bucketsPerOctave)) : 0;
    this.#counts[bucket] = this.#counts[bucket]! + 1;
    this.#rows++;
  }

  /** Microseconds, the geometric middle of the bucket; undefined without rows. @param q in (0, 1] */
  quantile(q: number): number | undefined {
    if (this.#rows === 0) return undefined;
    let seen = 0;
    for (let b = 0; b < numBuckets; b++) {
      seen += this.#counts[b]!;
      if (seen >= q * this.#rows) return 2 ** ((b + 0.5) / bucketsPerOctave);
    }
    return undefined;
  }
}
