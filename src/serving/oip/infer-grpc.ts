/** The gRPC wire of a question and its answer. Answers are always raw: the stock Python client reads nothing else. */
import type { Datatype, Tensor, TensorData } from "../formats/model.ts";
import { newTensorData, refusedTensor } from "../formats/tensor.ts";
import { elementBytes, integerRange, isDatatype } from "./datatypes.ts";
import {
  outputOf,
  refusedInfer,
  refuseRepeated,
  refuseSharedMemory,
  scheduleOf,
  type InferLimits,
  type InferRequest,
  type Parameters,
  type RequestedOutput,
} from "./infer-request.ts";
import type { InferReply } from "./infer-http.ts";
import { messageType, textOf, toBigInt, toNumber, type Message } from "./proto.ts";
import { countElements, decodeText, fromBytes, isTexts, shortly, toBytes } from "./tensor-wire.ts";

const requestType = messageType("inference.ModelInferRequest");
const replyType = messageType("inference.ModelInferResponse");

export interface GrpcInfer {
  readonly model: string;
  readonly version: string;
  readonly request: InferRequest;
}

/** @throws INFER_REFUSED, INFER_UNSUPPORTED, TENSOR_REFUSED */
export function readInferGrpc(bytes: Uint8Array, limits: InferLimits): GrpcInfer {
  let message: Message;
  try {
    message = requestType.decode(bytes);
  } catch (error) {
    throw refusedInfer(`the message cannot be read: ${error instanceof Error ? error.message.slice(0, 200) : ""}`);
  }
  return {
    model: textOf(message, "model_name"),
    version: textOf(message, "model_version"),
    request: readInferMessage(message, limits),
  };
}

function readInferMessage(message: Message, limits: InferLimits): InferRequest {
  const id = textOf(message, "id");
  if (id.length > limits.maxTextLength) throw refusedInfer(`id is longer than ${limits.maxTextLength} characters`);
  const schedule = scheduleOf(readParameters(message["parameters"]));
  const tensors = messages(message["inputs"]);
  if (tensors.length > limits.maxTensors) throw refusedInfer(`inputs holds ${tensors.length}; at most ${limits.maxTensors} are read`);
  const raw = message["raw_input_contents"] as readonly Uint8Array[];
  if (raw.length > 0 && raw.length !== tensors.length)
    throw refusedInfer(`${raw.length} raw contents were sent for ${tensors.length} inputs: every input has one, or none`);
  const inputs = tensors.map((tensor, i) => readInput(tensor, raw.length > 0 ? raw[i] : undefined, limits));
  refuseRepeated(
    inputs.map(({ name }) => name),
    "input",
  );
  const wanted = messages(message["outputs"]);
  if (wanted.length > limits.maxTensors) throw refusedInfer(`outputs holds ${wanted.length}; at most ${limits.maxTensors} are read`);
  const outputs = wanted.map((output): RequestedOutput => outputOf(textOf(output, "name"), readParameters(output["parameters"]), true));
  refuseRepeated(
    outputs.map(({ name }) => name),
    "output",
  );
  return { id, ...schedule, inputs, outputs: outputs.length === 0 ? undefined : outputs };
}

function readInput(tensor: Message, raw: Uint8Array | undefined, limits: InferLimits): Tensor {
  const name = textOf(tensor, "name");
  const datatype = tensor["datatype"];
  if (!isDatatype(datatype)) throw refusedTensor(name, `datatype ${shortly(datatype)} is not one of ${Object.keys(elementBytes).join(", ")}`);
  refuseSharedMemory(readParameters(tensor["parameters"]));
  const shape = (tensor["shape"] as readonly unknown[]).map(toNumber);
  const count = countElements(name, shape, limits.maxElements);
  const contents = tensor["contents"] as Message | null | undefined;
  if (raw !== undefined) {
    if (contents !== null && contents !== undefined && Object.keys(contents).length > 0) throw refusedTensor(name, "has both raw and typed contents");
    return { name, datatype, shape, data: fromBytes(name, datatype, count, raw) };
  }
  if (contents === null || contents === undefined) {
    if (count > 0) throw refusedTensor(name, "has no contents");
    return { name, datatype, shape, data: newTensorData(datatype, 0) };
  }
  return { name, datatype, shape, data: fromContents(name, datatype, count, contents) };
}

const contentFields: Readonly<Record<Datatype, string | undefined>> = {
  BOOL: "bool_contents",
  UINT8: "uint_contents",
  UINT16: "uint_contents",
  UINT32: "uint_contents",
  UINT64: "uint64_contents",
  INT8: "int_contents",
  INT16: "int_contents",
  INT32: "int_contents",
  INT64: "int64_contents",
  FP16: undefined,
  BF16: undefined,
  FP32: "fp32_contents",
  FP64: "fp64_contents",
  BYTES: "bytes_contents",
};

function fromContents(name: string, datatype: Datatype, count: number, contents: Message): TensorData {
  const field = contentFields[datatype];
  if (field === undefined) throw refusedTensor(name, `${datatype} is sent as raw contents only`);
  const values = contents[field] as readonly unknown[];
  if (values.length !== count) throw refusedTensor(name, `its shape holds ${count} elements, but ${field} ${values.length}`);
  const data = newTensorData(datatype, count);
  const range = integerRange[datatype];
  for (let i = 0; i < count; i++) {
    const value = values[i];
    if (isTexts(data)) (data as string[])[i] = decodeText(name, value as Uint8Array);
    else if (data instanceof BigInt64Array || data instanceof BigUint64Array) data[i] = toBigInt(value);
    else {
      const number = Number(value);
      if (range !== undefined && (number < range[0] || number > range[1]))
        throw refusedTensor(name, `element ${i} is ${number}, which is not a value of ${datatype}`);
      data[i] = number;
    }
  }
  return data;
}

function readParameters(raw: unknown): Parameters {
  const found = new Map<string, string | number | boolean>();
  for (const [name, value] of Object.entries((raw ?? {}) as Readonly<Record<string, Message>>)) {
    if (found.size >= 100) throw refusedInfer("parameters holds more than 100");
    const choice = textOf(value, "parameter_choice");
    const set = value[choice];
    if (choice === "int64_param" || choice === "uint64_param") found.set(name, toNumber(set));
    else if (typeof set === "string" || typeof set === "number" || typeof set === "boolean") found.set(name, set);
  }
  return found;
}

function messages(raw: unknown): readonly Message[] {
  return (raw ?? []) as readonly Message[];
}

export function writeInferGrpc({ model, version, id, outputs, fallback }: InferReply): Buffer {
  return replyType.encode({
    model_name: model,
    model_version: version,
    id,
    ...(fallback === undefined ? {} : { parameters: { fallback: { string_param: fallback } } }),
    outputs: outputs.map(({ name, datatype, shape }) => ({ name, datatype, shape })),
    raw_output_contents: outputs.map(toBytes),
  });
}
