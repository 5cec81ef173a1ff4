import { Client, credentials } from "@grpc/grpc-js";
import { readFileSync } from "node:fs";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readGoldenCases } from "../../../test/reference/golden-models.ts";
import type { Tensor } from "../formats/model.ts";
import { inputs, network as madeNetwork } from "../formats/onnx/made-network.fixture.ts";
import { compareQuantized } from "../formats/onnx/quantization-compare.ts";
import { quantizeOnnx } from "../formats/onnx/quantize.ts";
import { statusOf } from "../../server/error-status.ts";
import { openWorld, type World } from "../test-world.ts";
import { messageType, type Message } from "./proto.ts";

const lightgbm = readGoldenCases("models-lightgbm.json.gz");
const multiclass = lightgbm.find(({ name }) => name === "multiclass")!;
const network = (
  JSON.parse(gunzipSync(readFileSync(new URL("../../../test/reference/models-onnx.json.gz", import.meta.url))).toString()) as {
    cases: { name: string; modelBase64: string; numRows: number; rows: string; outputs: { values: string }[] }[];
  }
).cases.find(({ name }) => name === "network of two layers")!;
const floats = (text: string): number[] => {
  const bytes = Buffer.from(text, "base64");
  return [...new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))];
};
/** The first four rows that JSON can hold, and LightGBM's answers to them. */
const rows = Array.from({ length: multiclass.numRows }, (_, i) => i)
  .filter((i) => multiclass.rows.subarray(i * 5, i * 5 + 5).every(Number.isFinite))
  .slice(0, 4);
const input = { name: "input", datatype: "FP64", shape: [4, 5], data: rows.flatMap((i) => [...multiclass.rows.subarray(i * 5, i * 5 + 5)]) };
const expected = rows.flatMap((i) => [...multiclass.predict.subarray(i * 3, i * 3 + 3)]);
const golden = (data: readonly number[]) =>
  JSON.stringify({ inputs: [input], outputs: [{ name: "predict", datatype: "FP64", shape: [4, 3], data }], tolerance: 1e-12 });

const made = madeNetwork();
const question: Tensor[] = [{ name: "X", datatype: "FP32", shape: [2, inputs], data: new Float32Array(2 * inputs) }];

let folder: string;
let world: World;
let grpc: Client;
const asIs = (bytes: Buffer) => bytes;
/** One call, in the messages of the protocol. */
const overGrpc = (method: string, request: Message) =>
  new Promise<Message>((resolve, reject) => {
    const [asked, answered] = ["Request", "Response"].map((end) => messageType(`inference.${method}${end}`));
    grpc.makeUnaryRequest(`/inference.GRPCInferenceService/${method}`, asIs, asIs, asked!.encode(request), (error, reply) =>
      error === null ? resolve(answered!.decode(reply!)) : reject(error),
    );
  });
const put = async (name: string, version: number, files: Record<string, string | Uint8Array>) => {
  await mkdir(path.join(folder, name, String(version)), { recursive: true });
  for (const [file, content] of Object.entries(files)) await writeFile(path.join(folder, name, String(version), file), content);
};
const call = async (where: string, body?: unknown) => {
  const response = await fetch(
    world.url + where,
    body === undefined ? {} : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) },
  );
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "karkhana-files-"));
  await put("segments", 1, { "model.txt": multiclass.model, "golden.json": golden(expected) });
  await put("net", 3, { "model.onnx": Buffer.from(network.modelBase64, "base64") });
  await put("wrong", 1, { "model.txt": multiclass.model, "golden.json": golden(expected.with(7, 0.5)) });
  const smaller = quantizeOnnx(made, "int8");
  const timerMs = () => 0;
  const report = await compareQuantized({
    kind: "int8",
    original: made,
    quantized: smaller,
    batches: [question],
    rowsFrom: "test",
    repeats: 1,
    timerMs,
    madeAt: "",
  });
  await put("unreported", 1, { "model.onnx": smaller.bytes });
  await put("reported", 1, { "model.onnx": smaller.bytes, "quantization.json": JSON.stringify(report) });
  await put("pickled", 1, { "model.pkl": Uint8Array.of(128, 4, 149, 0) });
  await mkdir(path.join(folder, "late_ride", "1"), { recursive: true });
  await cp(path.join(folder, "segments", "1", "model.txt"), path.join(folder, "late_ride", "1", "model.txt"));
  world = await openWorld({ statusOf, grpc: true, serving: { modelsFolder: folder } });
  grpc = new Client(`127.0.0.1:${world.grpcPort}`, credentials.createInsecure());
});
afterAll(async () => {
  grpc.close();
  await world.close();
  await rm(folder, { recursive: true, force: true });
});

