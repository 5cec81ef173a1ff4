/** Whether rows beside each other are answered as each alone is. A dynamic first dimension is not always a batch: it may be a sequence. */
import { KarkhanaError } from "../../kernel/error.ts";
import { seededRng } from "../../kernel/rng.ts";
import type { ServableModel, Tensor } from "../formats/model.ts";
import { asFloats, newTensorData } from "../formats/tensor.ts";
import type { BatchingPolicy } from "./policy.ts";
import { joinInputs, kindOf, splitOutputs } from "./together.ts";

const maxRows = 8;
const floatTypes = ["FP32", "FP64"];

interface Golden {
  readonly inputs: readonly Tensor[];
  readonly tolerance: number;
}

/** @param golden its rows are run; without them made-up ones, where every input is of floats @throws MODEL_FILE_INVALID saying why it must not be batched */
export async function checkBatching(model: ServableModel, { maxBatchSize }: BatchingPolicy, golden: Golden | undefined): Promise<void> {
  const invalid = (problem: string): KarkhanaError => new KarkhanaError("MODEL_FILE_INVALID", { field: "batching.json", problem });
  if (model.runs === "inline") throw invalid("the model answers on the spot, in microseconds a row: waiting for others would only delay it. Remove the file");
  const fixed = [...model.inputs, ...model.outputs].find(({ shape }) => shape[0] !== -1);
  if (fixed !== undefined)
    throw invalid(`the first dimension of ${fixed.name} [${fixed.shape.join(", ")}] is fixed, so rows cannot be put together. Remove the file`);
  const rows = golden === undefined ? madeUp(model) : rowsOf(golden.inputs);
  const asked = rows.slice(0, Math.min(maxRows, maxBatchSize));
  if (asked.length < 2) return;
  const together = splitOutputs(
    await model.predict(joinInputs(asked)),
    asked.map(() => 1),
  );
  for (const [row, inputs] of asked.entries()) {
    const alone = await model.predict(inputs);
    for (const [i, tensor] of alone.entries())
      if (!isSame(tensor, together[row]![i]!, golden?.tolerance ?? 1e-4))
        throw invalid(`row ${row} has another ${tensor.name} beside other rows than alone: its first dimension is no batch. Remove the file`);
  }
}

function rowsOf(inputs: readonly Tensor[]): readonly (readonly Tensor[])[] {
  const { rows, key } = kindOf(inputs);
  if (key === undefined) return [];
  return splitOutputs(
    inputs,
    Array.from({ length: rows }, () => 1),
  );
}

function madeUp(model: ServableModel): readonly (readonly Tensor[])[] {
  if (!model.inputs.every(({ datatype }) => floatTypes.includes(datatype))) return [];
  const rng = seededRng(1, "batching");
  return Array.from({ length: 3 }, () =>
    model.inputs.map(({ name, datatype, shape }): Tensor => {
      const lengths = shape.map((length) => (length === -1 ? 1 : length));
      const data = newTensorData(
        datatype,
        lengths.reduce((a, b) => a * b, 1),
      ) as Float64Array;
      return { name, datatype, shape: lengths, data: data.map(() => rng.next()) };
    }),
  );
}

function isSame(a: Tensor, b: Tensor, tolerance: number): boolean {
  if (a.data.length !== b.data.length) return false;
  if (a.datatype === "BYTES") return a.data.every((text: unknown, i: number) => text === b.data[i]);
  const [left, right] = [asFloats(a), asFloats(b)];
  return left.every((value, i) => Object.is(value, right[i]) || Math.abs(value - right[i]!) <= tolerance * Math.max(1, Math.abs(value)));
}
