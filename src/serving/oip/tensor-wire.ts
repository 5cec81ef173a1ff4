/**
 * Tensors as bytes (little-endian, row-major; BYTES elements each after their length in four bytes) and as JSON data.
 * Counts and lengths are the caller's claim: nothing is allocated before it is known to be there.
 */
import type { KarkhanaError } from "../../kernel/error.ts";
import type { Datatype, Tensor, TensorData } from "../formats/model.ts";
import { asFloats, newTensorData, refusedTensor } from "../formats/tensor.ts";
import { elementBytes, integerRange } from "./datatypes.ts";

const littleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
const utf8 = new TextDecoder("utf-8", { fatal: true });
const toUtf8 = new TextEncoder();

/** Nesting of JSON data; a tensor has a dimension a level. */
const maxDimensions = 8;

/** Product of the lengths. @throws TENSOR_REFUSED for a length that is not a whole number >= 0, too many dimensions, too many elements */
export function countElements(name: string, shape: readonly unknown[], maxElements: number): number {
  if (shape.length > maxDimensions) throw refusedTensor(name, `has ${shape.length} dimensions; at most ${maxDimensions} are read`);
  let count = 1;
  for (const length of shape) {
    if (typeof length !== "number" || !Number.isSafeInteger(length) || length < 0)
      throw refusedTensor(name, `its shape holds ${shortly(length)}, which is not a whole number from 0`);
    count *= length;
    if (count > maxElements) throw refusedTensor(name, `its shape [${shape.slice(0, 8).map(String).join(", ")}] asks for more than ${maxElements} elements`);
  }
  return count;
}

/** @param bytes exactly the tensor's; a view is taken where alignment allows, so they must not be reused */
export function fromBytes(name: string, datatype: Datatype, count: number, bytes: Uint8Array): TensorData {
  if (datatype === "BYTES") return textsFromBytes(name, count, bytes);
  const size = elementBytes[datatype];
  if (bytes.length !== count * size) throw refusedTensor(name, `${count} elements of ${datatype} take ${count * size} bytes, but ${bytes.length} were sent`);
  const data = newTensorData(datatype, count);
  if (typeof data === "object" && "buffer" in data) {
    const own = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    own.set(bytes);
    if (!littleEndian && size > 1) swap(own, size);
    if (datatype === "BOOL") for (let i = 0; i < count; i++) if (own[i]! > 1) own[i] = 1;
  }
  return data;
}

function textsFromBytes(name: string, count: number, bytes: Uint8Array): string[] {
  // Each element has at least its length, so a count that lies cannot make a large list.
  if (count * 4 > bytes.length) throw refusedTensor(name, `${count} elements of BYTES take at least ${count * 4} bytes, but ${bytes.length} were sent`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const texts: string[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + 4 > bytes.length) throw refusedTensor(name, `element ${i} has no length`);
    const length = view.getUint32(at, true);
    at += 4;
    if (length > bytes.length - at) throw refusedTensor(name, `element ${i} says it has ${length} bytes, but ${bytes.length - at} are left`);
    texts.push(decodeText(name, bytes.subarray(at, at + length)));
    at += length;
  }
  if (at !== bytes.length) throw refusedTensor(name, `${bytes.length - at} bytes follow its last element`);
  return texts;
}

export function decodeText(name: string, bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw refusedTensor(name, "holds bytes that are not UTF-8 text");
  }
}

export function toBytes({ datatype, data }: Tensor): Uint8Array {
  if (isTexts(data)) return textsToBytes(data);
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (littleEndian || elementBytes[datatype] === 1) return bytes;
  const copy = Uint8Array.from(bytes);
  swap(copy, elementBytes[datatype]);
  return copy;
}

function textsToBytes(texts: readonly string[]): Uint8Array {
  const encoded = texts.map((text) => toUtf8.encode(text));
  const out = new Uint8Array(encoded.reduce((sum, { length }) => sum + 4 + length, 0));
  const view = new DataView(out.buffer);
  let at = 0;
  for (const one of encoded) {
    view.setUint32(at, one.length, true);
    out.set(one, at + 4);
    at += 4 + one.length;
  }
  return out;
}

