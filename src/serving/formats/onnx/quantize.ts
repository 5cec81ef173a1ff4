/**
 * Makes an ONNX model smaller by rewriting its graph; nothing else is needed.
 *
 *   int8  MatMul and Gemm with constant weights become DynamicQuantizeLinear -> MatMulInteger -> scale: weights as 8-bit integers with
 *         a scale a column, inputs quantised as they come. Needs operator set 11. Weights are stored as uint8 around 128: with int8
 *         weights the runtime's kernels for CPUs without VNNI saturate in 16 bits, so that answers would depend on the machine.
 *   fp16  constant weights are kept as halves and widened by a Cast: half the file; the arithmetic stays float32, which is what the
 *         CPU runtime computes in anyway.
 *
 * Small tensors are left: they cost more than they save. What was changed and left is told by name.
 */
import { KarkhanaError } from "../../../kernel/error.ts";
import { doubleToHalf } from "../../../math/half.ts";
import { fieldNumbers, readFloatTensor, readGraph, type OnnxGraph, type OnnxNode } from "./graph.ts";
import { quantizationMark, type QuantizationKind } from "./quantization-report.ts";
import { allFloats, bytesField, intField, intOf, messageField, readMessage, textField, textOf, writeMessage, type Field } from "./wire.ts";

export interface Quantized {
  readonly bytes: Uint8Array;
  readonly changed: readonly string[];
  readonly left: readonly string[];
}

/** Elements below which a tensor is not worth it. */
const minElements = 1024;
const types = { float: 1, uint8: 2, half: 10 } as const;
const middle = 128;
const middleName = "karkhana/middle";

/** @throws MODEL_FILE_INVALID, MODEL_NOT_REPRODUCIBLE where the model has nothing to gain or an operator set too old */
export function quantizeOnnx(bytes: Uint8Array, kind: QuantizationKind): Quantized {
  const graph = readGraph(bytes);
  const refuse = (feature: string, problem: string): KarkhanaError => new KarkhanaError("MODEL_NOT_REPRODUCIBLE", { format: "onnx", feature, problem });
  if (graph.metadata.has(quantizationMark)) throw refuse(`quantising to ${kind}`, `it already is ${graph.metadata.get(quantizationMark)}`);
  if (kind === "int8" && (graph.opsets.get("") ?? 0) < 11)
    throw refuse("quantising to int8", `operator set ${graph.opsets.get("") ?? "none"} is older than 11`);
  if (intOf(graph.model, 1) < 4) throw refuse(`quantising to ${kind}`, "IR version 3 lists its weights as inputs: save the model again with a newer one");
  const rewriting = kind === "int8" ? toInt8(graph) : toHalf(graph);
  if (rewriting.changed.length === 0)
    throw refuse(
      `quantising to ${kind}`,
      `no weights of ${minElements} elements or more that it could be done to (${rewriting.left.slice(0, 3).join("; ") || "none at all"})`,
    );
  const isGiven = (name: string): boolean => graph.inputs.some((input) => input.name === name);
  // Weights may be listed as inputs too, with their values as defaults; those that are gone must not be asked for.
  const isWeightInput = ({ number, value }: Field): boolean =>
    number === fieldNumbers.inputOfGraph && value instanceof Uint8Array && !isGiven(textOf(readMessage(value), 1));
  const body = [
    ...rewriting.nodes,
    ...rewriting.initializers,
    ...graph.graph.filter((field) => field.number !== fieldNumbers.nodeOfGraph && field.number !== fieldNumbers.initializerOfGraph && !isWeightInput(field)),
  ];
  const model = graph.model.map((field) => (field.number === fieldNumbers.graphOfModel ? messageField(field.number, body) : field));
  const mark = messageField(fieldNumbers.metadataOfModel, [textField(1, quantizationMark), textField(2, kind)]);
  return { bytes: writeMessage([...model, mark]), changed: rewriting.changed, left: rewriting.left };
}

interface Rewriting {
  readonly nodes: readonly Field[];
  readonly initializers: readonly Field[];
  readonly changed: readonly string[];
  readonly left: readonly string[];
}

