/**
 * Latencies in logarithmic buckets: 16 to a doubling from 1 us to 67 s, so a quantile read back is at most 1/16 too high, never too low.
 * Counting is one array increment; nothing is allocated.
 * @see Gil Tene, HdrHistogram (same idea, fixed precision over the whole range)
 */
const subBuckets = 16;
const doublings = 26;
export const numLatencyBuckets: number = subBuckets * doublings;

/** Bucket of a duration; what is shorter or longer than the range falls into the first or last. */
export function bucketOf(us: number): number {
  if (!(us >= 1)) return 0;
  if (us >= 2 ** doublings) return numLatencyBuckets - 1;
  const doubling = 31 - Math.clz32(us);
  return doubling * subBuckets + Math.floor((us / 2 ** doubling - 1) * subBuckets);
}

/** Upper edge of a bucket in microseconds. */
export function bucketEdgeUs(bucket: number): number {
  const doubling = Math.floor(bucket / subBuckets);
  return 2 ** doubling * (1 + ((bucket % subBuckets) + 1) / subBuckets);
}

/** @param counts shape [numLatencyBuckets] @param q in (0, 1] @returns microseconds; NaN if nothing was counted */
export function quantileUs(counts: Float64Array, q: number): number {
  let total = 0;
  for (let b = 0; b < counts.length; b++) total += counts[b]!;
  let seen = 0;
  for (let b = 0; b < counts.length; b++) {
    seen += counts[b]!;
    if (total > 0 && seen >= q * total) return bucketEdgeUs(b);
  }
  return Number.NaN;
}

/** The same buckets with a count of their own; histograms add, and are kept as the few buckets that hold anything. */
export class LatencyHistogram {
  readonly #counts: Float64Array = new Float64Array(numLatencyBuckets);
  #count = 0;

  add(us: number): void {
    this.#counts[bucketOf(us)]!++;
    this.#count++;
  }

  get count(): number {
    return this.#count;
  }

  /** Microseconds; NaN if nothing was counted. @param q in (0, 1] */
  quantileUs(q: number): number {
    return quantileUs(this.#counts, q);
  }

  /** [bucket, count] of the buckets that hold anything. */
  entries(): [number, number][] {
    return Array.from(this.#counts, (count, bucket): [number, number] => [bucket, count]).filter(([, count]) => count > 0);
  }

  merge(entries: readonly (readonly [number, number])[]): void {
    for (const [bucket, count] of entries) {
      this.#counts[bucket]! += count;
      this.#count += count;
    }
  }
}
