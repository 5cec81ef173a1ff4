import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { statusOf } from "../../src/server/error-status.ts";
import { network } from "../../src/serving/formats/onnx/made-network.fixture.ts";
import { openWorld, type World } from "../../src/serving/test-world.ts";
import { clientOf, pythonScenarios } from "./python-scenarios.ts";

// Triton's stock clients against a running server: nothing of ours on their side but the addresses.
const run = promisify(execFile);

/** The scenarios of oip-scenarios.py, so that one that vanishes there is missed here. */
const scenarios = [
  "live, ready, and ready by model and version",
  "metadata is the same by both protocols",
  "the model configuration is the same by both protocols",
  "slots, request fields and a matrix are answered alike, binary and JSON, over HTTP",
  "slots, request fields and a matrix are answered alike over gRPC",
  "versions are asked by number, ids come back",
  "compressed requests are read",
  "answers come compressed when a client asks for it",
  "classification gives the greatest with their index",
  "a priority is taken, a timeout that is over is told",
  "statistics count what was answered by either protocol",
  "a model is unloaded and loaded again",
  "what cannot be answered is refused by name",
  "asyncio clients and concurrent requests",
  "requests of a network run together, each with its own rows",
];

interface Tools {
  readonly python: string;
  readonly perfAnalyzer: string;
  readonly libraryPath: string;
}

let tools: Tools;
let world: World;
let folder: string;
let problems: Map<string, string | null>;

beforeAll(async () => {
  tools = JSON.parse(await clientOf("triton-client.ts")) as Tools;
  folder = await mkdtemp(path.join(tmpdir(), "karkhana-oip-"));
  await mkdir(path.join(folder, "net", "1"), { recursive: true });
  await writeFile(path.join(folder, "net", "1", "model.onnx"), network());
  await writeFile(path.join(folder, "net", "1", "batching.json"), JSON.stringify({ maxBatchSize: 64, maxDelayMs: 2, priorityLevels: 2 }));
  world = await openWorld({ statusOf, grpc: true, serving: { modelsFolder: folder } });
  problems = await pythonScenarios(tools.python, "oip-scenarios.py", [`127.0.0.1:${world.port}`, `127.0.0.1:${world.grpcPort}`]);
});

afterAll(async () => {
  await world?.close();
  await rm(folder, { recursive: true, force: true });
});

describe("tritonclient as it is", () => {
  test.each(scenarios)("%s", (scenario) => {
    expect(problems.get(scenario)).toBe(null);
  });

  test("ran the scenarios named here and no others", () => {
    expect([...problems.keys()]).toEqual(scenarios);
  });

  test("what was asked is in the prediction log, features read here with the fields they were read by", async () => {
    const logged = (await world.log.predictions(0, 10_000)).map(({ record }) => record);
    expect(logged.some(({ fields }) => Object.keys(fields).length === 0)).toBe(true);
    expect(logged.find(({ fields }) => fields["zone"] === "BBB")).toMatchObject({
      model: "late_ride",
      version: 1,
      role: "champion",
      fields: { miles: 30, shared: 1 },
    });
    expect(logged.map(({ id }) => id)).toContain("mine/2");
  });
});

describe("perf_analyzer as it is", () => {
  const loads = [
    ["late_ride", "closed loop over HTTP", "http", ["--concurrency-range", "4"]],
    ["late_ride", "closed loop over gRPC", "grpc", ["--concurrency-range", "4"]],
    ["late_ride", "open loop over HTTP", "http", ["--request-rate-range", "200", "--request-distribution", "poisson"]],
    [
      "late_ride",
      "open loop over gRPC, three rows a request, compressed",
      "grpc",
      ["--request-rate-range", "200", "-b", "3", "--grpc-compression-algorithm", "gzip"],
    ],
    ["net", "closed loop over gRPC, its requests run together", "grpc", ["--concurrency-range", "8"]],
  ] as const;

  test.each(loads)("%s, %s: counts on both sides agree and nothing fails", async (model, _name, protocol, load) => {
    const before = await counts(model);
    const port = protocol === "http" ? world.port : world.grpcPort;
    // Windows of a count of requests, so that no machine is too slow for them.
    const windows = ["--measurement-mode", "count_windows", "--measurement-request-count", "100", "--max-trials", "3", "--stability-percentage", "999"];
    const { stdout } = await run(tools.perfAnalyzer, ["-m", model, "-i", protocol, "-u", `127.0.0.1:${port}`, ...load, ...windows], {
      env: { ...process.env, LD_LIBRARY_PATH: tools.libraryPath },
    });
    const asked = Number(/Client:\s+Request count: (\d+)/.exec(stdout)?.[1]);
    expect(asked).toBeGreaterThan(0);
    const after = await counts(model);
    const succeeded = after.succeeded - before.succeeded;
    expect(succeeded).toBeGreaterThanOrEqual(asked);
    expect(after.failed).toBe(before.failed);
    // Requests here, rows there.
    expect(after.rows - before.rows).toBe(succeeded * rowsOf(load));
    // It reads our counts as its windows open and close: a part of all it asked, and which part is a matter of moments.
    const told = Number(/Successful request count: (\d+)/.exec(stdout)?.[1]);
    expect(told).toBeGreaterThan(0);
    expect(told).toBeLessThanOrEqual(succeeded);
  });

  /** Of a request. */
  function rowsOf(load: readonly string[]): number {
    const at = load.indexOf("-b");
    return at < 0 ? 1 : Number(load[at + 1]);
  }

  async function counts(model: string): Promise<{ succeeded: number; failed: number; rows: number }> {
    const reply = await fetch(`${world.url}/v2/models/${model}/stats`);
    const { model_stats } = (await reply.json()) as {
      model_stats: { inference_count: number; inference_stats: Record<"success" | "fail", { count: number }> }[];
    };
    const { inference_count: rows, inference_stats } = model_stats[0]!;
    return { succeeded: inference_stats.success.count, failed: inference_stats.fail.count, rows };
  }
});
