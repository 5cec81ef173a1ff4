import type { SqlDatabase } from "../storage/sql/port.ts";
import { tables } from "../storage/sql/tables.ts";
import { KarkhanaError } from "../kernel/error.ts";
import { defaultWorkspace, homeOf } from "../kernel/workspace.ts";
import { writeDatasets, type RunDataset } from "./datasets.ts";
import { experimentKey, insertExperiment } from "./experiments.ts";
import { requireBatch, requireFirstTags, requireName, requireTags } from "./names.ts";
import type { Metric, RunStatus } from "./port.ts";
import type { TrackingQueries } from "./read.ts";
import type { LifecycleStage, TrackingTables } from "./tables.ts";
import { writeMetrics, writeParams, writeTags } from "./write.ts";

type Texts = Readonly<Record<string, string>>;

export interface IntakeExperiment {
  readonly name: string;
  readonly createdUs: number;
  readonly stage: LifecycleStage;
  readonly tags: Texts;
}

export interface IntakeRun {
  readonly runId: string;
  readonly experimentId: string;
  readonly name: string;
  readonly status: RunStatus;
  readonly stage: LifecycleStage;
  readonly userId: string;
  readonly startUs: number;
  readonly endUs: number | null;
  readonly params: Texts;
  readonly tags: Texts;
  readonly datasets: readonly RunDataset[];
  /** Logged models it made and read. */
  readonly outputs: readonly { readonly modelId: string; readonly step: number }[];
  readonly inputs: readonly string[];
}

export interface IntakeLoggedModel {
  readonly modelId: string;
  readonly experimentId: string;
  readonly name: string;
  readonly createdUs: number;
  readonly updatedUs: number;
  readonly stage: LifecycleStage;
  readonly status: "UNSPECIFIED" | "PENDING" | "READY" | "FAILED";
  readonly modelType: string | null;
  readonly sourceRunId: string | null;
  readonly params: Texts;
  readonly tags: Texts;
}

/**
 * Takes in records that were made elsewhere, with the ids and times they have there. Every call is durable when it resolves and may be
 * repeated: it then brings what is here to what is given. Artifacts are this program's own afterwards, whatever location they had.
 */
export interface TrackingIntake {
  /** By name: one that is here already is joined. @returns its id here */
  experiment(experiment: IntakeExperiment): Promise<string>;
  /** @throws RUN_EXISTS if that run is of another experiment here; INVALID_ARGUMENT for what could not have been logged here */
  run(run: IntakeRun): Promise<void>;
  metrics(runId: string, metrics: readonly Metric[]): Promise<void>;
  loggedModel(model: IntakeLoggedModel): Promise<void>;
}

export function createTrackingIntake(database: SqlDatabase, workspace: string = defaultWorkspace): TrackingIntake {
  const inTransaction = <T>(work: (trx: TrackingQueries) => Promise<T>): Promise<T> => database.transaction((t) => work(tables<TrackingTables>(t)));
  return {
    experiment: (experiment) => inTransaction((trx) => takeExperiment(trx, workspace, experiment)),
    run: (run) => inTransaction((trx) => takeRun(trx, workspace, run)),
    metrics: async (runId, metrics) => {
      requireBatch({ metrics });
      await inTransaction(async (trx) => {
        const run = await trx
          .selectFrom("tracking_runs")
          .select("experiment_id")
          .where("run_id", "=", runId)
          .where("workspace", "=", workspace)
          .executeTakeFirst();
        if (run === undefined) throw new KarkhanaError("RUN_NOT_FOUND", { runId });
        await writeMetrics(trx, { runId, experimentId: run.experiment_id }, metrics);
      });
    },
    loggedModel: (model) => inTransaction((trx) => takeLoggedModel(trx, workspace, model)),
  };
}

