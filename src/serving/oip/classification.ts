import type { Tensor } from "../formats/model.ts";
import { asFloats } from "../formats/tensor.ts";

/**
 * Extension `classification`: the `n` greatest elements of each row as "value:index", greatest first; equal ones in their order.
 * @param tensor shape [rows, width] or [rows], numbers @returns BYTES, shape [rows, min(n, width)]
 */
export function classify(tensor: Tensor, n: number): Tensor {
  const values = asFloats(tensor);
  const rows = tensor.shape[0] ?? 1;
  const width = rows === 0 ? 0 : values.length / rows;
  const kept = Math.min(n, width);
  const texts: string[] = [];
  for (let row = 0; row < rows; row++) {
    const own = values.subarray(row * width, (row + 1) * width);
    const order = Array.from(own.keys()).sort((a, b) => own[b]! - own[a]! || a - b);
    for (const index of order.slice(0, kept)) texts.push(`${own[index]!.toFixed(6)}:${index}`);
  }
  return { name: tensor.name, datatype: "BYTES", shape: [rows, kept], data: texts };
}
