import { KarkhanaError } from "../../kernel/error.ts";
import { sha256 } from "../../kernel/hashing.ts";
import { seededRng } from "../../kernel/rng.ts";
import { parseDuration } from "../../kernel/time.ts";
import { fitSigmoid, identityCalibration } from "../../learn/calibration.ts";
import { comparePaired } from "../../learn/compare.ts";
import type { TrainingTable } from "../../learn/dataset.ts";
import { fitDictionary } from "../../learn/dictionary.ts";
import { evaluate, type Evaluation } from "../../learn/evaluate.ts";
import { resolveGbdtParams } from "../../learn/gbdt/check-params.ts";
import { treeImportance, type FeatureImportance } from "../../learn/gbdt/importance.ts";
import { trainGbdt } from "../../learn/gbdt/train.ts";
import { trainLogistic } from "../../learn/linear/logistic.ts";
import type { TrainedModel } from "../../learn/model.ts";
import { createPredictor, predictTable, scoreTable } from "../../learn/predictor.ts";
import { buildReferenceProfile } from "../../monitoring/profile.ts";
import { profileToJson } from "../../monitoring/profile-file.ts";
import { rehearseMonitors, type MonitorSelfTest } from "../../monitoring/self-test.ts";
import type { BlobReference } from "../../pipelines/port.ts";
import type { ModelDefinition } from "../../project/definition.ts";
import { readTrainingSet, type TrainingSet } from "../../features/offline/training-set.ts";
import { loadVersionArtifact, writeVersionArtifact } from "../../serving/artifact.ts";
import { openFileBlobs } from "../../storage/blobs/files.ts";
import type { BlobStore } from "../../storage/blobs/port.ts";
import { openDuckDb } from "../../storage/duckdb/duckdb.ts";
import { loadModel } from "./load-model.ts";
import type { Job, JobProgress } from "./job.ts";
import { splitByTime, tableOf, textOf, type Dictionaries, type Parts } from "./split-set.ts";

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

type Judgement = { readonly passed: boolean; readonly summary: string; readonly details: Readonly<Record<string, never>> };

export type FittedModel = {
  readonly folder: string;
  readonly blobs: readonly { readonly path: string; readonly sha256: string }[];
  readonly params: Readonly<Record<string, string>>;
  readonly metrics: Readonly<Record<string, number>>;
  /** [iteration, validation log loss] */
  readonly history: readonly (readonly [number, number])[];
  readonly auc: { readonly auc: number; readonly aucLow: number; readonly aucHigh: number };
  readonly evaluation: Judgement;
  readonly monitors: Judgement;
};

export type FitOutput = { readonly gbdt?: FittedModel; readonly logistic?: FittedModel };

interface Material {
  readonly model: ModelDefinition;
  readonly set: TrainingSet;
  readonly parts: Parts;
  /** Rows before it were trained on. */
  readonly validUs: number;
  readonly dictionaries: Dictionaries;
  readonly train: TrainingTable;
  readonly valid: TrainingTable;
  readonly holdout: TrainingTable;
}

interface Trained {
  readonly model: TrainedModel;
  readonly params: Readonly<Record<string, string>>;
  readonly history: readonly (readonly [number, number])[];
  readonly importance: readonly FeatureImportance[];
}

/** Categories that get a code of their own; rarer ones are unknown. */
const maxCategories = 1000;
const numSelfCheckRows = 32;

/** Fits the kinds asked for on one training set, judges each on the held-out rows, writes each version's folder. */
export const fit: Job<FitInput, FitOutput> = async (input, progress) => {
  const model = await loadModel(input);
  const blobs = await openFileBlobs(input.blobsFolder);
  const material = await readMaterial(model, input);
  const champion = input.champion === null ? undefined : await championScores(blobs, input.champion, material);
  const results: { -readonly [K in ModelKind]?: FittedModel } = {};
  for (const kind of input.kinds) {
    const trained = kind === "gbdt" ? fitGbdt(material, progress) : fitLogistic(material);
    results[kind] = await judgeAndWrite(blobs, `${input.folder}/${kind}`, material, trained, champion);
  }
  return results;
};

async function readMaterial(model: ModelDefinition, input: FitInput): Promise<Material> {
  const duck = await openDuckDb({ threads: input.threads });
  const set = await readTrainingSet(duck, { path: input.trainingSet, service: model.service }).finally(async () => duck.close());
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
  const { manifest, predictor } = await loadVersionArtifact(blobs, path);
  if (manifest.serviceHash !== model.service.hash)
    throw new KarkhanaError("INVALID_ARGUMENT", {
      field: "champion",
      problem: "reads another feature service and cannot be compared on these rows",
      value: path,
    });
  return predictTable(predictor, tableOf(set, model.service.slots, parts.holdout, manifest.categories));
}

