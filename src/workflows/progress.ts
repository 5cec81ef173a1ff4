/** What a running loop tells whoever watches it: the terminal, `--json`, the console. */

export type PhaseState = "waiting" | "running" | "done" | "failed";

export interface Phase {
  readonly id: string;
  readonly title: string;
  readonly state: PhaseState;
  readonly done: number;
  readonly total: number;
  readonly unit: string;
  readonly ratePerSecond: number;
  readonly remainingSeconds: number | null;
  readonly seconds: number;
}

/** Figures of a finished loop; every one computed from records of the run, none estimated. */
export type LoopSummary = {
  readonly event: "summary";
  readonly project: string;
  /** Rows of the data set that passed the contract. */
  readonly rows: number;
  /** Slots of the vector the model reads. */
  readonly features: number;
  readonly aucHoldout: number;
  readonly aucHoldoutInterval: readonly [number, number];
  /** Of every answer given during the replay whose outcome is known, whichever version gave it. */
  readonly aucLive: number | null;
  readonly aucLiveInterval: readonly [number, number] | null;
  readonly predictions: number;
  readonly matured: number;
  readonly vectorsCompared: number;
  readonly valuesCompared: number;
  readonly mismatches: number;
  /** Null where nothing was asked. */
  readonly latencyMs: { readonly p50: number | null; readonly p95: number | null; readonly p99: number | null };
  readonly alerts: number;
  readonly retrainings: number;
  readonly promotions: number;
  readonly refusals: number;
  readonly seconds: number;
  readonly phaseSeconds: Readonly<Record<string, number>>;
  readonly champions: readonly { readonly version: number; readonly fromUs: number; readonly auc: number | null }[];
  readonly peakMemoryMb: number;
  /** True if this run had finished before and its recorded summary is shown again. */
  readonly recorded: boolean;
};

export type LoopEvent =
  | { readonly event: "phase"; readonly phase: Phase }
  | { readonly event: "progress"; readonly phase: Phase }
  | { readonly event: "log"; readonly atUs: number | null; readonly text: string }
  | {
      readonly event: "window";
      readonly atUs: number;
      readonly kind: "drift" | "quality";
      readonly version: number;
      readonly value: number;
      readonly threshold: number;
      readonly breach: boolean;
    }
  | { readonly event: "alert"; readonly atUs: number; readonly kind: string; readonly text: string }
  /** A view or a model's vector is another than at the start before; `from` and `to` are hashes, null for none. */
  | {
      readonly event: "definition";
      readonly atUs: number;
      readonly kind: "view" | "service";
      readonly name: string;
      readonly from: string | null;
      readonly to: string | null;
      readonly text: string;
    }
  | { readonly event: "decision"; readonly atUs: number; readonly model: string; readonly version: number; readonly kind: string; readonly text: string }
  | LoopSummary;

export interface LoopProgress {
  readonly phases: readonly Phase[];
  /** The replay clock, event time; null before the replay. */
  readonly replayUs: number | null;
  readonly recent: readonly LoopEvent[];
  readonly summary: LoopSummary | null;
}

export interface ProgressSource {
  current(): LoopProgress;
  subscribe(listener: (event: LoopEvent) => void): () => void;
}

/** Monotonic milliseconds; injected, so that tests need no waiting. */
export type Stopwatch = () => number;

/** Keeps the phases and the last events, works out rates, and tells subscribers at most every `minIntervalMs` per phase. */
export class ProgressBoard implements ProgressSource {
  readonly #phases = new Map<string, Phase & { readonly startedMs: number; readonly startedDone: number }>();
  readonly #listeners = new Set<(event: LoopEvent) => void>();
  readonly #recent: LoopEvent[] = [];
  readonly #now: Stopwatch;
  readonly #minIntervalMs: number;
  readonly #lastTold = new Map<string, number>();
  #replayUs: number | null = null;
  #summary: LoopSummary | null = null;

  constructor(now: Stopwatch, minIntervalMs = 250) {
    this.#now = now;
    this.#minIntervalMs = minIntervalMs;
  }

  declare(id: string, title: string, unit: string): void {
    this.#phases.set(id, {
      id,
      title,
      unit,
      state: "waiting",
      done: 0,
      total: 0,
      ratePerSecond: 0,
      remainingSeconds: null,
      seconds: 0,
      startedMs: 0,
      startedDone: 0,
    });
  }

  start(id: string, done = 0, total = 0): void {
    this.#change(id, { state: "running", done, total, startedMs: this.#now(), startedDone: done }, "phase");
  }

  advance(id: string, done: number, total: number): void {
    this.#change(id, { done, total }, "progress");
  }

  finish(id: string, state: "done" | "failed" = "done"): void {
    this.#change(id, { state }, "phase");
  }

  /** What was under way has ended without being done: nobody else will say so. */
  failRunning(): void {
    for (const { id, state } of this.#phases.values()) if (state === "running") this.finish(id, "failed");
  }

  tell(event: Exclude<LoopEvent, { event: "phase" | "progress" }>): void {
    if (event.event === "summary") this.#summary = event;
    this.#emit(event);
  }

  replayAt(us: number): void {
    this.#replayUs = us;
  }

  current(): LoopProgress {
    return { phases: [...this.#phases.values()].map(publicPart), replayUs: this.#replayUs, recent: [...this.#recent], summary: this.#summary };
  }

  subscribe(listener: (event: LoopEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #change(id: string, change: Partial<Phase & { startedMs: number; startedDone: number }>, kind: "phase" | "progress"): void {
    const before = this.#phases.get(id);
    if (before === undefined) throw new RangeError(`phase ${id} was not declared`);
    const next = { ...before, ...change };
    const seconds = next.startedMs === 0 ? 0 : (this.#now() - next.startedMs) / 1000;
    const ratePerSecond = seconds > 0 ? (next.done - next.startedDone) / seconds : 0;
    const remainingSeconds = next.state === "running" && ratePerSecond > 0 && next.total > 0 ? (next.total - next.done) / ratePerSecond : null;
    const settled = { ...next, seconds, ratePerSecond, remainingSeconds };
    this.#phases.set(id, settled);
    const told = this.#lastTold.get(id) ?? -Infinity;
    if (kind === "progress" && this.#now() - told < this.#minIntervalMs) return;
    this.#lastTold.set(id, this.#now());
    this.#emit({ event: kind, phase: publicPart(settled) });
  }

  #emit(event: LoopEvent): void {
    if (event.event !== "progress") {
      this.#recent.push(event);
      if (this.#recent.length > 200) this.#recent.shift();
    }
    for (const listener of this.#listeners) listener(event);
  }
}

function publicPart({ startedMs: _startedMs, startedDone: _startedDone, ...phase }: Phase & { startedMs: number; startedDone: number }): Phase {
  return phase;
}
