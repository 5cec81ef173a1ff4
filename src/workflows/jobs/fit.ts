import { KarkhanaError } from "../../kernel/error.ts";
import { seededRng } from "../../kernel/rng.ts";
import { fitSigmoid, identityCalibration } from "../../learn/calibration.ts";
import type { TrainingTable } from "../../learn/dataset.ts";
import { fitDictionary } from "../../learn/dictionary.ts";
import { evaluate } from "../../learn/evaluate.ts";
import { resolveGbdtParams } from "../../learn/gbdt/check-params.ts";
import { treeImportance } from "../../learn/gbdt/importance.ts";
import { trainGbdt } from "../../learn/gbdt/train.ts";
import { trainLogistic } from "../../learn/linear/logistic.ts";
import type { TrainedModel } from "../../learn/model.ts";
import { createPredictor, scoreTable } from "../../learn/predictor.ts";
import type { ModelDefinition } from "../../project/definition.ts";
import { readTrainingSet, type TrainingSet } from "../../features/offline/training-set.ts";
import { loadVersionArtifact } from "../../serving/artifact.ts";
import { predictTableBy } from "../../serving/row-scorer.ts";
import { openFileBlobs } from "../../storage/blobs/files.ts";
import type { BlobStore } from "../../storage/blobs/port.ts";
import { openDuckDb } from "../../storage/duckdb/duckdb.ts";
import { loadModel } from "./load-model.ts";
import type { Job, JobProgress } from "./job.ts";
import type { FittedModel, Material, Trained } from "./fitted.ts";
import { judgeAndWrite, type Baseline } from "./judge.ts";
import { splitByTime, tableOf, textOf } from "./split-set.ts";

type ModelKind = "gbdt" | "logistic";

export type FitInput = {
  readonly projectFile: string;
  readonly model: string;
  readonly trainingSet: string;
  readonly split: { readonly validUs: number; readonly holdoutUs: number; readonly knownBeforeUs: number };
  readonly kinds: readonly ModelKind[];
  readonly blobsFolder: string;
  /** Blob folder that the results go to, one folder a kind. */
  readonly folder: string;
  /** Blob folder of the version to be compared with on the held-out rows. */
  readonly champion: string | null;
  readonly threads: number;
};

export type FitOutput = { readonly gbdt?: FittedModel; readonly logistic?: FittedModel };

/** Categories that get a code of their own; rarer ones are unknown. */
const maxCategories = 1000;
/** Fits the kinds asked for on one training set, judges each on the held-out rows, writes each version's folder. */
export const fit: Job<FitInput, FitOutput> = async (input, progress) => {
  const model = await loadModel(input);
  const blobs = await openFileBlobs(input.blobsFolder);
  const material = await readMaterial(model, input);
  const champion = input.champion === null ? undefined : await championScores(blobs, input.champion, material);
  const results: { -readonly [K in ModelKind]?: FittedModel } = {};
  // What a model is drawn beside: the champion on the same rows, else the simpler model fitted just before.
  let baseline: Baseline | undefined =
    champion === undefined
      ? undefined
      : { name: "champion", overall: evaluate({ scores: champion, labels: material.holdout.labels, rng: seededRng(model.name, "evaluate") }).overall };
  for (const kind of input.kinds) {
    const trained = kind === "gbdt" ? fitGbdt(material, progress) : fitLogistic(material);
    const { fitted, overall } = await judgeAndWrite(blobs, `${input.folder}/${kind}`, material, trained, { champion, baseline });
    results[kind] = fitted;
    baseline ??= { name: kind, overall };
  }
  return results;
};

async function readMaterial(model: ModelDefinition, input: FitInput): Promise<Material> {
  const set = await readSet(model, input);
  const parts = splitByTime(set, input.split);
  for (const [part, rows] of Object.entries(parts)) {
    if (rows.length === 0)
      throw new KarkhanaError("INVALID_ARGUMENT", { field: `training of ${model.name}`, problem: `no row falls into the ${part} part of time`, value: 0 });
  }
  const { slots } = model.service;
  const dictionaries: Record<string, readonly string[]> = {};
  for (const [i, slot] of slots.entries())
    if (slot.type === "categorical") dictionaries[slot.name] = fitDictionary(textOf(set, i, parts.train), { maxCategories });
  const table = (rows: Uint32Array): TrainingTable => tableOf(set, slots, rows, dictionaries);
  return { model, set, parts, validUs: input.split.validUs, dictionaries, train: table(parts.train), valid: table(parts.valid), holdout: table(parts.holdout) };
}

async function readSet(model: ModelDefinition, { trainingSet, threads }: FitInput): Promise<TrainingSet> {
  const duck = await openDuckDb({ threads });
  try {
    return await readTrainingSet(duck, { path: trainingSet, service: model.service });
  } finally {
    await duck.close();
  }
}

function fitGbdt({ model, train, valid }: Material, progress: JobProgress): Trained {
  const params = resolveGbdtParams(model.trainer.gbdt);
  const { ensemble, bestIteration, history } = trainGbdt({
    train,
    valid,
    params,
    onIteration: (iteration) => progress(iteration, params.numIterations, "trees"),
  });
  const raw: TrainedModel = { kind: "gbdt", features: model.service.slots, ensemble, calibration: identityCalibration };
  return {
    model: { ...raw, calibration: fitSigmoid(scoreTable(createPredictor(raw), valid), valid.labels) },
    params: {
      trainer: "gbdt",
      bestIteration: String(bestIteration),
      ...Object.fromEntries(Object.entries(params).map(([name, value]) => [name, String(value)])),
    },
    history: history.map((h) => [h.iteration, h.validLogLoss]),
    importance: treeImportance(ensemble, model.service.slots),
  };
}

function fitLogistic({ train, valid }: Material): Trained {
  const raw = trainLogistic({ train });
  const calibration = fitSigmoid(scoreTable(createPredictor({ ...raw, calibration: identityCalibration }), valid), valid.labels);
  return { model: { ...raw, calibration }, params: { trainer: "logistic", l2: "1" }, history: [], importance: [] };
}

async function championScores(blobs: BlobStore, path: string, { model, set, parts }: Material): Promise<Float64Array> {
  const { manifest, predictor, servable } = await loadVersionArtifact(blobs, path);
  try {
    if (manifest.serviceHash !== model.service.hash)
      throw new KarkhanaError("INVALID_ARGUMENT", {
        field: "champion",
        problem: "reads another feature service and cannot be compared on these rows",
        value: path,
      });
    return await predictTableBy(predictor, tableOf(set, model.service.slots, parts.holdout, manifest.categories));
  } finally {
    await servable.close();
  }
}
