import { createTreeEvaluator } from "../../../learn/trees/evaluate.ts";
import type { ServableModel, Tensor, TensorInfo } from "../model.ts";
import { asFloats, checkTensor, refusedTensor } from "../tensor.ts";
import { treesBytes } from "../trees-bytes.ts";
import { readGraph, type OnnxOutput } from "./graph.ts";
import { quantizationMark } from "./quantization-report.ts";
import { openSessionPool, type SessionPoolOptions } from "./session-pool.ts";
import { readOnnxTrees, type OnnxTrees } from "./tree-ensemble.ts";
import { withoutZipMap } from "./zip-map.ts";

/** An ONNX file read: as trees evaluated here, or as bytes for ONNX Runtime. */
export type OnnxModel =
  | { readonly engine: "trees"; readonly trees: OnnxTrees; readonly inputs: readonly TensorInfo[]; readonly outputs: readonly OnnxOutput[] }
  | {
      readonly engine: "runtime";
      readonly bytes: Uint8Array;
      readonly kind: string;
      /** What our quantisation left as its mark; undefined where it did not make this file. */
      readonly quantization: string | undefined;
      readonly inputs: readonly TensorInfo[];
      readonly outputs: readonly OnnxOutput[];
    };

/** @param engine `runtime` to leave trees to ONNX Runtime too @throws MODEL_FILE_INVALID, MODEL_NOT_REPRODUCIBLE */
export function readOnnx(bytes: Uint8Array, engine?: "runtime"): OnnxModel {
  const graph = readGraph(bytes);
  const { inputs, outputs } = graph;
  const trees = engine === "runtime" ? undefined : readOnnxTrees(graph);
  if (trees !== undefined) return { engine: "trees", trees, inputs, outputs };
  const rewritten = withoutZipMap(bytes, graph);
  const after = rewritten === bytes ? graph : readGraph(rewritten);
  const kind =
    graph.nodes.length === 1 ? graph.nodes[0]!.operator : `graph of ${graph.nodes.length} operators${graph.producer === "" ? "" : `, by ${graph.producer}`}`;
  return { engine: "runtime", bytes: rewritten, kind, quantization: graph.metadata.get(quantizationMark), inputs, outputs: after.outputs };
}

export function openOnnx(model: OnnxModel, options: SessionPoolOptions = {}): Promise<ServableModel> | ServableModel {
  return model.engine === "trees" ? openTrees(model) : openRuntime(model, options);
}

async function openRuntime(model: Extract<OnnxModel, { engine: "runtime" }>, options: SessionPoolOptions): Promise<ServableModel> {
  const { inputs } = model;
  const outputs = model.outputs.map((output): TensorInfo => {
    if (output.kind === "other") throw refusedTensor(output.name, "is no tensor: export the model without sequences and maps (zipmap=False)");
    return output.info;
  });
  const pool = await openSessionPool(model.bytes, options);
  const check = (tensors: readonly Tensor[], wanted: readonly string[]): void => {
    checkInputs(tensors, inputs);
    checkOutputs(wanted, outputs);
    // Kernels of the runtime divide by such lengths (TopK of scikit-learn's nearest neighbours does): no error then, but the end of this process.
    const empty = tensors.find(({ data }) => data.length === 0);
    if (empty !== undefined) throw refusedTensor(empty.name, `shape is [${empty.shape.join(", ")}]: a tensor without elements is not handed to ONNX Runtime`);
  };
  return {
    format: "onnx",
    kind: model.kind,
    inputs,
    outputs,
    tabular: undefined,
    runs: "worker",
    // The file once, and about twice its size in each session: weights, and weights repacked for the machine.
    memoryBytes: model.bytes.length * (1 + 2 * (options.workers ?? 1)),
    concurrency: options.workers ?? 1,
    check,
    predict: (tensors, wanted = outputs.map(({ name }) => name)) => {
      check(tensors, wanted);
      return pool.run(tensors, wanted);
    },
    close: () => pool.close(),
  };
}

function checkInputs(tensors: readonly Tensor[], inputs: readonly TensorInfo[]): void {
  for (const tensor of tensors) {
    const info = inputs.find(({ name }) => name === tensor.name);
    if (info === undefined) throw refusedTensor(tensor.name, `is no input; there are ${inputs.map(({ name }) => name).join(", ")}`);
    checkTensor(tensor, info);
  }
  const missing = inputs.find(({ name }) => !tensors.some((tensor) => tensor.name === name));
  if (missing !== undefined) throw refusedTensor(missing.name, "is missing");
  if (tensors.length !== inputs.length) throw refusedTensor(tensors[0]!.name, "comes twice");
}

function checkOutputs(wanted: readonly string[], outputs: readonly TensorInfo[]): void {
  const unknown = wanted.find((name) => !outputs.some((output) => output.name === name));
  if (unknown !== undefined) throw refusedTensor(unknown, `is no output; there are ${outputs.map(({ name }) => name).join(", ")}`);
}