async function judgeAndWrite(blobs: BlobStore, folder: string, material: Material, trained: Trained, champion: Float64Array | undefined): Promise<FittedModel> {
  const { model, set, parts, dictionaries, holdout } = material;
  const { slots } = model.service;
  const predictor = createPredictor(trained.model);
  const scores = predictTable(predictor, holdout);
  const slices = model.slices
    .map((name) => ({
      name,
      values: textOf(
        set,
        slots.findIndex((slot) => slot.name === name),
        parts.holdout,
      ),
    }))
    .filter(({ values }) => values.length > 0);
  const evaluation = evaluate({ scores, labels: holdout.labels, slices, rng: seededRng(model.name, "evaluate") });
  const paired = champion === undefined ? undefined : comparePaired({ champion, challenger: scores, labels: holdout.labels });

  const { auc, logLoss, brier, ece } = evaluation.overall;
  if (auc === null)
    throw new KarkhanaError("INVALID_ARGUMENT", {
      field: `training of ${model.name}`,
      problem: "the held-out rows hold one class only",
      value: holdout.labels[0],
    });
  const interval = (estimate: { value: number; low: number | null; high: number | null }): { value: number; low: number; high: number } => ({
    value: estimate.value,
    low: estimate.low ?? estimate.value,
    high: estimate.high ?? estimate.value,
  });
  const everything = tableOf(set, slots, parts.all, dictionaries);
  const profile = buildReferenceProfile({
    slots,
    columns: everything.columns,
    scores: unseenScores(predictTable(predictor, everything), material),
    labels: everything.labels,
    holdout: { rows: holdout.numRows, auc: interval(auc), logLoss: interval(logLoss), brier: interval(brier) },
    times: { us: Float64Array.from(parts.all, (row) => set.eventUs[row]!), windowUs: parseDuration(model.monitors.window, "monitors.window") },
  });

  const written = `${folder}/model`;
  const selfCheckVectors = Array.from({ length: Math.min(numSelfCheckRows, holdout.numRows) }, (_, i) =>
    Float64Array.from(holdout.columns, (column) => column[i]!),
  );
  await writeVersionArtifact(blobs, written, {
    modelName: model.name,
    definitionHash: model.hash,
    service: model.service,
    model: trained.model,
    categories: dictionaries,
    selfCheckVectors,
  });
  await blobs.put(`${written}/profile.json`, new TextEncoder().encode(profileToJson(profile)));
  await putJson(blobs, `${written}/evaluation.json`, {
    evaluation,
    importance: trained.importance,
    history: trained.history,
    comparedWithChampion: paired ?? null,
  });

  return {
    folder,
    blobs: await referencesIn(blobs, written),
    params: trained.params,
    metrics: {
      holdout_auc: auc.value,
      holdout_log_loss: logLoss.value,
      holdout_brier: brier.value,
      holdout_ece: ece.value,
      holdout_average_precision: evaluation.overall.averagePrecision ?? 0,
      holdout_rows: holdout.numRows,
      train_rows: material.train.numRows,
      valid_rows: material.valid.numRows,
    },
    history: trained.history,
    auc: { auc: auc.value, aucLow: auc.low ?? auc.value, aucHigh: auc.high ?? auc.value },
    evaluation: judge(model, evaluation, paired),
    monitors: monitorsProof(
      rehearseMonitors({
        profile,
        columns: holdout.columns,
        scores,
        labels: holdout.labels,
        policy: model.monitors,
        ...(trained.importance.length > 0 ? { topSlots: trained.importance.map((f) => f.feature) } : {}),
        rng: seededRng(model.name, "monitors"),
      }),
    ),
  };
}

/** Scores of rows the version was trained on are too sure: as a reference they would call every honest day a drift. NaN leaves them out. */
function unseenScores(scores: Float64Array, { set, parts, validUs }: Material): Float64Array {
  return scores.map((score, i) => (set.eventUs[parts.all[i]!]! < validUs ? Number.NaN : score));
}

function monitorsProof({ passed, summary, rehearsals }: MonitorSelfTest): Judgement {
  return plain({ passed, summary, details: { rehearsals } });
}

/** The offline proof: the gates, and the champion on the same held-out rows. */
function judge(model: ModelDefinition, { overall }: Evaluation, paired: ReturnType<typeof comparePaired> | undefined): Judgement {
  const { gates } = model;
  const auc = overall.auc?.value ?? 0;
  const loss = paired?.aucDifference?.value;
  const problems = [
    auc < gates.minAuc ? `AUC ${auc.toFixed(4)} is below the gate ${gates.minAuc}` : "",
    overall.ece.value > gates.maxEce ? `calibration error ${overall.ece.value.toFixed(4)} is above the gate ${gates.maxEce}` : "",
    loss !== undefined && loss < -gates.maxAucLoss ? `it loses ${(-loss).toFixed(4)} AUC to the champion on the same rows, ${gates.maxAucLoss} allowed` : "",
  ].filter((problem) => problem !== "");
  const against = paired?.championAuc == null ? "" : `, champion ${paired.championAuc.toFixed(4)} on the same rows`;
  const figures = `AUC ${auc.toFixed(4)}${against}, log loss ${overall.logLoss.value.toFixed(4)}, Brier ${overall.brier.value.toFixed(4)}, ECE ${overall.ece.value.toFixed(4)} on ${overall.numRows.toLocaleString("en")} held-out rows`;
  const passed = problems.length === 0;
  return plain({
    passed,
    summary: passed ? figures : `${problems.join("; ")} (${figures})`,
    details: { overall, gates: { minAuc: gates.minAuc, maxEce: gates.maxEce, maxAucLoss: gates.maxAucLoss }, comparedWithChampion: paired ?? null },
  });
}

async function putJson(blobs: BlobStore, path: string, value: unknown): Promise<void> {
  await blobs.put(path, new TextEncoder().encode(JSON.stringify(value)));
}

async function referencesIn(blobs: BlobStore, folder: string): Promise<BlobReference[]> {
  const entries = await blobs.list(folder);
  const references: BlobReference[] = [];
  for (const { path } of entries.filter((entry) => !entry.isFolder)) references.push({ path, sha256: sha256(await blobs.get(path)) });
  return references;
}

/** As JSON keeps it: what is recorded is what was judged. */
function plain(value: object): Judgement {
  return JSON.parse(JSON.stringify(value)) as Judgement;
}
