import { Worker } from "node:worker_threads";
import { fromErrorRecord, KarkhanaError, type ErrorRecord } from "../kernel/error.ts";
import { parseModel, type ParsedModel, type ReadingOptions } from "./formats/open.ts";

export interface DecodeTask {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly reading: ReadingOptions;
}

/** What the thread says, in the order it was asked. Typed arrays cross as copies. */
export type Decoded = { readonly kind: "model"; readonly model: ParsedModel } | { readonly kind: "refused"; readonly error: ErrorRecord };

/** A model file up to this size is decoded where it is asked for: about 4 ms, less than starting a thread takes. */
const inPlaceBytes = 262_144;

/** Decodes large models on a thread of their own, so that requests are answered meanwhile; 15 ms for 200 trees of 63 leaves, and more for more. */
export function decodeElsewhere(name: string, bytes: Uint8Array, reading: ReadingOptions): ParsedModel | Promise<ParsedModel> {
  return bytes.length <= inPlaceBytes ? parseModel(name, bytes, reading) : decodeOnThread({ name, bytes, reading });
}

/** Kept once it was needed: starting one takes 100 ms of a processor, which a swap under load would take from the answers. */
let thread: { readonly worker: Worker; readonly waiting: PromiseWithResolvers<ParsedModel>[] } | undefined;

/** @throws what `parseModel` throws */
export function decodeOnThread(task: DecodeTask): Promise<ParsedModel> {
  thread ??= startThread();
  const asked = Promise.withResolvers<ParsedModel>();
  thread.waiting.push(asked);
  thread.worker.ref();
  thread.worker.postMessage(task);
  return asked.promise;
}

function startThread(): NonNullable<typeof thread> {
  const worker = new Worker(new URL(`./decode-worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url));
  const waiting: PromiseWithResolvers<ParsedModel>[] = [];
  let problem = "it ended without an answer";
  worker.on("message", (decoded: Decoded) => {
    const asked = waiting.shift();
    if (waiting.length === 0) worker.unref();
    if (decoded.kind === "model") asked?.resolve(decoded.model);
    else asked?.reject(fromErrorRecord(decoded.error));
  });
  worker.on("error", (error) => (problem = error instanceof Error ? error.message : String(error)));
  worker.on("exit", () => {
    thread = undefined;
    for (const { reject } of waiting) reject(new KarkhanaError("INTERNAL", { problem: `the thread that decodes a model: ${problem}` }));
  });
  return { worker, waiting };
}
