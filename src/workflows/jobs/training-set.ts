import { buildTrainingSet } from "../../features/offline/training-set.ts";
import { openDuckDb } from "../../storage/duckdb/duckdb.ts";
import type { Job } from "./job.ts";
import { loadModel } from "./load-model.ts";

export type TrainingSetInput = {
  readonly projectFile: string;
  readonly model: string;
  /** SQL relation of each source, by name. */
  readonly relations: Readonly<Record<string, string>>;
  readonly fromUs: number;
  readonly toUs: number;
  readonly folder: string;
  readonly threads: number;
  readonly memoryLimitMb: number;
  readonly tempFolder: string;
};

export type TrainingSetOutput = {
  readonly path: string;
  readonly sha256: string;
  readonly rows: number;
};

/** The point-in-time join of a model's questions with its features, as a Parquet file. */
export const trainingSet: Job<TrainingSetInput, TrainingSetOutput> = async (input) => {
  const model = await loadModel(input);
  const duck = await openDuckDb({ threads: input.threads, memoryLimitMb: input.memoryLimitMb, tempFolder: input.tempFolder });
  try {
    const { path, sha256, rows } = await buildTrainingSet(duck, {
      service: model.service,
      spine: model.spine,
      relations: (source) => input.relations[source.name] ?? "",
      request: model.request,
      label: model.label,
      fromUs: input.fromUs,
      toUs: input.toUs,
      folder: input.folder,
    });
    return { path, sha256, rows };
  } finally {
    await duck.close();
  }
};
