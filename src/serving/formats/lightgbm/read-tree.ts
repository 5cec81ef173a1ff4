import { invalidModel } from "../../../learn/model-reader.ts";
import { nodeKind, zeroBound, type FlatTrees } from "../../../learn/trees/flat-trees.ts";
import { nextDown } from "../../../math/float.ts";

/** Bits of a node's decision_type: 0 categorical, 1 missing values go left, 2 and 3 what counts as missing. */
const categoricalBit = 1;
const defaultLeftBit = 2;
const missingKinds = ["none", "zero", "nan"] as const;

/** Rows of all trees while they are read, then `FlatTrees`. */
export class TreeRows {
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
  readonly isLinear: number[] = [];
  readonly constant: number[] = [];
  readonly linearOffsets: number[] = [0];
  readonly linearFeature: number[] = [];
  readonly coefficient: number[] = [];

  finish(numFeatures: number, numGroups: number): FlatTrees {
    for (const feature of this.linearFeature)
      if (!(Number.isInteger(feature) && feature >= 0 && feature < numFeatures)) throw invalidModel("leaf_features", `feature ${feature} of ${numFeatures}`);
    const hasLinear = this.isLinear.includes(1);
    const hasCovers = this.nodeCover.length === this.feature.length && this.leafCover.length === this.leafValue.length;
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
      nodeCover: Float64Array.from(hasCovers ? this.nodeCover : []),
      leafCover: Float64Array.from(hasCovers ? this.leafCover : []),
      ...(hasLinear
        ? {
            linear: {
              isLinear: Uint8Array.from(this.isLinear),
              constant: Float64Array.from(this.constant),
              offsets: Int32Array.from(this.linearOffsets),
              feature: Int32Array.from(this.linearFeature),
              coefficient: Float64Array.from(this.coefficient),
            },
          }
        : {}),
    };
  }
}

/** Reads one `Tree=` block. @throws MODEL_FILE_INVALID */
export function readTree(fields: ReadonlyMap<string, string>, tree: string, group: number, rows: TreeRows): void {
  const numbers = (name: string, count: number): number[] => {
    const text = fields.get(name)?.trim() ?? "";
    const parts = text === "" ? [] : text.split(/ +/);
    if (parts.length !== count) throw invalidModel(`${tree}.${name}`, `expected ${count} numbers, got ${parts.length}`);
    return parts.map((part) => {
      const value = part === "inf" ? Infinity : part === "-inf" ? -Infinity : Number(part);
      if (Number.isNaN(value)) throw invalidModel(`${tree}.${name}`, `${part.slice(0, 40)} is not a number`);
      return value;
    });
  };
  const wholes = (name: string, count: number, min: number): number[] => {
    const values = numbers(name, count);
    const wrong = values.find((value) => !Number.isSafeInteger(value) || value < min);
    if (wrong !== undefined) throw invalidModel(`${tree}.${name}`, `${wrong} is not a whole number from ${min}`);
    return values;
  };
  const numLeaves = wholes("num_leaves", 1, 1)[0]!;
  const numNodes = numLeaves - 1;
  // A count the block cannot hold is told before anything of that size is made.
  if ((fields.get("leaf_value")?.length ?? 0) < numLeaves) throw invalidModel(`${tree}.num_leaves`, `is ${numLeaves}, but there are fewer leaf values`);
  const numCategorical = fields.has("num_cat") ? wholes("num_cat", 1, 0)[0]! : 0;
  if (numCategorical > numNodes) throw invalidModel(`${tree}.num_cat`, `is ${numCategorical} of ${numNodes} nodes`);
  const firstNode = rows.feature.length;
  const firstLeaf = rows.leafValue.length;
  const child = (relative: number): number => {
    if (relative >= numNodes || ~relative >= numLeaves) throw invalidModel(tree, `has a child ${relative} outside the tree`);
    return relative >= 0 ? firstNode + relative : ~(firstLeaf + ~relative);
  };
  if (numNodes > 0) {
    const [left, right] = [wholes("left_child", numNodes, -numLeaves), wholes("right_child", numNodes, -numLeaves)];
    const decisions = wholes("decision_type", numNodes, 0);
    const thresholds = numbers("threshold", numNodes);
    const setBounds = numCategorical > 0 ? wholes("cat_boundaries", numCategorical + 1, 0) : [0];
    const sets = numCategorical > 0 ? wholes("cat_threshold", setBounds.at(-1)!, 0) : [];
    for (const feature of wholes("split_feature", numNodes, 0)) rows.feature.push(feature);
    for (let i = 0; i < numNodes; i++) {
      const node = { left: child(left[i]!), right: child(right[i]!), threshold: thresholds[i]!, decision: decisions[i]! };
      if ((node.decision & categoricalBit) !== 0) pushCategorical(rows, node, setBounds, sets, tree);
      else pushNumeric(rows, node, tree);
    }
    if (fields.has("internal_count")) for (const count of wholes("internal_count", numNodes, 0)) rows.nodeCover.push(count);
  }
  rows.roots.push(numNodes > 0 ? firstNode : ~firstLeaf);
  rows.groups.push(group);
  const leafValues = numbers("leaf_value", numLeaves);
  for (const value of leafValues) rows.leafValue.push(value);
  if (numNodes === 0) rows.leafCover.push(1);
  else if (fields.has("leaf_count")) for (const count of wholes("leaf_count", numLeaves, 0)) rows.leafCover.push(count);
  pushLinear(rows, fields, tree, numLeaves, numbers, wholes);
}

