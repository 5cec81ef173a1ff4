/**
 * TreeEnsembleRegressor and TreeEnsembleClassifier (ai.onnx.ml 1 to 4) read natively: no thread to hand rows to, single rows in
 * microseconds. Held to the bit against ONNX Runtime on one thread for models it sums in tree order; what is read otherwise is left
 * to the runtime (`undefined`).
 * @see onnxruntime core/providers/cpu/ml/tree_ensemble_common.h, tree_ensemble_aggregator.h
 */
import { invalidModel } from "../../../learn/model-reader.ts";
import { checkTrees } from "../../../learn/trees/check-trees.ts";
import { nodeKind, type FlatTrees } from "../../../learn/trees/flat-trees.ts";
import { float32Below } from "../float32.ts";
import { floatsAttribute, intsAttribute, textAttribute, textsAttribute, type OnnxGraph, type OnnxNode } from "./graph.ts";

export interface OnnxTrees {
  readonly input: string;
  readonly trees: FlatTrees;
  readonly average: boolean;
  /** Added after the sum; empty for none. */
  readonly base: Float64Array;
  readonly transform: "NONE" | "LOGISTIC" | "SOFTMAX";
  readonly classifier: OnnxClassifier | undefined;
  /** Graph outputs by what they hold. */
  readonly labelOutput: string | undefined;
  readonly scoreOutput: string | undefined;
}

export interface OnnxClassifier {
  readonly labels: readonly string[] | readonly number[];
  /** One column of weights stands for two classes. */
  readonly singleColumn: boolean;
  readonly allPositive: boolean;
}

/** Nodes and leaves that are kept here at most: half a gigabyte. */
const maxWritten = 10_000_000;

/** Undefined where the graph is more than one ensemble, or sums in a way that is not reproduced here. @throws MODEL_FILE_INVALID */
export function readOnnxTrees(graph: OnnxGraph): OnnxTrees | undefined {
  const [node, ...rest] = graph.nodes;
  const isClassifier = node?.operator === "TreeEnsembleClassifier";
  if (node === undefined || node.domain !== "ai.onnx.ml" || !(isClassifier || node.operator === "TreeEnsembleRegressor")) return undefined;
  const [input, ...more] = graph.inputs;
  if (input === undefined || more.length > 0 || input.name !== node.inputs[0] || input.shape.length !== 2 || input.shape[1]! < 1) return undefined;
  const outputs = outputsAfter(node, rest, graph);
  if (outputs === undefined) return undefined;
  const values = floatsAttribute(node, "nodes_values");
  const weights = floatsAttribute(node, isClassifier ? "class_weights" : "target_weights");
  // In float64 implementations differ in what they round on the way.
  if (input.datatype !== "FP32" || values?.float32 !== true || weights?.float32 !== true) return undefined;
  const transform = textAttribute(node, "post_transform") ?? "NONE";
  const aggregate = textAttribute(node, "aggregate_function") ?? "SUM";
  if ((transform !== "NONE" && transform !== "LOGISTIC" && transform !== "SOFTMAX") || (aggregate !== "SUM" && aggregate !== "AVERAGE")) return undefined;
  const labels = isClassifier ? (textsAttribute(node, "classlabels_strings") ?? intsAttribute(node, "classlabels_int64s") ?? []) : [];
  const weightIds = intsAttribute(node, isClassifier ? "class_ids" : "target_ids") ?? [];
  const numScores = isClassifier ? labels.length : weightIds.reduce((most, id) => Math.max(most, id + 1), 1);
  if (isClassifier && numScores < 2) return undefined;
  const base = floatsAttribute(node, "base_values")?.values ?? new Float64Array(0);
  const used = new Set(weightIds);
  const singleColumn = isClassifier && numScores === 2 && used.size === 1;
  // Where a classifier's base values are fewer or more than its columns, implementations differ.
  const columns = singleColumn ? 1 : numScores;
  if (base.length !== 0 && base.length !== columns) return undefined;
  // A tree is written once a column: forests of many classes are left to the runtime, which keeps them once.
  if (columns * values.values.length > maxWritten) return undefined;
  const trees = readNodes(node, values.values, weights.values, weightIds, { numFeatures: input.shape[1]!, columns, isClassifier, singleColumn });
  if (trees === undefined) return undefined;
  checkTrees(trees);
  return {
    input: input.name,
    trees,
    average: aggregate === "AVERAGE",
    base,
    transform,
    classifier: isClassifier ? { labels, singleColumn, allPositive: weights.values.every((weight) => weight >= 0) } : undefined,
    ...outputs,
  };
}

