import type { Tensor, TensorInfo, ServableModel, ModelFormat, TabularModel } from "./model.ts";
import { asFloats, elementsOf, refusedTensor } from "./tensor.ts";

/** Names of a tabular model's tensors; a client may send `input`, or one tensor a feature. */
const tabularInput = "input";
const predictOutput = "predict";
const rawScoreOutput = "raw_score";

/** Wraps what maps rows to numbers in the face that protocols see: `input` [rows, features] to `predict` and `raw_score`. */
export function tabularServable(format: ModelFormat, kind: string, tabular: TabularModel, memoryBytes: number): ServableModel {
  const { numFeatures, numOutputs, numScores } = tabular;
  const perRow = (width: number): number[] => (width === 1 ? [-1] : [-1, width]);
  const outputs: TensorInfo[] = [
    { name: predictOutput, datatype: "FP64", shape: perRow(numOutputs) },
    { name: rawScoreOutput, datatype: "FP64", shape: perRow(numScores) },
  ];
  return {
    format,
    kind,
    inputs: [{ name: tabularInput, datatype: "FP64", shape: [-1, numFeatures] }],
    outputs,
    tabular,
    runs: "inline",
    memoryBytes,
    predict: (inputs, wanted = [predictOutput, rawScoreOutput]) => {
      for (const name of wanted)
        if (!outputs.some((output) => output.name === name)) throw refusedTensor(name, `is no output; there are ${predictOutput} and ${rawScoreOutput}`);
      const { vectors, numRows } = rowsOf(inputs, tabular);
      return wanted.map((name): Tensor => {
        const isPrediction = name === predictOutput;
        const width = isPrediction ? numOutputs : numScores;
        const data = new Float64Array(numRows * width);
        (isPrediction ? tabular.predictRows : tabular.scoreRows)(vectors, numRows, data);
        return { name, datatype: "FP64", shape: width === 1 ? [numRows] : [numRows, width], data };
      });
    },
    close: async () => {},
  };
}

/** Rows of a request: one matrix of any number type, or a tensor of [rows] or [rows, 1] for every feature by name. @throws TENSOR_REFUSED */
function rowsOf(
  inputs: readonly Tensor[],
  { numFeatures, featureNames }: Pick<TabularModel, "numFeatures" | "featureNames">,
): { readonly vectors: Float64Array; readonly numRows: number } {
  const [first] = inputs;
  if (first === undefined) throw refusedTensor(tabularInput, "is missing");
  for (const tensor of inputs) {
    const expected = elementsOf(tensor.name, tensor.shape);
    if (tensor.data.length !== expected) throw refusedTensor(tensor.name, `has ${tensor.data.length} elements, its shape says ${expected}`);
  }
  if (inputs.length === 1 && !(numFeatures === 1 && first.name === featureNames[0])) {
    const { shape, name } = first;
    const fits = (shape.length === 2 && shape[1] === numFeatures) || (shape.length === 1 && numFeatures > 1 && shape[0] === numFeatures);
    if (!fits) throw refusedTensor(name, `shape is [${shape.join(", ")}], the model takes [-1, ${numFeatures}]`);
    return { vectors: asFloats(first), numRows: shape.length === 2 ? shape[0]! : 1 };
  }
  return rowsOfColumns(inputs, featureNames);
}

function rowsOfColumns(inputs: readonly Tensor[], featureNames: readonly string[]): { readonly vectors: Float64Array; readonly numRows: number } {
  const byName = new Map(inputs.map((tensor) => [tensor.name, tensor]));
  const numFeatures = featureNames.length;
  const numRows = inputs[0]!.shape[0] ?? 0;
  for (const name of byName.keys()) if (!featureNames.includes(name)) throw refusedTensor(name, "is no feature of the model");
  if (byName.size !== inputs.length) throw refusedTensor(inputs[0]!.name, "a feature comes twice");
  const missing = featureNames.find((name) => !byName.has(name));
  if (missing !== undefined) throw refusedTensor(missing, "is missing: every feature of the model is needed");
  const vectors = new Float64Array(numRows * numFeatures);
  for (const [f, name] of featureNames.entries()) {
    const tensor = byName.get(name)!;
    const { shape } = tensor;
    if (!(shape[0] === numRows && (shape.length === 1 || (shape.length === 2 && shape[1] === 1))))
      throw refusedTensor(name, `shape is [${shape.join(", ")}], expected [${numRows}] or [${numRows}, 1]`);
    const column = asFloats(tensor);
    for (let row = 0; row < numRows; row++) vectors[row * numFeatures + f] = column[row]!;
  }
  return { vectors, numRows };
}
