/**
 * What a version of a project's model scores its feature vectors with, whatever made it:
 *
 *   trees, linear models of any library   at once, on the calling thread
 *   networks (ONNX Runtime)               later: in a thread of their own
 *   another server, a graph of models     later
 *
 * A caller looks at what comes back and waits only for a promise, so trees wait for nothing.
 */
import { KarkhanaError } from "../kernel/error.ts";
import type { MaybePromise } from "../storage/kv/port.ts";
import type { TrainingTable } from "../learn/dataset.ts";
import type { Call } from "./call.ts";
import type { TabularModel } from "./formats/model.ts";

/** Vectors are float64, missing = NaN, and are not kept after the call. */
export interface RowScorer {
  readonly numFeatures: number;
  /**
   * The prediction of the row at `vector[offset ..]`.
   * @param call whose question it is: what waits in a line is not run past its deadline
   */
  readonly predictRow: (vector: Float64Array, offset: number, call?: Call) => MaybePromise<number>;
  /** @param vectors shape [numRows, numFeatures] @param out shape [numRows] */
  readonly predictRows: (vectors: Float64Array, numRows: number, out: Float64Array, call?: Call) => MaybePromise<void>;
  /** Raw scores (margins, log-odds); absent where the model tells nothing but its prediction. */
  readonly scoreRows?: (vectors: Float64Array, numRows: number, out: Float64Array) => MaybePromise<void>;
}

/** Of a model whose input is a row of numbers and whose answer is one. */
export function scorerOfTabular({ numFeatures, scoreRows, predictRow, predictRows }: TabularModel): RowScorer {
  const one = new Float64Array(1);
  return {
    numFeatures,
    predictRow:
      predictRow ??
      ((vector, offset) => {
        predictRows(vector.subarray(offset, offset + numFeatures), 1, one);
        return one[0]!;
      }),
    predictRows,
    scoreRows,
  };
}

const rowsPerBlock = 1024;

/** Predictions of a table's rows, shape [numRows]. */
export async function predictTableBy(scorer: RowScorer, { numRows, columns }: TrainingTable): Promise<Float64Array> {
  const width = columns.length;
  if (width !== scorer.numFeatures) throw new KarkhanaError("SHAPE_MISMATCH", { field: "columns", expected: scorer.numFeatures, actual: width });
  const result = new Float64Array(numRows);
  for (let begin = 0; begin < numRows; begin += rowsPerBlock) {
    const count = Math.min(rowsPerBlock, numRows - begin);
    const vectors = new Float64Array(count * width);
    for (let f = 0; f < width; f++) for (let i = 0; i < count; i++) vectors[i * width + f] = columns[f]![begin + i]!;
    const out = new Float64Array(count);
    await scorer.predictRows(vectors, count, out);
    result.set(out, begin);
  }
  return result;
}
