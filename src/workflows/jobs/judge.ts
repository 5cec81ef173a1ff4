import { sha256 } from "../../kernel/hashing.ts";
import { KarkhanaError } from "../../kernel/error.ts";
import { seededRng } from "../../kernel/rng.ts";
import { parseDuration } from "../../kernel/time.ts";
import { comparePaired, type PairedComparison } from "../../learn/compare.ts";
import type { Estimate } from "../../learn/estimate.ts";
import { evaluate, type Evaluation, type EvaluationMetrics } from "../../learn/evaluate.ts";
import { createPredictor, predictTable, type Predictor } from "../../learn/predictor.ts";
import { profileToJson } from "../../monitoring/profile-file.ts";
import { buildReferenceProfile, type ReferenceProfile } from "../../monitoring/profile.ts";
import { rehearseMonitors, type MonitorSelfTest } from "../../monitoring/self-test.ts";
import type { BlobReference } from "../../pipelines/port.ts";
import type { ModelDefinition } from "../../project/definition.ts";
import { writeVersionArtifact } from "../../serving/artifact.ts";
import type { BlobStore } from "../../storage/blobs/port.ts";
import type { FittedModel, Judgement, Material, Trained } from "./fitted.ts";
import { tableOf, textOf } from "./split-set.ts";

/** What a fitted model is held against on the same held-out rows. */
export interface Opponents {
  /** Scores of the champion, shape [held-out rows]; the gate compares with them. */
  readonly champion: Float64Array | undefined;
  /** Drawn beside the model on its page: the champion, or the simpler model. */
  readonly baseline: Baseline | undefined;
}

export interface Baseline {
  readonly name: string;
  readonly overall: EvaluationMetrics;
}

const numSelfCheckRows = 32;

/** Judges a fitted model on the held-out rows, rehearses its monitors and writes the version's folder. */
export async function judgeAndWrite(
  blobs: BlobStore,
  folder: string,
  material: Material,
  trained: Trained,
  { champion, baseline }: Opponents,
): Promise<{ fitted: FittedModel; overall: EvaluationMetrics }> {
  const { model, holdout } = material;
  const predictor = createPredictor(trained.model);
  const scores = predictTable(predictor, holdout);
  const evaluation = evaluate({ scores, labels: holdout.labels, slices: slicesOf(material), rng: seededRng(model.name, "evaluate") });
  const { overall } = evaluation;
  if (overall.auc === null)
    throw new KarkhanaError("INVALID_ARGUMENT", {
      field: `training of ${model.name}`,
      problem: "the held-out rows hold one class only",
      value: holdout.labels[0],
    });
  const paired = champion === undefined ? undefined : comparePaired({ champion, challenger: scores, labels: holdout.labels });
  const profile = profileOf(material, predictor, overall, overall.auc);
  const topSlots = trained.importance.length > 0 ? { topSlots: trained.importance.map((f) => f.feature) } : {};
  const monitors = rehearseMonitors({
    profile,
    columns: holdout.columns,
    scores,
    labels: holdout.labels,
    policy: model.monitors,
    ...topSlots,
    rng: seededRng(model.name, "monitors"),
  });
  const written = `${folder}/model`;
  const file = { evaluation, baseline: baseline ?? null, importance: trained.importance, history: trained.history, comparedWithChampion: paired ?? null };
  await writeFolder(blobs, written, material, trained, profile, file);
  const { value: auc, low, high } = overall.auc;
  const fitted: FittedModel = {
    folder,
    blobs: await referencesIn(blobs, written),
    params: trained.params,
    metrics: metricsOf(material, overall, auc),
    history: trained.history,
    auc: { auc, aucLow: low ?? auc, aucHigh: high ?? auc },
    evaluation: judge(model, evaluation, paired),
    monitors: monitorsProof(monitors),
  };
  return { fitted, overall };
}

function slicesOf({ model, set, parts }: Material): { name: string; values: (string | null)[] }[] {
  const slotOf = (name: string): number => model.service.slots.findIndex((slot) => slot.name === name);
  return model.slices.map((name) => ({ name, values: textOf(set, slotOf(name), parts.holdout) })).filter(({ values }) => values.length > 0);
}

function metricsOf({ train, valid, holdout }: Material, { logLoss, brier, ece, averagePrecision }: EvaluationMetrics, auc: number): Record<string, number> {
  return {
    holdout_auc: auc,
    holdout_log_loss: logLoss.value,
    holdout_brier: brier.value,
    holdout_ece: ece.value,
    holdout_average_precision: averagePrecision ?? 0,
    holdout_rows: holdout.numRows,
    train_rows: train.numRows,
    valid_rows: valid.numRows,
  };
}

/** What the monitors will hold live traffic against: all rows of the training set, and the held-out quality. */
function profileOf(material: Material, predictor: Predictor, overall: EvaluationMetrics, auc: Estimate): ReferenceProfile {
  const { model, set, parts, dictionaries, holdout } = material;
  const { slots } = model.service;
  const everything = tableOf(set, slots, parts.all, dictionaries);
  const interval = ({ value, low, high }: Estimate): { value: number; low: number; high: number } => ({ value, low: low ?? value, high: high ?? value });
  return buildReferenceProfile({
    slots,
    columns: everything.columns,
    scores: unseenScores(predictTable(predictor, everything), material),
    labels: everything.labels,
    holdout: { rows: holdout.numRows, auc: interval(auc), logLoss: interval(overall.logLoss), brier: interval(overall.brier) },
    times: { us: Float64Array.from(parts.all, (row) => set.eventUs[row]!), windowUs: parseDuration(model.monitors.window, "monitors.window") },
  });
}

async function writeFolder(
  blobs: BlobStore,
  folder: string,
  { model, dictionaries, holdout }: Material,
  trained: Trained,
  profile: ReferenceProfile,
  evaluationFile: object,
): Promise<void> {
  const selfCheckVectors = Array.from({ length: Math.min(numSelfCheckRows, holdout.numRows) }, (_, i) =>
    Float64Array.from(holdout.columns, (column) => column[i]!),
  );
  const { name: modelName, hash: definitionHash, service } = model;
  await writeVersionArtifact(blobs, folder, { modelName, definitionHash, service, model: trained.model, categories: dictionaries, selfCheckVectors });
  const encoder = new TextEncoder();
  await blobs.put(`${folder}/profile.json`, encoder.encode(profileToJson(profile)));
  await blobs.put(`${folder}/evaluation.json`, encoder.encode(JSON.stringify(evaluationFile)));
}

/** Scores of rows the version was trained on are too sure: as a reference they would call every honest day a drift. NaN leaves them out. */
function unseenScores(scores: Float64Array, { set, parts, validUs }: Material): Float64Array {
  return scores.map((score, i) => (set.eventUs[parts.all[i]!]! < validUs ? Number.NaN : score));
}

function monitorsProof({ passed, summary, rehearsals }: MonitorSelfTest): Judgement {
  return plain({ passed, summary, details: { rehearsals } });
}

/** The offline proof: the gates, and the champion on the same held-out rows. */
function judge(model: ModelDefinition, { overall }: Evaluation, paired: PairedComparison | undefined): Judgement {
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
