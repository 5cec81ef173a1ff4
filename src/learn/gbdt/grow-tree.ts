/**
 * One tree, grown leaf by leaf: the leaf with the greatest gain is split next, until numLeaves.
 * @see Shi, Best-first Decision Tree Learning (2007); Ke et al., LightGBM (NeurIPS 2017)
 *
 * Invariants
 *  1. The rows of leaf l are `leafRows.rows[begin[l] .. begin[l] + count[l])`, ascending.
 *  2. A leaf that may still be split owns one histogram of the pool; only the smaller child of a split is built from its
 *     rows, the larger takes its parent's histogram less the smaller one's.
 *  3. Every sum is taken in row order, then bin order: same data, same seed, same bits.
 */
import type { BinnedTable } from "./binned-table.ts";
import { findCategoricalSplit } from "./categorical-split.ts";
import type { Tree, TreeNode } from "./ensemble-builder.ts";
import { buildHistogram, gatherGradients, subtractHistogram } from "./histogram.ts";
import { LeafRows } from "./leaf-rows.ts";
import type { GbdtParams } from "./params.ts";
import { epsilon, findNumericSplit, leafOutput, SplitCandidate } from "./split.ts";

interface Leaf {
  begin: number;
  count: number;
  sumGradient: number;
  sumHessian: number;
  depth: number;
  output: number;
  /** Index of the node whose child this leaf is, -1 at the root, and the side. */
  parent: number;
  isLeft: boolean;
  histogram: Float64Array | undefined;
  readonly best: SplitCandidate;
}

export class TreeGrower {
  readonly #table: BinnedTable;
  readonly #params: GbdtParams;
  readonly #ordered: Float64Array;
  readonly #goesLeft: Uint8Array = new Uint8Array(256);
  readonly #pool: Float64Array[] = [];
  readonly #leafRows: LeafRows;
  #features: readonly number[] = [];
  #words: readonly number[] = [];
  #leaves: Leaf[] = [];

  constructor(table: BinnedTable, params: GbdtParams) {
    this.#table = table;
    this.#params = params;
    this.#ordered = new Float64Array(2 * table.numRows);
    this.#leafRows = new LeafRows(table.numRows);
  }

  /**
   * @param gradients shape [numRows, 2], gradient and hessian
   * @param bag       rows to learn from, ascending; undefined for all
   * @param features  features this tree may use, ascending
   */
  grow(gradients: Float64Array, bag: Int32Array | undefined, features: readonly number[]): Tree {
    this.#features = features;
    this.#words = [...new Set(features.map((f) => f >> 2))];
    const nodes: TreeNode[] = [];
    this.#leaves = [this.#rootLeaf(gradients, bag)];
    this.#findBestSplit(this.#leaves[0]!);
    while (this.#leaves.length < this.#params.numLeaves) {
      const chosen = this.#leafOfGreatestGain();
      if (chosen < 0) break;
      nodes.push(this.#splitLeaf(chosen, nodes, gradients));
    }
    for (const leaf of this.#leaves) this.#release(leaf);
    return {
      nodes,
      leafValues: this.#leaves.map((leaf) => leaf.output * this.#params.learningRate),
      leafCounts: this.#leaves.map((leaf) => leaf.count),
    };
  }

  /** Adds each leaf's value of the tree just grown to the scores of its rows. */
  addLeafValues(tree: Tree, scores: Float64Array): void {
    const { rows } = this.#leafRows;
    this.#leaves.forEach((leaf, l) => {
      const value = tree.leafValues[l]!;
      for (let i = leaf.begin; i < leaf.begin + leaf.count; i++) scores[rows[i]!]! += value;
    });
  }

  #rootLeaf(gradients: Float64Array, bag: Int32Array | undefined): Leaf {
    const { rows } = this.#leafRows;
    const count = bag?.length ?? this.#table.numRows;
    if (bag === undefined) for (let i = 0; i < count; i++) rows[i] = i;
    else rows.set(bag);
    let sumGradient = 0;
    let sumHessian = 0;
    for (let i = 0; i < count; i++) {
      const row = 2 * rows[i]!;
      sumGradient += gradients[row]!;
      sumHessian += gradients[row + 1]!;
    }
    const output = leafOutput(sumGradient, sumHessian + epsilon, this.#params.lambdaL2);
    const root: Leaf = {
      begin: 0,
      count,
      sumGradient,
      sumHessian,
      depth: 0,
      output,
      parent: -1,
      isLeft: true,
      histogram: undefined,
      best: new SplitCandidate(),
    };
    this.#buildFromRows(root, gradients);
    return root;
  }

