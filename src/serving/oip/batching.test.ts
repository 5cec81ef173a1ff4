import { Client, credentials } from "@grpc/grpc-js";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readGoldenCases } from "../../../test/reference/golden-models.ts";
import { statusOf } from "../../server/error-status.ts";
import type { Tensor } from "../formats/model.ts";
import { inputs as width, network } from "../formats/onnx/made-network.fixture.ts";
import { intField, messageField, textField, writeMessage } from "../formats/onnx/wire.ts";
import { openModel, parseModel } from "../formats/open.ts";
import { openWorld, type World } from "../test-world.ts";
import { FileModel } from "./file-model.ts";
import { messageType } from "./proto.ts";

const tree = readGoldenCases("models-lightgbm.json.gz").find(({ name }) => name === "binary")!;
const net = network();
const rowOf = (seed: number): number[] => Array.from({ length: width }, (_, i) => Math.fround(Math.sin(seed * 31 + i)));

/** X [n, 3] -> Softmax over the first dimension: what a row gives depends on its neighbours. */
function acrossRows(): Uint8Array {
  const value = (number: number, name: string) =>
    messageField(number, [
      textField(1, name),
      messageField(2, [messageField(1, [intField(1, 1), messageField(2, [messageField(1, [textField(2, "n")]), messageField(1, [intField(1, 3)])])])]),
    ]);
  const axis = messageField(5, [textField(1, "axis"), intField(3, 0), intField(20, 2)]);
  const node = messageField(1, [textField(1, "X"), textField(2, "Y"), textField(3, "s"), textField(4, "Softmax"), axis]);
  const graph = [node, textField(2, "across"), value(11, "X"), value(12, "Y")];
  return writeMessage([intField(1, 8), messageField(7, graph), messageField(8, [textField(1, ""), intField(2, 17)])]);
}

let folder: string;
let world: World;
const put = async (name: string, files: Record<string, string | Uint8Array>) => {
  await mkdir(path.join(folder, name, "1"), { recursive: true });
  for (const [file, content] of Object.entries(files)) await writeFile(path.join(folder, name, "1", file), content);
};
const call = async (where: string, body?: unknown) => {
  const response = await fetch(
    world.url + where,
    body === undefined ? {} : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) },
  );
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};
const load = async (name: string) => JSON.stringify((await call(`/v2/repository/models/${name}/load`, {})).body);
const ask = (name: string, rows: readonly number[][], parameters: Record<string, unknown> = {}) =>
  call(`/v2/models/${name}/infer`, { parameters, inputs: [{ name: "X", datatype: "FP32", shape: [rows.length, width], data: rows.flat() }] });
const dataOf = ({ body }: Awaited<ReturnType<typeof call>>) => (body["outputs"] as { data: number[] }[])[0]!.data;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "karkhana-batching-"));
  const levels = { 1: { maxQueue: 40, queueTimeoutMs: 20_000 } };
  const batching = { maxBatchSize: 32, maxDelayMs: 1, preferredBatchSizes: [16], priorityLevels: 2, levels };
  await put("net", { "model.onnx": net, "batching.json": JSON.stringify(batching) });
  await put("alone", { "model.onnx": net });
  world = await openWorld({ statusOf, grpc: true, serving: { modelsFolder: folder } });
});
afterAll(async () => {
  await world.close();
  await rm(folder, { recursive: true, force: true });
});

type Counted = { count: number; ns: number };
type Stats = {
  execution_count: number;
  inference_count: number;
  inference_stats: Record<string, Counted>;
  batch_stats: { batch_size: number; compute_infer: Counted }[];
};

