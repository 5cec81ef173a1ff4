import type { Micros } from "../kernel/clock.ts";
import { formatIso } from "../kernel/time.ts";
import { definitionHash } from "../kernel/hashing.ts";
import { registerDataset } from "../data/register.ts";
import { relationOf } from "../data/relation.ts";
import type { SourceDefinition } from "../data/source.ts";
import type { BlobReference, Workflow } from "../pipelines/port.ts";
import { sourcesOf, type ModelDefinition } from "../project/definition.ts";
import { openDuckDb } from "../storage/duckdb/duckdb.ts";
import type { FittedModel } from "./jobs/fit.ts";
import { runJob } from "./jobs/run-job.ts";
import type { Platform } from "./platform.ts";

/** Changes whenever the code of a cached step changes its result for the same inputs. */
const codeVersion = "1";

/** What a training run is asked. Times are event times in microseconds. */
export type TrainInput = {
  readonly model: string;
  /** Rows [fromUs, validUs) train, [validUs, holdoutUs) stop early and calibrate, [holdoutUs, toUs) are held out. */
  readonly fromUs: Micros;
  readonly validUs: Micros;
  readonly holdoutUs: Micros;
  readonly toUs: Micros;
  /** Only outcomes known before this take part. */
  readonly knownBeforeUs: Micros;
  /** Version that a challenger is compared with on the same held-out rows; 0 = none. */
  readonly champion: number;
  /** Trains the logistic baseline too and registers it first. */
  readonly baseline: boolean;
  readonly reason: string;
};

export type TrainOutput = {
  readonly rows: number;
  readonly features: number;
  readonly baseline: TrainedVersion | null;
  readonly candidate: TrainedVersion;
};

export type TrainedVersion = {
  readonly version: number;
  readonly passed: boolean;
  readonly summary: string;
  readonly auc: number;
  readonly aucLow: number;
  readonly aucHigh: number;
};

/**
 * Data, training set, fit, evaluation, registration: the pipeline behind a first model and behind every challenger.
 * Cached: the training set by (data, features, label, range), the fit by (training set, parameters, split, champion).
 */
export function trainModelWorkflow(platform: Platform): Workflow<TrainInput, TrainOutput> {
  return {
    name: "train-model",
    run: async (context, input) => {
      const model = platform.project.definition.models.find((m) => m.name === input.model);
      if (model === undefined) throw new TypeError(`model ${input.model} left the project while its pipeline ran`);
      const { board, places } = platform;

      board.start("data");
      const data = await context.step("data", {}, async () => {
        const sources = await registerSources(platform);
        return {
          versions: sources.map(({ source, hash, rows }) => ({ source: source.name, hash, rows })),
          relations: Object.fromEntries(sources.map(({ source, relation }) => [source.name, relation])),
        };
      });
      const rows = data.versions.find((v) => v.source === model.spine.name)?.rows ?? 0;
      board.advance("data", rows, rows);
      board.finish("data");

      board.start("features");
      const range = { fromUs: input.fromUs, toUs: input.toUs };
      const datasetHash = definitionHash(data.versions.map((v) => v.hash));
      const trainingSet = await context.step(
        "training-set",
        { codeVersion, cacheKey: { datasetHash, service: model.service.hash, label: model.label, ...range } },
        (step) =>
          runJob(
            "trainingSet",
            {
              projectFile: places.projectFile,
              model: model.name,
              relations: data.relations,
              ...range,
              folder: places.offlineFolder,
              threads: platform.threads,
              memoryLimitMb: platform.memoryLimitMb,
              tempFolder: places.tempFolder,
            },
            (done, total, unit) => {
              step.progress(done, total, unit);
              board.advance("features", done, total);
            },
            step.signal,
          ),
      );
      board.advance("features", trainingSet.rows, trainingSet.rows);
      board.finish("features");

      board.start("train");
      const champion = input.champion === 0 ? null : await platform.registry.getVersion(model.name, input.champion);
      const split = { validUs: input.validUs, holdoutUs: input.holdoutUs, knownBeforeUs: input.knownBeforeUs };
      const kinds: ("gbdt" | "logistic")[] = input.baseline ? ["logistic", "gbdt"] : ["gbdt"];
      const fitKey = { trainingSet: trainingSet.sha256, split, kinds, model: model.hash, champion: champion?.artifactPath ?? null };
      const fitFolder = `fits/${definitionHash({ ...fitKey, codeVersion }).slice(0, 24)}`;
      const fitted = await context.step("fit", { codeVersion, cacheKey: fitKey }, async (step) => {
        const output = await runJob(
          "fit",
          {
            projectFile: places.projectFile,
            model: model.name,
            trainingSet: trainingSet.path,
            split,
            kinds,
            blobsFolder: places.blobsFolder,
            folder: fitFolder,
            champion: champion?.artifactPath ?? null,
            threads: platform.threads,
          },
          (done, total, unit) => {
            step.progress(done, total, unit);
            board.advance("train", done, total);
          },
          step.signal,
        );
        for (const kind of kinds) for (const blob of output[kind]?.blobs ?? []) step.keep(blob);
        return output;
      });
      // Early stopping ends before the last tree that was allowed; a cached fit told nothing.
      const trees = fitted.gbdt?.history.length ?? 0;
      board.advance("train", trees, trees);
      board.finish("train");

      board.start("register");
      const register = async (kind: "gbdt" | "logistic"): Promise<TrainedVersion> => {
        const result = fitted[kind];
        if (result === undefined) throw new TypeError(`the fit has no ${kind} model`);
        return recordAndRegister(platform, context, model, { kind, result, input, datasetHash, trainingSetRows: trainingSet.rows });
      };
      const baseline = input.baseline ? await register("logistic") : null;
      const candidate = await register("gbdt");
      board.advance("register", kinds.length, kinds.length);
      board.finish("register");
      return { rows, features: model.service.slots.length, baseline, candidate };
    },
  };
}

