/**
 * TreeSHAP, path-dependent: what each feature adds to a raw score, exactly, in O(leaves * depth^2) a tree. Weights of branches not
 * taken are the covers stored with the trees, so no background data is needed.
 * @see Lundberg, Erion, Lee, "Consistent individualized feature attribution for tree ensembles" (2018), algorithm 2; the same path
 * bookkeeping as LightGBM's and XGBoost's `pred_contrib`, in float64.
 *
 * The path of unique features so far is kept in rows of one buffer; a call copies its parent's row and extends it.
 */
import { childOf, type FlatTrees } from "./flat-trees.ts";

/** Deeper trees are not explained: the buffer grows with the square of the depth. */
export const maxExplainedDepth = 400;

/** Fields of one path element. */
const fields = 4;
const featureAt = 0;
const zeroAt = 1;
const oneAt = 2;
const weightAt = 3;

/**
 * @returns of a row's float64 values, shape [numFeatures], the contributions, shape [numGroups, numFeatures + 1]; the last column is
 * `base` plus the trees' expected value. Undefined where trees have no covers, linear leaves, or are too deep.
 */
export function createTreeShap(trees: FlatTrees, base: ArrayLike<number>): ((vector: ArrayLike<number>) => Float64Array) | undefined {
  if (trees.nodeCover.length !== trees.feature.length || trees.leafCover.length !== trees.leafValue.length || trees.linear !== undefined) return undefined;
  const depth = depthOf(trees);
  if (depth > maxExplainedDepth) return undefined;
  const { numFeatures, numGroups, roots, treeGroup } = trees;
  const expected = expectedValues(trees);
  const path = new Float64Array(((depth + 2) * (depth + 3) * fields) / 2);
  return (vector) => {
    const phi = new Float64Array(numGroups * (numFeatures + 1));
    for (let g = 0; g < numGroups; g++) phi[g * (numFeatures + 1) + numFeatures] = base[g]!;
    for (let tree = 0; tree < roots.length; tree++) {
      const at = treeGroup[tree]! * (numFeatures + 1);
      phi[at + numFeatures]! += expected[tree]!;
      if (roots[tree]! >= 0) descend(trees, vector, phi, at, path, { child: roots[tree]!, depth: 0, from: 0, zero: 1, one: 1, feature: -1 });
    }
    return phi;
  };
}

interface Step {
  readonly child: number;
  /** Length of the parent's path, and where its row begins. */
  readonly depth: number;
  readonly from: number;
  readonly zero: number;
  readonly one: number;
  readonly feature: number;
}

function descend(trees: FlatTrees, vector: ArrayLike<number>, phi: Float64Array, at: number, path: Float64Array, step: Step): void {
  const { child } = step;
  let { depth } = step;
  const row = step.from + depth * fields;
  path.copyWithin(row, step.from, row);
  extend(path, row, depth, step.zero, step.one, step.feature);
  if (child < 0) {
    const value = trees.leafValue[~child]!;
    for (let i = 1; i <= depth; i++) {
      const element = row + i * fields;
      phi[at + path[element + featureAt]!]! += unwoundSum(path, row, depth, i) * (path[element + oneAt]! - path[element + zeroAt]!) * value;
    }
    return;
  }
  const feature = trees.feature[child]!;
  const hot = childOf(trees, child, vector[feature]!);
  const cold = hot === trees.left[child] ? trees.right[child]! : trees.left[child]!;
  let [zero, one] = [1, 1];
  for (let i = 1; i <= depth; i++) {
    if (path[row + i * fields + featureAt] !== feature) continue;
    // The feature was split on before: its earlier share is taken out and carried on.
    [zero, one] = [path[row + i * fields + zeroAt]!, path[row + i * fields + oneAt]!];
    unwind(path, row, depth, i);
    depth--;
    break;
  }
  const cover = trees.nodeCover[child]!;
  const share = (next: number): number => (cover === 0 ? 0 : coverOf(trees, next) / cover);
  descend(trees, vector, phi, at, path, { child: hot, depth: depth + 1, from: row, zero: share(hot) * zero, one, feature });
  descend(trees, vector, phi, at, path, { child: cold, depth: depth + 1, from: row, zero: share(cold) * zero, one: 0, feature });
}