describe("a model whose requests are put together", () => {
  test("answers each with its own rows, in fewer runs than requests, and counts both as they were", async () => {
    const sizes = Array.from({ length: 60 }, (_, i) => 1 + (i % 3));
    const questions = sizes.map((rows, i) => Array.from({ length: rows }, (_, row) => rowOf(i * 10 + row)));
    const answers = await Promise.all(questions.map((rows, i) => ask("net", rows, { priority: i % 3 })));
    for (const [i, rows] of questions.entries()) {
      expect(answers[i]!.status).toBe(200);
      const single = dataOf(await ask("alone", rows));
      expect(dataOf(answers[i]!)).toHaveLength(single.length);
      for (const [at, value] of single.entries()) expect(dataOf(answers[i]!)[at]).toBeCloseTo(value, 5);
    }
    const { execution_count, inference_count, inference_stats, batch_stats } = ((await call("/v2/models/net/stats")).body["model_stats"] as Stats[])[0]!;
    const rows = sizes.reduce((a, b) => a + b, 0);
    expect(inference_count).toBe(rows);
    expect(inference_stats["success"]!.count).toBe(60);
    expect(execution_count).toBeLessThan(60);
    expect(batch_stats.reduce((sum, { compute_infer }) => sum + compute_infer.count, 0)).toBe(execution_count);
    expect(batch_stats.reduce((sum, { batch_size, compute_infer }) => sum + batch_size * compute_infer.count, 0)).toBe(rows);
    expect(Math.max(...batch_stats.map(({ batch_size }) => batch_size))).toBeLessThanOrEqual(32);
    const metrics = await (await fetch(`${world.url}/metrics`)).text();
    expect(metrics).toContain(`karkhana_batch_rows_sum{model="net",version="1"} ${rows}`);
    expect(metrics).toContain(`karkhana_batch_rows_count{model="net",version="1"} ${execution_count}`);
    expect(metrics).toContain(`karkhana_batch_requests_total{model="net",version="1"} 60`);
    expect(metrics).toMatch(/karkhana_predict_duration_seconds_count\{model="net",version="1",role="champion",stage="queue"\} 60/);
  });

  test("refuses what is wrong with one request before it is put beside others", async () => {
    const wrong = (inputs: unknown) => call("/v2/models/net/infer", { inputs });
    const [good, shape, type, tooMany] = await Promise.all([
      ask("net", [rowOf(1)]),
      wrong([{ name: "X", datatype: "FP32", shape: [1, 3], data: [1, 2, 3] }]),
      wrong([{ name: "X", datatype: "FP64", shape: [1, width], data: rowOf(2) }]),
      ask(
        "net",
        Array.from({ length: 33 }, (_, i) => rowOf(i)),
      ),
    ]);
    expect([good.status, shape.status, type.status, tooMany.status]).toEqual([200, 400, 400, 400]);
    expect(JSON.stringify(tooMany.body)).toMatch(/33 rows are more than the 32/);
  });

  test("says so in its configuration, over HTTP and gRPC", async () => {
    const { body } = await call("/v2/models/net/config");
    expect(body).toMatchObject({
      max_batch_size: 32,
      dynamic_batching: {
        preferred_batch_size: [16],
        max_queue_delay_microseconds: "1000",
        priority_levels: "2",
        default_priority_level: "2",
        default_queue_policy: { timeout_action: "REJECT", max_queue_size: 64 },
        priority_queue_policy: { 1: { default_timeout_microseconds: "20000000", max_queue_size: 40 } },
      },
    });
    expect((await call("/v2/models/alone/config")).body).not.toHaveProperty("dynamic_batching");
    const grpc = new Client(`127.0.0.1:${world.grpcPort}`, credentials.createInsecure());
    const asIs = (bytes: Buffer) => bytes;
    const reply = await new Promise<Buffer>((resolve, reject) =>
      grpc.makeUnaryRequest(
        "/inference.GRPCInferenceService/ModelConfig",
        asIs,
        asIs,
        messageType("inference.ModelConfigRequest").encode({ name: "net" }),
        (error, bytes) => (error === null ? resolve(bytes!) : reject(error)),
      ),
    );
    grpc.close();
    const { config } = messageType("inference.ModelConfigResponse").decode(reply) as { config: Record<string, unknown> };
    expect(config["dynamic_batching"]).toMatchObject({ preferred_batch_size: [16], default_queue_policy: { max_queue_size: 64 } });
  });

  test("is refused where its first dimension is no batch, and where it would only be delayed", async () => {
    const together = JSON.stringify({ maxBatchSize: 8 });
    await put("across", { "model.onnx": acrossRows(), "batching.json": together });
    expect(await load("across")).toMatch(/another Y beside other rows than alone/);
    await put("across_alone", { "model.onnx": acrossRows() });
    expect(await load("across_alone")).toBe("{}");
    await put("tree", { "model.txt": tree.model, "batching.json": together });
    expect(await load("tree")).toMatch(/waiting for others would only delay it/);
    await put("odd", { "model.onnx": net, "batching.json": '{"maxBatchSize": "all"}' });
    expect(await load("odd")).toMatch(/batching.json.maxBatchSize/);
  });

  test("on another server is asked for several requests at once", async () => {
    await put("far", { "remote.json": JSON.stringify({ url: world.url, model: "alone" }), "batching.json": JSON.stringify({ maxBatchSize: 16, runs: 1 }) });
    expect(await load("far")).toBe("{}");
    const answers = await Promise.all(Array.from({ length: 30 }, (_, i) => ask("far", [rowOf(i)])));
    for (const [i, answer] of answers.entries()) {
      const single = dataOf(await ask("alone", [rowOf(i)]));
      for (const [at, value] of single.entries()) expect(dataOf(answer)[at]).toBeCloseTo(value, 5);
    }
    const { execution_count, inference_count } = ((await call("/v2/models/far/stats")).body["model_stats"] as Stats[])[0]!;
    expect(inference_count).toBe(30);
    expect(execution_count).toBeLessThan(30);
  });
});

test("trees wait for nothing: their answer is there before any timer, input or output of the process", async () => {
  const model = await openModel(parseModel("model.txt", tree.model));
  const file = new FileModel({ name: "tree", version: 1, model, goldenRows: 0, timerMs: () => 0 });
  const input: Tensor = { name: "input", datatype: "FP64", shape: [1, 5], data: Float64Array.of(1, 2, 3, 4, 5) };
  const request = { id: "", priority: 0, timeoutUs: 0, inputs: [input], outputs: undefined, binaryByDefault: true };
  const order: string[] = [];
  const answered = Array.from({ length: 5 }, () =>
    file.infer(request, { startedMs: 0, deadlineMs: 1000 }, { timerMs: () => 0, clock: { nowUs: () => 0 } }).then(() => order.push("answer")),
  );
  const turn = new Promise<void>((resolve) => setImmediate(() => resolve(void order.push("next turn of the event loop"))));
  await Promise.all([...answered, turn]);
  expect(order).toEqual([...answered.map(() => "answer"), "next turn of the event loop"]);
  await file.close();
});
