/**
 * LightGBM's text model file (`version=v3` and `v4`): a header of `key=value` lines, a block a tree, `end of trees`, a tail.
 * Nothing in it is trusted: what comes out can be walked without leaving its arrays or going in circles, or this throws.
 * @see LightGBM src/boosting/gbdt_model_text.cpp, src/io/tree.cpp, include/LightGBM/tree.h
 */
import { KarkhanaError } from "../../../kernel/error.ts";
import { checkTrees } from "../../../learn/trees/check-trees.ts";
import type { FlatTrees } from "../../../learn/trees/flat-trees.ts";
import { invalidModel } from "../../../learn/model-reader.ts";
import { readObjective, type LightGbmObjective } from "./objective.ts";
import { readTree, TreeRows } from "./read-tree.ts";

export interface LightGbmModel {
  readonly featureNames: readonly string[];
  readonly objective: LightGbmObjective;
  /** Random forest: a prediction is the mean over iterations; raw scores stay sums, as LightGBM's are. */
  readonly averageOutput: boolean;
  readonly numIterations: number;
  readonly trees: FlatTrees;
}

export interface IterationRange {
  /** First iteration used; default 0. */
  readonly begin?: number;
  /** How many; default all that follow. */
  readonly count?: number;
}

const maxFeatures = 1_000_000;

/** @throws MODEL_FILE_INVALID, MODEL_NOT_REPRODUCIBLE */
export function readLightGbm(bytes: Uint8Array, range: IterationRange = {}): LightGbmModel {
  const text = new TextDecoder("utf-8").decode(bytes);
  const end = text.search(/^end of trees\r?$/m);
  if (end < 0) throw invalidModel("content", 'there is no line "end of trees": the file is cut off');
  const blocks = text.slice(0, end).split(/^Tree=\d+\r?\n/m);
  const header = fieldsOf(blocks[0]!);
  const version = header.get("version");
  if (version !== "v4" && version !== "v3")
    throw new KarkhanaError("MODEL_NOT_REPRODUCIBLE", { format: "lightgbm", feature: `version ${version ?? "none"}`, problem: "v3 and v4 are read" });
  const numFeatures = whole(header, "max_feature_idx", 0, maxFeatures) + 1;
  const featureNames = header.get("feature_names")?.split(" ") ?? [];
  if (featureNames.length !== numFeatures) throw invalidModel("feature_names", `expected ${numFeatures} names, got ${featureNames.length}`);
  const perIteration = whole(header, "num_tree_per_iteration", 1, 100_000);
  const numTrees = blocks.length - 1;
  if (numTrees % perIteration !== 0) throw invalidModel("Tree", `${numTrees} trees do not make iterations of ${perIteration}`);
  const declared = header.get("tree_sizes")?.trim();
  if (declared !== undefined && declared !== "" && declared.split(" ").length !== numTrees)
    throw invalidModel("tree_sizes", `names ${declared.split(" ").length} trees, the file holds ${numTrees}`);
  const objective = readObjective(header.get("objective"), perIteration);
  const [begin, numIterations] = iterations(range, numTrees / perIteration);
  const rows = new TreeRows();
  for (let i = begin * perIteration; i < (begin + numIterations) * perIteration; i++) readTree(fieldsOf(blocks[i + 1]!), `Tree=${i}`, i % perIteration, rows);
  const trees = rows.finish(numFeatures, perIteration);
  checkTrees(trees);
  return { featureNames, objective, averageOutput: header.has("average_output"), numIterations, trees };
}

function iterations({ begin = 0, count }: IterationRange, total: number): [number, number] {
  if (!Number.isSafeInteger(begin) || begin < 0 || begin > total)
    throw new KarkhanaError("INVALID_ARGUMENT", { field: "iterations.begin", problem: `expected a whole number from 0 to ${total}`, value: begin });
  if (count !== undefined && (!Number.isSafeInteger(count) || count < 1))
    throw new KarkhanaError("INVALID_ARGUMENT", { field: "iterations.count", problem: "expected a whole number from 1", value: count });
  return [begin, Math.min(count ?? total - begin, total - begin)];
}

/** `key=value` lines by key; a line without "=" is a key with an empty value. */
function fieldsOf(block: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of block.split("\n")) {
    const at = line.indexOf("=");
    const key = (at < 0 ? line : line.slice(0, at)).trim();
    if (key !== "") fields.set(key, at < 0 ? "" : line.slice(at + 1).replace(/\r$/, ""));
  }
  return fields;
}

function whole(fields: ReadonlyMap<string, string>, name: string, min: number, max: number): number {
  const text = fields.get(name);
  const value = Number(text);
  if (text === undefined || text.trim() === "" || !Number.isSafeInteger(value) || value < min || value > max)
    throw invalidModel(name, `expected a whole number from ${min} to ${max}, got ${text ?? "nothing"}`);
  return value;
}
