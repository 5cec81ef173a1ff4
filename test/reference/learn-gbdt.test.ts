import { describe, expect, it } from "vitest";
import type { TreeEnsemble } from "../../src/learn/gbdt/ensemble.ts";
import type { GbdtParams } from "../../src/learn/gbdt/params.ts";
import { trainGbdt } from "../../src/learn/gbdt/train.ts";
import { referenceScore } from "../../src/learn/gbdt/walk.ts";
import { auc, logLoss } from "../../src/learn/metrics.ts";
import { createPredictor, predictTable } from "../../src/learn/predictor.ts";
import { readFixture, rowOf, tableOf } from "./learn-fixture.ts";

type LightGbmTree =
  | { readonly leaf: number; readonly count: number }
  | {
      readonly feature: number;
      readonly gain: number;
      readonly threshold?: number;
      readonly defaultLeft?: boolean;
      readonly missing?: string;
      readonly categories?: readonly number[];
      readonly left: LightGbmTree;
      readonly right: LightGbmTree;
    };

interface Case {
  readonly name: string;
  readonly columns: readonly (readonly (number | null)[])[];
  readonly labels: readonly number[];
  readonly categorical: readonly number[];
  readonly params: Readonly<Record<string, number>>;
}

interface Fixture {
  readonly structures: readonly (Case & { readonly trees: readonly LightGbmTree[]; readonly rawScores: readonly number[] })[];
  readonly holdouts: readonly (Case & { readonly numTrain: number; readonly numIterations: number; readonly auc: number; readonly logLoss: number })[];
}

const fixture = readFixture("learn-gbdt.json") as Fixture;

describe.each(fixture.structures)("trees on few distinct values ($name)", ({ columns, labels, categorical, params, trees, rawScores }) => {
  const table = tableOf(columns, labels, categorical);
  const { ensemble } = trainGbdt({ train: table, params: { ...paramsOf(params), numIterations: trees.length } });

  it("splits, gains, counts and leaf values equal LightGBM's", () => {
    expect(ensemble.numTrees).toBe(trees.length);
    // LightGBM adds the base score to the first tree's leaves.
    const found = trees.flatMap((tree, t) =>
      differences(ensemble, t, ensemble.treeOffsets[t + 1] === ensemble.treeOffsets[t] ? ~0 : 0, tree, t === 0 ? ensemble.baseScore : 0),
    );
    expect(found).toEqual([]);
  });

  it("raw scores agree within 1e-6", () => {
    rawScores.forEach((score, i) => expect(Math.abs(referenceScore(ensemble, rowOf(table, i)) - score)).toBeLessThan(1e-6));
  });
});

describe.each(fixture.holdouts)(
  "on 1,000 held-out rows after 60 trees ($name)",
  ({ columns, labels, categorical, params, numTrain, numIterations, auc: theirAuc, logLoss: theirLogLoss }) => {
    it("AUC is within 0.01 and log loss within 0.015 of LightGBM's", () => {
      const train = tableOf(columns, labels, categorical, 0, numTrain);
      const holdout = tableOf(columns, labels, categorical, numTrain);
      const { ensemble } = trainGbdt({ train, params: { ...paramsOf(params), numIterations } });
      const predicted = predictTable(
        createPredictor({ kind: "gbdt", features: train.features, ensemble, calibration: { kind: "sigmoid", slope: 1, intercept: 0 } }),
        holdout,
      );
      expect(Math.abs(auc(predicted, holdout.labels) - theirAuc)).toBeLessThan(0.01);
      expect(Math.abs(logLoss(predicted, holdout.labels) - theirLogLoss)).toBeLessThan(0.015);
    });
  },
);

/** LightGBM's names to ours; the rest of the script's settings are our defaults. */
function paramsOf(given: Readonly<Record<string, number>>): Partial<GbdtParams> {
  const names: Readonly<Record<string, keyof GbdtParams>> = { num_leaves: "numLeaves", lambda_l2: "lambdaL2", min_gain_to_split: "minGainToSplit" };
  return Object.fromEntries(Object.entries(given).map(([name, value]) => [names[name] ?? name, value]));
}

/** What is not as LightGBM has it, from this node or leaf down. */
function differences(ensemble: TreeEnsemble, tree: number, child: number, expected: LightGbmTree, folded: number): string[] {
  const at = `tree ${tree}, child ${child}`;
  if ("leaf" in expected || child < 0) {
    if (!("leaf" in expected) || child >= 0) return [`${at}: a leaf on one side only`];
    const leaf = ensemble.leafOffsets[tree]! + ~child;
    const value = ensemble.leafValue[leaf]! + folded;
    return differ(at, { count: ensemble.leafCount[leaf]!, valueIsNear: Math.abs(value - expected.leaf) < 1e-6 }, { count: expected.count, valueIsNear: true });
  }
  const node = ensemble.treeOffsets[tree]! + child;
  const ours = {
    feature: ensemble.splitFeature[node]!,
    gainIsNear: Math.abs(ensemble.splitGain[node]! / expected.gain - 1) < 1e-4,
    categories: ensemble.isCategorical[node] === 1 ? categoriesOf(ensemble, node) : undefined,
    threshold: ensemble.isCategorical[node] === 1 ? undefined : ensemble.threshold[node],
    defaultLeft: expected.missing === "NaN" ? ensemble.defaultLeft[node] === 1 : undefined,
  };
  const { feature, categories, threshold } = expected;
  return [
    ...differ(at, ours, { feature, gainIsNear: true, categories, threshold, defaultLeft: expected.missing === "NaN" ? expected.defaultLeft : undefined }),
    ...differences(ensemble, tree, ensemble.leftChild[node]!, expected.left, folded),
    ...differences(ensemble, tree, ensemble.rightChild[node]!, expected.right, folded),
  ];
}

function differ(at: string, ours: unknown, theirs: unknown): string[] {
  const [a, b] = [JSON.stringify(ours), JSON.stringify(theirs)];
  return a === b ? [] : [`${at}: ${a}, LightGBM has ${b}`];
}

function categoriesOf(ensemble: TreeEnsemble, node: number): number[] {
  const words = ensemble.categoryBits.subarray(ensemble.categoryOffsets[node], ensemble.categoryOffsets[node + 1]);
  return Array.from({ length: 32 * words.length }, (_, code) => code).filter((code) => ((words[code >> 5]! >>> (code & 31)) & 1) === 1);
}
