import "./low-priority.ts";
import { parentPort, workerData } from "node:worker_threads";
import { toErrorRecord } from "../kernel/error.ts";
import type { Decoded, DecodeTask } from "./decode-elsewhere.ts";
import { parseModel } from "./formats/open.ts";

const tell = (decoded: Decoded): void => parentPort?.postMessage(decoded);

try {
  const { name, bytes, reading } = workerData as DecodeTask;
  tell({ kind: "model", model: parseModel(name, bytes, reading) });
} catch (error) {
  tell({ kind: "refused", error: toErrorRecord(error) });
}
