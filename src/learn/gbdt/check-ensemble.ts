import type { FeatureInfo } from "../dataset.ts";
import { invalidModel } from "../model-reader.ts";
import type { TreeEnsemble } from "./ensemble.ts";

/**
 * Holds an ensemble against its own description: lengths, indices in range, and every node and leaf of a tree reached
 * from its root exactly once (so no cycles, no orphans).
 * @throws MODEL_FILE_INVALID
 */
export function checkEnsemble(ensemble: TreeEnsemble, features: readonly FeatureInfo[]): void {
  const numNodes = ensemble.splitFeature.length;
  const numLeaves = ensemble.leafValue.length;
  checkOffsets("treeOffsets", ensemble.treeOffsets, ensemble.numTrees, numNodes);
  checkOffsets("leafOffsets", ensemble.leafOffsets, ensemble.numTrees, numLeaves);
  checkOffsets("categoryOffsets", ensemble.categoryOffsets, numNodes, ensemble.categoryBits.length);
  const perNode = {
    threshold: ensemble.threshold,
    leftChild: ensemble.leftChild,
    rightChild: ensemble.rightChild,
    defaultLeft: ensemble.defaultLeft,
    isCategorical: ensemble.isCategorical,
    splitGain: ensemble.splitGain,
  };
  for (const [name, values] of Object.entries(perNode))
    if (values.length !== numNodes) throw invalidModel(`model.ensemble.${name}`, `expected ${numNodes} elements, one a node, got ${values.length}`);
  if (ensemble.leafCount.length !== numLeaves)
    throw invalidModel("model.ensemble.leafCount", `expected ${numLeaves} elements, one a leaf, got ${ensemble.leafCount.length}`);
  if (!ensemble.leafValue.every(Number.isFinite)) throw invalidModel("model.ensemble.leafValue", "expected finite numbers");
  for (let node = 0; node < numNodes; node++) checkNode(ensemble, node, features);
  for (let tree = 0; tree < ensemble.numTrees; tree++) checkTree(ensemble, tree);
}

function checkOffsets(name: string, offsets: Int32Array, count: number, end: number): void {
  const field = `model.ensemble.${name}`;
  if (offsets.length !== count + 1) throw invalidModel(field, `expected ${count + 1} elements, got ${offsets.length}`);
  if (offsets[0] !== 0 || offsets[count] !== end) throw invalidModel(field, `expected to go from 0 to ${end}`);
  for (let i = 0; i < count; i++) if (offsets[i + 1]! < offsets[i]!) throw invalidModel(field, `falls at ${i + 1}`);
}

function checkNode(ensemble: TreeEnsemble, node: number, features: readonly FeatureInfo[]): void {
  const feature = features[ensemble.splitFeature[node]!];
  if (feature === undefined)
    throw invalidModel("model.ensemble.splitFeature", `node ${node} reads feature ${ensemble.splitFeature[node]} of ${features.length}`);
  if ((feature.type === "categorical") !== (ensemble.isCategorical[node] === 1))
    throw invalidModel("model.ensemble.isCategorical", `node ${node} does not split ${feature.name} as ${feature.type}`);
  if (Number.isNaN(ensemble.threshold[node])) throw invalidModel("model.ensemble.threshold", `node ${node} is not a number`);
}

function checkTree(ensemble: TreeEnsemble, tree: number): void {
  const firstNode = ensemble.treeOffsets[tree]!;
  const numNodes = ensemble.treeOffsets[tree + 1]! - firstNode;
  const numLeaves = ensemble.leafOffsets[tree + 1]! - ensemble.leafOffsets[tree]!;
  if (numLeaves !== numNodes + 1) throw invalidModel("model.ensemble.leafOffsets", `tree ${tree} has ${numNodes} nodes and ${numLeaves} leaves`);
  const seenNodes = new Uint8Array(numNodes);
  const seenLeaves = new Uint8Array(numLeaves);
  const waiting = numNodes === 0 ? [] : [0];
  let reached = 0;
  while (waiting.length > 0) {
    const child = waiting.pop()!;
    const seen = child >= 0 ? seenNodes : seenLeaves;
    const index = child >= 0 ? child : ~child;
    if (index >= seen.length) throw invalidModel("model.ensemble", `tree ${tree} has a child ${child} outside the tree`);
    if (seen[index] === 1) throw invalidModel("model.ensemble", `tree ${tree} reaches ${child >= 0 ? "node" : "leaf"} ${index} twice`);
    seen[index] = 1;
    reached++;
    if (child >= 0) waiting.push(ensemble.leftChild[firstNode + child]!, ensemble.rightChild[firstNode + child]!);
  }
  if (numNodes > 0 && reached !== numNodes + numLeaves) throw invalidModel("model.ensemble", `tree ${tree} has nodes its root does not reach`);
}
