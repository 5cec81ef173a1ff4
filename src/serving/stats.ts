import type { PredictionRole } from "../feedback/prediction.ts";
import { bucketOf, numLatencyBuckets, quantileUs } from "../math/latency-histogram.ts";

/** Where the time of a request goes. `total` runs from the first byte of the head to the answer's being written. */
export const stages = ["lookup", "compute", "log", "total"] as const;
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

  lastMinute(nowMs: number): Float64Array {
    const oldest = Math.floor(nowMs / slotMs) - slots;
    const sum = new Float64Array(numLatencyBuckets);
    for (let at = 0; at < slots; at++) {
      if (this.#slotOf[at]! > oldest) for (let b = 0; b < numLatencyBuckets; b++) sum[b]! += this.#recent[at]![b]!;
    }
    return sum;
  }
}

/** Counts of one stage in the published buckets: shape [edges + 1], the last one for what is longer. */
export class StageCounts {
  readonly counts: Float64Array = new Float64Array(stageEdgesUs.length + 1);
  sumUs = 0;

  meanUs(): number | null {
    const count = this.counts.reduce((sum, n) => sum + n, 0);
    return count === 0 ? null : this.sumUs / count;
  }

  record(us: number): void {
    let b = 0;
    while (b < stageEdgesUs.length && us > stageEdgesUs[b]!) b++;
    this.counts[b]!++;
    this.sumUs += us;
  }
}

export const outcomes = ["ok", "invalid", "failed", "dropped"] as const;
export type Outcome = (typeof outcomes)[number];

interface VersionCounts {
  readonly version: number;
  readonly role: PredictionRole;
  readonly outcomes: Record<Outcome, number>;
}

/** Everything counted of one model. */
export class ModelStats {
  readonly stages: Readonly<Record<Stage, StageCounts>> = {
    lookup: new StageCounts(),
    compute: new StageCounts(),
    log: new StageCounts(),
    total: new StageCounts(),
  };
  readonly latency: Readonly<Record<PredictionRole, RollingLatency>> = {
    champion: new RollingLatency(),
    challenger: new RollingLatency(),
    shadow: new RollingLatency(),
  };
  readonly versions: Map<string, VersionCounts> = new Map();
  /** Requests refused before a version was chosen. */
  readonly refused: Record<Outcome, number> = noOutcomes();

  count(version: number, role: PredictionRole, outcome: Outcome): void {
    const key = `${role} ${version}`;
    let counts = this.versions.get(key);
    if (counts === undefined) this.versions.set(key, (counts = { version, role, outcomes: noOutcomes() }));
    counts.outcomes[outcome]++;
  }
}

export interface LatencySummary {
  readonly count: number;
  readonly p50Us: number | null;
  readonly p95Us: number | null;
  readonly p99Us: number | null;
}

export interface ModelStatsReport {
  readonly model: string;
  /** Predictions a second over the last minute, champion and challenger. */
  readonly ratePerSecond: number;
  readonly refusedRequests: Readonly<Record<Outcome, number>>;
  /** Mean time a request spent in each stage since the start; null before the first. */
  readonly stageMeanUs: Readonly<Record<Stage, number | null>>;
  readonly versions: readonly VersionCounts[];
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
    stageMeanUs: {
      lookup: stats.stages.lookup.meanUs(),
      compute: stats.stages.compute.meanUs(),
      log: stats.stages.log.meanUs(),
      total: stats.stages.total.meanUs(),
    },
    versions: [...stats.versions.values()],
    latency,
  };
}

function summarise(counts: Float64Array): LatencySummary {
  const count = counts.reduce((sum, n) => sum + n, 0);
  const at = (q: number): number | null => (count === 0 ? null : quantileUs(counts, q));
  return { count, p50Us: at(0.5), p95Us: at(0.95), p99Us: at(0.99) };
}

function noOutcomes(): Record<Outcome, number> {
  return { ok: 0, invalid: 0, failed: 0, dropped: 0 };
}
