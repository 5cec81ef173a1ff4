import { expect, test } from "vitest";
import { bytesField, intField, messageField, textField, writeMessage, type Field } from "./onnx/wire.ts";
import { openModel, parseModel } from "./open.ts";

// As many leaves as a forest of scikit-learn has on a few thousand rows, and one tree of LightGBM with num_leaves at its most (131,072).

const repeated = (value: number, count: number): string => `${value} `.repeat(count).trimEnd();

/** The two children of each node, a leaf as ~leaf: of a balanced tree, or of a chain of nodes. */
function childrenOf(numLeaves: number, isChain: boolean): readonly (readonly [number, number])[] {
  const numNodes = numLeaves - 1;
  let leaf = 0;
  const child = (node: number): number => (node < numNodes ? node : ~leaf++);
  return Array.from({ length: numNodes }, (_, i) => (isChain ? [~i, i === numNodes - 1 ? ~numNodes : i + 1] : [child(2 * i + 1), child(2 * i + 2)]));
}

/** One tree whose thresholds are its nodes' numbers and whose leaves hold theirs. */
function lightGbmTree(children: readonly (readonly [number, number])[]): Uint8Array {
  const numNodes = children.length;
  const numLeaves = numNodes + 1;
  const lines = {
    num_leaves: numLeaves,
    num_cat: 0,
    split_feature: repeated(0, numNodes),
    threshold: children.map((_, i) => i).join(" "),
    decision_type: repeated(2, numNodes),
    left_child: children.map(([left]) => left).join(" "),
    right_child: children.map(([, right]) => right).join(" "),
    leaf_value: Array.from({ length: numLeaves }, (_, i) => i).join(" "),
    leaf_count: repeated(1, numLeaves),
    internal_count: repeated(2, numNodes),
    is_linear: 0,
    shrinkage: 1,
  };
  const tree = Object.entries(lines).map(([key, value]) => `${key}=${value}`);
  const head = [
    "tree",
    "version=v4",
    "num_class=1",
    "num_tree_per_iteration=1",
    "max_feature_idx=0",
    "objective=regression",
    "feature_names=a",
    "tree_sizes=1",
  ];
  return new TextEncoder().encode([...head, "", "Tree=0", ...tree, "", "", "end of trees", ""].join("\n"));
}

/** A TreeEnsembleRegressor of trees of two leaves: 1 where x <= 0, else `right`, each. */
function onnxForest(numTrees: number, right: number): Uint8Array {
  const numbers = (name: string, type: 6 | 7, values: readonly number[]): Field => {
    const field = type === 6 ? new Uint8Array(Float32Array.from(values).buffer) : Uint8Array.from(values.flatMap((value) => varint(value)));
    return messageField(5, [textField(1, name), bytesField(type === 6 ? 7 : 8, field), intField(20, type)]);
  };
  const trees = Array.from({ length: numTrees }, (_, i) => i);
  const perNode = (values: readonly number[]): number[] => trees.flatMap(() => values);
  const modes = trees.flatMap(() => ["BRANCH_LEQ", "LEAF", "LEAF"]);
  const attributes = [
    numbers(
      "nodes_treeids",
      7,
      trees.flatMap((tree) => [tree, tree, tree]),
    ),
    numbers("nodes_nodeids", 7, perNode([0, 1, 2])),
    numbers("nodes_featureids", 7, perNode([0, 0, 0])),
    numbers("nodes_truenodeids", 7, perNode([1, 0, 0])),
    numbers("nodes_falsenodeids", 7, perNode([2, 0, 0])),
    numbers("nodes_values", 6, perNode([0, 0, 0])),
    messageField(5, [textField(1, "nodes_modes"), ...modes.map((mode) => textField(9, mode)), intField(20, 8)]),
    numbers(
      "target_treeids",
      7,
      trees.flatMap((tree) => [tree, tree]),
    ),
    numbers("target_nodeids", 7, perNode([1, 2])),
    numbers("target_ids", 7, perNode([0, 0])),
    numbers("target_weights", 6, perNode([1, right])),
    messageField(5, [textField(1, "n_targets"), intField(3, 1), intField(20, 2)]),
  ];
  const value = (number: number, name: string): Field =>
    messageField(number, [
      textField(1, name),
      messageField(2, [messageField(1, [intField(1, 1), messageField(2, [messageField(1, [textField(2, "n")]), messageField(1, [intField(1, 1)])])])]),
    ]);
  const node = [textField(1, "X"), textField(2, "Y"), textField(4, "TreeEnsembleRegressor"), ...attributes, textField(7, "ai.onnx.ml")];
  const graph = [messageField(1, node), textField(2, "forest"), value(11, "X"), value(12, "Y")];
  return writeMessage([intField(1, 8), messageField(7, graph), messageField(8, [textField(1, "ai.onnx.ml"), intField(2, 3)])]);
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)];
}

test.each([true, false])("a LightGBM tree of 140,000 leaves is read and answers (a chain of nodes: %s)", async (isChain) => {
  const children = childrenOf(140_000, isChain);
  const { tabular } = await openModel(parseModel("model.txt", lightGbmTree(children)));
  const rows = Float64Array.of(-1, 50.5, 1e9);
  const leaves = Array.from(rows, (value) => {
    let at = 0;
    while (at >= 0) at = children[at]![value <= at ? 0 : 1];
    return ~at;
  });
  const scores = new Float64Array(3);
  tabular!.scoreRows(rows, 3, scores);
  expect([...scores]).toEqual(leaves);
});

test("an ONNX forest of 160,000 leaves is read and answers here", async () => {
  const model = await openModel(parseModel("model.onnx", onnxForest(80_000, 0.5)));
  expect(model.runs).toBe("inline");
  const [answer] = await model.predict([{ name: "X", datatype: "FP32", shape: [2, 1], data: Float32Array.of(-1, 1) }]);
  expect([...answer!.data]).toEqual([80_000, 40_000]);
});
