import type { Tensor } from "../formats/model.ts";
import { asFloats } from "../formats/tensor.ts";
import { integerRange } from "./datatypes.ts";
import { refusedInfer } from "./infer-request.ts";
import { isTexts, shortly } from "./tensor-wire.ts";

/**
 * Extension `classification`: the `n` greatest elements of each row as "value:index", greatest first; equal ones in their order, NaN last.
 * Values are written as C writes them, since that is what clients of the protocol have always read.
 * @param tensor shape [rows, width] or [rows], numbers @returns BYTES, shape [rows, min(n, width)] @throws INFER_REFUSED for text
 */
export function classify(tensor: Tensor, n: number): Tensor {
  if (isTexts(tensor.data)) throw refusedInfer(`output ${shortly(tensor.name)} is text, and only numbers can be asked for by parameter classification`);
  const values = asFloats(tensor);
  const rows = tensor.shape[0] ?? 1;
  const width = rows === 0 ? 0 : values.length / rows;
  const kept = Math.min(n, width);
  const written = integerRange[tensor.datatype] === undefined ? fixed : String;
  const texts: string[] = [];
  for (let row = 0; row < rows; row++) {
    const own = values.subarray(row * width, (row + 1) * width);
    const order = Array.from(own.keys()).sort((a, b) => compare(own[b]!, own[a]!) || a - b);
    for (const index of order.slice(0, kept)) texts.push(`${written(own[index]!)}:${index}`);
  }
  return { name: tensor.name, datatype: "BYTES", shape: [rows, kept], data: texts };
}

/** NaN below everything: the difference of two infinities is no order. */
function compare(a: number, b: number): number {
  if (a === b) return 0;
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(b)) - Number(Number.isNaN(a));
  return a < b ? -1 : 1;
}

function fixed(value: number): string {
  if (Number.isNaN(value)) return "nan";
  return Number.isFinite(value) ? value.toFixed(6) : value > 0 ? "inf" : "-inf";
}
