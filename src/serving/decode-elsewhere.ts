import { Worker } from "node:worker_threads";
import { fromErrorRecord, KarkhanaError, type ErrorRecord } from "../kernel/error.ts";
import { parseModel, type ParsedModel, type ReadingOptions } from "./formats/open.ts";

/** What the worker says. Typed arrays cross as copies. */
export type Decoded = { readonly kind: "model"; readonly model: ParsedModel } | { readonly kind: "refused"; readonly error: ErrorRecord };

/** A model file up to this size is decoded where it is asked for: about 4 ms, less than starting a thread takes. */
const inPlaceBytes = 262_144;

export interface DecodeTask {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly reading: ReadingOptions;
}

/** Decodes large models on a thread of their own, so that requests are answered meanwhile; 15 ms for 200 trees of 63 leaves, and more for more. */
export function decodeElsewhere(name: string, bytes: Uint8Array, reading: ReadingOptions): ParsedModel | Promise<ParsedModel> {
  return bytes.length <= inPlaceBytes ? parseModel(name, bytes, reading) : decodeOnThread({ name, bytes, reading });
}

/** @throws what `parseModel` throws */
export function decodeOnThread(task: DecodeTask): Promise<ParsedModel> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(`./decode-worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url), { workerData: task });
    worker.once("message", (decoded: Decoded) => (decoded.kind === "model" ? resolve(decoded.model) : reject(fromErrorRecord(decoded.error))));
    worker.once("error", reject);
    worker.once("exit", () => reject(new KarkhanaError("INTERNAL", { problem: "the thread that decodes a model ended without an answer" })));
  });
}
