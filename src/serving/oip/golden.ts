import { KarkhanaError } from "../../kernel/error.ts";
import type { ServableModel, Tensor } from "../formats/model.ts";
import { asFloats, newTensorData } from "../formats/tensor.ts";
import { isObject } from "../request-fields.ts";
import { readInferHttp } from "./infer-http.ts";

/** Questions with the answers that the model's own library gave. */
export interface Golden {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  /** Allowed distance of numbers, against 1 or the expected value, whichever is larger; 0 is the same bits. */
  readonly tolerance: number;
}

const limits = { maxTensors: 1000, maxElements: 10_000_000, maxTextLength: 1000 };
const defaultTolerance = 1e-5;

/** @throws MODEL_FILE_INVALID, INFER_REFUSED, TENSOR_REFUSED naming what is wrong */
export function readGolden(bytes: Uint8Array): Golden {
  const json = objectIn(bytes);
  const tolerance = json["tolerance"] ?? defaultTolerance;
  if (typeof tolerance !== "number" || !(tolerance >= 0)) throw invalid(".tolerance", "expected a number from 0");
  return { inputs: tensorsIn(json, "inputs"), outputs: tensorsIn(json, "outputs"), tolerance };
}

/** Only the questions; answers need not be there. @throws as `readGolden` */
export function readGoldenInputs(bytes: Uint8Array): readonly Tensor[] {
  return tensorsIn(objectIn(bytes), "inputs");
}

function objectIn(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw invalid("", "is not JSON");
  }
  if (!isObject(json)) throw invalid("", "expected an object");
  return json;
}

function tensorsIn(json: Readonly<Record<string, unknown>>, name: "inputs" | "outputs"): readonly Tensor[] {
  const list = json[name];
  if (!Array.isArray(list) || list.length === 0) throw invalid(`.${name}`, "expected tensors");
  return readInferHttp(new TextEncoder().encode(JSON.stringify({ inputs: list })), undefined, undefined, limits).inputs;
}

function invalid(field: string, problem: string): KarkhanaError {
  return new KarkhanaError("MODEL_FILE_INVALID", { field: `golden.json${field}`, problem });
}

/**
 * Runs a model on its golden questions, or on zeros where it has none, so that it is warm and known to run.
 * @returns how many rows were compared @throws MODEL_SELF_CHECK_FAILED, and what running throws
 */
export async function checkGolden(model: ServableModel, golden: Golden | undefined, name: string): Promise<number> {
  if (golden === undefined) {
    await model.predict(
      model.inputs.map(({ name, datatype, shape }): Tensor => {
        const lengths = shape.map((length) => (length === -1 ? 1 : length));
        return {
          name,
          datatype,
          shape: lengths,
          data: newTensorData(
            datatype,
            lengths.reduce((a, b) => a * b, 1),
          ),
        };
      }),
    );
    return 0;
  }
  const outputs = await model.predict(
    golden.inputs,
    golden.outputs.map((output) => output.name),
  );
  for (const [i, expected] of golden.outputs.entries()) compare(outputs[i]!, expected, golden.tolerance, name);
  return golden.inputs[0]!.shape[0] ?? 1;
}

function compare(actual: Tensor, expected: Tensor, tolerance: number, name: string): void {
  const refuse = (row: number, was: unknown, is: unknown): KarkhanaError =>
    new KarkhanaError("MODEL_SELF_CHECK_FAILED", { path: `${name} ${expected.name}`, row, expected: was, actual: is });
  const perRow = expected.shape.slice(1).reduce((a, b) => a * b, 1);
  if (actual.data.length !== expected.data.length) throw refuse(0, `shape [${expected.shape.join(", ")}]`, `shape [${actual.shape.join(", ")}]`);
  if (Array.isArray(actual.data) || Array.isArray(expected.data)) {
    const wrong = Array.from(expected.data, String).findIndex((text, i) => text !== String(actual.data[i]));
    if (wrong >= 0) throw refuse(Math.floor(wrong / perRow), String(expected.data[wrong]), String(actual.data[wrong]));
    return;
  }
  const [is, was] = [asFloats(actual), asFloats(expected)];
  for (let i = 0; i < was.length; i++) {
    const same = Object.is(is[i], was[i]) || Math.abs(is[i]! - was[i]!) <= tolerance * Math.max(1, Math.abs(was[i]!));
    if (!same) throw refuse(Math.floor(i / perRow), was[i], is[i]);
  }
}
