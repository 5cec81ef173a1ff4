import { summaryOf, type HistogramState, type HistogramSummary } from "../histogram.ts";
import type { StageCounts } from "../stats.ts";
import type { FileModel } from "./file-model.ts";

/** One model file as the console shows it. */
export interface FileReport {
  readonly model: string;
  readonly version: number;
  readonly kind: string;
  readonly runs: string;
  readonly outcomes: Readonly<Record<string, number>>;
  /** Of a model that runs in worker threads or on another server. */
  readonly batching: {
    /** Rows of a run at most; 1: requests are not put together. */
    readonly maxBatchSize: number;
    readonly maxDelayMs: number;
    readonly waiting: number;
    readonly rows: HistogramSummary;
    readonly requests: number;
    /** Mean microseconds a request waited; null before the first. */
    readonly queueUs: number | null;
  } | null;
  readonly computeUs: number | null;
}

interface Mean {
  readonly sumUs: number;
  readonly count: number;
}

/** The same as one process tells another. */
export interface FileState {
  readonly model: string;
  readonly version: number;
  readonly kind: string;
  readonly runs: string;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly batching: { readonly maxBatchSize: number; readonly maxDelayMs: number; readonly waiting: number } | null;
  readonly rows: HistogramState;
  readonly requests: number;
  readonly queue: Mean;
  readonly compute: Mean;
}

export function fileState(file: FileModel): FileState {
  const { outcomes, runs, stages } = file.stats.of(file.version, "champion");
  const mean = (stage: StageCounts): Mean => ({ sumUs: stage.sumUs, count: stage.count() });
  const { maxBatchSize = 1, maxDelayMs = 0 } = file.batching ?? {};
  return {
    model: file.name,
    version: file.version,
    kind: `${file.model.format}: ${file.model.kind}`,
    runs: file.model.runs,
    outcomes,
    batching: file.model.runs === "inline" ? null : { maxBatchSize, maxDelayMs, waiting: file.waiting },
    rows: runs.rows.state(),
    requests: runs.requests,
    queue: mean(stages.queue),
    compute: mean(stages.compute),
  };
}

/** @param states of one model in every process that has it, at least one; a process that still has another version is left out */
export function reportFile(states: readonly FileState[]): FileReport {
  const newest = Math.max(...states.map(({ version }) => version));
  const same = states.filter(({ version }) => version === newest);
  const { model, version, kind, runs, batching } = same[0]!;
  const sum = (of: (state: FileState) => number): number => same.reduce((total, state) => total + of(state), 0);
  const mean = (of: (state: FileState) => Mean): number | null => {
    const count = sum((state) => of(state).count);
    return count === 0 ? null : sum((state) => of(state).sumUs) / count;
  };
  return {
    model,
    version,
    kind,
    runs,
    outcomes: sumOutcomes(same),
    batching:
      batching === null
        ? null
        : {
            ...batching,
            waiting: sum((state) => state.batching?.waiting ?? 0),
            rows: summaryOf(same.map(({ rows }) => rows)),
            requests: sum(({ requests }) => requests),
            queueUs: mean(({ queue }) => queue),
          },
    computeUs: mean(({ compute }) => compute),
  };
}

export function sumOutcomes(states: readonly { readonly outcomes: Readonly<Record<string, number>> }[]): Readonly<Record<string, number>> {
  const names = new Set(states.flatMap(({ outcomes }) => Object.keys(outcomes)));
  return Object.fromEntries(Array.from(names, (name) => [name, states.reduce((total, { outcomes }) => total + (outcomes[name] ?? 0), 0)]));
}