function coverOf(trees: FlatTrees, child: number): number {
  return child >= 0 ? trees.nodeCover[child]! : trees.leafCover[~child]!;
}

function extend(path: Float64Array, row: number, depth: number, zero: number, one: number, feature: number): void {
  const last = row + depth * fields;
  path[last + featureAt] = feature;
  path[last + zeroAt] = zero;
  path[last + oneAt] = one;
  path[last + weightAt] = depth === 0 ? 1 : 0;
  for (let i = depth - 1; i >= 0; i--) {
    const weight = row + i * fields + weightAt;
    path[weight + fields]! += (one * path[weight]! * (i + 1)) / (depth + 1);
    path[weight] = (zero * path[weight]! * (depth - i)) / (depth + 1);
  }
}

function unwind(path: Float64Array, row: number, depth: number, index: number): void {
  const zero = path[row + index * fields + zeroAt]!;
  const one = path[row + index * fields + oneAt]!;
  let next = path[row + depth * fields + weightAt]!;
  for (let i = depth - 1; i >= 0; i--) {
    const weight = row + i * fields + weightAt;
    if (one !== 0) {
      const old = path[weight]!;
      path[weight] = (next * (depth + 1)) / ((i + 1) * one);
      next = old - (path[weight] * zero * (depth - i)) / (depth + 1);
    } else path[weight] = zero === 0 ? 0 : (path[weight]! * (depth + 1)) / (zero * (depth - i));
  }
  for (let i = index; i < depth; i++) {
    const element = row + i * fields;
    path[element + featureAt] = path[element + fields + featureAt]!;
    path[element + zeroAt] = path[element + fields + zeroAt]!;
    path[element + oneAt] = path[element + fields + oneAt]!;
  }
}

function unwoundSum(path: Float64Array, row: number, depth: number, index: number): number {
  const zero = path[row + index * fields + zeroAt]!;
  const one = path[row + index * fields + oneAt]!;
  let next = path[row + depth * fields + weightAt]!;
  let total = 0;
  for (let i = depth - 1; i >= 0; i--) {
    const weight = path[row + i * fields + weightAt]!;
    if (one !== 0) {
      const part = (next * (depth + 1)) / ((i + 1) * one);
      total += part;
      next = weight - part * zero * ((depth - i) / (depth + 1));
    } else if (zero !== 0) total += weight / zero / ((depth - i) / (depth + 1));
  }
  return total;
}

/** Mean leaf value of each tree, leaves weighted by cover. */
function expectedValues(trees: FlatTrees): Float64Array {
  return Float64Array.from(trees.roots, (root) => {
    if (root < 0) return trees.leafValue[~root]!;
    let sum = 0;
    const total = trees.nodeCover[root]!;
    const waiting = [root];
    while (waiting.length > 0) {
      const child = waiting.pop()!;
      if (child < 0) sum += total === 0 ? 0 : (trees.leafCover[~child]! / total) * trees.leafValue[~child]!;
      else waiting.push(trees.right[child]!, trees.left[child]!);
    }
    return sum;
  });
}

function depthOf(trees: FlatTrees): number {
  let deepest = 0;
  const waiting = Array.from(trees.roots, (child) => ({ child, depth: 0 }));
  while (waiting.length > 0) {
    const { child, depth } = waiting.pop()!;
    deepest = Math.max(deepest, depth);
    if (child >= 0) waiting.push({ child: trees.left[child]!, depth: depth + 1 }, { child: trees.right[child]!, depth: depth + 1 });
  }
  return deepest;
}
