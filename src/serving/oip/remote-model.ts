/**
 * A model on another server that speaks the Open Inference Protocol over HTTP (Triton, MLServer, KServe, Ray Serve, another Karkhana),
 * behind the face of a local one. Declared by `remote.json`: {"url", "model", "version"?, "timeoutMs"?}.
 */
import { KarkhanaError } from "../../kernel/error.ts";
import type { ServableModel, Tensor, TensorInfo } from "../formats/model.ts";
import { checkTensor, refusedTensor } from "../formats/tensor.ts";
import { isObject } from "../request-fields.ts";
import { isDatatype } from "./datatypes.ts";
import { parseJson, readInferHttp } from "./infer-http.ts";
import { toBytes } from "./tensor-wire.ts";

export interface RemotePlan {
  /** Of the server, without a path of the protocol: `http://127.0.0.1:8000`. */
  readonly url: string;
  readonly model: string;
  readonly version: string;
  readonly timeoutMs: number;
}

const limits = { maxTensors: 1000, maxElements: 100_000_000, maxTextLength: 1_000_000 };
const maxReplyBytes = 2 ** 28;
const jsonLengthHeader = "inference-header-content-length";

/** @throws MODEL_FILE_INVALID naming the field */
export function readRemotePlan(bytes: Uint8Array): RemotePlan {
  const invalid = (field: string, problem: string): KarkhanaError => new KarkhanaError("MODEL_FILE_INVALID", { field: `remote.json${field}`, problem });
  let plan: unknown;
  try {
    plan = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw invalid("", "is not JSON");
  }
  if (!isObject(plan)) throw invalid("", "expected an object");
  const { url, model, version = "", timeoutMs = 1000 } = plan;
  if (typeof url !== "string" || !URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) throw invalid(".url", "expected an http address");
  if (typeof model !== "string" || model === "") throw invalid(".model", "expected the model's name there");
  if (typeof version !== "string") throw invalid(".version", "expected text");
  if (typeof timeoutMs !== "number" || !(timeoutMs > 0 && timeoutMs <= 600_000)) throw invalid(".timeoutMs", "expected 1 to 600000");
  return { url: url.replace(/\/+$/, ""), model, version, timeoutMs };
}

/** Asks the server for the model's tensors. @throws REMOTE_UNREACHABLE, REMOTE_REFUSED */
export async function openRemoteModel(plan: RemotePlan): Promise<ServableModel> {
  const at = `/v2/models/${encodeURIComponent(plan.model)}${plan.version === "" ? "" : `/versions/${encodeURIComponent(plan.version)}`}`;
  const { body } = await ask(plan, at);
  const metadata = readReply(plan, () => parseJson(body));
  const inputs = tensorsOf(plan, metadata, "inputs");
  const outputs = tensorsOf(plan, metadata, "outputs");
  const check = (tensors: readonly Tensor[]): void => {
    for (const tensor of tensors) {
      const info = inputs.find(({ name }) => name === tensor.name);
      if (info === undefined) throw refusedTensor(tensor.name, `is no input; there are ${inputs.map(({ name }) => name).join(", ")}`);
      checkTensor(tensor, info);
    }
  };
  return {
    format: "remote",
    kind: `${plan.model} at ${plan.url}`,
    inputs,
    outputs,
    tabular: undefined,
    runs: "remote",
    memoryBytes: 0,
    check,
    predict: (tensors, wanted = outputs.map(({ name }) => name)) => {
      check(tensors);
      return infer(plan, `${at}/infer`, tensors, wanted, outputs);
    },
    close: async () => {},
  };
}

