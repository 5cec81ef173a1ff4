/** Models beside the project's, as the console shows them; it imports these types only. */
export interface Distribution {
  readonly count: number;
  readonly mean: number | null;
  /** Upper edges of the buckets they lie in; null before the first, or beyond the last edge. */
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
}

/** A model file that answers tensors, beside the project's models. */
export interface ServingFile {
  readonly model: string;
  readonly version: number;
  readonly kind: string;
  /** `inline`, `worker` or `remote`. */
  readonly runs: string;
  readonly outcomes: Readonly<Record<string, number>>;
  /** Null where it answers on the spot. */
  readonly batching: {
    /** Rows of a run at most; 1: requests are not put together. */
    readonly maxBatchSize: number;
    readonly maxDelayMs: number;
    readonly waiting: number;
    readonly rows: Distribution;
    readonly requests: number;
    readonly queueUs: number | null;
  } | null;
  readonly computeUs: number | null;
}

/** A language model on another server. */
export interface ServingBackend {
  readonly model: string;
  readonly version: number;
  readonly underWay: number;
  readonly maxConcurrent: number;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly firstTokenSeconds: Distribution;
  readonly tokensPerSecond: Distribution;
  readonly seconds: Distribution;
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly cost: { readonly amount: number; readonly currency: string } | null;
}

/** One question to a language model, as logged; texts only where its declaration has them logged. */
export interface Exchange {
  readonly id: string;
  readonly backend: string;
  readonly version: number;
  readonly route: string;
  readonly tenant: string;
  readonly stream: boolean;
  readonly askedUs: number;
  readonly outcome: string;
  readonly code: string | null;
  readonly promptTokens: number | null;
  readonly completionTokens: number | null;
  readonly firstTokenUs: number | null;
  readonly totalUs: number;
  readonly prompt: string | null;
  readonly completion: string | null;
}
