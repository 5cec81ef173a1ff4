import type { WorkflowContext } from "../pipelines/port.ts";
import type { ModelDefinition } from "../project/definition.ts";
import { runJob } from "./jobs/run-job.ts";
import { LatencyHistogram } from "../math/latency-histogram.ts";
import type { PlayedHistory } from "./loop.ts";
import type { Platform } from "./platform.ts";
import type { LoopSummary } from "./progress.ts";
import type { TrainOutput } from "./train-model.ts";

/** Figures of the finished loop, each from records: the logs, the registry, the monitor's store, the pipeline's steps. */
export async function summarise(
  platform: Platform,
  context: WorkflowContext,
  model: ModelDefinition,
  trained: TrainOutput,
  played: PlayedHistory | null,
): Promise<LoopSummary> {
  const { board, places } = platform;
  const from = { predictions: 0, labels: 0 };

  const live =
    played === null
      ? null
      : await context.step("live-quality", {}, () =>
          runJob("live", { logFolder: places.logFolder, model: model.name, from, fromUs: played.fromUs, toUs: played.toUs }, () => undefined),
        );
  if (played !== null) board.start("parity");
  // What was served so far was checked meanwhile; this is the rest, and the sums.
  const parity =
    played === null
      ? null
      : await context.step("parity", {}, async (step) => {
          const { vectors, values, mismatches, checks } = await platform.parity.drain(
            model.name,
            (done, total, unit) => {
              board.advance("parity", done, total);
              step.progress(done, total, unit);
            },
            step.signal,
          );
          return { vectors, values, mismatches, checks };
        });
  if (parity !== null) {
    board.advance("parity", parity.vectors, parity.vectors);
    board.finish("parity");
  }

  const histogram = new LatencyHistogram();
  for (const day of played?.days ?? []) histogram.merge(day.latency);
  const quantileMs = (q: number): number | null => (live === null || live.predictions === 0 ? null : histogram.quantileUs(q) / 1000);
  const events = await platform.registry.listEvents(model.name);
  const promotions = events.filter((e) => e.kind === "promoted");
  const alerts = await platform.monitoring.listAlerts({ model: model.name, limit: 1000 });
  const phaseSeconds = await secondsByPhase(platform, context.runId);
  return {
    event: "summary",
    project: platform.project.definition.name,
    rows: trained.rows,
    features: trained.features,
    aucHoldout: trained.candidate.auc,
    aucHoldoutInterval: [trained.candidate.aucLow, trained.candidate.aucHigh],
    aucLive: live?.auc ?? null,
    aucLiveInterval: live?.aucLow == null || live.aucHigh === null ? null : [live.aucLow, live.aucHigh],
    predictions: live?.predictions ?? 0,
    matured: live?.matured ?? 0,
    vectorsCompared: parity?.vectors ?? 0,
    valuesCompared: parity?.values ?? 0,
    mismatches: parity?.mismatches ?? 0,
    latencyMs: { p50: quantileMs(0.5), p95: quantileMs(0.95), p99: quantileMs(0.99) },
    alerts: alerts.length,
    retrainings: played?.retrainings ?? 0,
    // The first deployment takes an empty place; a promotion takes it from somebody.
    promotions: Math.max(0, promotions.length - 1),
    refusals: events.filter((e) => e.kind === "refused").length,
    seconds: Object.values(phaseSeconds).reduce((sum, s) => sum + s, 0),
    phaseSeconds,
    champions: promotions.flatMap((e) =>
      e.version === undefined ? [] : [{ version: e.version, fromUs: e.atUs, auc: live?.byVersion.find((v) => v.version === e.version)?.auc ?? null }],
    ),
    peakMemoryMb: await platform.peakMemoryMb(),
    recorded: false,
  };
}

/** Where the time went, from the steps' own records: the same after a crash as without one. */
async function secondsByPhase(platform: Platform, runId: string): Promise<Record<string, number>> {
  const totals: Record<string, number> = {};
  const add = (phase: string, us: number): void => {
    totals[phase] = Math.round((totals[phase] ?? 0) * 1000 + us / 1000) / 1000;
  };
  const phaseOf = (stepId: string): string => {
    if (stepId.startsWith("play/")) return "replay";
    if (/^v\d+\//.test(stepId)) return "promotion";
    return (
      { data: "data", "training-set": "features", fit: "train", materialize: "materialize", parity: "parity", "live-quality": "parity" }[stepId] ?? "records"
    );
  };
  const runs = (await platform.pipelines.listRuns(500)).filter((run) => run.runId === runId || run.runId.startsWith(`${runId}-`));
  for (const run of runs) {
    for (const step of run.steps) {
      if (step.endedUs === undefined || step.cached) continue;
      const phase = phaseOf(step.stepId);
      add(run.runId.includes("-retrain-") && phase !== "records" ? "retrain" : phase, step.endedUs - step.startedUs);
    }
  }
  return totals;
}