async function infer(
  plan: RemotePlan,
  where: string,
  tensors: readonly Tensor[],
  wanted: readonly string[],
  declared: readonly TensorInfo[],
): Promise<readonly Tensor[]> {
  const blobs = tensors.map(toBytes);
  const inputs = tensors.map(({ name, datatype, shape }, i) => ({ name, datatype, shape, parameters: { binary_data_size: blobs[i]!.length } }));
  const outputs = wanted.map((name) => ({ name, parameters: { binary_data: true } }));
  const json = new TextEncoder().encode(JSON.stringify({ inputs, outputs }));
  const reply = await ask(plan, where, { body: Buffer.concat([json, ...blobs]), jsonLength: json.length });
  const head = readReply(plan, () => parseJson(reply.body.subarray(0, reply.jsonLength)));
  const listed = isObject(head) ? head["outputs"] : undefined;
  // A reply's outputs have the shape of a request's inputs: read by the same checks.
  const asked = new TextEncoder().encode(JSON.stringify({ inputs: listed }));
  const answered = readReply(plan, () => readInferHttp(Buffer.concat([asked, reply.body.subarray(reply.jsonLength)]), asked.length, undefined, limits).inputs);
  return wanted.map((name) => {
    const found = answered.find((tensor) => tensor.name === name);
    if (found === undefined) throw refused(plan, `it did not answer output ${name}`);
    const info = declared.find((output) => output.name === name);
    if (info !== undefined && info.datatype !== found.datatype)
      throw refused(plan, `output ${name} came as ${found.datatype}, its metadata says ${info.datatype}`);
    return found;
  });
}

function readReply<T>(plan: RemotePlan, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw refused(plan, `its answer cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

interface Reply {
  readonly body: Uint8Array;
  /** Where the JSON ends and tensors' bytes begin. */
  readonly jsonLength: number;
}

async function ask(plan: RemotePlan, where: string, question?: { readonly body: Uint8Array<ArrayBuffer>; readonly jsonLength: number }): Promise<Reply> {
  let response: Response;
  let body: Uint8Array;
  try {
    // `fetch` asks for packed answers by itself, which two servers beside each other gain nothing from.
    const own = { "accept-encoding": "identity" };
    const headers = question === undefined ? own : { ...own, "content-type": "application/octet-stream", [jsonLengthHeader]: String(question.jsonLength) };
    const request = question === undefined ? {} : { method: "POST", body: question.body, headers };
    response = await fetch(plan.url + where, { ...request, redirect: "error", signal: AbortSignal.timeout(plan.timeoutMs) });
    body = await bounded(response, plan);
  } catch (cause) {
    if (cause instanceof KarkhanaError) throw cause;
    const reason = cause instanceof Error && cause.cause instanceof Error ? cause.cause.message : cause instanceof Error ? cause.message : String(cause);
    throw new KarkhanaError("REMOTE_UNREACHABLE", { url: plan.url, model: plan.model, problem: reason }, { cause });
  }
  if (!response.ok) {
    const text = new TextDecoder().decode(body.subarray(0, 500));
    if (response.status === 503 || response.status === 429)
      throw new KarkhanaError("REMOTE_UNREACHABLE", { url: plan.url, model: plan.model, problem: `it answered ${response.status}: ${text}` });
    throw refused(plan, `${response.status}: ${text}`);
  }
  const header = response.headers.get(jsonLengthHeader);
  const jsonLength = header === null ? body.length : Number(header);
  if (!Number.isInteger(jsonLength) || jsonLength < 0 || jsonLength > body.length) throw refused(plan, `its answer says ${header} bytes of JSON`);
  return { body, jsonLength };
}

async function bounded(response: Response, plan: RemotePlan): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of response.body ?? []) {
    length += part.length;
    if (length > maxReplyBytes) throw refused(plan, `its answer is larger than ${maxReplyBytes} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function tensorsOf(plan: RemotePlan, metadata: unknown, name: "inputs" | "outputs"): TensorInfo[] {
  const list = isObject(metadata) ? metadata[name] : undefined;
  if (!Array.isArray(list) || list.length === 0) throw refused(plan, `its metadata lists no ${name}`);
  return list.map((item: unknown): TensorInfo => {
    if (!isObject(item) || typeof item["name"] !== "string" || !isDatatype(item["datatype"]) || !Array.isArray(item["shape"]))
      throw refused(plan, `its metadata has ${name} without name, datatype or shape`);
    return { name: item["name"], datatype: item["datatype"], shape: item["shape"].map(Number) };
  });
}

function refused(plan: RemotePlan, problem: string): KarkhanaError {
  return new KarkhanaError("REMOTE_REFUSED", { url: plan.url, model: plan.model, problem: problem.slice(0, 600) });
}
