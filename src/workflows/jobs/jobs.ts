import { compare, type CompareInput, type CompareOutput } from "./compare.ts";
import { copyPushedSources, type CopyPushedInput } from "./copy-pushed.ts";
import { fit, type FitInput, type FitOutput } from "./fit.ts";
import type { Job } from "./job.ts";
import { keepLogs, type KeepLogsInput } from "./keep-logs.ts";
import { live, type LiveInput, type LiveOutput } from "./live.ts";
import { materializeHistory, type MaterializeInput, type MaterializeOutput } from "./materialize.ts";
import { loadViews, markViews, planViews, type LoadInput, type MarkInput, type PlanInput, type PlanOutput } from "./materialize-views.ts";
import { parity, type ParityInput, type ParityOutput } from "./parity.ts";
import { releaseVectors, type ReleaseVectorsInput } from "./release-vectors.ts";
import { trainingSet, type TrainingSetInput, type TrainingSetOutput } from "./training-set.ts";

interface Jobs {
  readonly trainingSet: Job<TrainingSetInput, TrainingSetOutput>;
  readonly copyPushedSources: Job<CopyPushedInput, { readonly rows: number; readonly setAside: number; readonly segmentsDropped: number }>;
  readonly releaseVectors: Job<ReleaseVectorsInput, { readonly released: number }>;
  readonly fit: Job<FitInput, FitOutput>;
  readonly materialize: Job<MaterializeInput, MaterializeOutput>;
  readonly planViews: Job<PlanInput, PlanOutput>;
  readonly loadViews: Job<LoadInput, { readonly rows: number; readonly refused: number }>;
  readonly markViews: Job<MarkInput, number>;
  readonly compare: Job<CompareInput, CompareOutput>;
  readonly live: Job<LiveInput, LiveOutput>;
  readonly parity: Job<ParityInput, ParityOutput>;
  readonly keepLogs: Job<KeepLogsInput, { readonly dropped: number }>;
}

/** Every job a worker thread can run, by name. */
export const jobs: Jobs = {
  trainingSet,
  fit,
  materialize: materializeHistory,
  planViews,
  loadViews,
  markViews,
  compare,
  live,
  parity,
  copyPushedSources,
  keepLogs,
  releaseVectors,
};

export type JobName = keyof Jobs;
export type JobInput<N extends JobName> = Parameters<Jobs[N]>[0];
export type JobOutput<N extends JobName> = Awaited<ReturnType<Jobs[N]>>;
