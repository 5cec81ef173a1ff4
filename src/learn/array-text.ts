import { fromBase64, toBase64 } from "../math/base64.ts";

/** Base64 of float64 elements, little-endian whatever the machine. */
export function base64OfFloats(values: ArrayLike<number>): string {
  const view = new DataView(new ArrayBuffer(8 * values.length));
  for (let i = 0; i < values.length; i++) view.setFloat64(8 * i, values[i]!, true);
  return toBase64(new Uint8Array(view.buffer));
}

/** Base64 of 32-bit integer elements, little-endian; unsigned ones keep their bits. */
export function base64OfInts(values: ArrayLike<number>): string {
  const view = new DataView(new ArrayBuffer(4 * values.length));
  for (let i = 0; i < values.length; i++) view.setInt32(4 * i, values[i]!, true);
  return toBase64(new Uint8Array(view.buffer));
}

/** Undefined if the text is not base64 of whole elements. */
export function floatsOfBase64(text: string): Float64Array | undefined {
  const bytes = fromBase64(text);
  if (bytes === undefined || bytes.length % 8 !== 0) return undefined;
  const view = new DataView(bytes.buffer);
  return Float64Array.from({ length: bytes.length / 8 }, (_, i) => view.getFloat64(8 * i, true));
}

/** Undefined if the text is not base64 of whole elements. */
export function intsOfBase64(text: string): Int32Array | undefined {
  const bytes = fromBase64(text);
  if (bytes === undefined || bytes.length % 4 !== 0) return undefined;
  const view = new DataView(bytes.buffer);
  return Int32Array.from({ length: bytes.length / 4 }, (_, i) => view.getInt32(4 * i, true));
}
