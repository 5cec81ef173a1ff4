import type { PredictionRole } from "../feedback/prediction.ts";
import { Histogram } from "./histogram.ts";
import { bucketOf, numLatencyBuckets, quantileUs } from "../math/latency-histogram.ts";

/** Where the time of a request goes, in this order; `queue` is waiting for a model that runs elsewhere. `total` runs from the head of the request to its answer. */
export const stages = ["parse", "lookup", "queue", "compute", "log", "serialise", "total"] as const;
export type Stage = (typeof stages)[number];

/** Upper edges of the published histogram, in microseconds: tree models answer well below the millisecond where most defaults start. */
export const stageEdgesUs: readonly number[] = [50, 100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200, 102_400, 409_600, 1_638_400];

/** The running slot and the twelve whole ones before it: a minute, and the part of the running slot that has passed. */
const slots = 13;
const slotMs = 5000;

/** A histogram since the start, and one for each of the last five-second slots. */
export class RollingLatency {
  readonly all: Float64Array = new Float64Array(numLatencyBuckets);
  readonly #recent = Array.from({ length: slots }, () => new Float64Array(numLatencyBuckets));
  readonly #slotOf = new Float64Array(slots).fill(-1);

  record(us: number, nowMs: number): void {
    const bucket = bucketOf(us);
    const slot = Math.floor(nowMs / slotMs);
    const at = slot % slots;
    if (this.#slotOf[at] !== slot) {
      this.#slotOf[at] = slot;
      this.#recent[at]!.fill(0);
    }
    this.all[bucket]!++;
    this.#recent[at]![bucket]!++;
  }

