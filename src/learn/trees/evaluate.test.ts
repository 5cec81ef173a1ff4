import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkTrees } from "./check-trees.ts";
import { createTreeEvaluator } from "./evaluate.ts";
import { nodeKind, referenceScores, zeroBound, type FlatTrees } from "./flat-trees.ts";

const numFeatures = 3;
const hardValues = [0, -0, 1, -1, 0.5, 31.5, 32, 63, 64, 100, -0.5, 1e-36, zeroBound, -zeroBound, 2 * zeroBound, 1e300, Infinity, -Infinity, Number.NaN];
const anyValue = fc.oneof(fc.constantFrom(...hardValues), fc.double({ min: -3, max: 3, noNaN: true }), fc.integer({ min: -2, max: 70 }));

interface Node {
  readonly kind: number;
  readonly feature: number;
  readonly threshold: number;
  readonly missingLeft: boolean;
  readonly words: readonly number[];
}

/** Trees grown by splitting a random leaf again and again; `groups[i]` is tree i's group. */
const anyTrees: fc.Arbitrary<FlatTrees> = fc
  .record({
    onlyThresholds: fc.boolean(),
    linear: fc.boolean(),
    numGroups: fc.integer({ min: 1, max: 3 }),
    trees: fc.array(
      fc.record({
        group: fc.nat(2),
        splits: fc.array(
          fc.record({
            at: fc.nat(1000),
            kind: fc.constantFrom(...Object.values(nodeKind)),
            feature: fc.nat(numFeatures - 1),
            threshold: fc.oneof(fc.constantFrom(...hardValues.filter((x) => !Number.isNaN(x))), fc.double({ min: -3, max: 3, noNaN: true })),
            missingLeft: fc.boolean(),
            words: fc.array(fc.integer({ min: 0, max: 0xffffffff }), { maxLength: 3 }),
          }),
          { maxLength: 12 },
        ),
      }),
      { maxLength: 6 },
    ),
    seed: fc.integer({ min: 1, max: 1e6 }),
  })
  .map(({ onlyThresholds, linear, numGroups, trees, seed }) => grow(onlyThresholds, linear, numGroups, trees, seed));

function grow(
  onlyThresholds: boolean,
  linear: boolean,
  numGroups: number,
  plans: readonly { readonly group: number; readonly splits: readonly (Node & { readonly at: number })[] }[],
  seed: number,
): FlatTrees {
  const nodes: (Node & { left: number; right: number })[] = [];
  const roots: number[] = [];
  let numLeaves = 0;
  for (const { splits } of plans) {
    // Slots that hold a leaf: a split takes one and makes two.
    const open: ((child: number) => void)[] = [(child) => roots.push(child)];
    for (const split of splits) {
      const [put] = open.splice(split.at % open.length, 1);
      const node = { ...split, kind: onlyThresholds ? nodeKind.threshold : split.kind, left: 0, right: 0 };
      put!(nodes.push(node) - 1);
      open.push(
        (child) => (node.left = child),
        (child) => (node.right = child),
      );
    }
    for (const put of open) put(~numLeaves++);
  }
  let state = seed;
  const next = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647 - 0.5;
  const words = nodes.map(({ kind, words }) => (kind === nodeKind.wholeCode || kind === nodeKind.code ? words : []));
  const offsets = [0];
  for (const set of words) offsets.push(offsets.at(-1)! + set.length);
  return {
    numFeatures,
    numGroups,
    roots: Int32Array.from(roots),
    treeGroup: Int32Array.from(plans, ({ group }) => group % numGroups),
    kind: Uint8Array.from(nodes, (n) => n.kind),
    feature: Int32Array.from(nodes, (n) => n.feature),
    threshold: Float64Array.from(nodes, (n) => n.threshold),
    left: Int32Array.from(nodes, (n) => n.left),
    right: Int32Array.from(nodes, (n) => n.right),
    missing: Int32Array.from(nodes, (n) => (n.missingLeft ? n.left : n.right)),
    categoryOffsets: Int32Array.from(offsets),
    categoryBits: Uint32Array.from(words.flat()),
    leafValue: Float64Array.from({ length: numLeaves }, next),
    nodeCover: new Float64Array(0),
    leafCover: new Float64Array(0),
    ...(linear
      ? {
          linear: {
            isLinear: Uint8Array.from({ length: numLeaves }, (_, i) => i % 2),
            constant: Float64Array.from({ length: numLeaves }, next),
            offsets: Int32Array.from({ length: numLeaves + 1 }, (_, i) => i),
            feature: Int32Array.from({ length: numLeaves }, (_, i) => i % numFeatures),
            coefficient: Float64Array.from({ length: numLeaves }, next),
          },
        }
      : {}),
  };
}

