/** The parts of an ONNX model (onnx.proto3) that deciding and rewriting need; tensors stay bytes until asked for. */
import { KarkhanaError } from "../../../kernel/error.ts";
import { invalidModel } from "../../../learn/model-reader.ts";
import type { Datatype, TensorInfo } from "../model.ts";
import { allBytes, allFloats, allInts, bytesOf, intOf, readMessage, textOf, type Field } from "./wire.ts";

export interface OnnxNode {
  readonly name: string;
  readonly operator: string;
  /** Empty for ONNX's own operators. */
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, readonly Field[]>;
  /** The message, for writing it again. */
  readonly bytes: Uint8Array;
}

export interface OnnxGraph {
  /** Fields of ModelProto and GraphProto, for writing them again. */
  readonly model: readonly Field[];
  readonly graph: readonly Field[];
  /** Version of each operator set, by domain. */
  readonly opsets: ReadonlyMap<string, number>;
  readonly nodes: readonly OnnxNode[];
  /** TensorProto messages by name. */
  readonly initializers: ReadonlyMap<string, Uint8Array>;
  /** What a caller gives: graph inputs that no initializer fills. */
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly OnnxOutput[];
  readonly producer: string;
  /** What a writer noted in the file, by key. */
  readonly metadata: ReadonlyMap<string, string>;
}

/** A tensor; or a sequence or map, as ZipMap makes. */
export type OnnxOutput = { readonly kind: "tensor"; readonly info: TensorInfo } | { readonly kind: "other"; readonly name: string };

/** Field numbers of onnx.proto3 that are used in more than one place. */
export const fieldNumbers = {
  graphOfModel: 7,
  nodeOfGraph: 1,
  initializerOfGraph: 5,
  inputOfGraph: 11,
  outputOfGraph: 12,
  opsetOfModel: 8,
  metadataOfModel: 14,
} as const;

const datatypes: Readonly<Record<number, Datatype>> = {
  1: "FP32",
  2: "UINT8",
  3: "INT8",
  4: "UINT16",
  5: "INT16",
  6: "INT32",
  7: "INT64",
  8: "BYTES",
  9: "BOOL",
  10: "FP16",
  11: "FP64",
  12: "UINT32",
  13: "UINT64",
  16: "BF16",
};

/** @throws MODEL_FILE_INVALID, MODEL_NOT_REPRODUCIBLE */
export function readGraph(bytes: Uint8Array): OnnxGraph {
  const model = readMessage(bytes);
  const graphBytes = bytesOf(model, fieldNumbers.graphOfModel);
  if (graphBytes === undefined) throw invalidModel("graph", "is missing: this is no ONNX model");
  const graph = readMessage(graphBytes);
  const initializers = new Map<string, Uint8Array>();
  for (const tensor of allBytes(graph, fieldNumbers.initializerOfGraph)) {
    const fields = readMessage(tensor);
    if (intOf(fields, 14) === 1)
      throw new KarkhanaError("MODEL_NOT_REPRODUCIBLE", {
        format: "onnx",
        feature: `external data of ${textOf(fields, 8).slice(0, 60)}`,
        problem: "save the model as one file",
      });
    initializers.set(textOf(fields, 8), tensor);
  }
  const values = (number: number): OnnxOutput[] => allBytes(graph, number).map((value) => readValue(readMessage(value)));
  const inputs = values(fieldNumbers.inputOfGraph).flatMap((value) => {
    if (value.kind === "other")
      throw new KarkhanaError("MODEL_NOT_REPRODUCIBLE", { format: "onnx", feature: `input ${value.name}`, problem: "it is no tensor" });
    return initializers.has(value.info.name) ? [] : [value.info];
  });
  const outputs = values(fieldNumbers.outputOfGraph);
  if (outputs.length === 0) throw invalidModel("graph.output", "is empty");
  return {
    model,
    graph,
    opsets: new Map(
      allBytes(model, fieldNumbers.opsetOfModel)
        .map((opset) => readMessage(opset))
        .map((fields) => [textOf(fields, 1), intOf(fields, 2)]),
    ),
    nodes: allBytes(graph, fieldNumbers.nodeOfGraph).map(readNode),
    initializers,
    inputs,
    outputs,
    producer: textOf(model, 2),
    metadata: new Map(
      allBytes(model, fieldNumbers.metadataOfModel)
        .map((entry) => readMessage(entry))
        .map((fields) => [textOf(fields, 1), textOf(fields, 2)]),
    ),
  };
}

