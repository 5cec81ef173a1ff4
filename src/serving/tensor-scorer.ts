/**
 * Scores feature vectors with a model that answers tensors: a network, another server's model, a graph.
 *
 *   [rows, slots] ──one matrix, or one tensor a slot──> model ──one column of one output──> [rows]
 *
 * Which tensors those are is worked out from what the model declares and from what its version says, once, when it is opened; a model that
 * fits no reading is refused by name. Rows that come while the model is busy go together; nobody waits for others to come.
 */
import { KarkhanaError } from "../kernel/error.ts";
import type { VectorSlot } from "../features/definition.ts";
import type { CategoryDictionary } from "../features/vector.ts";
import { oneByOne } from "./batching/policy.ts";
import { BatchScheduler } from "./batching/scheduler.ts";
import type { Call } from "./call.ts";
import { isObject } from "./request-fields.ts";
import type { Datatype, ServableModel, Tensor, TensorData, TensorInfo } from "./formats/model.ts";
import { asFloats, newTensorData } from "./formats/tensor.ts";
import type { RowScorer } from "./row-scorer.ts";

/** Where a row's prediction stands in what the model answers. */
export interface ScoreOutput {
  readonly name: string;
  /** Of a row's elements; for the probabilities of two classes the second is meant. */
  readonly column: number;
}

export interface TensorScorerOptions {
  readonly slots: readonly VectorSlot[];
  readonly categories: CategoryDictionary;
  /** What the version says; default worked out. */
  readonly output?: ScoreOutput | undefined;
  /** Monotonic milliseconds, by which deadlines of calls are told; default `performance.now`. */
  readonly timerMs?: (() => number) | undefined;
}

export type TensorScorer = RowScorer & { readonly output: ScoreOutput };

/** Rows that go to the model at once. */
const maxBatchRows = 256;
/** Rows that may wait; one request may bring a thousand. */
const maxWaitingRows = 4096;
/** Batches under way at once, of a model that does not say: on another server, or a graph. */
const runsAtOnce = 8;

/** @throws ARTIFACT_INVALID's reason as a plain text in an Error: the caller knows the path */
export function tensorScorer(model: ServableModel, options: TensorScorerOptions): TensorScorer {
  const { slots } = options;
  const width = slots.length;
  const pack = packerOf(model.inputs, options);
  const output = options.output ?? outputOf(model.outputs);
  checkOutput(model.outputs, output);
  const canBatch = model.inputs.every(({ shape }) => shape[0] === -1);
  const rowsAtOnce = canBatch ? maxBatchRows : 1;
  const policy = { ...oneByOne(model.concurrency ?? runsAtOnce, maxWaitingRows), maxBatchSize: rowsAtOnce };
  const scheduler = new BatchScheduler({ predict: model.predict, policy, timerMs: options.timerMs ?? (() => performance.now()), onRun: () => {} });
  const ask = async (vectors: Float64Array, count: number, out: Float64Array, call: Call | undefined): Promise<void> => {
    const question = { inputs: pack(vectors, count), outputs: [output.name], priority: 0, tenant: call?.tenant ?? "" };
    const { outputs } = await scheduler.run({ ...question, deadlineMs: call?.deadlineMs ?? Infinity });
    unpack(outputs[0], output, count, out);
  };
  const predictRows: RowScorer["predictRows"] = async (vectors, numRows, out, call) => {
    const parts: Promise<void>[] = [];
    for (let begin = 0; begin < numRows; begin += rowsAtOnce) {
      const count = Math.min(rowsAtOnce, numRows - begin);
      parts.push(ask(vectors.subarray(begin * width, (begin + count) * width), count, out.subarray(begin, begin + count), call));
    }
    await Promise.all(parts);
  };
  return {
    numFeatures: width,
    output,
    predictRow: async (vector, offset, call) => {
      const out = new Float64Array(1);
      await ask(vector.subarray(offset, offset + width), 1, out, call);
      return out[0]!;
    },
    predictRows,
  };
}

type Pack = (vectors: Float64Array, numRows: number) => readonly Tensor[];

function packerOf(inputs: readonly TensorInfo[], { slots, categories }: TensorScorerOptions): Pack {
  const width = slots.length;
  const [first] = inputs;
  const listed = inputs.map(({ name, datatype, shape }) => `${name} ${datatype} [${shape.join(", ")}]`).join(", ");
  if (first === undefined) throw new Error("it has no input");
  const isMatrix =
    inputs.length === 1 && first.shape.length === 2 && isFloat(first.datatype) && rowsFit(first) && (first.shape[1] === width || first.shape[1] === -1);
  if (isMatrix) return (vectors, numRows) => [{ name: first.name, datatype: first.datatype, shape: [numRows, width], data: floatsAs(first.datatype, vectors) }];
  const byName = new Map(inputs.map((info) => [info.name, info]));
  const missing = slots.find(({ name }) => !byName.has(name));
  if (missing !== undefined || inputs.length !== width)
    throw new Error(`its inputs are ${listed}: expected one matrix of floats [-1, ${width}], or one tensor for each slot by the slot's name`);
  const columns = slots.map(({ name, type }, slot) => {
    const info = byName.get(name)!;
    const { shape, datatype } = info;
    if (!rowsFit(info) || shape.length > 2 || (shape.length === 2 && shape[1] !== 1 && shape[1] !== -1))
      throw new Error(`input ${name} has the shape [${shape.join(", ")}], expected [-1] or [-1, 1]`);
    if (datatype === "BYTES" && type !== "categorical") throw new Error(`input ${name} takes text, the slot is a number`);
    return { slot, info, texts: datatype === "BYTES" ? (categories[name] ?? []) : undefined };
  });
  return (vectors, numRows) =>
    columns.map(({ slot, info: { name, datatype, shape }, texts }): Tensor => {
      const own = Float64Array.from({ length: numRows }, (_, row) => vectors[row * width + slot]!);
      // Missing, and a category the version does not know, are the empty text.
      const data = texts === undefined ? numbersAs(name, datatype, own) : Array.from(own, (code) => texts[code] ?? "");
      return { name, datatype, shape: shape.length === 2 ? [numRows, 1] : [numRows], data };
    });
}

