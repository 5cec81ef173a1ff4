/** The HTTP wire: JSON, with tensors inside it or as bytes behind it (extension binary_tensor_data). */
import type { Tensor, TensorInfo } from "../formats/model.ts";
import { isObject } from "../request-fields.ts";
import { elementBytes, isDatatype } from "./datatypes.ts";
import {
  outputOf,
  readParameters,
  refusedInfer,
  refuseRepeated,
  refuseSharedMemory,
  scheduleOf,
  type InferLimits,
  type InferRequest,
  type RequestedOutput,
} from "./infer-request.ts";
import { countElements, fromBytes, fromJson, shortly, toBytes, toJson } from "./tensor-wire.ts";
import { refusedTensor } from "../formats/tensor.ts";

/**
 * @param body    shape as on the wire: `jsonLength` bytes of JSON, then the tensors' bytes in the order of the inputs
 * @param jsonLength the header Inference-Header-Content-Length; undefined: the whole body is JSON; 0: the whole body is the tensor `raw`
 * @throws INFER_REFUSED, INFER_UNSUPPORTED, TENSOR_REFUSED
 */
export function readInferHttp(body: Uint8Array, jsonLength: number | undefined, raw: TensorInfo | undefined, limits: InferLimits): InferRequest {
  if (jsonLength === 0) return rawRequest(body, raw);
  if (jsonLength !== undefined && jsonLength > body.length)
    throw refusedInfer(`Inference-Header-Content-Length is ${jsonLength}, but the body has ${body.length} bytes`);
  const json = parseJson(jsonLength === undefined ? body : body.subarray(0, jsonLength));
  if (!isObject(json)) throw refusedInfer('the body is not an object like {"inputs": […]}');
  const id = json["id"] ?? "";
  if (typeof id !== "string" || id.length > limits.maxTextLength || !id.isWellFormed())
    throw refusedInfer(`id is not text of at most ${limits.maxTextLength} characters`);
  const schedule = scheduleOf(readParameters(json["parameters"], "parameters"));
  const bytes = new Remaining(body, jsonLength ?? body.length);
  const rawInputs = listOf(json["inputs"], "inputs", limits.maxTensors);
  const inputs = rawInputs.map((input, i) => readInput(input, `inputs[${i}]`, bytes, limits));
  if (bytes.left > 0) throw refusedInfer(`${bytes.left} bytes follow the last tensor`);
  refuseRepeated(
    inputs.map(({ name }) => name),
    "input",
  );
  return { id, ...schedule, inputs, outputs: readOutputs(json["outputs"], schedule.binaryByDefault, limits.maxTensors) };
}

/** Bytes behind the JSON, handed out once each. */
class Remaining {
  readonly #bytes: Uint8Array;
  #at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  take(name: string, size: unknown): Uint8Array {
    if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0)
      throw refusedTensor(name, `its binary_data_size is ${shortly(size)}, which is not a whole number from 0`);
    if (size > this.left) throw refusedTensor(name, `its binary_data_size is ${size}, but ${this.left} bytes are left in the body`);
    this.#at += size;
    return this.#bytes.subarray(this.#at - size, this.#at);
  }
}

function readInput(raw: unknown, where: string, bytes: Remaining, limits: InferLimits): Tensor {
  if (!isObject(raw)) throw refusedInfer(`${where} is ${shortly(raw)}, expected an object with name, shape, datatype and data`);
  const { name, shape, datatype, data } = raw;
  if (typeof name !== "string" || name === "") throw refusedInfer(`${where}.name is ${shortly(name)}, expected text`);
  if (!isDatatype(datatype)) throw refusedTensor(name, `datatype ${shortly(datatype)} is not one of ${Object.keys(elementBytes).join(", ")}`);
  if (!Array.isArray(shape)) throw refusedTensor(name, `its shape is ${shortly(shape)}, expected a list of lengths`);
  const count = countElements(name, shape, limits.maxElements);
  const parameters = readParameters(raw["parameters"], `${where}.parameters`);
  refuseSharedMemory(parameters);
  const size = parameters.get("binary_data_size");
  if (size === undefined) return { name, datatype, shape, data: fromJson(name, datatype, shape, count, data) };
  if (data !== undefined) throw refusedTensor(name, "has both data and binary_data_size");
  return { name, datatype, shape, data: fromBytes(name, datatype, count, bytes.take(name, size)) };
}

function readOutputs(raw: unknown, binaryByDefault: boolean, maxTensors: number): RequestedOutput[] | undefined {
  if (raw === undefined) return undefined;
  const outputs = listOf(raw, "outputs", maxTensors).map((output, i): RequestedOutput => {
    if (!isObject(output) || typeof output["name"] !== "string") throw refusedInfer(`outputs[${i}] is ${shortly(output)}, expected an object with a name`);
    return outputOf(output["name"], readParameters(output["parameters"], `outputs[${i}].parameters`), binaryByDefault);
  });
  refuseRepeated(
    outputs.map(({ name }) => name),
    "output",
  );
  return outputs.length === 0 ? undefined : outputs;
}

