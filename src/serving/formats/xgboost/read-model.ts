/**
 * XGBoost's model file, JSON or UBJSON: gbtree, dart and gblinear. Nothing in it is trusted.
 * @see XGBoost doc/model.schema, src/gbm/, src/tree/tree_model.cc (v3.2)
 */
import { KarkhanaError } from "../../../kernel/error.ts";
import { invalidModel } from "../../../learn/model-reader.ts";
import { checkTrees } from "../../../learn/trees/check-trees.ts";
import type { FlatTrees } from "../../../learn/trees/flat-trees.ts";
import type { IterationRange } from "../lightgbm/read-text.ts";
import { Fields } from "./fields.ts";
import { baseMargin, readXgboostObjective, type XgboostObjective } from "./objective.ts";
import { readXgboostTree, XgboostTrees } from "./read-tree.ts";
import { readUbjson } from "./read-ubjson.ts";

export interface LinearBooster {
  /** shape [numFeatures, numGroups], float32 values */
  readonly weights: Float64Array;
  /** shape [numGroups] */
  readonly bias: Float64Array;
}

export interface XgboostModel {
  readonly featureNames: readonly string[];
  readonly numGroups: number;
  readonly objective: XgboostObjective;
  /** Margin a row starts from, shape [numGroups], float32 values. */
  readonly base: Float64Array;
  readonly booster: { readonly kind: "trees"; readonly trees: FlatTrees } | { readonly kind: "linear"; readonly linear: LinearBooster };
}

const maxFeatures = 10_000_000;
const maxGroups = 100_000;

/** @param range of iterations (layers), as `iteration_range` in XGBoost @throws MODEL_FILE_INVALID, MODEL_NOT_REPRODUCIBLE */
export function readXgboost(bytes: Uint8Array, range: IterationRange = {}): XgboostModel {
  const learner = new Fields(contentOf(bytes), "").object("learner");
  const params = learner.object("learner_model_param");
  const numFeatures = params.whole("num_feature", 0, maxFeatures);
  const numClasses = params.whole("num_class", 0, maxGroups);
  const numTargets = params.has("num_target") ? params.whole("num_target", 0, maxGroups) : 1;
  const numGroups = Math.max(numClasses, numTargets, 1);
  const objective = readXgboostObjective(learner.object("objective").text("name"));
  const scores = baseScores(params.text("base_score"));
  if (scores.length !== 1 && scores.length !== numGroups) throw invalidModel("base_score", `has ${scores.length} values for ${numGroups} groups`);
  const base = Float64Array.from({ length: numGroups }, (_, g) => baseMargin(objective, scores[scores.length === 1 ? 0 : g]!));
  if (!base.every((margin) => Number.isFinite(margin))) throw invalidModel("base_score", `${params.text("base_score").slice(0, 60)} gives no finite margin`);
  const featureNames = readFeatureNames(learner, numFeatures);
  const head = { featureNames, numGroups, objective, base };
  const booster = learner.object("gradient_booster");
  const name = booster.text("name");
  if (name === "gblinear") return { ...head, booster: { kind: "linear", linear: readLinear(booster.object("model"), numFeatures, numGroups) } };
  if (name !== "gbtree" && name !== "dart")
    throw new KarkhanaError("MODEL_NOT_REPRODUCIBLE", {
      format: "xgboost",
      feature: `booster ${name.slice(0, 60)}`,
      problem: "gbtree, dart and gblinear are read",
    });
  const model = name === "dart" ? booster.object("gbtree").object("model") : booster.object("model");
  const weights = name === "dart" ? booster.numbers("weight_drop") : undefined;
  const trees = readTrees(model, weights, numFeatures, numGroups, range, bestIteration(learner));
  return { ...head, booster: { kind: "trees", trees } };
}

function contentOf(bytes: Uint8Array): unknown {
  // JSON's objects begin with a quote or a closing brace; UBJSON's with a length marker.
  const second = bytes.findIndex((byte, i) => i > 0 && byte > 32);
  if (bytes[second] !== 0x22 && bytes[second] !== 0x7d) return readUbjson(bytes);
  try {
    return parseText(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw invalidModel("content", "is not JSON", cause);
  }
}

/** Before 3.0 XGBoost wrote NaN (which JSON has not) as the condition of a categorical split, where it means nothing: null here. */
function parseText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!/NaN|Infinity/.test(text)) throw error;
    return JSON.parse(text.replaceAll(/"(?:[^"\\]|\\.)*"|NaN|Infinity/g, (token) => (token === "NaN" ? "null" : token === "Infinity" ? "1e999" : token)));
  }
}