function toHalf(graph: OnnxGraph): Rewriting {
  const casts: Field[] = [];
  const initializers: Field[] = [];
  const [changed, left]: [string[], string[]] = [[], []];
  for (const [name, tensor] of graph.initializers) {
    const values = floatsOf(tensor);
    const problem =
      values === undefined
        ? undefined
        : values.values.length < minElements
          ? "small"
          : values.values.every((x) => Math.abs(x) <= 65_504)
            ? undefined
            : "values beyond 65504";
    if (values === undefined || problem !== undefined) {
      initializers.push(bytesField(fieldNumbers.initializerOfGraph, tensor));
      if (problem !== undefined) left.push(`${name}: ${problem}`);
      continue;
    }
    const raw = new Uint8Array(values.values.length * 2);
    const view = new DataView(raw.buffer);
    for (const [i, x] of values.values.entries()) view.setUint16(i * 2, doubleToHalf(x), true);
    initializers.push(tensorField(`${name}/half`, types.half, values.dims, raw));
    casts.push(nodeField("Cast", [`${name}/half`], [name], `${name}/widen`, [intAttributeField("to", types.float)]));
    changed.push(name);
  }
  return { nodes: [...casts, ...graph.nodes.map((node) => bytesField(fieldNumbers.nodeOfGraph, node.bytes))], initializers, changed, left };
}

function toInt8(graph: OnnxGraph): Rewriting {
  const nodes: Field[] = [];
  const made = new Map<string, Field[]>();
  const quantizedInputs = new Set<string>();
  const kept = new Set<string>();
  const [changed, left]: [string[], string[]] = [[], []];
  for (const node of graph.nodes) {
    const name = node.name || node.outputs[0]!;
    const plan = node.domain === "" ? planOf(node, graph) : undefined;
    if (plan === undefined || "problem" in plan) {
      if (plan !== undefined) left.push(`${name}: ${plan.problem}`);
      for (const input of node.inputs) kept.add(input);
      nodes.push(bytesField(fieldNumbers.nodeOfGraph, node.bytes));
      continue;
    }
    const { weightName, key } = plan;
    if (!made.has(key)) made.set(key, weightFields(key, plan));
    const a = node.inputs[0]!;
    const [aq, as, az] = [`${a}/int8`, `${a}/scale`, `${a}/zero`];
    if (!quantizedInputs.has(a)) nodes.push(nodeField("DynamicQuantizeLinear", [a], [aq, as, az], `${a}/quantize`));
    quantizedInputs.add(a);
    const y = node.outputs[0]!;
    const bias = node.inputs[2];
    const product = bias === undefined || bias === "" ? y : `${y}/product`;
    nodes.push(
      nodeField("MatMulInteger", [aq, `${key}/int8`, az, middleName], [`${y}/whole`], `${name}/whole`),
      nodeField("Cast", [`${y}/whole`], [`${y}/float`], `${name}/widen`, [intAttributeField("to", types.float)]),
      nodeField("Mul", [as, `${key}/scale`], [`${y}/step`], `${name}/step`),
      nodeField("Mul", [`${y}/float`, `${y}/step`], [product], `${name}/scale`),
    );
    if (product !== y) {
      nodes.push(nodeField("Add", [product, bias!], [y], `${name}/bias`));
      kept.add(bias!);
    }
    changed.push(`${name} (${weightName})`);
  }
  // A weight that something else reads too stays; so do all where a node holds a graph of its own, which may read any.
  const hasSubgraphs = graph.nodes.some((node) =>
    [...node.attributes.values()].some((attribute) => attribute.some(({ number }) => number === 6 || number === 11)),
  );
  const outputs = new Set(graph.outputs.map((output) => (output.kind === "tensor" ? output.info.name : output.name)));
  const initializers = [...graph.initializers]
    .filter(([name]) => hasSubgraphs || kept.has(name) || outputs.has(name))
    .map(([, tensor]) => bytesField(fieldNumbers.initializerOfGraph, tensor));
  const zero = made.size === 0 ? [] : [tensorField(middleName, types.uint8, [], Uint8Array.of(middle))];
  return { nodes, initializers: [...initializers, ...zero, ...[...made.values()].flat()], changed, left };
}

