import type { BlobReference, WorkflowContext } from "../pipelines/port.ts";
import type { ModelDefinition } from "../project/definition.ts";
import type { FittedModel } from "./jobs/fitted.ts";
import type { Platform } from "./platform.ts";
import type { TrainedVersion } from "./train-model.ts";

/** What is asked of tracking before a fit begins, so that a run is seen while it runs and shows how long it took. */
export interface RunOpening {
  readonly kind: "gbdt" | "logistic";
  readonly name: string;
  readonly reason: string;
  readonly datasetHash: string;
}

export async function openRun(
  platform: Platform,
  context: WorkflowContext,
  model: ModelDefinition,
  { kind, name, reason, datasetHash }: RunOpening,
): Promise<string> {
  const { experimentId } = await platform.tracking.experiment(platform.project.definition.name);
  return context.transact(`${kind}/run`, async (trx, { requestId }) => {
    const tags = { model: model.name, kind, reason, dataset: datasetHash, pipeline: context.runId };
    return (await platform.tracking.createRun({ experimentId, name, requestId, tags }, trx)).runId;
  });
}

export interface Recorded {
  readonly kind: "gbdt" | "logistic";
  readonly runId: string;
  readonly result: FittedModel;
  readonly datasetHash: string;
  readonly trainingSetRows: number;
}

/** A run's figures and artifacts, and one model version with the two proofs that training can supply. */
export async function recordAndRegister(platform: Platform, context: WorkflowContext, model: ModelDefinition, recorded: Recorded): Promise<TrainedVersion> {
  const { kind, runId, result, datasetHash } = recorded;
  const run = await platform.tracking.getRun(runId);
  const blobs = await context.step(`${kind}/artifacts`, {}, (step) =>
    copyBlobs(platform, result.blobs, result.folder, run.artifactPath, (blob) => step.keep(blob)),
  );
  await context.transact(`${kind}/log`, async (trx) => {
    const timestampMs = Math.floor(platform.machineClock.nowUs() / 1000);
    await platform.tracking.logBatch(
      runId,
      {
        params: { ...result.params, trainingRows: String(recorded.trainingSetRows) },
        metrics: Object.entries(result.metrics).map(([key, value]) => ({ key, value, step: 0, timestampMs })),
      },
      trx,
    );
    for (let at = 0; at < result.history.length; at += 500) {
      await platform.tracking.logBatch(
        runId,
        { metrics: result.history.slice(at, at + 500).map(([iteration, value]) => ({ key: "valid_log_loss", value, step: iteration, timestampMs })) },
        trx,
      );
    }
    await platform.tracking.finishRun(runId, "FINISHED", trx);
    return null;
  });
  const { version } = await context.transact(`${kind}/register`, async (trx, { requestId }) => {
    const registered = await platform.registry.registerVersion(
      {
        model: model.name,
        runId,
        artifactPath: `${run.artifactPath}/model`,
        definitionHash: model.hash,
        serviceHash: model.service.hash,
        datasetHash,
        requestId,
      },
      trx,
    );
    await platform.registry.addProof(
      model.name,
      registered.version,
      { kind: "offline-evaluation", passed: result.evaluation.passed, summary: result.evaluation.summary, details: result.evaluation.details },
      trx,
    );
    await platform.registry.addProof(
      model.name,
      registered.version,
      { kind: "monitors", passed: result.monitors.passed, summary: result.monitors.summary, details: result.monitors.details },
      trx,
    );
    return { version: registered.version, blobs: blobs.length };
  });
  const passed = result.evaluation.passed && result.monitors.passed;
  return {
    version,
    passed,
    summary: !result.evaluation.passed || result.monitors.passed ? result.evaluation.summary : monitorsSummary(result.monitors.summary),
    ...result.auc,
  };
}

async function copyBlobs(
  platform: Platform,
  blobs: readonly BlobReference[],
  from: string,
  to: string,
  keep: (blob: BlobReference) => void,
): Promise<BlobReference[]> {
  const copies: BlobReference[] = [];
  for (const { path, sha256 } of blobs) {
    const target = `${to}/${path.slice(from.length + 1)}`;
    await platform.blobs.put(target, await platform.blobs.get(path));
    copies.push({ path: target, sha256 });
  }
  for (const copy of copies) keep(copy);
  return copies;
}

function monitorsSummary(rehearsal: string): string {
  return `the rehearsal of its monitors ${rehearsal}; with few rows or a weak model a fault cannot be told from chance`;
}
