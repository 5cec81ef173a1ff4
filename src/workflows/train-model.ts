import path from "node:path";
import type { Micros } from "../kernel/clock.ts";
import { formatIso } from "../kernel/time.ts";
import { definitionHash } from "../kernel/hashing.ts";
import { registerDataset } from "../data/register.ts";
import { copyTable } from "../data/copy-table.ts";
import { relationOf } from "../data/relation.ts";
import { asStream } from "../data/versions.ts";
import type { SourceDefinition } from "../data/source.ts";
import { isWholeTrainingSet } from "../features/offline/training-set.ts";
import type { Workflow } from "../pipelines/port.ts";
import { sourcesOf } from "../project/definition.ts";
import { openDuckDb } from "../storage/duckdb/duckdb.ts";
import { runJob } from "./jobs/run-job.ts";
import type { TrainingSetOutput } from "./jobs/training-set.ts";
import type { Platform } from "./platform.ts";
import { upToNow } from "./pushed-sources.ts";
import { openRun, recordAndRegister } from "./record-model.ts";

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
          streams: Object.fromEntries(sources.map(({ source, stream }) => [source.name, stream])),
        };
      });
      const rows = data.versions.find((v) => v.source === model.spine.name)?.rows ?? 0;
      board.advance("data", rows, rows);
      board.finish("data");

      board.start("features");
      const range = { fromUs: input.fromUs, toUs: input.toUs };
      const datasetHash = definitionHash(data.versions.map((v) => v.hash));
      // By its name alone: the data folder may have been moved since the set was made.
      const fileOf = (set: { readonly path: string }): string => path.join(places.offlineFolder, path.basename(set.path));
      const trainingSet = await context.step(
        "training-set",
        {
          codeVersion,
          cacheKey: { datasetHash, service: model.service.hash, label: model.label, ...range },
          stillHolds: (set: TrainingSetOutput) => isWholeTrainingSet({ path: fileOf(set), sha256: set.sha256 }),
        },
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
      const openings = kinds.map((kind) => ({ kind, name: `${model.name} ${kind} ${formatIso(input.toUs).slice(0, 10)}`, reason: input.reason, datasetHash }));
      const runIds = new Map<string, string>();
      for (const opening of openings) runIds.set(opening.kind, await openRun(platform, context, model, opening));
      const fitting = context.step("fit", { codeVersion, cacheKey: fitKey }, async (step) => {
        const output = await runJob(
          "fit",
          {
            projectFile: places.projectFile,
            model: model.name,
            trainingSet: fileOf(trainingSet),
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
      const fitted = await fitting.catch(async (error: unknown) => {
        for (const runId of runIds.values()) await platform.tracking.finishRun(runId, "FAILED");
        throw error;
      });
      // Early stopping ends before the last tree that was allowed; a cached fit told nothing.
      const trees = fitted.gbdt?.history.length ?? 0;
      board.advance("train", trees, trees);
      board.finish("train");

      board.start("register");
      const register = async (kind: "gbdt" | "logistic"): Promise<TrainedVersion> => {
        const result = fitted[kind];
        if (result === undefined) throw new TypeError(`the fit has no ${kind} model`);
        return recordAndRegister(platform, context, model, { kind, runId: runIds.get(kind) ?? "", result, datasetHash, trainingSetRows: trainingSet.rows });
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
  /** The same rows as they arrive: of versions all of them, which is what an online store is filled with. */
  readonly stream: string;
}

/** Checks every source against its contract; a refusal stops everything downstream. */
async function registerSources(platform: Platform): Promise<RegisteredSource[]> {
  const { places, project, blobs, database } = platform;
  const duck = await openDuckDb({ threads: platform.threads, memoryLimitMb: platform.memoryLimitMb, tempFolder: places.tempFolder });
  try {
    const registered: RegisteredSource[] = [];
    for (const declared of sourcesOf(project.definition)) {
      const [source = declared] = await upToNow([declared], platform);
      await copyTable(source, { duck, projectFolder: project.folder, environment: process.env });
      const version = await registerDataset(source, { projectFolder: project.folder, duck, blobs, database, clock: platform.machineClock });
      registered.push({
        source: declared,
        hash: version.hash,
        rows: version.numReadable,
        relation: relationOf(source, version, project.folder),
        stream: relationOf(asStream(source), version, project.folder),
      });
    }
    return registered;
  } finally {
    await duck.close();
  }
}