interface NodeRow {
  readonly left: number;
  readonly right: number;
  readonly threshold: number;
  readonly decision: number;
}

function pushNumeric(rows: TreeRows, { left, right, threshold, decision }: NodeRow, tree: string): void {
  const missingKind = missingKinds[(decision >> 2) & 3];
  if (missingKind === undefined) throw invalidModel(`${tree}.decision_type`, `${decision} has no meaning`);
  const defaultChild = (decision & defaultLeftBit) !== 0 ? left : right;
  rows.kind.push(missingKind === "zero" ? nodeKind.zeroIsMissing : nodeKind.threshold);
  // LightGBM reads values this near to zero as zero; moving the bound has the same effect without a test for each value.
  const bound = threshold < -zeroBound || threshold >= zeroBound ? threshold : threshold >= 0 ? zeroBound : nextDown(-zeroBound);
  rows.threshold.push(bound);
  rows.left.push(left);
  rows.right.push(right);
  rows.missing.push(missingKind === "none" ? (threshold >= 0 ? left : right) : defaultChild);
  rows.categoryOffsets.push(rows.categoryBits.length);
}

function pushCategorical(rows: TreeRows, { left, right, threshold }: NodeRow, bounds: readonly number[], sets: readonly number[], tree: string): void {
  const [begin, end] = [bounds[threshold], bounds[threshold + 1]];
  if (begin === undefined || end === undefined || end < begin || end > sets.length)
    throw invalidModel(`${tree}.cat_boundaries`, `set ${threshold} is outside the ${sets.length} words there are`);
  rows.kind.push(nodeKind.wholeCode);
  rows.threshold.push(0);
  rows.left.push(left);
  rows.right.push(right);
  rows.missing.push(right);
  for (let i = begin; i < end; i++) {
    if (sets[i]! > 0xffffffff) throw invalidModel(`${tree}.cat_threshold`, `${sets[i]} is not a 32-bit word`);
    rows.categoryBits.push(sets[i]!);
  }
  rows.categoryOffsets.push(rows.categoryBits.length);
}

type Numbers = (name: string, count: number) => number[];
type Wholes = (name: string, count: number, min: number) => number[];

function pushLinear(rows: TreeRows, fields: ReadonlyMap<string, string>, tree: string, numLeaves: number, numbers: Numbers, wholes: Wholes): void {
  const isLinear = fields.get("is_linear")?.trim() === "1";
  const constants = isLinear ? numbers("leaf_const", numLeaves) : [];
  const counts = isLinear ? wholes("num_features", numLeaves, 0) : [];
  const total = counts.reduce((sum, count) => sum + count, 0);
  const features = isLinear ? wholes("leaf_features", total, 0) : [];
  const coefficients = isLinear ? numbers("leaf_coeff", total) : [];
  for (let leaf = 0; leaf < numLeaves; leaf++) {
    rows.isLinear.push(isLinear ? 1 : 0);
    rows.constant.push(constants[leaf] ?? 0);
    rows.linearOffsets.push(rows.linearOffsets.at(-1)! + (counts[leaf] ?? 0));
  }
  for (const feature of features) rows.linearFeature.push(feature);
  for (const coefficient of coefficients) rows.coefficient.push(coefficient);
  if (isLinear && features.length !== coefficients.length) throw invalidModel(`${tree}.leaf_coeff`, "is not one a feature");
}