describe("models that are files", () => {
  test("a model of several classes answers as its library does, beside the project's models", async () => {
    const { status, body } = await call("/v2/models/segments/infer", { inputs: [input], outputs: [{ name: "predict" }] });
    expect(status).toBe(200);
    expect(body).toMatchObject({ model_name: "segments", model_version: "1", outputs: [{ name: "predict", datatype: "FP64", shape: [4, 3] }] });
    const { data } = (body["outputs"] as { data: number[] }[])[0]!;
    for (const [i, value] of data.entries()) expect(value).toBeCloseTo(expected[i]!, 14);
    expect((await call("/v2/models/late_ride")).body).toMatchObject({ platform: "karkhana_gbdt" });
  });

  test("over gRPC they answer with the same bits, and describe themselves", async () => {
    const x = Float32Array.of(1, 2, 3, 4, 5);
    const asked = { model_name: "net", inputs: [{ name: "X", datatype: "FP32", shape: [1, 5] }], raw_input_contents: [Buffer.from(x.buffer)] };
    const reply = await overGrpc("ModelInfer", asked);
    const [raw] = reply["raw_output_contents"] as Buffer[];
    const near = (await call("/v2/models/net/infer", { inputs: [{ name: "X", datatype: "FP32", shape: [1, 5], data: [...x] }] })).body["outputs"] as {
      data: number[];
    }[];
    expect([0, 4, 8].map((at) => raw!.readFloatLE(at))).toEqual(near[0]!.data);
    const metadata = await overGrpc("ModelMetadata", { name: "segments", version: "1" });
    expect(metadata).toMatchObject({ platform: "karkhana_lightgbm", inputs: [{ name: "input", datatype: "FP64" }] });
    const { config } = (await overGrpc("ModelConfig", { name: "net" })) as { config: Message };
    expect(config).toMatchObject({ name: "net", input: [{ name: "X", data_type: 11 }] });
    await expect(overGrpc("ModelInfer", { ...asked, model_version: "7" })).rejects.toMatchObject({
      details: expect.stringMatching(/MODEL_VERSION_NOT_LOADED/),
    });
    await expect(overGrpc("ModelInfer", { ...asked, inputs: [{ name: "Y", datatype: "FP32", shape: [1, 5] }] })).rejects.toMatchObject({
      details: expect.stringMatching(/Y: is no input/),
    });
  });

  test("they are counted with the others", async () => {
    await call("/v2/models/segments/infer", { inputs: [input] });
    await call("/v2/models/segments/infer", { inputs: [{ ...input, shape: [5, 4] }] });
    const metrics = await (await fetch(`${world.url}/metrics`)).text();
    const lines = metrics.split("\n").filter((line) => line.includes('"segments"'));
    expect(lines.some((line) => line.includes('version="1"') && line.includes('outcome="ok"') && !line.endsWith(" 0"))).toBe(true);
    expect(lines.some((line) => line.includes('outcome="invalid"') && !line.endsWith(" 0"))).toBe(true);
  });

  test("an ONNX network answers from its worker", async () => {
    type Counts = { execution_count: number; inference_count: number };
    const executed = async () => ((await call("/v2/models/net/stats")).body["model_stats"] as Counts[])[0]!;
    const before = await executed();
    const data = floats(network.rows);
    const asked = { inputs: [{ name: "X", datatype: "FP32", shape: [network.numRows, 5], data }] };
    const { status, body } = await call("/v2/models/net/versions/3/infer", asked);
    expect(status).toBe(200);
    const answered = (body["outputs"] as { data: number[] }[])[0]!.data;
    for (const [i, value] of floats(network.outputs[0]!.values).entries()) expect(answered[i]).toBeCloseTo(value, 5);
    expect((await call("/v2/models/net")).body).toMatchObject({
      platform: "karkhana_onnx",
      versions: ["3"],
      inputs: [{ name: "X", datatype: "FP32", shape: [-1, 5] }],
    });
    expect((await call("/v2/models/net/config")).body).toMatchObject({
      max_batch_size: expect.any(Number),
      input: [{ name: "X", dims: ["5"] }],
      parameters: { runs: { string_value: "worker" } },
    });
    const after = await executed();
    expect([after.execution_count - before.execution_count, after.inference_count - before.inference_count]).toEqual([1, network.numRows]);
  });

  test("a model on another server of the protocol answers behind the same routes, and its absence is told as that", async () => {
    const other = await openWorld({ statusOf, serving: { modelsFolder: folder } });
    await put("far", 1, { "remote.json": JSON.stringify({ url: other.url, model: "segments", version: "1" }) });
    await put("far_net", 1, { "remote.json": JSON.stringify({ url: `${other.url}/`, model: "net" }) });
    for (const name of ["far", "far_net"]) expect((await call(`/v2/repository/models/${name}/load`, {})).status).toBe(200);
    const asked = { inputs: [input], outputs: [{ name: "predict" }] };
    const near = (await call("/v2/models/segments/infer", asked)).body["outputs"];
    expect((await call("/v2/models/far/infer", asked)).body["outputs"]).toEqual(near);
    expect((await call("/v2/models/far")).body).toMatchObject({ platform: "karkhana_remote", inputs: [{ name: "input", shape: [-1, 5] }] });
    const far = { inputs: [{ name: "X", datatype: "FP32", shape: [1, 5], data: [1, 2, 3, 4, 5] }] };
    expect((await call("/v2/models/far_net/infer", far)).body["outputs"]).toEqual((await call("/v2/models/net/infer", far)).body["outputs"]);
    expect((await call("/v2/models/far/infer", { inputs: [{ ...input, datatype: "FP32" }] })).status).toBe(400);
    await put("nobody", 1, { "remote.json": JSON.stringify({ url: other.url, model: "nobody" }) });
    expect((await call("/v2/repository/models/nobody/load", {})).status).toBe(502);
    await other.close();
    const gone = await call("/v2/models/far/infer", asked);
    expect([gone.status, JSON.stringify(gone.body)]).toEqual([503, expect.stringMatching(/REMOTE_UNREACHABLE/)]);
    await put("odd", 1, { "remote.json": JSON.stringify({ url: "file:///etc", model: "x" }) });
    expect(JSON.stringify((await call("/v2/repository/models/odd/load", {})).body)).toMatch(/remote.json.url/);
  });

  test("models and rules put together as a graph answer as one, with a step's new version at once", async () => {
    const binary = lightgbm.find(({ name }) => name === "binary")!;
    await put("risk", 1, { "model.txt": binary.model });
    const steps = [
      { model: "segments", inputs: { input: "X" }, outputs: { predict: "segment" } },
      { model: "risk", inputs: { input: "X" }, outputs: { predict: "p", raw_score: "log_odds" } },
      {
        rules: {
          on: "p",
          as: "decision",
          cases: [
            { atLeast: 0.6, give: "refuse" },
            { atLeast: 0.4, give: "look" },
          ],
          otherwise: "accept",
        },
      },
    ];
    const plan = { inputs: [{ name: "X", datatype: "FP32", shape: [-1, 5] }], steps, outputs: ["segment", "p", "decision"] };
    await put("both", 1, { "ensemble.json": JSON.stringify(plan) });
    expect((await call("/v2/repository/models/both/load", {})).status).toBe(400);
    for (const name of ["risk", "both"]) expect((await call(`/v2/repository/models/${name}/load`, {})).status).toBe(200);
    const { body } = await call("/v2/models/both/infer", { inputs: [{ ...input, name: "X", datatype: "FP32" }] });
    const [segment, p, decision] = body["outputs"] as { name: string; shape: number[]; data: (number | string)[] }[];
    expect([segment!.shape, p!.shape, decision!.shape]).toEqual([[4, 3], [4], [4]]);
    expect(decision!.data).toEqual(p!.data.map((value) => (Number(value) >= 0.6 ? "refuse" : Number(value) >= 0.4 ? "look" : "accept")));
    expect(new Set(decision!.data).size).toBeGreaterThan(1);
    const outputs = [{ name: "segment", shape: [-1, 3] }, { name: "p" }, { name: "decision", datatype: "BYTES" }];
    expect((await call("/v2/models/both")).body).toMatchObject({ platform: "karkhana_ensemble", outputs });
    // Every leaf of the new version is 9.
    const certain = new TextDecoder().decode(binary.model).replace(/^leaf_value=.*$/gm, (line) => `leaf_value=${"9 ".repeat(line.split(" ").length).trim()}`);
    await put("risk", 2, { "model.txt": new TextEncoder().encode(certain) });
    expect((await call("/v2/repository/models/risk/load", {})).status).toBe(200);
    const after = (await call("/v2/models/both/infer", { inputs: [{ ...input, name: "X", datatype: "FP32" }] })).body["outputs"] as { data: string[] }[];
    expect(after[2]!.data).toEqual(["refuse", "refuse", "refuse", "refuse"]);
    for (const [change, message] of [
      [{ steps: [...steps, steps[2]] }, /decision is made twice/],
      [{ steps: steps.toReversed() }, /p is not made/],
      [{ outputs: ["q"] }, /q is not made/],
      [{ steps: [{ ...steps[0], model: "both" }], outputs: ["segment"] }, /is an ensemble itself/],
      [{ steps: [{ ...steps[0], outputs: { nothing: "segment" } }], outputs: ["segment"] }, /has no output nothing/],
    ] as const) {
      await put("wrong_both", 1, { "ensemble.json": JSON.stringify({ ...plan, ...change }) });
      expect(JSON.stringify((await call("/v2/repository/models/wrong_both/load", {})).body)).toMatch(message);
    }
  });

  test("what cannot be served is listed with its reason, and nothing else suffers", async () => {
    const { body } = await call("/v2/repository/index", {});
    const listed = body as unknown as { name: string; state: string; reason: string }[];
    const stateOf = (name: string) => listed.find((entry) => entry.name === name);
    expect(stateOf("segments")).toMatchObject({ state: "READY" });
    expect(stateOf("wrong")).toMatchObject({ state: "UNAVAILABLE", reason: expect.stringMatching(/^MODEL_SELF_CHECK_FAILED.*stored row 2 must score 0.5/) });
    expect(stateOf("unreported")).toMatchObject({ state: "UNAVAILABLE", reason: expect.stringMatching(/^QUANTIZATION_UNREPORTED.*no quantization.json/) });
    expect(stateOf("reported")).toMatchObject({ state: "READY" });
    expect(stateOf("pickled")).toMatchObject({ state: "UNAVAILABLE", reason: expect.stringMatching(/pickle runs code/) });
    expect((await call("/v2/models/wrong/infer", { inputs: [input] })).status).toBe(404);
  });

  test.each([
    ["another width", { inputs: [{ ...input, shape: [5, 4] }] }, /takes \[-1, 5\]/],
    ["an unknown output", { inputs: [input], outputs: [{ name: "nothing" }] }, /output .*nothing.* is not one of predict, raw_score/],
    ["no input", { inputs: [] }, /is missing/],
  ])("%s is refused by name", async (_name, asked, message) => {
    const { status, body } = await call("/v2/models/segments/infer", asked);
    expect(status).toBe(400);
    expect(JSON.stringify(body)).toMatch(message);
  });

  test("a new version is put in place by load; one that fails its golden rows leaves the old answering; unload ends it", async () => {
    const versionNow = async () => (await call("/v2/models/segments/infer", { inputs: [input] })).body["model_version"];
    await put("segments", 2, { "model.txt": multiclass.model, "golden.json": golden(expected.with(0, 1)) });
    expect((await call("/v2/repository/models/segments/load", {})).status).toBe(400);
    expect(await versionNow()).toBe("1");
    await put("segments", 2, { "golden.json": golden(expected) });
    const asked = Array.from({ length: 40 }, () => versionNow());
    expect((await call("/v2/repository/models/segments/load", {})).status).toBe(200);
    expect((await Promise.all(asked)).filter((version) => version !== "1" && version !== "2")).toEqual([]);
    expect(await versionNow()).toBe("2");
    expect((await call("/v2/models/segments/versions/1/infer", { inputs: [input] })).status).toBe(404);
    expect((await call("/v2/repository/models/segments/unload", {})).status).toBe(200);
    expect((await call("/v2/models/segments/infer", { inputs: [input] })).status).toBe(404);
    expect((await call("/v2/repository/models/segments/load", {})).status).toBe(200);
    expect(await versionNow()).toBe("2");
  });
});