  /** Counts of another process: since its start, and of its last minute, which are taken as of now. */
  add(all: readonly number[], lastMinute: readonly number[], nowMs: number): void {
    const slot = Math.floor(nowMs / slotMs);
    const at = slot % slots;
    if (this.#slotOf[at] !== slot) this.#recent[at]!.fill(0);
    this.#slotOf[at] = slot;
    for (const [b, count] of all.entries()) this.all[b]! += count;
    for (const [b, count] of lastMinute.entries()) this.#recent[at]![b]! += count;
  }

  lastMinute(nowMs: number): Float64Array {
    const oldest = Math.floor(nowMs / slotMs) - slots;
    const sum = new Float64Array(numLatencyBuckets);
    for (let at = 0; at < slots; at++) {
      if (this.#slotOf[at]! > oldest) for (let b = 0; b < numLatencyBuckets; b++) sum[b]! += this.#recent[at]![b]!;
    }
    return sum;
  }
}

/** The trace that last fell into a bucket, by which a person finds a slow request again. */
export interface Exemplar {
  readonly traceId: string;
  readonly us: number;
}

/** Counts of one stage in the published buckets: shape [edges + 1], the last one for what is longer. */
export class StageCounts {
  readonly counts: Float64Array = new Float64Array(stageEdgesUs.length + 1);
  readonly exemplars: (Exemplar | undefined)[] = [];
  sumUs = 0;

  record(us: number, traceId?: string): void {
    let b = 0;
    while (b < stageEdgesUs.length && us > stageEdgesUs[b]!) b++;
    this.counts[b]!++;
    this.sumUs += us;
    if (traceId !== undefined) this.exemplars[b] = { traceId, us };
  }

  count(): number {
    return this.counts.reduce((sum, n) => sum + n, 0);
  }
}

/** `fallback` counts answers given in the version's stead; `shed` those refused for want of room. */
export const outcomes = ["ok", "invalid", "failed", "late", "dropped", "fallback", "shed"] as const;
export type Outcome = (typeof outcomes)[number];

/** Milliseconds by stage; a stage that a request did not pass is left out. */
export type StageTimes = Readonly<Partial<Record<Stage, number>>>;

/** Rows of a run. */
const rowEdges = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

/** Runs of a model whose requests may be put together. */
export class RunCounts {
  readonly rows: Histogram = new Histogram(rowEdges);
  requests = 0;

  record(rows: number, requests: number): void {
    this.rows.record(rows);
    this.requests += requests;
  }
}

export interface VersionCounts {
  readonly version: number;
  readonly role: PredictionRole;
  readonly outcomes: Record<Outcome, number>;
  readonly stages: Readonly<Record<Stage, StageCounts>>;
  readonly runs: RunCounts;
}

/** What a model's counts are in one process, to be added to those of another; plain JSON. */
export interface ModelStatsState {
  readonly versions: readonly {
    readonly version: number;
    readonly role: PredictionRole;
    readonly outcomes: Readonly<Record<Outcome, number>>;
    readonly stages: Readonly<Record<Stage, { readonly counts: readonly number[]; readonly sumUs: number }>>;
  }[];
  readonly refused: Readonly<Record<Outcome, number>>;
  readonly latency: Readonly<Record<PredictionRole, { readonly all: readonly number[]; readonly lastMinute: readonly number[] }>>;
}

/** Versions that were deployed once and are no more: so many of them are still shown, the latest. */
const maxVersions = 12;

/** Everything counted of one model. */
export class ModelStats {
  readonly latency: Readonly<Record<PredictionRole, RollingLatency>> = {
    champion: new RollingLatency(),
    challenger: new RollingLatency(),
    shadow: new RollingLatency(),
  };
  readonly versions: Map<string, VersionCounts> = new Map();
  /** Requests refused before a version was chosen. */
  readonly refused: Record<Outcome, number> = noOutcomes();

  of(version: number, role: PredictionRole): VersionCounts {
    const key = `${role} ${version}`;
    let counts = this.versions.get(key);
    if (counts === undefined) {
      const [oldest] = this.versions.keys();
      if (this.versions.size >= maxVersions && oldest !== undefined) this.versions.delete(oldest);
      this.versions.set(key, (counts = { version, role, outcomes: noOutcomes(), stages: newStages(), runs: new RunCounts() }));
    }
    return counts;
  }

  count(version: number, role: PredictionRole, outcome: Outcome): void {
    this.of(version, role).outcomes[outcome]++;
  }

  /** One answered request with its times. @param predictions rows it answered */
  answered(version: number, role: PredictionRole, times: StageTimes & { readonly total: number }, nowMs: number, predictions: number, traceId?: string): void {
    const { outcomes, stages: own } = this.of(version, role);
    outcomes.ok += predictions;
    for (const stage of stages) {
      const ms = times[stage];
      if (ms !== undefined) own[stage].record(ms * 1000, stage === "total" ? traceId : undefined);
    }
    for (let i = 0; i < predictions; i++) this.latency[role].record(times.total * 1000, nowMs);
  }

  state(nowMs: number): ModelStatsState {
    const latencyOf = (role: PredictionRole): ModelStatsState["latency"][PredictionRole] => ({
      all: [...this.latency[role].all],
      lastMinute: [...this.latency[role].lastMinute(nowMs)],
    });
    return {
      versions: [...this.versions.values()].map(({ version, role, outcomes: own, stages: times }) => ({
        version,
        role,
        outcomes: own,
        stages: byStage((stage) => ({ counts: [...times[stage].counts], sumUs: times[stage].sumUs })),
      })),
      refused: this.refused,
      latency: { champion: latencyOf("champion"), challenger: latencyOf("challenger"), shadow: latencyOf("shadow") },
    };
  }

  /** Counts of another process. */
  add({ versions, refused, latency }: ModelStatsState, nowMs: number): void {
    for (const { version, role, outcomes: own, stages: times } of versions) {
      const counts = this.of(version, role);
      for (const outcome of outcomes) counts.outcomes[outcome] += own[outcome];
      for (const stage of stages) {
        for (const [b, count] of times[stage].counts.entries()) counts.stages[stage].counts[b]! += count;
        counts.stages[stage].sumUs += times[stage].sumUs;
      }
    }
    for (const outcome of outcomes) this.refused[outcome] += refused[outcome];
    for (const role of ["champion", "challenger", "shadow"] as const) this.latency[role].add(latency[role].all, latency[role].lastMinute, nowMs);
  }

  /** Mean time in microseconds that a request spent in a stage, over all versions that answered; null before the first. */
  meanUs(stage: Stage): number | null {
    let sumUs = 0;
    let count = 0;
    for (const { role, stages: own } of this.versions.values()) {
      if (role === "shadow") continue;
      sumUs += own[stage].sumUs;
      count += own[stage].count();
    }
    return count === 0 ? null : sumUs / count;
  }
}

export interface LatencySummary {
  readonly count: number;
  readonly p50Us: number | null;
  readonly p95Us: number | null;
  readonly p99Us: number | null;
}

export interface StageSummary {
  readonly count: number;
  readonly meanUs: number | null;
  /** Upper edge of the published bucket in which the quantile lies; null if nothing was counted or it lies beyond the last edge. */
  readonly p50Us: number | null;
  readonly p95Us: number | null;
  readonly p99Us: number | null;
}

export interface VersionReport {
  readonly version: number;
  readonly role: PredictionRole;
  readonly outcomes: Readonly<Record<Outcome, number>>;
  readonly stages: Readonly<Record<Stage, StageSummary>>;
}

export interface ModelStatsReport {
  readonly model: string;
  /** Predictions a second over the last minute, champion and challenger. */
  readonly ratePerSecond: number;
  readonly refusedRequests: Readonly<Record<Outcome, number>>;
  /** Mean time a request spent in each stage since the start; null before the first. */
  readonly stageMeanUs: Readonly<Record<Stage, number | null>>;
  readonly versions: readonly VersionReport[];
  readonly latency: Readonly<Record<PredictionRole, { readonly sinceStart: LatencySummary; readonly lastMinute: LatencySummary }>>;
}

export function reportStats(model: string, stats: ModelStats, nowMs: number, uptimeMs: number): ModelStatsReport {
  const roleReport = (role: PredictionRole): { sinceStart: LatencySummary; lastMinute: LatencySummary } => ({
    sinceStart: summarise(stats.latency[role].all),
    lastMinute: summarise(stats.latency[role].lastMinute(nowMs)),
  });
  const latency = { champion: roleReport("champion"), challenger: roleReport("challenger"), shadow: roleReport("shadow") };
  const recent = latency.champion.lastMinute.count + latency.challenger.lastMinute.count;
  return {
    model,
    ratePerSecond: (recent * 1000) / Math.max(1000, Math.min((slots - 1) * slotMs + (nowMs % slotMs), uptimeMs)),
    refusedRequests: stats.refused,
    stageMeanUs: byStage((stage) => stats.meanUs(stage)),
    versions: [...stats.versions.values()].map(({ version, role, outcomes, stages: own }) => ({
      version,
      role,
      outcomes,
      stages: byStage((stage) => summariseStage(own[stage])),
    })),
    latency,
  };
}

function summarise(counts: Float64Array): LatencySummary {
  const count = counts.reduce((sum, n) => sum + n, 0);
  const at = (q: number): number | null => (count === 0 ? null : quantileUs(counts, q));
  return { count, p50Us: at(0.5), p95Us: at(0.95), p99Us: at(0.99) };
}

function summariseStage({ counts, sumUs }: StageCounts): StageSummary {
  const count = counts.reduce((sum, n) => sum + n, 0);
  const at = (q: number): number | null => {
    let seen = 0;
    for (const [b, edge] of stageEdgesUs.entries()) if ((seen += counts[b]!) >= q * count && count > 0) return edge;
    return null;
  };
  return { count, meanUs: count === 0 ? null : sumUs / count, p50Us: at(0.5), p95Us: at(0.95), p99Us: at(0.99) };
}

function byStage<T>(of: (stage: Stage) => T): Record<Stage, T> {
  return {
    parse: of("parse"),
    lookup: of("lookup"),
    queue: of("queue"),
    compute: of("compute"),
    log: of("log"),
    serialise: of("serialise"),
    total: of("total"),
  };
}

function newStages(): Record<Stage, StageCounts> {
  return byStage(() => new StageCounts());
}

function noOutcomes(): Record<Outcome, number> {
  return { ok: 0, invalid: 0, failed: 0, late: 0, dropped: 0, fallback: 0, shed: 0 };
}
