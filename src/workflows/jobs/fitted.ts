import type { TrainingSet } from "../../features/offline/training-set.ts";
import type { TrainingTable } from "../../learn/dataset.ts";
import type { FeatureImportance } from "../../learn/gbdt/importance.ts";
import type { TrainedModel } from "../../learn/model.ts";
import type { ModelDefinition } from "../../project/definition.ts";
import type { Dictionaries, Parts } from "./split-set.ts";

/** The training set as a fit works on it. */
export interface Material {
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

/** What a trainer made of it. */
export interface Trained {
  readonly model: TrainedModel;
  readonly params: Readonly<Record<string, string>>;
  readonly history: readonly (readonly [number, number])[];
  readonly importance: readonly FeatureImportance[];
}

/** Whether a version met a gate, and the figures; becomes a proof in the registry. */
export type Judgement = { readonly passed: boolean; readonly summary: string; readonly details: Readonly<Record<string, never>> };

/** A fit's result as it is recorded: where its files lie, what was measured, how it was judged. */
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
