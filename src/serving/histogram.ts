/** Counts in buckets with the upper edges given, the last one for what is beyond them, as Prometheus publishes them. */
export class Histogram {
  readonly edges: readonly number[];
  readonly counts: Float64Array;
  sum = 0;

  constructor(edges: readonly number[]) {
    this.edges = edges;
    this.counts = new Float64Array(edges.length + 1);
  }

  record(value: number): void {
    let b = 0;
    while (b < this.edges.length && value > this.edges[b]!) b++;
    this.counts[b]!++;
    this.sum += value;
  }

  get count(): number {
    return this.counts.reduce((sum, n) => sum + n, 0);
  }

  /** Upper edge of the bucket that holds the quantile; null before the first value, and where it lies beyond the last edge. */
  quantile(q: number): number | null {
    const { count } = this;
    let seen = 0;
    for (const [b, edge] of this.edges.entries()) if ((seen += this.counts[b]!) >= q * count && count > 0) return edge;
    return null;
  }

  state(): HistogramState {
    return { edges: this.edges, counts: [...this.counts], sum: this.sum };
  }

  /** @param state of a histogram with the same edges */
  add({ counts, sum }: HistogramState): void {
    for (const [b, n] of counts.entries()) this.counts[b]! += n;
    this.sum += sum;
  }

  summary(): HistogramSummary {
    const { count, sum } = this;
    return { count, mean: count === 0 ? null : sum / count, p50: this.quantile(0.5), p95: this.quantile(0.95), p99: this.quantile(0.99) };
  }
}

/** As one process tells another. */
export interface HistogramState {
  readonly edges: readonly number[];
  readonly counts: readonly number[];
  readonly sum: number;
}

/** The summary of several processes' counts. */
export function summaryOf(states: readonly HistogramState[]): HistogramSummary {
  const whole = new Histogram(states[0]?.edges ?? []);
  for (const state of states) whole.add(state);
  return whole.summary();
}

export interface HistogramSummary {
  readonly count: number;
  readonly mean: number | null;
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
}
