import { KarkhanaError } from "../../kernel/error.ts";
import type { Tensor } from "../formats/model.ts";
import { isObject } from "../request-fields.ts";
import { shortly } from "./tensor-wire.ts";

/** Values of parameters, whole numbers of 64 bits as the nearest double. */
export type Parameters = ReadonlyMap<string, string | number | boolean>;

export interface RequestedOutput {
  readonly name: string;
  /** As bytes after the JSON; over gRPC always. */
  readonly binary: boolean;
  /** How many of the greatest elements are wanted as "value:index" text in place of the tensor; 0 is the tensor itself. */
  readonly classification: number;
}

/** A question as the protocol puts it, whichever wire it came by. */
export interface InferRequest {
  readonly id: string;
  /** 1 is the highest; 0, or a level the model does not have, is the model's default. */
  readonly priority: number;
  /** Microseconds the client gives, 0 if it does not say. */
  readonly timeoutUs: number;
  readonly inputs: readonly Tensor[];
  /** undefined: all. */
  readonly outputs: readonly RequestedOutput[] | undefined;
  readonly binaryByDefault: boolean;
}

/** What is read of one request at most. */
export interface InferLimits {
  readonly maxTensors: number;
  readonly maxElements: number;
  readonly maxTextLength: number;
}

export function refusedInfer(problem: string): KarkhanaError {
  return new KarkhanaError("INFER_REFUSED", { problem });
}

export function unsupportedInfer(feature: string): KarkhanaError {
  return new KarkhanaError("INFER_UNSUPPORTED", { feature });
}

/** @throws INFER_REFUSED, INFER_UNSUPPORTED naming the parameter */
export function scheduleOf(parameters: Parameters): Pick<InferRequest, "priority" | "timeoutUs" | "binaryByDefault"> {
  for (const name of parameters.keys())
    if (name.startsWith("sequence_")) throw unsupportedInfer(`parameter ${name}: no model here keeps state between requests, so sequences`);
  return {
    priority: wholeParameter(parameters, "priority"),
    timeoutUs: wholeParameter(parameters, "timeout"),
    binaryByDefault: parameters.get("binary_data_output") === true,
  };
}

function wholeParameter(parameters: Parameters, name: string): number {
  const value = parameters.get(name) ?? 0;
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0)
    throw refusedInfer(`parameter ${name} is ${shortly(value)}, expected a whole number from 0`);
  return value;
}

/** @throws INFER_UNSUPPORTED for a tensor that lies in shared memory */
export function refuseSharedMemory(parameters: Parameters): void {
  for (const name of parameters.keys()) if (name.startsWith("shared_memory_")) throw unsupportedInfer("shared memory: tensors come with the request");
}

export function outputOf(name: string, parameters: Parameters, binaryByDefault: boolean): RequestedOutput {
  refuseSharedMemory(parameters);
  const binary = parameters.get("binary_data");
  return { name, binary: typeof binary === "boolean" ? binary : binaryByDefault, classification: wholeParameter(parameters, "classification") };
}

/** JSON's `parameters`. @throws INFER_REFUSED */
export function readParameters(raw: unknown, where: string): Parameters {
  const found = new Map<string, string | number | boolean>();
  if (raw === undefined) return found;
  if (!isObject(raw)) throw refusedInfer(`${where} is ${shortly(raw)}, expected an object`);
  for (const [name, value] of Object.entries(raw)) {
    if (found.size >= 100) throw refusedInfer(`${where} holds more than 100`);
    if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") found.set(name, value);
    else throw refusedInfer(`${where}.${name.slice(0, 100)} is ${shortly(value)}, expected text, a number, true or false`);
  }
  return found;
}

/** @throws INFER_REFUSED if a name comes twice */
export function refuseRepeated(names: readonly string[], where: string): void {
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name)) throw refusedInfer(`${where} ${shortly(name)} comes twice`);
    seen.add(name);
  }
}
