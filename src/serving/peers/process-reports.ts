import type { FollowerReport } from "../../features/online/topic-follower.ts";
import type { MetricFamily } from "../../features/online/watch-metrics.ts";
import type { InFlight } from "../in-flight.ts";
import { ServingMetrics } from "../metrics.ts";
import { fileState, reportFile, type FileReport, type FileState } from "../oip/file-report.ts";
import { reportBackend, type BackendReport, type BackendState } from "../openai/stats.ts";
import type { ExchangeRecorder } from "../openai/recorder.ts";
import type { OipServer } from "../oip/server.ts";
import type { ServedModel } from "../served-model.ts";
import { ModelStats, reportStats, type ModelStatsReport, type ModelStatsState } from "../stats.ts";

type Counts = Pick<InFlight<unknown>, "size" | "waiting" | "limit" | "overloaded" | "overShare" | "timedOut">;

/** What one serving process has counted, as it tells another of them. */
export interface ProcessState {
  /** Its number among those that share the ports. */
  readonly process: number;
  readonly pid: number;
  readonly uptimeMs: number;
  readonly inFlight: Counts;
  readonly models: Readonly<Record<string, ModelStatsState>>;
  readonly files: readonly FileState[];
  readonly backends: readonly BackendState[];
  /** Exchanges with language models that are in no log. */
  readonly exchangesLost: number;
  /** Topics that this process follows. */
  readonly streams: readonly FollowerReport[];
}

/** Answer of `/v1/stats`: of all processes together. */
export interface StatsReport {
  readonly uptimeSeconds: number;
  readonly inFlight: number;
  readonly overloaded: number;
  readonly overShare: number;
  readonly timedOut: number;
  readonly concurrencyLimit: number;
  readonly processes: readonly { readonly process: number; readonly pid: number; readonly uptimeSeconds: number; readonly inFlight: number }[];
  readonly models: readonly ModelStatsReport[];
  readonly files: readonly FileReport[];
  readonly backends: readonly BackendReport[];
  readonly exchangesLost: number;
  readonly streams: readonly FollowerReport[];
}

export interface ProcessReportsOptions {
  readonly models: ReadonlyMap<string, ServedModel>;
  readonly server: OipServer;
  readonly inFlight: Counts;
  readonly recorder: Pick<ExchangeRecorder, "lost">;
  readonly timerMs: () => number;
  readonly featureMetrics?: (() => Promise<readonly MetricFamily[]>) | undefined;
  readonly streams?: (() => readonly FollowerReport[]) | undefined;
  /** Number of this process. */
  readonly process: number;
}

/** What this process has counted since its start. */
export class ProcessReports {
  readonly #options: ProcessReportsOptions;
  readonly #metrics = new ServingMetrics();
  readonly #startedMs: number;

  constructor(options: ProcessReportsOptions) {
    this.#options = options;
    this.#startedMs = options.timerMs();
  }

  /** @param accept what the scraper says it reads */
  contentTypeFor(accept: string | undefined): string {
    return this.#metrics.contentTypeFor(accept);
  }

  /** @param contentType one that `contentTypeFor` gave */
  async metrics(contentType: string): Promise<string> {
    const { models, server, inFlight, featureMetrics } = this.#options;
    const features = await featureMetrics?.();
    const files = Array.from(server.files.values(), (file) => [file.name, file] as const);
    const stats = new Map([...models, ...files].map(([name, one]): [string, ModelStats] => [name, one.stats]));
    return this.#metrics.render(stats, inFlight, contentType, features, server.files.backends.values());
  }

  state(): ProcessState {
    const { models, server, inFlight, recorder, timerMs, process: number } = this.#options;
    const nowMs = timerMs();
    const { size, waiting, limit, overloaded, overShare, timedOut } = inFlight;
    return {
      process: number,
      pid: process.pid,
      uptimeMs: nowMs - this.#startedMs,
      inFlight: { size, waiting, limit, overloaded, overShare, timedOut },
      models: Object.fromEntries([...models].map(([name, { stats }]) => [name, stats.state(nowMs)])),
      files: Array.from(server.files.values(), fileState),
      backends: Array.from(server.files.backends.values(), (backend) => backend.state()),
      exchangesLost: recorder.lost,
      streams: this.#options.streams?.() ?? [],
    };
  }

  /** @param states of the other processes */
  stats(states: readonly ProcessState[]): StatsReport {
    const { models, timerMs } = this.#options;
    const nowMs = timerMs();
    const all = [this.state(), ...states].toSorted((a, b) => a.process - b.process);
    const sum = (of: (counts: Counts) => number): number => all.reduce((total, { inFlight }) => total + of(inFlight), 0);
    const uptimeMs = Math.max(...all.map((one) => one.uptimeMs));
    return {
      uptimeSeconds: uptimeMs / 1000,
      inFlight: sum((counts) => counts.size),
      overloaded: sum((counts) => counts.overloaded),
      overShare: sum((counts) => counts.overShare),
      timedOut: sum((counts) => counts.timedOut),
      concurrencyLimit: sum((counts) => counts.limit),
      processes: all.map(({ process: number, pid, uptimeMs: ms, inFlight }) => ({ process: number, pid, uptimeSeconds: ms / 1000, inFlight: inFlight.size })),
      models: [...models].map(([name, { stats: own }]) => {
        if (states.length === 0) return reportStats(name, own, nowMs, uptimeMs);
        const whole = new ModelStats();
        for (const state of all) {
          const counted = state.models[name];
          if (counted !== undefined) whole.add(counted, nowMs);
        }
        return reportStats(name, whole, nowMs, uptimeMs);
      }),
      files: byModel(all.flatMap(({ files }) => files)).map(reportFile),
      backends: byModel(all.flatMap(({ backends }) => backends)).map(reportBackend),
      exchangesLost: all.reduce((total, { exchangesLost }) => total + exchangesLost, 0),
      streams: all.flatMap(({ streams }) => streams),
    };
  }
}

function byModel<T extends { readonly model: string }>(states: readonly T[]): readonly (readonly T[])[] {
  return [...Map.groupBy(states, ({ model }) => model).values()];
}
