import type { TreeEnsemble } from "./ensemble.ts";

/** True if the code's bit is set in the node's bitset; missing, negative and unknown codes are in no set. */
function goesLeftByCategory(ensemble: TreeEnsemble, node: number, code: number): boolean {
  const begin = ensemble.categoryOffsets[node]!;
  const numCodes = (ensemble.categoryOffsets[node + 1]! - begin) * 32;
  if (!(code >= 0 && code < numCodes)) return false;
  const whole = code | 0;
  return ((ensemble.categoryBits[begin + (whole >> 5)]! >>> (whole & 31)) & 1) === 1;
}

/** Leaf (numbered in the ensemble) that a row falls into: the definition in `TreeEnsemble`, read off plainly. */
function leafOf(ensemble: TreeEnsemble, tree: number, valueOf: (feature: number) => number): number {
  const firstNode = ensemble.treeOffsets[tree]!;
  const firstLeaf = ensemble.leafOffsets[tree]!;
  if (ensemble.treeOffsets[tree + 1] === firstNode) return firstLeaf;
  let child = 0;
  while (child >= 0) {
    const node = firstNode + child;
    const value = valueOf(ensemble.splitFeature[node]!);
    let left: boolean;
    if (ensemble.isCategorical[node] === 1) left = goesLeftByCategory(ensemble, node, value);
    else if (Number.isNaN(value)) left = ensemble.defaultLeft[node] === 1;
    else left = value <= ensemble.threshold[node]!;
    child = left ? ensemble.leftChild[node]! : ensemble.rightChild[node]!;
  }
  return firstLeaf + ~child;
}

/** Raw score of one row, slow and clear: what the fast predictor is held against, to the bit. */
export function referenceScore(ensemble: TreeEnsemble, vector: ArrayLike<number>): number {
  let score = ensemble.baseScore;
  for (let tree = 0; tree < ensemble.numTrees; tree++) score += ensemble.leafValue[leafOf(ensemble, tree, (feature) => vector[feature]!)]!;
  return score;
}

/** Adds one tree's leaf values to the scores of column-major rows. @param rows which rows; undefined for all */
export function addTreeScores(
  ensemble: TreeEnsemble,
  tree: number,
  columns: readonly Float64Array[],
  rows: Int32Array | undefined,
  scores: Float64Array,
): void {
  const { splitFeature, threshold, leftChild, rightChild, defaultLeft, isCategorical, leafValue } = ensemble;
  const firstNode = ensemble.treeOffsets[tree]!;
  const firstLeaf = ensemble.leafOffsets[tree]!;
  const start = ensemble.treeOffsets[tree + 1] === firstNode ? -1 : 0;
  const numRows = rows?.length ?? scores.length;
  for (let i = 0; i < numRows; i++) {
    const row = rows === undefined ? i : rows[i]!;
    let child = start;
    while (child >= 0) {
      const node = firstNode + child;
      const value = columns[splitFeature[node]!]![row]!;
      let left: boolean;
      if (isCategorical[node] === 1) left = goesLeftByCategory(ensemble, node, value);
      else left = value <= threshold[node]! || (value !== value && defaultLeft[node] === 1);
      child = left ? leftChild[node]! : rightChild[node]!;
    }
    scores[row]! += leafValue[firstLeaf + ~child]!;
  }
}
