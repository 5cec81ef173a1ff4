/** What the extension `statistics` counts of one version: cumulative, in nanoseconds. Increments only; rendered when asked. */
export class Duration {
  count = 0;
  ns = 0;

  add(ms: number): void {
    this.count++;
    this.ns += Math.max(0, Math.round(ms * 1e6));
  }
}

/** Milliseconds a request spent in each part. */
export interface InferTimes {
  readonly totalMs: number;
  readonly queueMs: number;
  readonly inputMs: number;
  readonly computeMs: number;
  readonly outputMs: number;
}

export class VersionStatistics {
  inferenceCount = 0;
  executionCount = 0;
  lastInferenceMs = 0;
  readonly success: Duration = new Duration();
  readonly fail: Duration = new Duration();
  readonly queue: Duration = new Duration();
  readonly computeInput: Duration = new Duration();
  readonly computeInfer: Duration = new Duration();
  readonly computeOutput: Duration = new Duration();
  /** By rows in one execution: at most as many entries as a request may have rows. */
  readonly batches: Map<number, { readonly input: Duration; readonly infer: Duration; readonly output: Duration }> = new Map();

  /** A request that was a run of its own. */
  succeeded(rows: number, atUs: number, times: InferTimes): void {
    this.answered(rows, atUs, times);
    this.executed(rows, times);
  }

  /** A request, whether or not it ran with others. */
  answered(rows: number, atUs: number, { totalMs, queueMs, inputMs, computeMs, outputMs }: InferTimes): void {
    this.inferenceCount += rows;
    this.lastInferenceMs = Math.floor(atUs / 1000);
    this.success.add(totalMs);
    this.queue.add(queueMs);
    this.computeInput.add(inputMs);
    this.computeInfer.add(computeMs);
    this.computeOutput.add(outputMs);
  }

  /** A run of the model, whether for one request or for several. */
  executed(rows: number, { inputMs, computeMs, outputMs }: Pick<InferTimes, "inputMs" | "computeMs" | "outputMs">): void {
    this.executionCount++;
    let batch = this.batches.get(rows);
    if (batch === undefined) this.batches.set(rows, (batch = { input: new Duration(), infer: new Duration(), output: new Duration() }));
    batch.input.add(inputMs);
    batch.infer.add(computeMs);
    batch.output.add(outputMs);
  }

  failed(totalMs: number): void {
    this.fail.add(totalMs);
  }
}

export interface StatisticsReport {
  readonly name: string;
  readonly version: string;
  readonly last_inference: number;
  readonly inference_count: number;
  readonly execution_count: number;
  readonly inference_stats: Readonly<Record<string, Counted>>;
  readonly response_stats: Readonly<Record<string, never>>;
  readonly batch_stats: readonly (Readonly<Record<string, Counted | number>> & { readonly batch_size: number })[];
  readonly memory_usage: readonly { readonly type: string; readonly id: number; readonly byte_size: number }[];
}

interface Counted {
  readonly count: number;
  readonly ns: number;
}

const counted = ({ count, ns }: Duration): Counted => ({ count, ns });

/** All fields of the extension: the stock C++ client ends itself where one is missing. Nothing is cached here, so those counts stay 0. */
export function reportStatistics(name: string, version: number, statistics: VersionStatistics, memoryBytes: number): StatisticsReport {
  return {
    name,
    version: String(version),
    last_inference: statistics.lastInferenceMs,
    inference_count: statistics.inferenceCount,
    execution_count: statistics.executionCount,
    inference_stats: {
      success: counted(statistics.success),
      fail: counted(statistics.fail),
      queue: counted(statistics.queue),
      compute_input: counted(statistics.computeInput),
      compute_infer: counted(statistics.computeInfer),
      compute_output: counted(statistics.computeOutput),
      cache_hit: { count: 0, ns: 0 },
      cache_miss: { count: 0, ns: 0 },
    },
    response_stats: {},
    batch_stats: [...statistics.batches]
      .sort(([a], [b]) => a - b)
      .map(([rows, { input, infer, output }]) => ({
        batch_size: rows,
        compute_input: counted(input),
        compute_infer: counted(infer),
        compute_output: counted(output),
      })),
    memory_usage: [{ type: "CPU", id: 0, byte_size: memoryBytes }],
  };
}

/** Sums of the same versions' counts in several processes. */
export function mergeStatistics(reports: readonly (readonly StatisticsReport[])[]): StatisticsReport[] {
  const byVersion = Map.groupBy(reports.flat(), ({ name, version }) => `${name}\0${version}`);
  return [...byVersion.values()].map((same) => same.reduce(sumOfTwo));
}

function sumOfTwo(one: StatisticsReport, other: StatisticsReport): StatisticsReport {
  const batches = [...Map.groupBy([...one.batch_stats, ...other.batch_stats], ({ batch_size }) => batch_size).values()];
  return {
    name: one.name,
    version: one.version,
    last_inference: Math.max(one.last_inference, other.last_inference),
    inference_count: one.inference_count + other.inference_count,
    execution_count: one.execution_count + other.execution_count,
    inference_stats: sumOfCounted(one.inference_stats, other.inference_stats),
    response_stats: {},
    batch_stats: batches
      .map((same) =>
        same.reduce((a, b) => {
          const { batch_size, ...counts } = a;
          return { batch_size, ...sumOfCounted(counts as Record<string, Counted>, b as unknown as Record<string, Counted>) };
        }),
      )
      .sort((a, b) => a.batch_size - b.batch_size),
    memory_usage: one.memory_usage.map((use, i) => ({ ...use, byte_size: use.byte_size + (other.memory_usage[i]?.byte_size ?? 0) })),
  };
}

function sumOfCounted(one: Readonly<Record<string, Counted>>, other: Readonly<Record<string, Counted>>): Record<string, Counted> {
  return Object.fromEntries(
    Object.entries(one).map(([key, { count, ns }]) => [key, { count: count + (other[key]?.count ?? 0), ns: ns + (other[key]?.ns ?? 0) }]),
  );
}
