/**
 * Tree evaluation on rows of float64 values. Same leaves as `walk.ts`, summed in the same order: scores agree to the bit.
 *
 * Layout: nodes of all trees in one array, children as absolute positions, leaves as `~position`.
 * A numeric node compares twice on the way right, so that a missing value (which fails both) costs no test of its own.
 */
import type { TreeEnsemble } from "./ensemble.ts";
import { goesLeftByCategory } from "./walk.ts";

export interface TreePredictor {
  /** Raw score (log-odds) of the row at `vector[offset ..]`. */
  readonly scoreRow: (vector: Float64Array, offset: number) => number;
  /** Raw scores of row-major rows into `out`, shape [numRows]. @param vectors shape [numRows, numCols] */
  readonly scoreRows: (vectors: Float64Array, numRows: number, numCols: number, out: Float64Array) => void;
}

/** Rows scored together against one tree after the other, so that a tree's nodes stay in cache. */
const rowsPerBlock = 64;

export function createTreePredictor(ensemble: TreeEnsemble): TreePredictor {
  const { numTrees, baseScore, threshold, leafValue } = ensemble;
  const numNodes = threshold.length;
  const roots = new Int32Array(numTrees);
  const feature = Int32Array.from(ensemble.splitFeature);
  const leftChild = new Int32Array(numNodes);
  const rightChild = new Int32Array(numNodes);
  const missingChild = new Int32Array(numNodes);
  for (let tree = 0; tree < numTrees; tree++) {
    const firstNode = ensemble.treeOffsets[tree]!;
    const firstLeaf = ensemble.leafOffsets[tree]!;
    const absolute = (child: number): number => (child >= 0 ? firstNode + child : ~(firstLeaf + ~child));
    roots[tree] = firstNode === ensemble.treeOffsets[tree + 1] ? ~firstLeaf : firstNode;
    for (let node = firstNode; node < ensemble.treeOffsets[tree + 1]!; node++) {
      leftChild[node] = absolute(ensemble.leftChild[node]!);
      rightChild[node] = absolute(ensemble.rightChild[node]!);
      missingChild[node] = ensemble.defaultLeft[node] === 1 ? leftChild[node]! : rightChild[node]!;
      if (ensemble.isCategorical[node] === 1) feature[node] = ~feature[node]!;
    }
  }

  const leafValueOf = (root: number, vector: Float64Array, offset: number): number => {
    let node = root;
    while (node >= 0) {
      const f = feature[node]!;
      if (f >= 0) {
        const value = vector[offset + f]!;
        if (value <= threshold[node]!) node = leftChild[node]!;
        else if (value > threshold[node]!) node = rightChild[node]!;
        else node = missingChild[node]!;
      } else node = goesLeftByCategory(ensemble, node, vector[offset + ~f]!) ? leftChild[node]! : rightChild[node]!;
    }
    return leafValue[~node]!;
  };

  return {
    scoreRow: (vector, offset) => {
      let score = baseScore;
      for (let tree = 0; tree < numTrees; tree++) score += leafValueOf(roots[tree]!, vector, offset);
      return score;
    },
    scoreRows: (vectors, numRows, numCols, out) => {
      out.fill(baseScore, 0, numRows);
      for (let begin = 0; begin < numRows; begin += rowsPerBlock) {
        const end = Math.min(numRows, begin + rowsPerBlock);
        for (let tree = 0; tree < numTrees; tree++) {
          const root = roots[tree]!;
          for (let row = begin; row < end; row++) out[row]! += leafValueOf(root, vectors, row * numCols);
        }
      }
    },
  };
}