describe("the fast evaluator", () => {
  it("gives the naive evaluator's bits for any trees and rows, alone and in a batch, in float64 and float32", () => {
    fc.assert(
      fc.property(
        anyTrees,
        fc.array(fc.array(anyValue, { minLength: numFeatures, maxLength: numFeatures }), { minLength: 1, maxLength: 130 }),
        fc.boolean(),
        (trees, rows, float32) => {
          expect(() => checkTrees(trees)).not.toThrow();
          const base = Float64Array.from({ length: trees.numGroups }, (_, g) => g / 2);
          const evaluator = createTreeEvaluator(trees, { base, float32 });
          const vectors = Float64Array.from(rows.flat());
          const batch = new Float64Array(rows.length * trees.numGroups);
          evaluator.scoreRows(vectors, rows.length, batch);
          const alone = new Float64Array(trees.numGroups);
          for (const [row, vector] of rows.entries()) {
            const expected = referenceScores(trees, base, vector, float32 ? Math.fround : (x) => x);
            evaluator.scoreRow(vectors, row * numFeatures, alone, 0);
            expect(alone).toEqual(expected);
            expect(batch.slice(row * trees.numGroups, (row + 1) * trees.numGroups)).toEqual(expected);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe("checking trees", () => {
  const sound = grow(
    true,
    false,
    1,
    [{ group: 0, splits: [0, 1, 2].map((at) => ({ at, kind: 0, feature: 0, threshold: 0, missingLeft: true, words: [] })) }],
    1,
  );
  const spoilt = (change: (trees: Record<string, Int32Array | Float64Array | Uint8Array>) => void): FlatTrees => {
    const copy = structuredClone(sound);
    change(copy as unknown as Record<string, Int32Array | Float64Array | Uint8Array>);
    return copy;
  };
  it.each<[string, FlatTrees]>([
    ["a node that is its own child", spoilt((t) => (t["missing"]![1] = t["left"]![1] = 1))],
    ["a circle of two nodes", spoilt((t) => (t["missing"]![1] = t["left"]![1] = 0))],
    ["a leaf reached twice", spoilt((t) => (t["missing"]![2] = t["left"]![2] = t["right"]![2]!))],
    ["a child beyond the nodes", spoilt((t) => (t["missing"]![0] = t["left"]![0] = 99))],
    ["a leaf beyond the leaves", spoilt((t) => (t["missing"]![0] = t["left"]![0] = -99))],
    ["a feature the rows do not have", spoilt((t) => (t["feature"]![0] = 3))],
    ["a negative feature", spoilt((t) => (t["feature"]![0] = -1))],
    ["a threshold that is not a number", spoilt((t) => (t["threshold"]![0] = Number.NaN))],
    ["a leaf that is not a number", spoilt((t) => (t["leafValue"]![0] = Number.NaN))],
    ["a group that is not there", spoilt((t) => (t["treeGroup"]![0] = 1))],
    ["a missing child of another node", spoilt((t) => (t["missing"]![0] = 2))],
  ])("refuses %s", (_name, trees) => {
    expect(() => checkTrees(trees)).toThrow(expect.objectContaining({ code: "MODEL_FILE_INVALID" }));
  });

  it("accepts the trees that the spoilt ones were made of", () => {
    expect(() => checkTrees(sound)).not.toThrow();
  });
});
