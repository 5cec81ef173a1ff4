/**
 * Columns that hold a list of numbers of a fixed length, "float32[384]". In a relation they are text as DuckDB writes a FLOAT[] ("[0.5, nan, 1e-7]",
 * the shortest text that reads back the same), since rows travel as numbers and text; on a pushed row they are Float32 as base64.
 * A list that is not of the column's length, or holds what is not finite, is still a value here: `embedding` says what becomes of such a row.
 */
import type { ColumnType, VectorType } from "./source.ts";

/** Vectors longer than this are no embeddings any model makes. */
export const maxDimensions = 8192;

export function isVectorType(type: ColumnType | undefined): type is VectorType {
  return type !== undefined && type.startsWith("float32[");
}

/** Length of the lists of a vector column; undefined if the type is not one, or no length from 1 to 8192. */
export function dimensionsOf(type: ColumnType | undefined): number | undefined {
  const found = /^float32\[([1-9]\d{0,3})\]$/.exec(type ?? "");
  const dimensions = Number(found?.[1]);
  return dimensions <= maxDimensions ? dimensions : undefined;
}

/** @param value a list of numbers and nulls, or the text of one @returns Float32, null and what is no number as NaN; undefined if it is no list */
export function readVector(value: unknown): Float32Array | undefined {
  if (value instanceof Float32Array) return value;
  if (typeof value === "string") {
    const inner = /^\s*\[([\d\s.,+\-einfaNulLU]*)\]\s*$/.exec(value)?.[1];
    if (inner === undefined) return undefined;
    return inner.trim() === "" ? new Float32Array(0) : Float32Array.from(inner.split(","), elementOf);
  }
  if (!Array.isArray(value) || !value.every((one) => typeof one === "number" || one === null)) return undefined;
  return Float32Array.from(value, (one: number | null) => one ?? Number.NaN);
}

function elementOf(text: string): number {
  const word = text.trim();
  if (word === "inf" || word === "-inf") return word === "inf" ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  return word === "" ? Number.NaN : Number(word);
}

export function encodeVector(vector: Float32Array): string {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString("base64");
}

export function decodeVector(text: string): Float32Array {
  const bytes = Buffer.from(text, "base64");
  // Into memory of its own: a buffer of the pool may lie on any address.
  const vector = new Float32Array(bytes.length >> 2);
  new Uint8Array(vector.buffer).set(bytes.subarray(0, vector.byteLength));
  return vector;
}
