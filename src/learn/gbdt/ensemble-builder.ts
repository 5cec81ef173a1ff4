import type { TreeEnsemble } from "./ensemble.ts";

/** A split as the trees keep it; children as in `TreeEnsemble`. */
export interface TreeNode {
  readonly feature: number;
  readonly threshold: number;
  readonly defaultLeft: boolean;
  /** Codes that go left, or undefined for a numeric split. */
  readonly leftCodes?: readonly number[];
  readonly gain: number;
  leftChild: number;
  rightChild: number;
}

export interface Tree {
  readonly nodes: readonly TreeNode[];
  /** Shrunken leaf values. */
  readonly leafValues: readonly number[];
  readonly leafCounts: readonly number[];
}

/** Lays trees out as a structure of arrays. */
export function buildEnsemble(trees: readonly Tree[], baseScore: number): TreeEnsemble {
  const nodes = trees.flatMap((tree) => tree.nodes);
  const bits = nodes.map((node) => bitset(node.leftCodes ?? []));
  return {
    numTrees: trees.length,
    baseScore,
    treeOffsets: offsetsOf(trees.map((tree) => tree.nodes.length)),
    leafOffsets: offsetsOf(trees.map((tree) => tree.leafValues.length)),
    splitFeature: Int32Array.from(nodes, (node) => node.feature),
    threshold: Float64Array.from(nodes, (node) => node.threshold),
    leftChild: Int32Array.from(nodes, (node) => node.leftChild),
    rightChild: Int32Array.from(nodes, (node) => node.rightChild),
    defaultLeft: Uint8Array.from(nodes, (node) => (node.defaultLeft ? 1 : 0)),
    isCategorical: Uint8Array.from(nodes, (node) => (node.leftCodes === undefined ? 0 : 1)),
    splitGain: Float64Array.from(nodes, (node) => node.gain),
    categoryOffsets: offsetsOf(bits.map((words) => words.length)),
    categoryBits: Uint32Array.from(bits.flat()),
    leafValue: Float64Array.from(trees.flatMap((tree) => tree.leafValues)),
    leafCount: Int32Array.from(trees.flatMap((tree) => tree.leafCounts)),
  };
}

function offsetsOf(lengths: readonly number[]): Int32Array {
  const offsets = new Int32Array(lengths.length + 1);
  for (let i = 0; i < lengths.length; i++) offsets[i + 1] = offsets[i]! + lengths[i]!;
  return offsets;
}

function bitset(codes: readonly number[]): number[] {
  if (codes.length === 0) return [];
  const words = Array.from({ length: Math.floor(Math.max(...codes) / 32) + 1 }, () => 0);
  for (const code of codes) words[code >> 5]! |= 1 << (code & 31);
  return words;
}
