/** One thread with one session: onnxruntime-node's `run` holds its thread until it is done, so it never has the one that answers requests. */
import { parentPort, workerData } from "node:worker_threads";
import type * as Runtime from "onnxruntime-node";
import { KarkhanaError, toErrorRecord } from "../../../kernel/error.ts";
import type { Datatype, Tensor } from "../model.ts";
import type { FromWorker, SessionPlan, ToWorker } from "./session-messages.ts";

const port = parentPort!;
const tell = (message: FromWorker, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer);
const plan = workerData as SessionPlan;

const ortTypes: Readonly<Record<Exclude<Datatype, "BF16">, Runtime.Tensor.Type>> = {
  BOOL: "bool",
  UINT8: "uint8",
  UINT16: "uint16",
  UINT32: "uint32",
  UINT64: "uint64",
  INT8: "int8",
  INT16: "int16",
  INT32: "int32",
  INT64: "int64",
  FP16: "float16",
  FP32: "float32",
  FP64: "float64",
  BYTES: "string",
};

async function loadRuntime(): Promise<typeof Runtime> {
  try {
    return await import("onnxruntime-node");
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message.split("\n")[0] : String(cause);
    throw new KarkhanaError("RUNTIME_ABSENT", { feature: "this ONNX model", package: "onnxruntime-node", problem }, { cause });
  }
}

function toOrt(runtime: typeof Runtime, { name, datatype, shape, data }: Tensor): Runtime.Tensor {
  if (datatype === "BF16") throw new KarkhanaError("TENSOR_REFUSED", { tensor: name, problem: "BF16 is not taken by the runtime" });
  // Where the engine has Float16Array the runtime wants that one for half floats.
  const halves: unknown = Reflect.get(globalThis, "Float16Array");
  const elements =
    datatype === "FP16" && data instanceof Uint16Array && typeof halves === "function"
      ? (Reflect.construct(halves, [data.buffer, data.byteOffset, data.length]) as Uint16Array)
      : data;
  return new runtime.Tensor(ortTypes[datatype], elements, [...shape]);
}

function fromOrt(name: string, tensor: Runtime.Tensor): Tensor {
  const datatype = Object.entries(ortTypes).find(([, type]) => type === tensor.type)?.[0] as Datatype | undefined;
  if (datatype === undefined) throw new KarkhanaError("MODEL_RUN_FAILED", { problem: `output ${name} is ${tensor.type}, which no tensor carries` });
  const { data } = tensor;
  if (Array.isArray(data)) return { name, datatype, shape: tensor.dims, data };
  const view = data as Float32Array;
  // A copy of its own: the runtime's memory must not be given away.
  if (datatype === "FP16") return { name, datatype, shape: tensor.dims, data: new Uint16Array(view.buffer, view.byteOffset, view.length).slice() };
  return { name, datatype, shape: tensor.dims, data: view.slice() };
}

async function main(): Promise<void> {
  const runtime = await loadRuntime();
  let session: Runtime.InferenceSession;
  try {
    // The runtime takes no shared memory: a copy for the time of reading.
    session = await runtime.InferenceSession.create(new Uint8Array(plan.model).slice(), {
      intraOpNumThreads: plan.threads,
      interOpNumThreads: 1,
      logSeverityLevel: 3,
    });
  } catch (cause) {
    throw new KarkhanaError("MODEL_FILE_INVALID", { field: "content", problem: `ONNX Runtime refuses it: ${firstLine(cause)}` }, { cause });
  }
  port.on("message", (message: ToWorker) => {
    if (message.kind === "end") {
      port.close();
      void session.release();
      return;
    }
    void answer(runtime, session, message);
  });
  tell({ kind: "ready" });
}

async function answer(runtime: typeof Runtime, session: Runtime.InferenceSession, { id, inputs, outputs }: Extract<ToWorker, { kind: "run" }>): Promise<void> {
  try {
    const feeds = Object.fromEntries(inputs.map((tensor) => [tensor.name, toOrt(runtime, tensor)]));
    const results = await session.run(feeds, [...outputs]);
    const tensors = outputs.map((name) => fromOrt(name, results[name]!));
    const transfer = tensors.flatMap(({ data }) => (ArrayBuffer.isView(data) && data.buffer instanceof ArrayBuffer ? [data.buffer] : []));
    tell({ kind: "done", id, outputs: tensors }, transfer);
  } catch (error) {
    const ours = error instanceof KarkhanaError ? error : new KarkhanaError("MODEL_RUN_FAILED", { problem: firstLine(error) });
    tell({ kind: "failed", id, error: toErrorRecord(ours) });
  }
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n")[0]!.slice(0, 400);
}

main().catch((error: unknown) => {
  tell({ kind: "refused", error: toErrorRecord(error) });
  port.close();
});
