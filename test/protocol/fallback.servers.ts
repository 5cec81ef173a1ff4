import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { GbdtModel } from "../../src/learn/model.ts";
import { statusOf } from "../../src/server/error-status.ts";
import { openWorld, scoreOf, stump, type World } from "../../src/serving/test-world.ts";

// Stock clients where the champion fails and the version before answers: they read the answer, and can tell whose it is.
const run = promisify(execFile);
const here = import.meta.dirname;
const script = (name: string): string => path.join(here, "..", "..", "scripts", name);

let world: World;
const ask = async (python: string, library: string): Promise<Record<string, unknown>> => {
  const env = { ...process.env, MLFLOW_DISABLE_TELEMETRY: "true", DO_NOT_TRACK: "true" };
  const { stdout } = await run(python, [path.join(here, "fallback-scenarios.py"), library, "127.0.0.1", String(world.port), String(world.grpcPort)], { env });
  return JSON.parse(stdout.trim().split("\n").at(-1)!) as Record<string, unknown>;
};

/** For long rides from AAA its sum overflows and times its slope is no number. */
function broken(): GbdtModel {
  const model = stump(2);
  const ensemble = { ...model.ensemble, baseScore: 1.7e308, leafValue: Float64Array.of(-0.5, 1.7e308, 0.75) };
  return { ...model, calibration: { kind: "sigmoid", slope: 0, intercept: 0 }, ensemble };
}

beforeAll(async () => {
  world = await openWorld({ statusOf, grpc: true, policy: { fallback: { previous: true } } });
  await world.addVersion(2, undefined, broken());
  world.registry.deploy({ champion: 2, previous: 1 });
  await world.post("/v1/admin/refresh", {});
});
afterAll(() => world?.close());

test("tritonclient reads the answer and its parameter, over HTTP and gRPC", async () => {
  const { python } = JSON.parse((await run(process.execPath, [script("triton-client.ts")])).stdout) as { python: string };
  const answer = ["1", { fallback: "previous" }, scoreOf(1, 0.25)];
  expect(await ask(python, "tritonclient")).toEqual({ "http, binary True": answer, "http, binary False": answer, grpc: answer });
});

test("MLflow's client reads the answer as any other", async () => {
  const python = (await run(process.execPath, [script("mlflow-client.ts")])).stdout.trim();
  expect(await ask(python, "mlflow")).toEqual({ mlflow: scoreOf(1, 0.25) });
});

test("the log says whose question it was and who answered it", async () => {
  const records = (await world.log.predictions(0, 10)).map(({ record }) => record);
  expect(records.map(({ version, instead }) => [version, instead])).toEqual(
    Array.from({ length: 4 }, () => [1, { by: "previous", version: 2, role: "champion" }]),
  );
});
