import "./low-priority.ts";
import { parentPort } from "node:worker_threads";
import { toErrorRecord } from "../kernel/error.ts";
import type { Decoded, DecodeTask } from "./decode-elsewhere.ts";
import { parseModel } from "./formats/open.ts";

const tell = (decoded: Decoded): void => parentPort?.postMessage(decoded);

parentPort?.on("message", ({ name, bytes, reading }: DecodeTask) => {
  try {
    tell({ kind: "model", model: parseModel(name, bytes, reading) });
  } catch (error) {
    tell({ kind: "refused", error: toErrorRecord(error) });
  }
});
