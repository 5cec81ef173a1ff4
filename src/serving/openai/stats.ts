import { Histogram, summaryOf, type HistogramState, type HistogramSummary } from "../histogram.ts";
import { sumOutcomes } from "../oip/file-report.ts";
import type { TokenPrice } from "./plan.ts";
import type { Usage } from "./reading.ts";

/**
 * `refused`: the question itself was at fault. `late`: its time was over. `left`: its client went away. `shed`: there was no room.
 * `failed`: the backend did not answer, or broke off. `fallback`: another backend was asked instead.
 */
export const exchangeOutcomes = ["ok", "refused", "failed", "late", "left", "shed", "fallback"] as const;
export type ExchangeOutcome = (typeof exchangeOutcomes)[number];

const secondEdges = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160];
const rateEdges = [1, 2, 5, 10, 20, 40, 60, 80, 100, 150, 200, 300, 500, 1000];

/** Everything counted of one backend. */
export class BackendStats {
  readonly outcomes: Record<ExchangeOutcome, number> = { ok: 0, refused: 0, failed: 0, late: 0, left: 0, shed: 0, fallback: 0 };
  /** From the head of the request to the first token sent on, of streams. */
  readonly firstTokenSeconds: Histogram = new Histogram(secondEdges);
  /** Of a stream between its first token and its last; of a whole answer over its whole time. */
  readonly tokensPerSecond: Histogram = new Histogram(rateEdges);
  readonly seconds: Histogram = new Histogram(secondEdges);
  promptTokens = 0;
  completionTokens = 0;
  cost = 0;

  used(usage: Usage, price: TokenPrice | undefined): void {
    this.promptTokens += usage.promptTokens;
    this.completionTokens += usage.completionTokens;
    this.cost += costOf(usage, price) ?? 0;
  }
}

export function costOf({ promptTokens, completionTokens }: Usage, price: TokenPrice | undefined): number | null {
  return price === undefined ? null : (promptTokens * price.input + completionTokens * price.output) / 1000;
}

interface BackendCounts<H> {
  readonly model: string;
  readonly version: number;
  readonly underWay: number;
  readonly maxConcurrent: number;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly firstTokenSeconds: H;
  readonly tokensPerSecond: H;
  readonly seconds: H;
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** Null where no price is declared. */
  readonly cost: { readonly amount: number; readonly currency: string } | null;
}

/** As one process tells another. */
export type BackendState = BackendCounts<HistogramState>;
export type BackendReport = BackendCounts<HistogramSummary>;

/** @param states of one backend in every process that has it, at least one */
export function reportBackend(states: readonly BackendState[]): BackendReport {
  const newest = states.reduce((a, b) => (b.version > a.version ? b : a));
  const sum = (of: (state: BackendState) => number): number => states.reduce((total, state) => total + of(state), 0);
  return {
    model: newest.model,
    version: newest.version,
    underWay: sum(({ underWay }) => underWay),
    maxConcurrent: sum(({ maxConcurrent }) => maxConcurrent),
    outcomes: sumOutcomes(states),
    firstTokenSeconds: summaryOf(states.map(({ firstTokenSeconds }) => firstTokenSeconds)),
    tokensPerSecond: summaryOf(states.map(({ tokensPerSecond }) => tokensPerSecond)),
    seconds: summaryOf(states.map(({ seconds }) => seconds)),
    promptTokens: sum(({ promptTokens }) => promptTokens),
    completionTokens: sum(({ completionTokens }) => completionTokens),
    cost: newest.cost === null ? null : { amount: sum(({ cost }) => cost?.amount ?? 0), currency: newest.cost.currency },
  };
}
