/**
 * Fast evaluation of `FlatTrees` on rows of float64 values: the same leaves as `childOf`, summed in the same order, so scores agree to
 * the bit with `referenceScores`, one row or many.
 *
 * A threshold node compares twice on the way right, so that a missing value (which fails both) costs no test of its own. Rows of a
 * batch are scored in blocks against one tree after the other, so that a tree's nodes stay in cache.
 */
import { inCategorySet, leafOutput, nodeKind, zeroBound, type FlatTrees } from "./flat-trees.ts";

export interface TreeEvaluator {
  /** Raw scores of the row at `vector[offset ..]` into `out[at .. at + numGroups)`. */
  readonly scoreRow: (vector: Float64Array, offset: number, out: Float64Array, at: number) => void;
  /** @param vectors shape [numRows, numFeatures] @param out shape [numRows, numGroups] */
  readonly scoreRows: (vectors: Float64Array, numRows: number, out: Float64Array) => void;
}

export interface SumRules {
  /** shape [numGroups]: what a sum starts from */
  readonly base: Float64Array;
  /** Every addition is rounded to float32, as XGBoost's and ONNX's float tensors are. */
  readonly float32: boolean;
}

const rowsPerBlock = 64;

export function createTreeEvaluator(trees: FlatTrees, { base, float32 }: SumRules): TreeEvaluator {
  const { numGroups, numFeatures, treeGroup, roots } = trees;
  const numTrees = roots.length;
  const leafOf = trees.kind.every((kind) => kind === nodeKind.threshold) ? thresholdWalker(trees) : anyWalker(trees);
  const { leafValue, linear } = trees;
  const valueOf =
    linear === undefined
      ? (root: number, vector: Float64Array, offset: number): number => leafValue[leafOf(root, vector, offset)]!
      : (root: number, vector: Float64Array, offset: number): number => leafOutput(trees, leafOf(root, vector, offset), vector, offset);
  const start = (out: Float64Array, at: number): void => {
    for (let g = 0; g < numGroups; g++) out[at + g] = base[g]!;
  };

  const scoreRow = (vector: Float64Array, offset: number, out: Float64Array, at: number): void => {
    if (numGroups === 1) {
      let score = base[0]!;
      if (float32) for (let tree = 0; tree < numTrees; tree++) score = Math.fround(score + valueOf(roots[tree]!, vector, offset));
      else for (let tree = 0; tree < numTrees; tree++) score += valueOf(roots[tree]!, vector, offset);
      out[at] = score;
      return;
    }
    start(out, at);
    for (let tree = 0; tree < numTrees; tree++) {
      const place = at + treeGroup[tree]!;
      const sum = out[place]! + valueOf(roots[tree]!, vector, offset);
      out[place] = float32 ? Math.fround(sum) : sum;
    }
  };
  const scoreRows = (vectors: Float64Array, numRows: number, out: Float64Array): void => {
    if (numRows === 1) return scoreRow(vectors, 0, out, 0);
    for (let row = 0; row < numRows; row++) start(out, row * numGroups);
    for (let begin = 0; begin < numRows; begin += rowsPerBlock) {
      const end = Math.min(numRows, begin + rowsPerBlock);
      for (let tree = 0; tree < numTrees; tree++) {
        const root = roots[tree]!;
        const group = treeGroup[tree]!;
        for (let row = begin; row < end; row++) {
          const place = row * numGroups + group;
          const sum = out[place]! + valueOf(root, vectors, row * numFeatures);
          out[place] = float32 ? Math.fround(sum) : sum;
        }
      }
    }
  };
  return { scoreRow, scoreRows };
}

type Walker = (root: number, vector: Float64Array, offset: number) => number;

function thresholdWalker({ feature, threshold, left, right, missing }: FlatTrees): Walker {
  return (root, vector, offset) => {
    let node = root;
    while (node >= 0) {
      const value = vector[offset + feature[node]!]!;
      const bound = threshold[node]!;
      if (value <= bound) node = left[node]!;
      else if (value > bound) node = right[node]!;
      else node = missing[node]!;
    }
    return ~node;
  };
}

function anyWalker(trees: FlatTrees): Walker {
  const { kind, feature, threshold, left, right, missing } = trees;
  return (root, vector, offset) => {
    let node = root;
    while (node >= 0) {
      const value = vector[offset + feature[node]!]!;
      const bound = threshold[node]!;
      const nodeIs = kind[node]!;
      if (nodeIs === nodeKind.threshold) node = value <= bound ? left[node]! : value > bound ? right[node]! : missing[node]!;
      else if (value !== value) node = missing[node]!;
      else if (nodeIs === nodeKind.zeroIsMissing)
        node = value >= -zeroBound && value <= zeroBound ? missing[node]! : value <= bound ? left[node]! : right[node]!;
      else if (nodeIs === nodeKind.equals) node = value === bound ? left[node]! : right[node]!;
      else {
        const isCode = nodeIs === nodeKind.code ? value >= 0 : value > -1;
        node = isCode && inCategorySet(trees, node, value) ? left[node]! : right[node]!;
      }
    }
    return ~node;
  };
}
