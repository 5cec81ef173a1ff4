import { KarkhanaError } from "../kernel/error.ts";
import { calibrate } from "./calibration.ts";
import type { TrainingTable } from "./dataset.ts";
import { createTreePredictor } from "./gbdt/predict.ts";
import { createLogisticScorer } from "./linear/predict.ts";
import type { TrainedModel } from "./model.ts";

/** Scores vectors of a model's features, in its order; float64, missing = NaN. Holds no state between calls. */
export interface Predictor {
  readonly numFeatures: number;
  /** Raw score (log-odds before calibration) of the row at `vector[offset ..]`. */
  readonly scoreRow: (vector: Float64Array, offset: number) => number;
  /** Calibrated probability of the row at `vector[offset ..]`. */
  readonly predictRow: (vector: Float64Array, offset: number) => number;
  /** Raw scores. @param vectors shape [numRows, numFeatures], row-major @param out shape [numRows] */
  readonly scoreRows: (vectors: Float64Array, numRows: number, out: Float64Array) => void;
  /** Calibrated probabilities, equal to the bit to `predictRow` of each row. Shapes as in `scoreRows`. */
  readonly predictRows: (vectors: Float64Array, numRows: number, out: Float64Array) => void;
}

export function createPredictor(model: TrainedModel): Predictor {
  const numFeatures = model.features.length;
  const { calibration } = model;
  const { scoreRow, scoreRows } = createScorer(model);
  const checkRows = (vectors: Float64Array, numRows: number, out: Float64Array): void => {
    if (vectors.length < numRows * numFeatures)
      throw new KarkhanaError("SHAPE_MISMATCH", { field: "vectors", expected: `[${numRows}, ${numFeatures}]`, actual: `[${vectors.length}]` });
    if (out.length < numRows) throw new KarkhanaError("SHAPE_MISMATCH", { field: "out", expected: `[${numRows}]`, actual: `[${out.length}]` });
  };
  return {
    numFeatures,
    scoreRow,
    predictRow: (vector, offset) => calibrate(calibration, scoreRow(vector, offset)),
    scoreRows: (vectors, numRows, out) => {
      checkRows(vectors, numRows, out);
      scoreRows(vectors, numRows, out);
    },
    predictRows: (vectors, numRows, out) => {
      checkRows(vectors, numRows, out);
      scoreRows(vectors, numRows, out);
      for (let i = 0; i < numRows; i++) out[i] = calibrate(calibration, out[i]!);
    },
  };
}

function createScorer(model: TrainedModel): { scoreRow: Predictor["scoreRow"]; scoreRows: Predictor["scoreRows"] } {
  const numFeatures = model.features.length;
  if (model.kind === "gbdt") {
    return createTreePredictor(model.ensemble, numFeatures);
  }
  const scoreRow = createLogisticScorer(model);
  return {
    scoreRow,
    scoreRows: (vectors, numRows, out) => {
      for (let i = 0; i < numRows; i++) out[i] = scoreRow(vectors, i * numFeatures);
    },
  };
}

/** Calibrated probabilities of a table's rows, shape [numRows]. */
export function predictTable(predictor: Predictor, table: TrainingTable): Float64Array {
  return overRows(table, (vectors, numRows, out) => predictor.predictRows(vectors, numRows, out));
}

/** Raw scores of a table's rows, shape [numRows]: what calibration is fitted on. */
export function scoreTable(predictor: Predictor, table: TrainingTable): Float64Array {
  return overRows(table, (vectors, numRows, out) => predictor.scoreRows(vectors, numRows, out));
}

const rowsPerBlock = 1024;

/** Turns a column-major table row-major, a block at a time. */
function overRows({ numRows, columns }: TrainingTable, apply: (vectors: Float64Array, numRows: number, out: Float64Array) => void): Float64Array {
  const result = new Float64Array(numRows);
  const numCols = columns.length;
  const vectors = new Float64Array(Math.min(numRows, rowsPerBlock) * numCols);
  for (let begin = 0; begin < numRows; begin += rowsPerBlock) {
    const count = Math.min(rowsPerBlock, numRows - begin);
    for (let f = 0; f < numCols; f++) {
      const column = columns[f]!;
      for (let i = 0; i < count; i++) vectors[i * numCols + f] = column[begin + i]!;
    }
    apply(vectors, count, result.subarray(begin, begin + count));
  }
  return result;
}
