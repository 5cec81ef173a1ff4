import type { Rng } from "../kernel/rng.ts";
import type { TrainingTable } from "./dataset.ts";
import { auc, logLoss } from "./metrics.ts";
import { predictTable, type Predictor } from "./predictor.ts";

export interface PermutationImportance {
  readonly feature: string;
  /** How much the AUC falls when the feature's values are shuffled among rows. */
  readonly aucLoss: number;
  /** How much the log loss rises. */
  readonly logLossGain: number;
}

/**
 * What each feature is worth on rows the model has not seen, greatest loss of AUC first. Features that carry the same
 * information hide each other: shuffling one leaves the other.
 * @param maxRows rows sampled without replacement
 * @see Breiman, Random Forests (2001)
 */
export function permutationImportance({
  predictor,
  table,
  rng,
  maxRows = 5000,
}: {
  readonly predictor: Predictor;
  readonly table: TrainingTable;
  readonly rng: Rng;
  readonly maxRows?: number;
}): readonly PermutationImportance[] {
  const sample = sampleRows(table, maxRows, rng.fork("rows"));
  const before = predictTable(predictor, sample);
  const aucBefore = auc(before, sample.labels);
  const logLossBefore = logLoss(before, sample.labels);
  return sample.features
    .map(({ name }, f) => {
      const order = shuffled(sample.numRows, rng.fork(name));
      const column = Float64Array.from(order, (i) => sample.columns[f]![i]!);
      const after = predictTable(predictor, { ...sample, columns: sample.columns.with(f, column) });
      return { feature: name, aucLoss: aucBefore - auc(after, sample.labels), logLossGain: logLoss(after, sample.labels) - logLossBefore };
    })
    .sort((a, b) => b.aucLoss - a.aucLoss || b.logLossGain - a.logLossGain);
}

function sampleRows(table: TrainingTable, maxRows: number, rng: Rng): TrainingTable {
  if (table.numRows <= maxRows) return table;
  const rows = shuffled(table.numRows, rng).subarray(0, maxRows).sort();
  return {
    numRows: maxRows,
    features: table.features,
    columns: table.columns.map((column) => Float64Array.from(rows, (i) => column[i]!)),
    labels: Uint8Array.from(rows, (i) => table.labels[i]!),
  };
}

/** A seeded permutation of 0 .. n - 1 (Fisher and Yates). */
function shuffled(n: number, rng: Rng): Int32Array {
  const order = Int32Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = rng.int(i + 1);
    const kept = order[i]!;
    order[i] = order[j]!;
    order[j] = kept;
  }
  return order;
}
