import { KarkhanaError } from "../../../kernel/error.ts";
import { invalidModel } from "../../../learn/model-reader.ts";
import { nodeKind, type FlatTrees } from "../../../learn/trees/flat-trees.ts";
import { float32Below } from "../float32.ts";
import type { Fields } from "./fields.ts";

const maxNodes = 1 << 28;
/** Categories are below 2^24, the whole numbers that float32 holds. */
const maxCategory = 16_777_216;

/** Rows of all trees while they are read. XGBoost keeps nodes and leaves in one list; here they part. */
export class XgboostTrees {
  readonly roots: number[] = [];
  readonly groups: number[] = [];
  readonly kind: number[] = [];
  readonly feature: number[] = [];
  readonly threshold: number[] = [];
  readonly left: number[] = [];
  readonly right: number[] = [];
  readonly missing: number[] = [];
  readonly categoryOffsets: number[] = [0];
  readonly categoryBits: number[] = [];
  readonly leafValue: number[] = [];
  readonly nodeCover: number[] = [];
  readonly leafCover: number[] = [];

  finish(numFeatures: number, numGroups: number): FlatTrees {
    return {
      numFeatures,
      numGroups,
      roots: Int32Array.from(this.roots),
      treeGroup: Int32Array.from(this.groups),
      kind: Uint8Array.from(this.kind),
      feature: Int32Array.from(this.feature),
      threshold: Float64Array.from(this.threshold),
      left: Int32Array.from(this.left),
      right: Int32Array.from(this.right),
      missing: Int32Array.from(this.missing),
      categoryOffsets: Int32Array.from(this.categoryOffsets),
      categoryBits: Uint32Array.from(this.categoryBits),
      leafValue: Float64Array.from(this.leafValue),
      nodeCover: Float64Array.from(this.nodeCover),
      leafCover: Float64Array.from(this.leafCover),
    };
  }
}

/**
 * Reads one tree. A leaf's value is its split condition, times `weight` for DART.
 * XGBoost goes left if value < condition; `FlatTrees` if value <= bound: the bound is the float32 below the condition, the same test for every float32.
 * @throws MODEL_FILE_INVALID, MODEL_NOT_REPRODUCIBLE
 */
export function readXgboostTree(tree: Fields, name: string, group: number, weight: number, rows: XgboostTrees): void {
  const params = tree.object("tree_param");
  if (params.has("size_leaf_vector") && params.whole("size_leaf_vector", 0, maxNodes) > 1)
    throw new KarkhanaError("MODEL_NOT_REPRODUCIBLE", {
      format: "xgboost",
      feature: "multi_strategy=multi_output_tree",
      problem: "leaves that hold vectors are not read",
    });
  const left = tree.wholes("left_children", undefined, -1, maxNodes);
  const count = left.length;
  if (count === 0) throw invalidModel(name, "has no node");
  const right = tree.wholes("right_children", count, -1, maxNodes);
  const conditions = tree.numbers("split_conditions", count, true);
  // Pruned nodes stay in the file with 2^31 - 1; whether a node that is reached reads a feature there is, `checkTrees` says.
  const features = tree.wholes("split_indices", count, 0, 2 ** 31 - 1);
  const defaultLeft = tree.wholes("default_left", count, 0, 1);
  const splitTypes = tree.has("split_type") ? tree.wholes("split_type", count, 0, 1) : [];
  const covers = tree.numbers("sum_hessian", count);
  const sets = categorySets(tree, name, count);
  // Nodes that no root reaches (pruned ones stay in the file) are left out.
  const places = new Int32Array(count).fill(-1);
  const order: number[] = [];
  const waiting = [0];
  let [numNodes, numLeaves] = [rows.feature.length, rows.leafValue.length];
  while (waiting.length > 0) {
    const node = waiting.pop()!;
    if (node < 0 || node >= count) throw invalidModel(name, `has a child ${node} outside its ${count} nodes`);
    if (places[node] !== -1) throw invalidModel(name, `reaches node ${node} twice`);
    const isLeaf = left[node] === -1;
    places[node] = isLeaf ? numLeaves++ : numNodes++;
    order.push(node);
    if (!isLeaf) waiting.push(right[node]!, left[node]!);
  }
  const child = (node: number): number => (left[node] === -1 ? ~places[node]! : places[node]!);
  for (const node of order) {
    const condition = Math.fround(conditions[node]!);
    // What a categorical split holds there means nothing.
    if (Number.isNaN(condition) && !sets.has(node)) throw invalidModel(`${name}.split_conditions`, `node ${node} is not a number`);
    if (left[node] === -1) {
      rows.leafValue.push(Math.fround(condition * weight));
      rows.leafCover.push(covers[node]!);
      continue;
    }
    const [toLeft, toRight] = [child(left[node]!), child(right[node]!)];
    const isCategorical = splitTypes[node] === 1;
    const set = sets.get(node);
    if (isCategorical !== (set !== undefined)) throw invalidModel(`${name}.split_type`, `node ${node} and its categories disagree`);
    rows.kind.push(isCategorical ? nodeKind.code : nodeKind.threshold);
    rows.feature.push(features[node]!);
    rows.threshold.push(isCategorical ? 0 : float32Below(condition));
    // A category in the set goes right in XGBoost.
    rows.left.push(isCategorical ? toRight : toLeft);
    rows.right.push(isCategorical ? toLeft : toRight);
    rows.missing.push(defaultLeft[node] === 1 ? toLeft : toRight);
    for (const word of set ?? []) rows.categoryBits.push(word);
    rows.categoryOffsets.push(rows.categoryBits.length);
    rows.nodeCover.push(covers[node]!);
  }
  rows.roots.push(child(0));
  rows.groups.push(group);
}

function categorySets(tree: Fields, name: string, count: number): Map<number, Uint32Array> {
  const sets = new Map<number, Uint32Array>();
  if (!tree.has("categories_nodes")) return sets;
  const nodes = tree.wholes("categories_nodes", undefined, 0, count - 1);
  const categories = tree.wholes("categories", undefined, 0, maxCategory - 1);
  const segments = tree.wholes("categories_segments", nodes.length, 0, categories.length);
  const lengths = tree.wholes("categories_sizes", nodes.length, 0, categories.length);
  for (const [i, node] of nodes.entries()) {
    const end = segments[i]! + lengths[i]!;
    if (end > categories.length) throw invalidModel(`${name}.categories_segments`, `node ${node} reads beyond the ${categories.length} categories`);
    const own = categories.slice(segments[i], end);
    const words = new Uint32Array(own.length === 0 ? 0 : (own.reduce((a, b) => Math.max(a, b)) >> 5) + 1);
    for (const category of own) words[category >> 5]! |= 1 << (category & 31);
    if (sets.has(node)) throw invalidModel(`${name}.categories_nodes`, `node ${node} comes twice`);
    sets.set(node, words);
  }
  return sets;
}
