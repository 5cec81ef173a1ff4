import { invalidModel } from "../model-reader.ts";
import { nodeKind, type FlatTrees } from "./flat-trees.ts";

/**
 * Holds trees against their own description: lengths, indices in range, thresholds that are numbers, and every node and leaf reached
 * from a root exactly once, so that a walk ends inside the arrays whatever the row.
 * @throws MODEL_FILE_INVALID
 */
export function checkTrees(trees: FlatTrees): void {
  const numNodes = trees.feature.length;
  const numLeaves = trees.leafValue.length;
  for (const [name, values] of Object.entries({ kind: trees.kind, threshold: trees.threshold, left: trees.left, right: trees.right, missing: trees.missing }))
    if (values.length !== numNodes) throw invalidModel(`trees.${name}`, `expected ${numNodes} elements, one a node, got ${values.length}`);
  if (trees.treeGroup.length !== trees.roots.length) throw invalidModel("trees.group", `expected one a tree`);
  for (const group of trees.treeGroup)
    if (!(group >= 0 && group < trees.numGroups)) throw invalidModel("trees.group", `${group} is outside ${trees.numGroups}`);
  for (let leaf = 0; leaf < numLeaves; leaf++) if (Number.isNaN(trees.leafValue[leaf])) throw invalidModel("trees.leafValue", `leaf ${leaf} is not a number`);
  for (let node = 0; node < numNodes; node++) {
    const feature = trees.feature[node]!;
    if (!(feature >= 0 && feature < trees.numFeatures)) throw invalidModel("trees.feature", `node ${node} reads feature ${feature} of ${trees.numFeatures}`);
    const isSet = trees.kind[node] === nodeKind.wholeCode || trees.kind[node] === nodeKind.code;
    if (!isSet && Number.isNaN(trees.threshold[node])) throw invalidModel("trees.threshold", `node ${node} is not a number`);
    const missing = trees.missing[node];
    if (missing !== trees.left[node] && missing !== trees.right[node])
      throw invalidModel("trees.missing", `node ${node} sends missing values to no child of it`);
  }
  const seenNodes = new Uint8Array(numNodes);
  const seenLeaves = new Uint8Array(numLeaves);
  for (let tree = 0; tree < trees.roots.length; tree++) {
    const waiting = [trees.roots[tree]!];
    while (waiting.length > 0) {
      const child = waiting.pop()!;
      const seen = child >= 0 ? seenNodes : seenLeaves;
      const index = child >= 0 ? child : ~child;
      if (index >= seen.length) throw invalidModel("trees", `tree ${tree} has a child outside the tree`);
      if (seen[index] === 1) throw invalidModel("trees", `tree ${tree} reaches a ${child >= 0 ? "node" : "leaf"} twice`);
      seen[index] = 1;
      if (child >= 0) waiting.push(trees.left[child]!, trees.right[child]!);
    }
  }
}