interface RegisteredSource {
  readonly source: SourceDefinition;
  readonly hash: string;
  readonly rows: number;
  readonly relation: string;
}

/** Checks every source against its contract; a refusal stops everything downstream. */
async function registerSources(platform: Platform): Promise<RegisteredSource[]> {
  const { places, project, blobs, database } = platform;
  const duck = await openDuckDb({ threads: platform.threads, memoryLimitMb: platform.memoryLimitMb, tempFolder: places.tempFolder });
  try {
    const registered: RegisteredSource[] = [];
    for (const source of sourcesOf(project.definition)) {
      const version = await registerDataset(source, { projectFolder: project.folder, duck, blobs, database, clock: platform.machineClock });
      registered.push({ source, hash: version.hash, rows: version.numReadable, relation: relationOf(source, version, project.folder) });
    }
    return registered;
  } finally {
    await duck.close();
  }
}

interface Recorded {
  readonly kind: "gbdt" | "logistic";
  readonly result: FittedModel;
  readonly input: TrainInput;
  readonly datasetHash: string;
  readonly trainingSetRows: number;
}

/** One run in tracking, its artifacts, one model version with the two proofs that training can supply. */
async function recordAndRegister(
  platform: Platform,
  context: Parameters<Workflow<TrainInput, TrainOutput>["run"]>[0],
  model: ModelDefinition,
  recorded: Recorded,
): Promise<TrainedVersion> {
  const { kind, result, input, datasetHash } = recorded;
  const experiment = await platform.tracking.experiment(platform.project.definition.name);
  const runId = await context.transact(`${kind}/run`, async (trx, { requestId }) => {
    const created = await platform.tracking.createRun(
      {
        experimentId: experiment.experimentId,
        name: `${model.name} ${kind} ${formatIso(input.toUs).slice(0, 10)}`,
        requestId,
        tags: { model: model.name, kind, reason: input.reason, dataset: datasetHash, pipeline: context.runId },
      },
      trx,
    );
    return created.runId;
  });
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
    summary: result.evaluation.passed ? (result.monitors.passed ? result.evaluation.summary : result.monitors.summary) : result.evaluation.summary,
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
