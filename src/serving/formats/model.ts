/**
 * The one face of a loaded model, whatever library made it.
 *
 *   bytes ──detectFormat──> format ──parseModel (any thread)──> ParsedModel (plain data, clonable) ──openModel──> ServableModel
 *
 * Protocols see inputs and outputs as named, typed, shaped tensors (the Open Inference Protocol's words); routes that read features
 * by key see `tabular`, which works on float64 rows and never waits.
 */
import type { MaybePromise } from "../../storage/kv/port.ts";
import type { Call } from "../call.ts";

export type ModelFormat = "karkhana" | "lightgbm" | "xgboost" | "onnx" | "remote" | "ensemble";

/** Element types of the Open Inference Protocol. */
export type Datatype = "BOOL" | "UINT8" | "UINT16" | "UINT32" | "UINT64" | "INT8" | "INT16" | "INT32" | "INT64" | "FP16" | "BF16" | "FP32" | "FP64" | "BYTES";

/** Row-major elements: BOOL as Uint8Array of 0 and 1, FP16 and BF16 as their bits in a Uint16Array, BYTES as text (UTF-8 on the wire). */
export type TensorData =
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Float32Array
  | Float64Array
  | readonly string[];

export interface TensorInfo {
  readonly name: string;
  readonly datatype: Datatype;
  /** -1 where any length is accepted; the first dimension of a batch is -1. */
  readonly shape: readonly number[];
}

export interface Tensor {
  readonly name: string;
  readonly datatype: Datatype;
  /** Whole lengths >= 0 whose product is `data.length`. */
  readonly shape: readonly number[];
  readonly data: TensorData;
}

/** A model that maps a row of numbers to numbers. Holds no state that a caller sees; a call never waits. */
export interface TabularModel {
  /** In the order of a row's values. */
  readonly featureNames: readonly string[];
  readonly numFeatures: number;
  /** Raw scores (margins, log-odds) a row. */
  readonly numScores: number;
  /** Predictions a row, after the objective's transform. */
  readonly numOutputs: number;
  /** Raw scores. @param vectors shape [numRows, numFeatures], float64, missing = NaN @param out shape [numRows, numScores] */
  readonly scoreRows: (vectors: Float64Array, numRows: number, out: Float64Array) => void;
  /** The one prediction of the row at `vector[offset ..]`, without a batch's checks; absent where a batch of one is as cheap. */
  readonly predictRow?: (vector: Float64Array, offset: number) => number;
  /** Predictions, each equal to the bit whatever the batch it is in. Shapes as in `scoreRows` with numOutputs. */
  readonly predictRows: (vectors: Float64Array, numRows: number, out: Float64Array) => void;
  /**
   * What each feature adds to each raw score of one row (TreeSHAP); absent where a model has none.
   * @returns shape [numScores, numFeatures + 1], the last column is the expected score; a row's sum is its raw score.
   */
  readonly contributions?: (vector: Float64Array) => Float64Array;
}

/** Whose question a batch is part of: a graph passes it on to steps that log what they answer. Absent where nobody asked, as at load. */
export interface AskedAs {
  readonly id: string;
  readonly call: Call;
}

export interface ServableModel {
  readonly format: ModelFormat;
  /** Which model of the format, for people: an objective, an operator, an address. */
  readonly kind: string;
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  /** Present where a row of float64 features is the model's input. */
  readonly tabular: TabularModel | undefined;
  /** `inline`: on the calling thread, in microseconds a row. `worker`: on threads of its own. `remote`: on another server. */
  readonly runs: "inline" | "worker" | "remote";
  /** Estimate of what the loaded model keeps, bytes. */
  readonly memoryBytes: number;
  /**
   * Answers a batch. Tensors are checked against `inputs`; a table may also come as one tensor a feature, by feature name.
   * @param outputs names wanted; default all
   * @throws TENSOR_REFUSED naming the tensor; MODEL_QUEUE_FULL, MODEL_RUN_FAILED where it runs in workers
   */
  readonly predict: (inputs: readonly Tensor[], outputs?: readonly string[], asked?: AskedAs) => MaybePromise<readonly Tensor[]>;
  /** The refusals of `predict` without a run, where it does not run inline: what is put together with others is checked first. */
  readonly check?: (inputs: readonly Tensor[], outputs: readonly string[]) => void;
  /** Runs it makes at once; absent: as many as are asked. */
  readonly concurrency?: number;
  /** Lets go of threads, sessions and connections; calls under way end first. Calling it again does nothing. */
  readonly close: () => Promise<void>;
}
