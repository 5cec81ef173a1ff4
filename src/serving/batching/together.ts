/** Several requests' tensors as one, and one answer's tensors as several: rows only ever side by side with rows of the same kind. */
import { KarkhanaError } from "../../kernel/error.ts";
import type { Tensor, TensorData } from "../formats/model.ts";
import { newTensorData } from "../formats/tensor.ts";

export interface BatchKind {
  readonly rows: number;
  /** Requests with equal keys fit together; undefined: this one fits with none. */
  readonly key: string | undefined;
}

/** Same tensors, same types, same shapes behind the first dimension. */
export function kindOf(inputs: readonly Tensor[]): BatchKind {
  const rows = inputs[0]?.shape[0] ?? 0;
  const isTable = rows > 0 && inputs.every(({ shape }) => shape[0] === rows);
  if (!isTable) return { rows: Math.max(1, rows), key: undefined };
  const names = inputs.map(({ name, datatype, shape }) => JSON.stringify([name, datatype, ...shape.slice(1)]));
  return { rows, key: names.sort().join() };
}

/** @param requests of one kind, which `kindOf` says */
export function joinInputs(requests: readonly (readonly Tensor[])[]): readonly Tensor[] {
  const [first] = requests;
  if (requests.length === 1) return first!;
  return first!.map(({ name, datatype, shape }): Tensor => {
    const parts = requests.map((inputs) => inputs.find((tensor) => tensor.name === name)!);
    const rows = parts.reduce((sum, part) => sum + part.shape[0]!, 0);
    return {
      name,
      datatype,
      shape: [rows, ...shape.slice(1)],
      data: joined(
        datatype,
        parts.map(({ data }) => data),
      ),
    };
  });
}

function joined(datatype: Tensor["datatype"], parts: readonly TensorData[]): TensorData {
  if (datatype === "BYTES") return (parts as readonly (readonly string[])[]).flat();
  const out = newTensorData(
    datatype,
    parts.reduce((sum, { length }) => sum + length, 0),
  ) as Float32Array;
  let at = 0;
  for (const part of parts) {
    out.set(part as Float32Array, at);
    at += part.length;
  }
  return out;
}

/** @param rows of each request, in order @throws MODEL_RUN_FAILED where an output does not have a row for each */
export function splitOutputs(outputs: readonly Tensor[], rows: readonly number[]): readonly (readonly Tensor[])[] {
  if (rows.length === 1) return [outputs];
  const total = rows.reduce((sum, n) => sum + n, 0);
  for (const { name, shape } of outputs)
    if (shape[0] !== total)
      throw new KarkhanaError("MODEL_RUN_FAILED", { problem: `output ${name} has shape [${shape.join(", ")}] for ${total} rows put together` });
  let from = 0;
  return rows.map((n) => {
    const start = from;
    from += n;
    return outputs.map((tensor): Tensor => {
      const width = tensor.data.length / total;
      const [begin, end] = [start * width, from * width];
      const data = Array.isArray(tensor.data) ? tensor.data.slice(begin, end) : (tensor.data as Float32Array).subarray(begin, end);
      return { ...tensor, shape: [n, ...tensor.shape.slice(1)], data };
    });
  });
}