/**
 * The iteration training was stopped at for want of progress, where it is the last that predictions are made of: in a file that
 * XGBoost's scikit-learn classes saved. `Booster.predict` uses every tree of the file, and so is a file read that a `Booster` saved.
 */
function bestIteration(learner: Fields): number | undefined {
  const attributes = learner.has("attributes") ? learner.object("attributes") : undefined;
  if (attributes?.has("scikit_learn") !== true || !attributes.has("best_iteration")) return undefined;
  return attributes.whole("best_iteration", 0, 2 ** 31 - 1);
}

function readTrees(
  model: Fields,
  weights: readonly number[] | undefined,
  numFeatures: number,
  numGroups: number,
  range: IterationRange,
  best: number | undefined,
): FlatTrees {
  const list = model.list("trees");
  const groups = model.wholes("tree_info", list.length, 0, numGroups - 1);
  if (weights !== undefined && weights.length !== list.length) throw invalidModel("weight_drop", `has ${weights.length} weights for ${list.length} trees`);
  const [begin, end] = treesOfRange(model, list.length, numGroups, range, best);
  const rows = new XgboostTrees();
  for (let i = begin; i < end; i++) readXgboostTree(new Fields(list[i], `trees[${i}]`), `trees[${i}]`, groups[i]!, Math.fround(weights?.[i] ?? 1), rows);
  const trees = rows.finish(numFeatures, numGroups);
  checkTrees(trees);
  return trees;
}

/** Trees of a range of iterations: the file says where each iteration begins; older files have as many trees as groups and parallel trees. */
function treesOfRange(model: Fields, numTrees: number, numGroups: number, { begin = 0, count }: IterationRange, best: number | undefined): [number, number] {
  if (begin === 0 && count === undefined && best === undefined) return [0, numTrees];
  const params = model.object("gbtree_model_param");
  const perIteration = numGroups * Math.max(1, params.has("num_parallel_tree") ? params.whole("num_parallel_tree", 0, numTrees) : 1);
  const starts = model.has("iteration_indptr")
    ? model.wholes("iteration_indptr", undefined, 0, numTrees)
    : Array.from({ length: Math.floor(numTrees / perIteration) + 1 }, (_, i) => i * perIteration);
  const last = starts.length - 1;
  const end = count === undefined ? (begin === 0 && best !== undefined ? Math.min(best + 1, last) : last) : begin + count;
  if (!Number.isSafeInteger(begin) || begin < 0 || begin > last || !Number.isSafeInteger(end) || end < begin || end > last)
    throw new KarkhanaError("INVALID_ARGUMENT", { field: "iterations", problem: `expected a range within 0 to ${last}`, value: `${begin} to ${end}` });
  return [starts[begin]!, starts[end]!];
}

function readLinear(model: Fields, numFeatures: number, numGroups: number): LinearBooster {
  const values = model.numbers("weights", (numFeatures + 1) * numGroups);
  const wrong = values.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0) throw invalidModel("weights", `element ${wrong} is not finite`);
  const weights = Float64Array.from(values, Math.fround);
  return { weights: weights.slice(0, numFeatures * numGroups), bias: weights.slice(numFeatures * numGroups) };
}

/** `0.5`, `5E-1`, or `[1E0,2E0]` since 3.1. */
function baseScores(text: string): number[] {
  const inner = /^\s*\[(.*)\]\s*$/s.exec(text)?.[1] ?? text;
  const values = inner.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  if (values.some((value) => !Number.isFinite(value))) throw invalidModel("base_score", `${text.slice(0, 60)} is not a number or a list of numbers`);
  return values;
}

function readFeatureNames(learner: Fields, numFeatures: number): readonly string[] {
  const names = learner.has("feature_names") ? learner.list("feature_names") : [];
  if (names.length === 0) return Array.from({ length: numFeatures }, (_, f) => `f${f}`);
  if (names.length !== numFeatures || !names.every((name) => typeof name === "string")) throw invalidModel("feature_names", `expected ${numFeatures} names`);
  return names;
}