function readNode(bytes: Uint8Array): OnnxNode {
  const fields = readMessage(bytes);
  const attributes = allBytes(fields, 5).map((attribute) => readMessage(attribute));
  return {
    name: textOf(fields, 3),
    operator: textOf(fields, 4),
    domain: textOf(fields, 7).replace(/^ai\.onnx$/, ""),
    inputs: allBytes(fields, 1).map((name) => new TextDecoder().decode(name)),
    outputs: allBytes(fields, 2).map((name) => new TextDecoder().decode(name)),
    attributes: new Map(attributes.map((attribute) => [textOf(attribute, 1), attribute])),
    bytes,
  };
}

function readValue(fields: readonly Field[]): OnnxOutput {
  const name = textOf(fields, 1);
  const type = bytesOf(fields, 2);
  const tensor = type === undefined ? undefined : bytesOf(readMessage(type), 1);
  if (tensor === undefined) return { kind: "other", name };
  const tensorFields = readMessage(tensor);
  const datatype = datatypes[intOf(tensorFields, 1)];
  if (datatype === undefined)
    throw new KarkhanaError("MODEL_NOT_REPRODUCIBLE", {
      format: "onnx",
      feature: `element type of ${name}`,
      problem: "no datatype of the protocol carries it",
    });
  const shape = bytesOf(tensorFields, 2);
  const lengths = shape === undefined ? [] : allBytes(readMessage(shape), 1).map((dimension) => intOf(readMessage(dimension), 1));
  return { kind: "tensor", info: { name, datatype, shape: lengths.map((length) => (length > 0 ? length : -1)) } };
}

/** Attribute values; undefined where the node does not have it. */
export function intsAttribute(node: OnnxNode, name: string): number[] | undefined {
  const fields = node.attributes.get(name);
  return fields === undefined ? undefined : allInts(fields, 8);
}

export function textsAttribute(node: OnnxNode, name: string): string[] | undefined {
  const fields = node.attributes.get(name);
  return fields === undefined ? undefined : allBytes(fields, 9).map((bytes) => new TextDecoder().decode(bytes));
}

export function textAttribute(node: OnnxNode, name: string): string | undefined {
  const fields = node.attributes.get(name);
  return fields === undefined ? undefined : textOf(fields, 4);
}

/** A list of floats: the attribute, or its double twin `<name>_as_tensor`. */
export function floatsAttribute(node: OnnxNode, name: string): { readonly values: Float64Array; readonly float32: boolean } | undefined {
  const wide = node.attributes.get(`${name}_as_tensor`) ?? node.attributes.get(name);
  if (wide === undefined) return undefined;
  const tensor = bytesOf(wide, 5);
  if (tensor === undefined) return { values: allFloats(wide, 7, 4), float32: true };
  return readFloatTensor(tensor);
}

/** Numbers of a float32 or float64 TensorProto. @throws MODEL_NOT_REPRODUCIBLE for other types */
export function readFloatTensor(bytes: Uint8Array): { readonly values: Float64Array; readonly float32: boolean; readonly dims: readonly number[] } {
  const fields = readMessage(bytes);
  const type = intOf(fields, 2);
  if (type !== 1 && type !== 11)
    throw new KarkhanaError("MODEL_NOT_REPRODUCIBLE", {
      format: "onnx",
      feature: `tensor ${textOf(fields, 8).slice(0, 60)}`,
      problem: `element type ${type} is not float or double`,
    });
  const float32 = type === 1;
  const raw = bytesOf(fields, 9);
  const size = float32 ? 4 : 8;
  const values = raw === undefined ? allFloats(fields, float32 ? 4 : 10, size) : allFloats([{ number: 9, wire: 2, value: raw }], 9, size);
  const dims = allInts(fields, 1);
  if (dims.reduce((a, b) => a * b, 1) !== values.length)
    throw invalidModel(`tensor ${textOf(fields, 8).slice(0, 60)}`, `holds ${values.length} numbers for shape [${dims.join(", ")}]`);
  return { values, float32, dims };
}
