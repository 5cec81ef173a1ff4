import { KarkhanaError } from "../../kernel/error.ts";
import type { Datatype, Tensor, TensorData, TensorInfo } from "./model.ts";

export function refusedTensor(tensor: string, problem: string): KarkhanaError {
  return new KarkhanaError("TENSOR_REFUSED", { tensor: tensor.slice(0, 100), problem });
}

const makers: Readonly<Record<Exclude<Datatype, "BYTES">, (length: number) => Exclude<TensorData, readonly string[]>>> = {
  BOOL: (n) => new Uint8Array(n),
  UINT8: (n) => new Uint8Array(n),
  UINT16: (n) => new Uint16Array(n),
  UINT32: (n) => new Uint32Array(n),
  UINT64: (n) => new BigUint64Array(n),
  INT8: (n) => new Int8Array(n),
  INT16: (n) => new Int16Array(n),
  INT32: (n) => new Int32Array(n),
  INT64: (n) => new BigInt64Array(n),
  FP16: (n) => new Uint16Array(n),
  BF16: (n) => new Uint16Array(n),
  FP32: (n) => new Float32Array(n),
  FP64: (n) => new Float64Array(n),
};

/** An array of a datatype's elements, zeros; for BYTES empty texts. */
export function newTensorData(datatype: Datatype, length: number): TensorData {
  return datatype === "BYTES" ? Array.from({ length }, () => "") : makers[datatype](length);
}

/** Elements a shape holds. @throws TENSOR_REFUSED if a length is negative or not whole, or the product is out of reach */
export function elementsOf(name: string, shape: readonly number[]): number {
  let product = 1;
  for (const length of shape) {
    if (!Number.isSafeInteger(length) || length < 0) throw refusedTensor(name, `shape [${shape.join(", ")}] has a length that is not a whole number from 0`);
    product *= length;
  }
  if (!Number.isSafeInteger(product)) throw refusedTensor(name, `shape [${shape.join(", ")}] is larger than any tensor`);
  return product;
}

/** Holds a tensor against what a model declares. @throws TENSOR_REFUSED */
export function checkTensor(tensor: Tensor, info: TensorInfo): void {
  const { name, datatype, shape, data } = tensor;
  if (datatype !== info.datatype) throw refusedTensor(name, `datatype is ${datatype}, the model takes ${info.datatype}`);
  const fits = shape.length === info.shape.length && info.shape.every((length, i) => length === -1 || length === shape[i]);
  if (!fits) throw refusedTensor(name, `shape is [${shape.join(", ")}], the model takes [${info.shape.join(", ")}]`);
  const expected = elementsOf(name, shape);
  if (data.length !== expected) throw refusedTensor(name, `has ${data.length} elements, its shape says ${expected}`);
}

/** A tensor's elements as float64, half floats widened. @throws TENSOR_REFUSED for text */
export function asFloats(tensor: Tensor): Float64Array {
  const { name, datatype, data } = tensor;
  if (data instanceof Float64Array) return data;
  if (datatype === "BYTES" || Array.isArray(data)) throw refusedTensor(name, "is text, the model takes numbers");
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return Float64Array.from(data, Number);
  if (datatype === "FP16") return Float64Array.from(data as Uint16Array, halfToDouble);
  if (datatype === "BF16") {
    const bits = new DataView(new ArrayBuffer(4));
    return Float64Array.from(data as Uint16Array, (half) => {
      bits.setUint32(0, half * 65536);
      return bits.getFloat32(0);
    });
  }
  return Float64Array.from(data as Float32Array);
}

/** IEEE 754 binary16 to a double. */
function halfToDouble(half: number): number {
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  const sign = half & 32768 ? -1 : 1;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
