/**
 * Histogram gradient boosting of the binary log loss, leaf-wise.
 * @see Friedman, Greedy Function Approximation (2001); Ke et al., LightGBM (NeurIPS 2017), whose parameter names,
 * split rules and bin rules are kept so that results can be held against it. Deviations: `bins.ts` (no bin for zero),
 * gradients are float64, base score kept apart from the first tree.
 */
import { KarkhanaError } from "../../kernel/error.ts";
import { seededRng, type Rng } from "../../kernel/rng.ts";
import { logit } from "../../math/sigmoid.ts";
import { checkBothClasses, checkTable } from "../check-table.ts";
import type { TrainingTable } from "../dataset.ts";
import { binTable } from "./binned-table.ts";
import { resolveGbdtParams } from "./check-params.ts";
import { buildEnsemble, type Tree } from "./ensemble-builder.ts";
import type { TreeEnsemble } from "./ensemble.ts";
import { TreeGrower } from "./grow-tree.ts";
import { logLossGradients, meanLogLoss } from "./log-loss.ts";
import type { GbdtParams } from "./params.ts";
import { addTreeScores } from "./walk.ts";

export interface GbdtTraining {
  readonly train: TrainingTable;
  /** Rows that early stopping watches; same features in the same order. */
  readonly valid?: TrainingTable;
  readonly params?: Partial<GbdtParams>;
  /** Called after each tree, `iteration` from 1; the loss is NaN without a validation table. */
  readonly onIteration?: (iteration: number, validLogLoss: number) => void;
  /** Looked at before each tree; an AbortSignal fits. */
  readonly signal?: { readonly aborted: boolean };
}

interface GbdtIteration {
  /** Number of trees, from 1. */
  readonly iteration: number;
  readonly trainLogLoss?: number;
  /** NaN without a validation table. */
  readonly validLogLoss: number;
}

export interface GbdtResult {
  /** The trees kept: up to the best iteration if early stopping watched, otherwise all. */
  readonly ensemble: TreeEnsemble;
  /** Number of trees kept. */
  readonly bestIteration: number;
  readonly history: readonly GbdtIteration[];
}

/**
 * Trains to the same bits for the same table, parameters and seed. Pure and synchronous: run it in a worker.
 * @throws INVALID_ARGUMENT, SHAPE_MISMATCH for tables and parameters; TRAINING_ABORTED if `signal` asks for it
 */
export function trainGbdt({ train, valid, params: given = {}, onIteration, signal }: GbdtTraining): GbdtResult {
  const params = resolveGbdtParams(given);
  checkTables(train, valid);
  const table = binTable(train, params.maxBin);
  const grower = new TreeGrower(table, params);
  const rng = seededRng(params.seed, "gbdt");
  const baseScore = logit(meanOf(train.labels));
  const scores = new Float64Array(train.numRows).fill(baseScore);
  const validScores = new Float64Array(valid?.numRows ?? 0).fill(baseScore);
  const gradients = new Float64Array(2 * train.numRows);
  const usable = table.bins.flatMap((bins, f) => (bins.numBins > 1 ? [f] : []));
  const trees: Tree[] = [];
  const history: GbdtIteration[] = [];
  let best = { iteration: 0, loss: Infinity };
  let bag: Bag | undefined;
  logLossGradients(scores, train.labels, gradients);

  for (let iteration = 1; iteration <= params.numIterations; iteration++) {
    if (signal?.aborted === true) throw new KarkhanaError("TRAINING_ABORTED", { iteration: iteration - 1 });
    if (params.baggingFreq > 0 && params.baggingFraction < 1 && (iteration - 1) % params.baggingFreq === 0)
      bag = drawBag(train.numRows, params.baggingFraction, rng.fork(`bag-${iteration}`));
    const tree = grower.grow(gradients, bag?.inside, drawFeatures(usable, params.featureFraction, rng, iteration));
    if (tree.nodes.length === 0) break; // No leaf can be split within the limits: more trees would be constants.
    trees.push(tree);
    grower.addLeafValues(tree, scores);
    const single = buildEnsemble([tree], 0);
    if (bag !== undefined) addTreeScores(single, 0, train.columns, bag.outside, scores);
    if (valid !== undefined) addTreeScores(single, 0, valid.columns, undefined, validScores);
    const trainLogLoss = logLossGradients(scores, train.labels, gradients);
    const validLogLoss = valid === undefined ? Number.NaN : meanLogLoss(validScores, valid.labels);
    history.push({ iteration, trainLogLoss, validLogLoss });
    onIteration?.(iteration, validLogLoss);
    if (validLogLoss < best.loss) best = { iteration, loss: validLogLoss };
    if (valid !== undefined && params.earlyStoppingRounds > 0 && iteration - best.iteration >= params.earlyStoppingRounds) break;
  }
  const bestIteration = valid !== undefined && params.earlyStoppingRounds > 0 ? best.iteration : trees.length;
  return { ensemble: buildEnsemble(trees.slice(0, bestIteration), baseScore), bestIteration, history };
}

function checkTables(train: TrainingTable, valid: TrainingTable | undefined): void {
  checkTable(train, "train");
  checkBothClasses(train.labels, "train.labels");
  if (valid === undefined) return;
  checkTable(valid, "valid");
  const describe = (table: TrainingTable): string => table.features.map(({ name, type }) => `${name}:${type}`).join(",");
  if (describe(train) !== describe(valid))
    throw new KarkhanaError("SHAPE_MISMATCH", { field: "valid.features", expected: describe(train), actual: describe(valid) });
}

function meanOf(labels: Uint8Array): number {
  let sum = 0;
  for (const label of labels) sum += label;
  return sum / labels.length;
}

interface Bag {
  readonly inside: Int32Array;
  readonly outside: Int32Array;
}

/** Each row is in the bag with probability `fraction`, so its size varies; never empty. */
function drawBag(numRows: number, fraction: number, rng: Rng): Bag {
  const inside = new Int32Array(numRows);
  const outside = new Int32Array(numRows);
  let numInside = 0;
  for (let row = 0; row < numRows; row++) {
    if (rng.next() < fraction) inside[numInside++] = row;
    else outside[row - numInside] = row;
  }
  if (numInside === 0) return { inside: Int32Array.of(0), outside: outside.slice(1) };
  return { inside: inside.slice(0, numInside), outside: outside.slice(0, numRows - numInside) };
}

/** A seeded choice of `fraction` of the features, at least one, ascending. */
function drawFeatures(usable: readonly number[], fraction: number, rng: Rng, iteration: number): readonly number[] {
  if (fraction >= 1) return usable;
  const draw = rng.fork(`features-${iteration}`);
  const shuffled = [...usable];
  const wanted = Math.max(1, Math.round(usable.length * fraction));
  for (let i = 0; i < wanted && i < shuffled.length; i++) {
    const j = i + draw.int(shuffled.length - i);
    [shuffled[i], shuffled[j]] = [shuffled[j]!, shuffled[i]!];
  }
  return shuffled.slice(0, wanted).sort((a, b) => a - b);
}