/** Follows the ensemble's outputs through what only renames or converts them. */
function outputsAfter(
  node: OnnxNode,
  rest: readonly OnnxNode[],
  graph: OnnxGraph,
): { labelOutput: string | undefined; scoreOutput: string | undefined } | undefined {
  const names = new Map(node.outputs.map((name, i) => [name, i === 0 && node.operator === "TreeEnsembleClassifier" ? ("label" as const) : ("score" as const)]));
  for (const next of rest) {
    const kind = names.get(next.inputs[0]!);
    // Cast: the converter makes the label int64, which it is already. Others change values.
    if (kind === undefined || !(next.operator === "Identity" || next.operator === "ZipMap" || (next.operator === "Cast" && kind === "label"))) return undefined;
    names.set(next.outputs[0]!, kind);
  }
  let [labelOutput, scoreOutput]: (string | undefined)[] = [];
  for (const output of graph.outputs) {
    const name = output.kind === "tensor" ? output.info.name : output.name;
    const kind = names.get(name);
    if (kind === "label" && labelOutput === undefined) labelOutput = name;
    else if (kind === "score" && scoreOutput === undefined) scoreOutput = name;
    else return undefined;
  }
  return { labelOutput, scoreOutput };
}

interface Reading {
  readonly numFeatures: number;
  readonly columns: number;
  readonly isClassifier: boolean;
  readonly singleColumn: boolean;
}

function readNodes(node: OnnxNode, values: Float64Array, weights: Float64Array, weightIds: readonly number[], reading: Reading): FlatTrees | undefined {
  const { numFeatures, columns, isClassifier, singleColumn } = reading;
  const ints = (name: string, length: number | undefined): number[] => {
    const list = intsAttribute(node, name) ?? [];
    if (length !== undefined && list.length !== length) throw invalidModel(name, `expected ${length} elements, got ${list.length}`);
    return list;
  };
  const treeIds = ints("nodes_treeids", undefined);
  const count = treeIds.length;
  if (values.length !== count) throw invalidModel("nodes_values", `expected ${count} elements, got ${values.length}`);
  const nodeIds = ints("nodes_nodeids", count);
  const features = ints("nodes_featureids", count);
  const trueIds = ints("nodes_truenodeids", count);
  const falseIds = ints("nodes_falsenodeids", count);
  const modes = textsAttribute(node, "nodes_modes") ?? [];
  if (modes.length !== count) throw invalidModel("nodes_modes", `expected ${count} elements, got ${modes.length}`);
  const tracks = intsAttribute(node, "nodes_missing_value_tracks_true") ?? [];
  const prefix = isClassifier ? "class" : "target";
  const weightTrees = ints(`${prefix}_treeids`, weights.length);
  const weightNodes = ints(`${prefix}_nodeids`, weights.length);
  if (weightIds.length !== weights.length) throw invalidModel(`${prefix}_ids`, `expected ${weights.length} elements, got ${weightIds.length}`);
  const places = new Map<number, Map<number, number>>();
  for (let i = 0; i < count; i++) {
    let own = places.get(treeIds[i]!);
    if (own === undefined) places.set(treeIds[i]!, (own = new Map()));
    if (own.has(nodeIds[i]!)) throw invalidModel("nodes_nodeids", "a node comes twice");
    own.set(nodeIds[i]!, i);
  }
  const placeOf = (tree: number, id: number): number | undefined => places.get(tree)?.get(id);
  const leafWeights = new Map<number, Map<number, number>>();
  for (let i = 0; i < weights.length; i++) {
    const at = placeOf(weightTrees[i]!, weightNodes[i]!);
    const column = singleColumn ? 0 : weightIds[i]!;
    if (at === undefined || modes[at] !== "LEAF") throw invalidModel(`${prefix}_nodeids`, `weight ${i} belongs to no leaf`);
    if (!(column >= 0 && column < columns)) throw invalidModel(`${prefix}_ids`, `${weightIds[i]} is outside ${columns}`);
    const own = leafWeights.get(at) ?? new Map<number, number>();
    if (own.has(column)) return undefined;
    leafWeights.set(at, own.set(column, weights[i]!));
  }
  const rows = new OnnxRows();
  const order = [...new Set(treeIds)];
  const firstOf = new Map<number, number>();
  for (let i = count - 1; i >= 0; i--) firstOf.set(treeIds[i]!, i);
  for (const treeId of order) {
    const reached = reach(
      firstOf.get(treeId)!,
      (i) => modes[i] === "LEAF",
      (i) => {
        const children = [placeOf(treeId, trueIds[i]!), placeOf(treeId, falseIds[i]!)];
        if (children[0] === undefined || children[1] === undefined) throw invalidModel("nodes_truenodeids", `tree ${treeId} has a child that is no node of it`);
        return [children[0], children[1]];
      },
    );
    // A leaf here gives one column a value; a tree is written once a column.
    for (let column = 0; column < columns; column++) {
      const isKnown = rows.pushTree(reached, column, (i) => ({
        mode: modes[i]!,
        feature: features[i]!,
        value: values[i]!,
        tracksTrue: tracks[i] === 1,
        weight: leafWeights.get(i)?.get(column) ?? 0,
      }));
      if (!isKnown) return undefined;
    }
  }
  return rows.finish(numFeatures, columns);
}