function listOf(raw: unknown, where: string, maxLength: number): readonly unknown[] {
  if (!Array.isArray(raw)) throw refusedInfer(`${where} is ${shortly(raw)}, expected a list`);
  if (raw.length > maxLength) throw refusedInfer(`${where} holds ${raw.length}; at most ${maxLength} are read`);
  return raw;
}

/** One tensor as nothing but bytes; as many rows as there are bytes for. */
function rawRequest(body: Uint8Array, info: TensorInfo | undefined): InferRequest {
  if (info === undefined) throw refusedInfer("Inference-Header-Content-Length is 0, which only a model of one input tensor can be asked with");
  const rest = { id: "", priority: 0, timeoutUs: 0, outputs: undefined, binaryByDefault: true };
  const { name, datatype } = info;
  if (datatype === "BYTES") {
    const text = new Uint8Array(4 + body.length);
    new DataView(text.buffer).setUint32(0, body.length, true);
    text.set(body, 4);
    return { ...rest, inputs: [{ name, datatype, shape: info.shape.map(() => 1), data: fromBytes(name, datatype, 1, text) }] };
  }
  const rowBytes = elementBytes[datatype] * info.shape.reduce((product, length) => product * (length === -1 ? 1 : length), 1);
  const rows = body.length / rowBytes;
  if (!Number.isInteger(rows) || rows === 0) throw refusedTensor(name, `${body.length} bytes are not whole rows of ${rowBytes} bytes`);
  const open = info.shape.indexOf(-1);
  if (rows !== 1 && open < 0) throw refusedTensor(name, `takes ${rowBytes} bytes, but ${body.length} were sent`);
  const shape = info.shape.map((length, i) => (i === open ? rows : length === -1 ? 1 : length));
  return { ...rest, inputs: [{ name, datatype, shape, data: fromBytes(name, datatype, (rows * rowBytes) / elementBytes[datatype], body) }] };
}

/** `JSON.parse` of text that a stranger sent: a list in a list costs two bytes to send and dozens to keep. @throws INFER_REFUSED */
export function parseJson(bytes: Uint8Array): unknown {
  if (bytes.length > harmlessBytes) refuseDeep(bytes);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw refusedInfer("the JSON is not UTF-8 text");
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    const usual = withoutPythonNumbers(text);
    if (usual !== undefined) return usual;
    throw refusedInfer(`the JSON cannot be read: ${error instanceof Error ? error.message.slice(0, 200) : ""}`);
  }
}

/** Python writes NaN and Infinity into JSON, which has neither. NaN is read as null, a missing value; Infinity as a number too large for a double. */
function withoutPythonNumbers(text: string): unknown {
  if (!/NaN|Infinity/.test(text)) return undefined;
  const rewritten = text.replaceAll(/"(?:[^"\\]|\\.)*"|NaN|Infinity/g, (token) => (token === "NaN" ? "null" : token === "Infinity" ? "1e999" : token));
  try {
    return JSON.parse(rewritten);
  } catch {
    return undefined;
  }
}

const maxJsonDepth = 32;
/** Whatever it nests, a body of this length cannot hold much. */
const harmlessBytes = 4096;
const [quote, backslash, openBrace, closeBrace, openBracket, closeBracket] = [34, 92, 123, 125, 91, 93];

function refuseDeep(bytes: Uint8Array): void {
  let depth = 0;
  let inText = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (inText) {
      if (byte === backslash) i++;
      else if (byte === quote) inText = false;
    } else if (byte === quote) inText = true;
    else if (byte === openBrace || byte === openBracket) {
      if (++depth > maxJsonDepth) throw refusedInfer(`the JSON is nested deeper than ${maxJsonDepth} levels`);
    } else if (byte === closeBrace || byte === closeBracket) depth--;
  }
}

export interface InferReply {
  readonly model: string;
  readonly version: string;
  readonly id: string;
  readonly outputs: readonly Tensor[];
  /** What answered where the version that was to answer did not. Told as the parameter `fallback` of the reply, and in a header. */
  readonly fallback?: "previous" | "rule";
}

/** @returns the body and, where bytes follow the JSON, its length for the header */
export function writeInferHttp(
  { model, version, id, outputs, fallback }: InferReply,
  isBinary: (name: string) => boolean,
): { readonly body: Buffer; readonly jsonLength: number | undefined } {
  const blobs: Uint8Array[] = [];
  const described = outputs.map((tensor) => {
    const head = { name: tensor.name, datatype: tensor.datatype, shape: tensor.shape };
    if (!isBinary(tensor.name)) return { ...head, data: toJson(tensor) };
    const bytes = toBytes(tensor);
    blobs.push(bytes);
    // The C++ client reads an output's parameters as those of binary data, so there must be no other one.
    return { ...head, parameters: { binary_data_size: bytes.length } };
  });
  const json = Buffer.from(
    JSON.stringify({
      model_name: model,
      model_version: version,
      ...(id === "" ? {} : { id }),
      ...(fallback === undefined ? {} : { parameters: { fallback } }),
      outputs: described,
    }),
  );
  return blobs.length === 0 ? { body: json, jsonLength: undefined } : { body: Buffer.concat([json, ...blobs]), jsonLength: json.length };
}
