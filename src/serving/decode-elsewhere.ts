import { Worker } from "node:worker_threads";
import { fromErrorRecord, KarkhanaError, type ErrorRecord } from "../kernel/error.ts";
import type { TrainedModel } from "../learn/model.ts";
import { decodeModel } from "../learn/model-file.ts";

/** What the worker says. Typed arrays cross as copies. */
export type Decoded = { readonly kind: "model"; readonly model: TrainedModel } | { readonly kind: "refused"; readonly error: ErrorRecord };

/** A model file up to this size is decoded where it is asked for: about 4 ms, less than starting a thread takes. */
const inPlaceBytes = 262_144;

/** Decodes large models on a thread of their own, so that requests are answered meanwhile; 15 ms for 200 trees of 63 leaves, and more for more. */
export function decodeElsewhere(bytes: Uint8Array): TrainedModel | Promise<TrainedModel> {
  return bytes.length <= inPlaceBytes ? decodeModel(bytes) : decodeOnThread(bytes);
}

/** @throws what `decodeModel` throws */
export function decodeOnThread(bytes: Uint8Array): Promise<TrainedModel> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(`./decode-worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url), { workerData: bytes });
    worker.once("message", (decoded: Decoded) => (decoded.kind === "model" ? resolve(decoded.model) : reject(fromErrorRecord(decoded.error))));
    worker.once("error", reject);
    worker.once("exit", () => reject(new KarkhanaError("INTERNAL", { problem: "the thread that decodes a model ended without an answer" })));
  });
}