interface Reached {
  /** Nodes and leaves in the order they are met, with the places of a node's children in this list. */
  readonly items: readonly { readonly at: number; readonly isLeaf: boolean; readonly children: readonly [number, number] }[];
}

function reach(root: number, isLeaf: (i: number) => boolean, childrenOf: (i: number) => [number, number]): Reached {
  const items: { at: number; isLeaf: boolean; children: [number, number] }[] = [];
  const seen = new Map<number, number>();
  const waiting = [root];
  while (waiting.length > 0) {
    const at = waiting.pop()!;
    if (seen.has(at)) throw invalidModel("nodes_truenodeids", "a node is reached twice");
    seen.set(at, items.length);
    items.push({ at, isLeaf: isLeaf(at), children: [0, 0] });
    if (!isLeaf(at)) waiting.push(...childrenOf(at).reverse());
  }
  for (const item of items) if (!item.isLeaf) item.children = childrenOf(item.at).map((child) => seen.get(child)!) as [number, number];
  return { items };
}

interface NodeOf {
  readonly mode: string;
  readonly feature: number;
  readonly value: number;
  readonly tracksTrue: boolean;
  readonly weight: number;
}

class OnnxRows {
  readonly #roots: number[] = [];
  readonly #groups: number[] = [];
  readonly #kind: number[] = [];
  readonly #feature: number[] = [];
  readonly #threshold: number[] = [];
  readonly #left: number[] = [];
  readonly #right: number[] = [];
  readonly #missing: number[] = [];
  readonly #leafValue: number[] = [];

  /** False if a node's mode is not known. */
  pushTree({ items }: Reached, group: number, nodeOf: (i: number) => NodeOf): boolean {
    let [numNodes, numLeaves] = [this.#feature.length, this.#leafValue.length];
    const places = items.map(({ isLeaf }) => (isLeaf ? ~numLeaves++ : numNodes++));
    this.#roots.push(places[0]!);
    this.#groups.push(group);
    for (const { at, isLeaf, children } of items) {
      const { mode, feature, value, tracksTrue, weight } = nodeOf(at);
      if (isLeaf) {
        this.#leafValue.push(weight);
        continue;
      }
      const [yes, no] = [places[children[0]]!, places[children[1]]!];
      const below = float32Below(value);
      const isEqual = mode === "BRANCH_EQ" || mode === "BRANCH_NEQ";
      const isUpward = mode === "BRANCH_GT" || mode === "BRANCH_GTE" || mode === "BRANCH_NEQ";
      if (!isEqual && !isUpward && mode !== "BRANCH_LEQ" && mode !== "BRANCH_LT") return false;
      this.#kind.push(isEqual ? nodeKind.equals : nodeKind.threshold);
      this.#feature.push(feature);
      this.#threshold.push(mode === "BRANCH_LT" || mode === "BRANCH_GTE" ? below : value);
      this.#left.push(isUpward ? no : yes);
      this.#right.push(isUpward ? yes : no);
      // A missing value fails every comparison but "not equal".
      this.#missing.push(tracksTrue || mode === "BRANCH_NEQ" ? yes : no);
    }
    return true;
  }

  finish(numFeatures: number, numGroups: number): FlatTrees {
    return {
      numFeatures,
      numGroups,
      roots: Int32Array.from(this.#roots),
      treeGroup: Int32Array.from(this.#groups),
      kind: Uint8Array.from(this.#kind),
      feature: Int32Array.from(this.#feature),
      threshold: Float64Array.from(this.#threshold),
      left: Int32Array.from(this.#left),
      right: Int32Array.from(this.#right),
      missing: Int32Array.from(this.#missing),
      categoryOffsets: new Int32Array(1),
      categoryBits: new Uint32Array(0),
      leafValue: Float64Array.from(this.#leafValue),
      nodeCover: new Float64Array(0),
      leafCover: new Float64Array(0),
    };
  }
}
