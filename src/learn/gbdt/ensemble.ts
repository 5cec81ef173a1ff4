/**
 * Trees as a structure of arrays; node i of tree t is at `treeOffsets[t] + i`, leaves at `leafOffsets[t] + j`.
 * Children: >= 0 is a node of the same tree, negative is leaf `~child`.
 * Numeric split: goes left if value <= threshold; missing (NaN) goes left if `defaultLeft` is 1.
 * Categorical split (`isCategorical` 1): goes left if the code's bit is set in the node's bitset
 * `categoryBits[categoryOffsets[node] .. categoryOffsets[node + 1])`; missing and unknown codes go right.
 * A tree of one leaf has no nodes. The raw score is `baseScore` + the sum of one leaf a tree, in tree order, float64.
 */
export interface TreeEnsemble {
  readonly numTrees: number;
  readonly baseScore: number;
  /** shape [numTrees + 1] */
  readonly treeOffsets: Int32Array;
  /** shape [numTrees + 1] */
  readonly leafOffsets: Int32Array;
  /** shape [numNodes] each */
  readonly splitFeature: Int32Array;
  readonly threshold: Float64Array;
  readonly leftChild: Int32Array;
  readonly rightChild: Int32Array;
  readonly defaultLeft: Uint8Array;
  readonly isCategorical: Uint8Array;
  readonly splitGain: Float64Array;
  /** shape [numNodes + 1] */
  readonly categoryOffsets: Int32Array;
  readonly categoryBits: Uint32Array;
  /** shape [numLeaves] each */
  readonly leafValue: Float64Array;
  readonly leafCount: Int32Array;
}