interface WeightPlan {
  readonly weightName: string;
  /** Names the quantised weight: one for each weight and orientation. */
  readonly key: string;
  /** shape [rows, columns], as MatMulInteger takes it after turning */
  readonly values: Float64Array;
  readonly rows: number;
  readonly columns: number;
  readonly isTurned: boolean;
}

/** Undefined for an operator that is not a matrix product. */
function planOf(node: OnnxNode, graph: OnnxGraph): WeightPlan | { readonly problem: string } | undefined {
  if (node.operator !== "MatMul" && node.operator !== "Gemm") return undefined;
  const weightName = node.inputs[1] ?? "";
  const tensor = graph.initializers.get(weightName);
  const weight = tensor === undefined ? undefined : floatsOf(tensor);
  if (weight === undefined) return { problem: "its weights are not float32 constants" };
  if (weight.dims.length !== 2) return { problem: `its weights have ${weight.dims.length} dimensions` };
  if (weight.values.length < minElements) return { problem: "small" };
  if (!weight.values.every(Number.isFinite)) return { problem: "weights that are not finite" };
  const attribute = (name: string): readonly Field[] => node.attributes.get(name) ?? [];
  const factor = (name: string): number => (node.attributes.has(name) ? (allFloats(attribute(name), 2, 4)[0] ?? 0) : 1);
  const isTurned = intOf(attribute("transB"), 3) === 1;
  if (intOf(attribute("transA"), 3) === 1 || factor("alpha") !== 1 || factor("beta") !== 1) return { problem: "alpha, beta or transA are used" };
  const [d0, d1] = weight.dims as [number, number];
  return {
    weightName,
    key: isTurned ? `${weightName}/turned` : weightName,
    values: weight.values,
    rows: isTurned ? d1 : d0,
    columns: isTurned ? d0 : d1,
    isTurned,
  };
}

/** Symmetric around the middle, one scale a column. */
function weightFields(key: string, { values, rows, columns, isTurned }: WeightPlan): Field[] {
  const at = (row: number, column: number): number => values[isTurned ? column * rows + row : row * columns + column]!;
  const whole = new Uint8Array(rows * columns);
  const scales = new Float32Array(columns);
  for (let column = 0; column < columns; column++) {
    let largest = 0;
    for (let row = 0; row < rows; row++) largest = Math.max(largest, Math.abs(at(row, column)));
    const scale = Math.fround(largest / 127) || 1;
    scales[column] = scale;
    for (let row = 0; row < rows; row++) whole[row * columns + column] = middle + Math.max(-127, Math.min(127, Math.round(at(row, column) / scale)));
  }
  const scaleBytes = new Uint8Array(columns * 4);
  const view = new DataView(scaleBytes.buffer);
  for (const [i, scale] of scales.entries()) view.setFloat32(i * 4, scale, true);
  return [tensorField(`${key}/int8`, types.uint8, [rows, columns], whole), tensorField(`${key}/scale`, types.float, [columns], scaleBytes)];
}

/** Undefined for tensors that are not float32. */
function floatsOf(tensor: Uint8Array): { readonly values: Float64Array; readonly dims: readonly number[] } | undefined {
  return intOf(readMessage(tensor), 2) === types.float ? readFloatTensor(tensor) : undefined;
}

function tensorField(name: string, type: number, dims: readonly number[], raw: Uint8Array): Field {
  return messageField(fieldNumbers.initializerOfGraph, [
    ...dims.map((length) => intField(1, length)),
    intField(2, type),
    textField(8, name),
    bytesField(9, raw),
  ]);
}

function nodeField(operator: string, inputs: readonly string[], outputs: readonly string[], name: string, attributes: readonly Field[] = []): Field {
  return messageField(fieldNumbers.nodeOfGraph, [
    ...inputs.map((input) => textField(1, input)),
    ...outputs.map((output) => textField(2, output)),
    textField(3, name),
    textField(4, operator),
    ...attributes,
  ]);
}

/** A whole-number attribute of a node. */
function intAttributeField(name: string, value: number): Field {
  return messageField(5, [textField(1, name), intField(3, value), intField(20, 2)]);
}
