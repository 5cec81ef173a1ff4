/**
 * Protocol Buffers' wire format, without schemas: a message is the list of its fields, so that what we do not know is kept as it is
 * when a model is written again. @see https://protobuf.dev/programming-guides/encoding
 */
import { invalidModel } from "../../../learn/model-reader.ts";

/** wire 0: varint (its low 64 bits), 1: eight bytes, 2: bytes, 5: four bytes */
export interface Field {
  readonly number: number;
  readonly wire: 0 | 1 | 2 | 5;
  readonly value: bigint | Uint8Array;
}

/** @throws MODEL_FILE_INVALID */
export function readMessage(bytes: Uint8Array): Field[] {
  const fields: Field[] = [];
  const cursor = { at: 0 };
  while (cursor.at < bytes.length) {
    const tag = Number(readVarint(bytes, cursor));
    const [number, wire] = [Math.floor(tag / 8), tag & 7];
    if (number === 0) throw broken("has a field numbered 0", cursor.at);
    if (wire === 0) fields.push({ number, wire, value: readVarint(bytes, cursor) });
    else if (wire === 1 || wire === 5) fields.push({ number, wire, value: take(bytes, cursor, wire === 1 ? 8 : 4) });
    else if (wire === 2) fields.push({ number, wire, value: take(bytes, cursor, Number(readVarint(bytes, cursor))) });
    else throw broken(`has wire type ${wire}, which ONNX does not use`, cursor.at);
  }
  return fields;
}

export function writeMessage(fields: readonly Field[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const { number, wire, value } of fields) {
    parts.push(varint(BigInt(number * 8 + wire)));
    if (typeof value === "bigint") parts.push(varint(value));
    else if (wire === 2) parts.push(varint(BigInt(value.length)), value);
    else parts.push(value);
  }
  return joined(parts);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

export const bytesField = (number: number, value: Uint8Array): Field => ({ number, wire: 2, value });
export const textField = (number: number, value: string): Field => bytesField(number, new TextEncoder().encode(value));
export const intField = (number: number, value: number | bigint): Field => ({ number, wire: 0, value: BigInt(value) });
export const messageField = (number: number, fields: readonly Field[]): Field => bytesField(number, writeMessage(fields));

export function bytesOf(fields: readonly Field[], number: number): Uint8Array | undefined {
  const value = fields.findLast((field) => field.number === number && field.wire === 2)?.value;
  return value instanceof Uint8Array ? value : undefined;
}

export function textOf(fields: readonly Field[], number: number): string {
  const bytes = bytesOf(fields, number);
  return bytes === undefined ? "" : new TextDecoder().decode(bytes);
}

export function intOf(fields: readonly Field[], number: number): number {
  const value = fields.findLast((field) => field.number === number && field.wire === 0)?.value;
  return typeof value === "bigint" ? Number(BigInt.asIntN(64, value)) : 0;
}

/** Every occurrence of a repeated message or bytes field. */
export function allBytes(fields: readonly Field[], number: number): Uint8Array[] {
  return fields.flatMap((field) => (field.number === number && field.value instanceof Uint8Array && field.wire === 2 ? [field.value] : []));
}

/** Repeated integers, packed or not. */
export function allInts(fields: readonly Field[], number: number): number[] {
  const values: number[] = [];
  for (const field of fields) {
    if (field.number !== number) continue;
    if (typeof field.value === "bigint") values.push(Number(BigInt.asIntN(64, field.value)));
    else if (field.wire === 2) {
      const cursor = { at: 0 };
      while (cursor.at < field.value.length) values.push(Number(BigInt.asIntN(64, readVarint(field.value, cursor))));
    }
  }
  return values;
}

/** Repeated float32 (four bytes) or float64 (eight), packed or not. */
export function allFloats(fields: readonly Field[], number: number, size: 4 | 8): Float64Array {
  const parts = fields.flatMap((field) => (field.number === number && field.value instanceof Uint8Array ? [field.value] : []));
  const bytes = parts.length === 1 ? parts[0]! : joined(parts);
  if (bytes.length % size !== 0) throw broken(`has ${bytes.length} bytes of numbers of ${size}`, 0);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float64Array.from({ length: bytes.length / size }, (_, i) => (size === 4 ? view.getFloat32(i * 4, true) : view.getFloat64(i * 8, true)));
}

function readVarint(bytes: Uint8Array, cursor: { at: number }): bigint {
  let [value, shift] = [0n, 0n];
  for (;;) {
    if (cursor.at >= bytes.length || shift > 63n) throw broken("ends in the middle of a number", cursor.at);
    const byte = bytes[cursor.at++]!;
    value |= BigInt(byte & 127) << shift;
    if (byte < 128) return BigInt.asUintN(64, value);
    shift += 7n;
  }
}

function varint(value: bigint): Uint8Array {
  let rest = BigInt.asUintN(64, value);
  const bytes: number[] = [];
  do {
    const low = Number(rest & 127n);
    rest >>= 7n;
    bytes.push(rest === 0n ? low : low | 128);
  } while (rest !== 0n);
  return Uint8Array.from(bytes);
}

function take(bytes: Uint8Array, cursor: { at: number }, length: number): Uint8Array {
  if (!(length <= bytes.length - cursor.at)) throw broken(`has a field of ${length} bytes, more than is left`, cursor.at);
  cursor.at += length;
  return bytes.subarray(cursor.at - length, cursor.at);
}

function broken(problem: string, at: number): Error {
  return invalidModel("content", `the protocol buffer ${problem}, near byte ${at}`);
}