function rowsFit({ shape }: TensorInfo): boolean {
  return shape[0] === -1 || shape[0] === 1;
}

function isFloat(datatype: Datatype): datatype is "FP32" | "FP64" {
  return datatype === "FP32" || datatype === "FP64";
}

function floatsAs(datatype: Datatype, values: Float64Array): TensorData {
  return datatype === "FP64" ? values.slice() : Float32Array.from(values);
}

/** @throws MODEL_RUN_FAILED where a whole number is wanted and the value is missing or none: integers have no NaN */
function numbersAs(name: string, datatype: Datatype, values: Float64Array): TensorData {
  if (isFloat(datatype)) return floatsAs(datatype, values);
  const data = newTensorData(datatype, values.length);
  for (const [row, value] of values.entries()) {
    if (!Number.isInteger(value))
      throw new KarkhanaError("MODEL_RUN_FAILED", { problem: `its input ${name} takes whole numbers (${datatype}), and row ${row} is ${value}` });
    if (data instanceof BigInt64Array || data instanceof BigUint64Array) data[row] = BigInt(value);
    else if (ArrayBuffer.isView(data)) data[row] = value;
  }
  return data;
}

/** The prediction among a model's outputs where nothing says which: the only one, or the one that names in use point to. */
function outputOf(outputs: readonly TensorInfo[]): ScoreOutput {
  const numeric = outputs.filter(({ datatype, shape }) => datatype !== "BYTES" && datatype !== "BOOL" && widthOf(shape) !== undefined);
  const floats = numeric.filter(({ datatype }) => datatype.startsWith("FP"));
  const known = ["predict", "probabilities", "output_probability", "probability"];
  const found = floats.length === 1 ? floats[0] : (known.map((name) => floats.find((info) => info.name === name)).find(Boolean) ?? undefined);
  const listed = outputs.map(({ name, datatype, shape }) => `${name} ${datatype} [${shape.join(", ")}]`).join(", ");
  if (found === undefined) throw new Error(`its outputs are ${listed}: say which is the prediction (output: name and column)`);
  const width = widthOf(found.shape)!;
  if (width > 2) throw new Error(`output ${found.name} has ${width} numbers a row: say which is the prediction (output: name and column)`);
  return { name: found.name, column: width === 2 ? 1 : 0 };
}

/** Numbers a row; undefined where the declared shape does not tell. */
function widthOf(shape: readonly number[]): number | undefined {
  if (shape.length === 1) return 1;
  const perRow = shape.slice(1).reduce((a, b) => (a === -1 || b === -1 ? -1 : a * b), 1);
  return perRow === -1 ? undefined : perRow;
}

function checkOutput(outputs: readonly TensorInfo[], { name, column }: ScoreOutput): void {
  const info = outputs.find((output) => output.name === name);
  if (info === undefined) throw new Error(`it has no output ${name}; it has ${outputs.map((output) => output.name).join(", ")}`);
  if (info.datatype === "BYTES") throw new Error(`output ${name} is text; a version answers a number a row`);
  const width = widthOf(info.shape);
  if (width !== undefined && column >= width) throw new Error(`output ${name} has ${width} numbers a row, so no column ${column}`);
}

/** @throws MODEL_RUN_FAILED where the answer does not have the rows that were asked */
function unpack(tensor: Tensor | undefined, { name, column }: ScoreOutput, numRows: number, out: Float64Array): void {
  const values = tensor === undefined ? new Float64Array(0) : asFloats(tensor);
  const perRow = values.length / numRows;
  if (!Number.isInteger(perRow) || column >= perRow)
    throw new KarkhanaError("MODEL_RUN_FAILED", { problem: `output ${name} has ${values.length} numbers for ${numRows} rows` });
  for (let row = 0; row < numRows; row++) out[row] = values[row * perRow + column]!;
}

/** Reads what a version says of its output. */
export function isScoreOutput(value: unknown): value is ScoreOutput {
  if (!isObject(value)) return false;
  const { name, column } = value;
  return typeof name === "string" && typeof column === "number" && Number.isSafeInteger(column) && column >= 0;
}
