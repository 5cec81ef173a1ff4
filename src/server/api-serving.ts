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

export interface VersionFigures {
  readonly version: number;
  readonly logLoss: number | null;
  readonly auc: number | null;
  /** Server time of a question, lookup and compute, of all answers. */
  readonly latency: { readonly count: number; readonly p50Us: number | null; readonly p95Us: number | null; readonly p99Us: number | null };
}

/** The champion against one version that runs beside it, on outcomes that have matured. */
export interface VersionComparison {
  readonly role: "challenger" | "shadow";
  readonly share: number | null;
  readonly sinceUs: number;
  /** Later than `sinceUs` where only the latest questions were looked at; null if none was. */
  readonly oldestUs: number | null;
  readonly verdict: "better" | "not-worse" | "worse" | "undecided";
  readonly summary: string;
  /** Pairs in shadow; of the smaller arm in an A/B test. */
  readonly matured: number;
  readonly champion: VersionFigures;
  readonly candidate: VersionFigures;
  /** Champion's mean log loss less the candidate's, in nats: above 0 the candidate is better. With its always-valid interval. */
  readonly gain: { readonly value: number; readonly low: number; readonly high: number } | null;
  /** Nats the candidate may lose and still be called not worse. */
  readonly margin: number;
}

export interface VersionComparisons {
  /** Null while nothing is deployed. */
  readonly champion: number | null;
  /** Of each log; older questions are not looked at. */
  readonly atMost: number;
  readonly comparisons: readonly VersionComparison[];
}