function openTrees({ trees: model, inputs, outputs: declared }: Extract<OnnxModel, { engine: "trees" }>): ServableModel {
  const { trees, classifier } = model;
  const { numFeatures, numGroups } = trees;
  const width = classifier === undefined ? numGroups : classifier.labels.length;
  const isText = typeof classifier?.labels[0] === "string";
  const outputs = declared.map((output): TensorInfo => {
    const name = output.kind === "tensor" ? output.info.name : output.name;
    if (name === model.labelOutput) return { name, datatype: isText ? "BYTES" : "INT64", shape: [-1] };
    return { name, datatype: "FP32", shape: [-1, width] };
  });
  const score = scorer(model);
  // For two classes a row's prediction is the probability of the second, as LightGBM's and XGBoost's is.
  const isBinary = classifier !== undefined && width === 2;
  const numOutputs = isBinary ? 1 : width;
  const rowsOf = (vectors: Float64Array): Float64Array => Float64Array.from(vectors, fround);
  const { scoreRows } = createTreeEvaluator(trees, { base: new Float64Array(numGroups), float32: true });
  return {
    format: "onnx",
    kind: classifier === undefined ? "TreeEnsembleRegressor" : "TreeEnsembleClassifier",
    inputs,
    outputs,
    tabular: {
      featureNames: Array.from({ length: numFeatures }, (_, f) => `f${f}`),
      numFeatures,
      numScores: numGroups,
      numOutputs,
      scoreRows: (vectors, numRows, out) => scoreRows(rowsOf(vectors.subarray(0, numRows * numFeatures)), numRows, out),
      predictRows: (vectors, numRows, out) => {
        const { scores } = score(rowsOf(vectors.subarray(0, numRows * numFeatures)), numRows);
        for (let row = 0; row < numRows; row++) for (let i = 0; i < numOutputs; i++) out[row * numOutputs + i] = scores[row * width + (isBinary ? 1 : i)]!;
      },
    },
    runs: "inline",
    memoryBytes: treesBytes(trees),
    predict: (tensors, wanted = outputs.map(({ name }) => name)) => {
      checkInputs(tensors, inputs);
      checkOutputs(wanted, outputs);
      const [tensor] = tensors;
      const numRows = tensor!.shape[0]!;
      const { scores, classes } = score(asFloats(tensor!), numRows);
      return wanted.map((name): Tensor => {
        if (name !== model.labelOutput) return { name, datatype: "FP32", shape: [numRows, width], data: Float32Array.from(scores) };
        const labels = classifier!.labels;
        return isText
          ? { name, datatype: "BYTES", shape: [numRows], data: Array.from(classes, (c) => String(labels[c])) }
          : { name, datatype: "INT64", shape: [numRows], data: BigInt64Array.from(classes, (c) => BigInt(labels[c]!)) };
      });
    },
    close: async () => {},
  };
}

const { fround } = Math;

interface Scored {
  /** shape [numRows, width] */
  readonly scores: Float64Array;
  /** shape [numRows] */
  readonly classes: Int32Array;
}

/** Scores and classes of rows as ONNX Runtime's aggregators finish them. */
function scorer({ trees, base, average, transform, classifier }: OnnxTrees): (rows: Float64Array, numRows: number) => Scored {
  const { numGroups } = trees;
  const { scoreRows } = createTreeEvaluator(trees, { base: new Float64Array(numGroups), float32: true });
  const numTrees = trees.roots.length / numGroups;
  const width = classifier === undefined ? numGroups : classifier.labels.length;
  const logistic = (x: number): number => {
    const value = fround(1 / fround(1 + fround(Math.exp(-Math.abs(x)))));
    return x < 0 ? fround(1 - value) : value;
  };
  return (rows, numRows) => {
    const sums = new Float64Array(numRows * numGroups);
    scoreRows(rows, numRows, sums);
    const scores = new Float64Array(numRows * width);
    const classes = new Int32Array(numRows);
    for (let row = 0; row < numRows; row++) {
      const at = row * width;
      for (let g = 0; g < numGroups; g++) {
        const sum = sums[row * numGroups + g]!;
        const mean = average ? fround(sum / numTrees) : sum;
        scores[at + g] = base.length === 0 ? mean : fround(mean + base[g]!);
      }
      if (classifier?.singleColumn === true) classes[row] = spread(scores, at, classifier.allPositive, transform, logistic);
      else {
        if (classifier !== undefined) classes[row] = width === 2 ? Number(scores[at + 1]! > scores[at]!) : largest(scores, at, width);
        if (transform === "LOGISTIC") for (let i = at; i < at + width; i++) scores[i] = logistic(scores[i]!);
        else if (transform === "SOFTMAX") softmax(scores, at, width);
      }
    }
    return { scores, classes };
  };
}

/** Two classes from one column of weights. */
function spread(scores: Float64Array, at: number, allPositive: boolean, transform: string, logistic: (x: number) => number): number {
  const score = scores[at]!;
  if (allPositive) {
    scores[at + 1] = transform === "LOGISTIC" ? logistic(score) : score;
    scores[at] = transform === "LOGISTIC" ? logistic(-score) : fround(1 - score);
    return Number(score > 0.5);
  }
  scores[at + 1] = transform === "LOGISTIC" ? logistic(score) : score;
  scores[at] = transform === "LOGISTIC" ? logistic(-score) : -score;
  return Number(score > 0);
}

function largest(scores: Float64Array, at: number, width: number): number {
  let best = 0;
  for (let i = 1; i < width; i++) if (scores[at + i]! > scores[at + best]!) best = i;
  return best;
}

function softmax(scores: Float64Array, at: number, width: number): void {
  const max = scores[at + largest(scores, at, width)]!;
  let sum = 0;
  for (let i = at; i < at + width; i++) {
    scores[i] = fround(Math.exp(fround(scores[i]! - max)));
    sum = fround(sum + scores[i]!);
  }
  for (let i = at; i < at + width; i++) scores[i] = fround(scores[i]! / sum);
}
