/**
 * Trees of any library as one structure of arrays. A child is the position of a node (>= 0) or `~` the position of a leaf; positions
 * count over all trees. A row's score of group g is the sum of one leaf of every tree of that group, in tree order.
 *
 *   kind            left                                    right                missing
 *   threshold       value <= threshold                      value > threshold    NaN
 *   zeroIsMissing   as threshold                            as threshold         NaN or |value| <= zeroBound
 *   wholeCode       floor to zero of value is in the set    otherwise            NaN
 *   code            value >= 0 and floor is in the set      otherwise            NaN
 *   equals          value == threshold                      otherwise            NaN
 */
export interface FlatTrees {
  readonly numFeatures: number;
  readonly numGroups: number;
  /** shape [numTrees]: the root as a child */
  readonly roots: Int32Array;
  /** shape [numTrees] */
  readonly treeGroup: Int32Array;
  /** shape [numNodes] each */
  readonly kind: Uint8Array;
  readonly feature: Int32Array;
  readonly threshold: Float64Array;
  readonly left: Int32Array;
  readonly right: Int32Array;
  readonly missing: Int32Array;
  /** Set of a categorical node: bits `categoryBits[categoryOffsets[node] .. categoryOffsets[node + 1])`. shape [numNodes + 1], or [1] without sets */
  readonly categoryOffsets: Int32Array;
  readonly categoryBits: Uint32Array;
  /** shape [numLeaves] */
  readonly leafValue: Float64Array;
  /** Training rows (or hessians) that passed, for TreeSHAP. shape [numNodes] and [numLeaves]; empty if the file has none */
  readonly nodeCover: Float64Array;
  readonly leafCover: Float64Array;
  readonly linear?: LinearLeaves;
}

export const nodeKind = { threshold: 0, zeroIsMissing: 1, wholeCode: 2, code: 3, equals: 4 } as const;

/** LightGBM's `kZeroThreshold`, a float32 constant: values this close to zero are zero. */
export const zeroBound: number = Math.fround(1e-35);

/**
 * Linear models at leaves (LightGBM linear_tree): leaf i gives `constant[i]` + sum of coefficient * value over
 * `offsets[i] .. offsets[i + 1])`; if any of those values is missing it gives its plain `leafValue`.
 */
export interface LinearLeaves {
  /** shape [numLeaves]: 1 where the leaf has a linear model */
  readonly isLinear: Uint8Array;
  readonly constant: Float64Array;
  /** shape [numLeaves + 1] */
  readonly offsets: Int32Array;
  readonly feature: Int32Array;
  readonly coefficient: Float64Array;
}

/** True if the code's bit is set in the node's set; `code` is a number, not NaN. */
export function inCategorySet(trees: Pick<FlatTrees, "categoryOffsets" | "categoryBits">, node: number, code: number): boolean {
  const begin = trees.categoryOffsets[node]!;
  if (code >= (trees.categoryOffsets[node + 1]! - begin) * 32) return false;
  const whole = Math.trunc(code);
  return ((trees.categoryBits[begin + (whole >> 5)]! >>> (whole & 31)) & 1) === 1;
}

/** The child a row takes at a node: the table above, read off plainly. */
export function childOf(trees: FlatTrees, node: number, value: number): number {
  const { left, right, missing, threshold } = trees;
  if (Number.isNaN(value)) return missing[node]!;
  switch (trees.kind[node]) {
    case nodeKind.zeroIsMissing:
      if (Math.abs(value) <= zeroBound) return missing[node]!;
      return value <= threshold[node]! ? left[node]! : right[node]!;
    case nodeKind.wholeCode:
      return value > -1 && inCategorySet(trees, node, value) ? left[node]! : right[node]!;
    case nodeKind.code:
      return value >= 0 && inCategorySet(trees, node, value) ? left[node]! : right[node]!;
    case nodeKind.equals:
      return value === threshold[node]! ? left[node]! : right[node]!;
    default:
      return value <= threshold[node]! ? left[node]! : right[node]!;
  }
}

/** Value a leaf gives a row. */
export function leafOutput({ leafValue, linear }: FlatTrees, leaf: number, vector: ArrayLike<number>, offset: number): number {
  if (linear === undefined || linear.isLinear[leaf] === 0) return leafValue[leaf]!;
  let output = linear.constant[leaf]!;
  for (let i = linear.offsets[leaf]!; i < linear.offsets[leaf + 1]!; i++) {
    const value = vector[offset + linear.feature[i]!]!;
    if (Number.isNaN(value)) return leafValue[leaf]!;
    output += linear.coefficient[i]! * (Math.abs(value) <= zeroBound ? 0 : value);
  }
  return output;
}

/** Raw scores of one row, slow and clear: what the fast evaluator is held against, to the bit. `round` is the identity or `Math.fround`. */
export function referenceScores(trees: FlatTrees, base: ArrayLike<number>, vector: ArrayLike<number>, round: (sum: number) => number): Float64Array {
  const scores = Float64Array.from(base);
  for (let tree = 0; tree < trees.roots.length; tree++) {
    let child = trees.roots[tree]!;
    while (child >= 0) child = childOf(trees, child, vector[trees.feature[child]!]!);
    const group = trees.treeGroup[tree]!;
    scores[group] = round(scores[group]! + leafOutput(trees, ~child, vector, 0));
  }
  return scores;
}
