/**
 * Latency histogram on a geometric grid: bucket i holds values in [g^i, g^(i+1)) microseconds with g = 1.02,
 * so a percentile read from it is within 2 percent. A few hundred numbers whatever the count; histograms add.
 */
const growth = Math.log(1.02);

export class LatencyHistogram {
  readonly #counts = new Map<number, number>();

  add(us: number): void {
    const bucket = Math.max(0, Math.floor(Math.log(Math.max(1, us)) / growth));
    this.#counts.set(bucket, (this.#counts.get(bucket) ?? 0) + 1);
  }

  merge(entries: readonly (readonly [number, number])[]): void {
    for (const [bucket, count] of entries) this.#counts.set(bucket, (this.#counts.get(bucket) ?? 0) + count);
  }

  entries(): [number, number][] {
    return [...this.#counts].sort((a, b) => a[0] - b[0]);
  }

  get count(): number {
    return [...this.#counts.values()].reduce((sum, n) => sum + n, 0);
  }

  /** Upper edge, in milliseconds, of the bucket that holds the q-quantile; NaN if empty. */
  quantileMs(q: number): number {
    const rank = Math.max(1, Math.ceil(q * this.count));
    let seen = 0;
    for (const [bucket, count] of this.entries()) {
      seen += count;
      if (seen >= rank) return Math.exp((bucket + 1) * growth) / 1000;
    }
    return Number.NaN;
  }
}