  #leafOfGreatestGain(): number {
    let chosen = -1;
    let gain = 0;
    for (let l = 0; l < this.#leaves.length; l++) {
      const { best } = this.#leaves[l]!;
      if (best.gain <= gain) continue;
      gain = best.gain;
      chosen = l;
    }
    return chosen;
  }

  /** The left child keeps the leaf's number, the right one takes the next, as in LightGBM. */
  #splitLeaf(chosen: number, nodes: readonly TreeNode[], gradients: Float64Array): TreeNode {
    const leaf = this.#leaves[chosen]!;
    const { best } = leaf;
    const node: TreeNode = { ...this.#describe(leaf), gain: best.gain + this.#params.minGainToSplit, leftChild: ~chosen, rightChild: ~this.#leaves.length };
    const right = this.#partition(leaf, nodes.length);
    const parent = nodes[leaf.parent];
    if (parent !== undefined) {
      if (leaf.isLeft) parent.leftChild = nodes.length;
      else parent.rightChild = nodes.length;
    }
    leaf.parent = nodes.length;
    leaf.isLeft = true;
    leaf.depth++;
    const lambda = best.lambda;
    leaf.sumGradient = best.leftGradient;
    leaf.sumHessian = best.leftHessian;
    leaf.output = leafOutput(leaf.sumGradient, leaf.sumHessian + epsilon, lambda);
    right.output = leafOutput(right.sumGradient, right.sumHessian + epsilon, lambda);
    this.#leaves.push(right);
    best.reset();
    if (this.#leaves.length < this.#params.numLeaves) this.#prepareChildren(leaf, right, gradients);
    return node;
  }

  #partition(leaf: Leaf, node: number): Leaf {
    const { best } = leaf;
    this.#fillGoesLeft(best);
    const packed = this.#table.packed[best.feature >> 2]!;
    const numLeft = this.#leafRows.split(leaf.begin, leaf.count, packed, (best.feature & 3) * 8, this.#goesLeft);
    const right: Leaf = {
      begin: leaf.begin + numLeft,
      count: leaf.count - numLeft,
      sumGradient: leaf.sumGradient - best.leftGradient,
      sumHessian: leaf.sumHessian - best.leftHessian,
      depth: leaf.depth + 1,
      output: 0,
      parent: node,
      isLeft: false,
      histogram: undefined,
      best: new SplitCandidate(),
    };
    leaf.count = numLeft;
    return right;
  }

  #fillGoesLeft(best: SplitCandidate): void {
    const bins = this.#table.bins[best.feature]!;
    this.#goesLeft.fill(0);
    if (bins.kind === "categorical") {
      for (const bin of best.leftBins) this.#goesLeft[bin] = 1;
      return;
    }
    this.#goesLeft.fill(1, 0, best.bin + 1);
    if (bins.hasMissing && best.defaultLeft) this.#goesLeft[bins.numBins - 1] = 1;
  }

  #describe({ best, sumHessian }: Leaf): Pick<TreeNode, "feature" | "threshold" | "defaultLeft" | "leftCodes"> {
    const bins = this.#table.bins[best.feature]!;
    if (bins.kind === "categorical") {
      return { feature: best.feature, threshold: 0, defaultLeft: false, leftCodes: best.leftBins.map((bin) => bins.codeOfBin[bin]!) };
    }
    // A feature never missing in training: a value missing later takes the side of greater hessian, which stands for rows.
    const defaultLeft = bins.hasMissing ? best.defaultLeft : 2 * best.leftHessian >= sumHessian;
    return { feature: best.feature, threshold: bins.upperBounds[best.bin]!, defaultLeft };
  }

  #prepareChildren(left: Leaf, right: Leaf, gradients: Float64Array): void {
    const parentHistogram = left.histogram;
    left.histogram = undefined;
    const leftMay = this.#maySplit(left);
    const rightMay = this.#maySplit(right);
    if (!leftMay && !rightMay) {
      if (parentHistogram !== undefined) this.#pool.push(parentHistogram);
      return;
    }
    const [smaller, larger] = left.count < right.count ? [left, right] : [right, left];
    this.#buildFromRows(smaller, gradients);
    if (parentHistogram !== undefined && smaller.histogram !== undefined) subtractHistogram(parentHistogram, smaller.histogram);
    larger.histogram = parentHistogram;
    for (const child of [left, right]) {
      if (this.#maySplit(child)) this.#findBestSplit(child);
      else this.#release(child);
    }
  }

  #maySplit(leaf: Leaf): boolean {
    const { maxDepth, minDataInLeaf, minSumHessianInLeaf } = this.#params;
    return leaf.count >= 2 * Math.max(1, minDataInLeaf) && leaf.sumHessian >= 2 * minSumHessianInLeaf && (maxDepth < 0 || leaf.depth < maxDepth);
  }

  #buildFromRows(leaf: Leaf, gradients: Float64Array): void {
    const histogram = this.#pool.pop() ?? new Float64Array(2 * this.#table.numSlots);
    let ordered = gradients;
    if (leaf.count < this.#table.numRows) {
      gatherGradients(gradients, this.#leafRows.rows, leaf.begin, leaf.count, this.#ordered);
      ordered = this.#ordered;
    }
    buildHistogram(this.#table, this.#leafRows.rows, leaf.begin, leaf.count, ordered, this.#words, histogram);
    leaf.histogram = histogram;
  }

  #findBestSplit(leaf: Leaf): void {
    leaf.best.reset();
    const { histogram } = leaf;
    if (histogram === undefined || !this.#maySplit(leaf)) return;
    for (const feature of this.#features) {
      const bins = this.#table.bins[feature]!;
      const offset = this.#table.binOffsets[feature]!;
      if (bins.kind === "numeric") findNumericSplit(histogram, offset, bins.numBins, bins.hasMissing, feature, leaf, this.#params, leaf.best);
      else findCategoricalSplit(histogram, offset, bins.numBins, feature, leaf, this.#params, leaf.best);
    }
  }

  #release(leaf: Leaf): void {
    if (leaf.histogram !== undefined) this.#pool.push(leaf.histogram);
    leaf.histogram = undefined;
  }
}