/** JSON data, nested or flat, row-major. @throws TENSOR_REFUSED naming the tensor and the element */
export function fromJson(name: string, datatype: Datatype, shape: readonly number[], count: number, raw: unknown): TensorData {
  if (!Array.isArray(raw)) throw refusedTensor(name, `its data is ${shortly(raw)}, not a list`);
  if (datatype === "FP16" || datatype === "BF16") throw refusedTensor(name, `${datatype} is sent as binary data only`);
  const flat: readonly unknown[] = raw.some(Array.isArray) || (raw.length === 0 && count > 0) ? flatten(name, raw, shape) : raw;
  if (flat.length !== count) throw refusedTensor(name, `its shape holds ${count} elements, but its data ${flat.length}`);
  const data = newTensorData(datatype, count);
  for (let i = 0; i < count; i++) setFromJson(name, datatype, data, i, flat[i]);
  return data;
}

function flatten(name: string, raw: readonly unknown[], shape: readonly number[]): unknown[] {
  const flat: unknown[] = [];
  const walk = (value: unknown, depth: number): void => {
    if (depth === shape.length) {
      if (Array.isArray(value)) throw refusedTensor(name, `its data is nested deeper than its shape has dimensions (${shape.length})`);
      flat.push(value);
      return;
    }
    if (!Array.isArray(value) || value.length !== shape[depth])
      throw refusedTensor(name, `its data does not have the form of its shape: dimension ${depth} needs lists of ${shape[depth]}`);
    for (const item of value) walk(item, depth + 1);
  };
  walk(raw, 0);
  return flat;
}

function setFromJson(name: string, datatype: Datatype, data: TensorData, i: number, value: unknown): void {
  const refuse = (): KarkhanaError => refusedTensor(name, `element ${i} is ${shortly(value)}, which is not a value of ${datatype}`);
  if (isTexts(data)) {
    if (typeof value !== "string" || !value.isWellFormed()) throw refuse();
    (data as string[])[i] = value;
    return;
  }
  const range = integerRange[datatype];
  if (range === undefined) {
    // JSON has no NaN: null is what several clients send for a missing value.
    if (typeof value !== "number" && value !== null) throw refuse();
    data[i] = value ?? Number.NaN;
    return;
  }
  const number = typeof value === "boolean" ? Number(value) : value;
  if (typeof number !== "number" || !Number.isInteger(number)) throw refuse();
  const whole = BigInt(number);
  if (whole < range[0] || whole > range[1]) throw refuse();
  // JSON's reader has rounded it already: what the client meant is not known any more.
  if (!Number.isSafeInteger(number)) throw refusedTensor(name, `element ${i} is beyond 2^53, where JSON is not read to the last digit: send it as binary data`);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) data[i] = whole;
  else data[i] = number;
}

/** A number written digit by digit. In every Node this runs on, but not yet in TypeScript's library. */
const { rawJSON } = JSON as unknown as { readonly rawJSON: (text: string) => unknown };

/** Elements as JSON has them; what JSON has no number for becomes null when it is written. Whole numbers of 64 bits keep all their digits. */
export function toJson(tensor: Tensor): unknown[] {
  const { datatype, data } = tensor;
  if (isTexts(data)) return [...data];
  if (data instanceof BigInt64Array || data instanceof BigUint64Array)
    return Array.from(data, (value: bigint) => (Number.isSafeInteger(Number(value)) ? Number(value) : rawJSON(String(value))));
  const numbers = Array.from(asFloats(tensor));
  return datatype === "BOOL" ? numbers.map((value) => value !== 0) : numbers;
}

export function isTexts(data: TensorData): data is readonly string[] {
  return Array.isArray(data);
}

function swap(bytes: Uint8Array, size: number): void {
  for (let at = 0; at < bytes.length; at += size) bytes.subarray(at, at + size).reverse();
}

/** Never the whole of a hostile value. */
export function shortly(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length <= 60 ? value : `${value.slice(0, 60)}…`);
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? `a list of ${value.length}` : "an object";
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return value === null ? "null" : "missing";
}
