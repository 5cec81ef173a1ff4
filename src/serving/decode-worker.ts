import { parentPort, workerData } from "node:worker_threads";
import { toErrorRecord } from "../kernel/error.ts";
import { decodeModel } from "../learn/model-file.ts";
import type { Decoded } from "./decode-elsewhere.ts";

const tell = (decoded: Decoded): void => parentPort?.postMessage(decoded);

try {
  tell({ kind: "model", model: decodeModel(workerData as Uint8Array) });
} catch (error) {
  tell({ kind: "refused", error: toErrorRecord(error) });
}