async function takeExperiment(trx: TrackingQueries, workspace: string, { name, createdUs, stage, tags }: IntakeExperiment): Promise<string> {
  requireName("experiment", name);
  requireTags(tags);
  const held = await trx
    .selectFrom("tracking_experiments")
    .select("experiment_id")
    .where("workspace", "=", workspace)
    .where("name", "=", name)
    .executeTakeFirst();
  const id = held?.experiment_id ?? (await insertExperiment(trx, { workspace, name, createdUs }));
  if (id === undefined) throw new KarkhanaError("INTERNAL", { problem: `experiment ${name} appeared under its lock` });
  if (held === undefined && stage === "deleted") await trx.updateTable("tracking_experiments").set({ stage }).where("experiment_id", "=", id).execute();
  for (const [key, value] of Object.entries(tags))
    await trx
      .insertInto("tracking_experiment_tags")
      .values({ experiment_id: id, key, value })
      .onConflict((c) => c.columns(["experiment_id", "key"]).doUpdateSet({ value }))
      .execute();
  return String(id);
}

async function takeRun(trx: TrackingQueries, workspace: string, run: IntakeRun): Promise<void> {
  const { runId, params, tags } = run;
  if (!/^[0-9a-f]{32}$/.test(runId))
    throw new KarkhanaError("INVALID_ARGUMENT", { field: "run id", problem: "expected 32 hex digits", value: runId.slice(0, 80) });
  requireName("run name", run.name);
  requireBatch({ params });
  requireFirstTags(tags);
  const experiment = experimentKey(run.experimentId);
  const held = await trx.selectFrom("tracking_runs").select("experiment_id").where("run_id", "=", runId).executeTakeFirst();
  if (held !== undefined && held.experiment_id !== experiment) throw new KarkhanaError("RUN_EXISTS", { runId, experimentId: String(held.experiment_id) });
  const own = { name: run.name, status: run.status, start_us: run.startUs, end_us: run.endUs, stage: run.stage, user_id: run.userId, artifact_uri: null };
  const place = { workspace, home: homeOf(workspace) };
  if (held === undefined)
    await trx
      .insertInto("tracking_runs")
      .values({ run_id: runId, experiment_id: experiment, request_id: null, ...own, ...place })
      .execute();
  else await trx.updateTable("tracking_runs").set(own).where("run_id", "=", runId).execute();
  await writeParams(trx, runId, params);
  await writeTags(trx, runId, tags);
  await writeDatasets(trx, runId, run.datasets);
  for (const [direction, models] of [
    ["output", run.outputs],
    ["input", run.inputs.map((modelId) => ({ modelId, step: 0 }))],
  ] as const)
    for (const { modelId, step } of models) {
      const there = await trx.selectFrom("tracking_logged_models").select("model_id").where("model_id", "=", modelId).executeTakeFirst();
      // The model itself may have been deleted for good in the source.
      if (there === undefined) continue;
      await trx
        .insertInto("tracking_run_models")
        .values({ run_id: runId, model_id: modelId, direction, step })
        .onConflict((c) => c.columns(["run_id", "direction", "model_id", "step"]).doNothing())
        .execute();
    }
}

async function takeLoggedModel(trx: TrackingQueries, workspace: string, model: IntakeLoggedModel): Promise<void> {
  const { modelId, params, tags } = model;
  if (!/^m-[0-9a-f]{32}$/.test(modelId))
    throw new KarkhanaError("INVALID_ARGUMENT", { field: "model id", problem: 'expected "m-" and 32 hex digits', value: modelId.slice(0, 80) });
  requireName("model name", model.name);
  requireTags(tags);
  requireTags(params);
  const own = {
    name: model.name,
    created_us: model.createdUs,
    updated_us: model.updatedUs,
    stage: model.stage,
    status: model.status,
    model_type: model.modelType,
    source_run_id: model.sourceRunId,
    artifact_uri: null,
  };
  await trx
    .insertInto("tracking_logged_models")
    .values({ model_id: modelId, experiment_id: experimentKey(model.experimentId), workspace, home: homeOf(workspace), ...own })
    .onConflict((c) => c.column("model_id").doUpdateSet(own))
    .execute();
  for (const [table, texts] of [
    ["tracking_logged_model_params", params],
    ["tracking_logged_model_tags", tags],
  ] as const)
    for (const [key, value] of Object.entries(texts))
      await trx
        .insertInto(table)
        .values({ model_id: modelId, key, value })
        .onConflict((c) => c.columns(["model_id", "key"]).doUpdateSet({ value }))
        .execute();
}
