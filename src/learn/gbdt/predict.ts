/** Own trees in the shape that every library's trees take here: one evaluator and one explanation for all. Scores agree with `walk.ts` to the bit. */
import { createTreeEvaluator } from "../trees/evaluate.ts";
import { nodeKind, type FlatTrees } from "../trees/flat-trees.ts";
import type { TreeEnsemble } from "./ensemble.ts";

export interface TreePredictor {
  /** Raw score (log-odds) of the row at `vector[offset ..]`. */
  readonly scoreRow: (vector: Float64Array, offset: number) => number;
  /** Raw scores of row-major rows into `out`, shape [numRows]. @param vectors shape [numRows, numFeatures] */
  readonly scoreRows: (vectors: Float64Array, numRows: number, out: Float64Array) => void;
}

export function createTreePredictor(ensemble: TreeEnsemble, numFeatures: number): TreePredictor {
  const { scoreRow, scoreRows } = createTreeEvaluator(flatTreesOf(ensemble, numFeatures), { base: Float64Array.of(ensemble.baseScore), float32: false });
  const score = new Float64Array(1);
  return {
    scoreRow: (vector, offset) => {
      scoreRow(vector, offset, score, 0);
      return score[0]!;
    },
    scoreRows,
  };
}

/** With the rows that passed each node, by which contributions are weighted. */
export function coveredTreesOf(ensemble: TreeEnsemble, numFeatures: number): FlatTrees {
  const trees = flatTreesOf(ensemble, numFeatures);
  const leafCover = Float64Array.from(ensemble.leafCount);
  return { ...trees, nodeCover: coversOf(trees.roots, trees.left, trees.right, leafCover), leafCover };
}

function flatTreesOf(ensemble: TreeEnsemble, numFeatures: number): FlatTrees {
  const { numTrees, threshold, treeOffsets, leafOffsets } = ensemble;
  const numNodes = threshold.length;
  const roots = new Int32Array(numTrees);
  const left = new Int32Array(numNodes);
  const right = new Int32Array(numNodes);
  const missing = new Int32Array(numNodes);
  for (let tree = 0; tree < numTrees; tree++) {
    const firstNode = treeOffsets[tree]!;
    const firstLeaf = leafOffsets[tree]!;
    const absolute = (child: number): number => (child >= 0 ? firstNode + child : ~(firstLeaf + ~child));
    roots[tree] = firstNode === treeOffsets[tree + 1] ? ~firstLeaf : firstNode;
    for (let node = firstNode; node < treeOffsets[tree + 1]!; node++) {
      left[node] = absolute(ensemble.leftChild[node]!);
      right[node] = absolute(ensemble.rightChild[node]!);
      missing[node] = ensemble.defaultLeft[node] === 1 && ensemble.isCategorical[node] === 0 ? left[node]! : right[node]!;
    }
  }
  return {
    numFeatures,
    numGroups: 1,
    roots,
    treeGroup: new Int32Array(numTrees),
    kind: Uint8Array.from(ensemble.isCategorical, (flag) => (flag === 1 ? nodeKind.code : nodeKind.threshold)),
    feature: ensemble.splitFeature,
    threshold,
    left,
    right,
    missing,
    categoryOffsets: ensemble.categoryOffsets,
    categoryBits: ensemble.categoryBits,
    leafValue: ensemble.leafValue,
    nodeCover: new Float64Array(0),
    leafCover: new Float64Array(0),
  };
}

/** Rows that passed each node: the sum over the leaves below it. */
function coversOf(roots: Int32Array, left: Int32Array, right: Int32Array, leafCover: Float64Array): Float64Array {
  const covers = new Float64Array(left.length);
  const coverOf = (child: number): number => (child >= 0 ? covers[child]! : leafCover[~child]!);
  const order: number[] = [];
  const waiting = [...roots];
  while (waiting.length > 0) {
    const child = waiting.pop()!;
    if (child < 0) continue;
    order.push(child);
    waiting.push(left[child]!, right[child]!);
  }
  // Children come after their parents, so backwards every child is ready before its parent.
  for (const node of order.reverse()) covers[node] = coverOf(left[node]!) + coverOf(right[node]!);
  return covers;
}
