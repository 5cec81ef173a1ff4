import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { statusOf } from "../../src/server/error-status.ts";
import { openWorld, type World } from "../../src/serving/test-world.ts";

// MLflow's own scoring client against a running server: nothing of ours on its side but the address.
const run = promisify(execFile);
const here = import.meta.dirname;

/** The scenarios of invocations-scenarios.py, so that one that vanishes there is missed here. */
const scenarios = [
  "MLflow's own client pings, asks the version and scores tables",
  "dataframe_split",
  "dataframe_records",
  "instances",
  "inputs",
  "CSV, quoted or not, with an index column or without",
  "by the model's name",
  "ping and version",
  "what cannot be read is refused in MLflow's words",
];

let world: World;
const problems = new Map<string, string | null>();

beforeAll(async () => {
  const python = (await run(process.execPath, [path.join(here, "..", "..", "scripts", "mlflow-client.ts")])).stdout.trim();
  world = await openWorld({ statusOf });
  const env = { ...process.env, MLFLOW_DISABLE_TELEMETRY: "true", DO_NOT_TRACK: "true" };
  const { stdout } = await run(python, [path.join(here, "invocations-scenarios.py"), "127.0.0.1", String(world.port)], { env, maxBuffer: 64 * 1024 * 1024 });
  for (const line of stdout.split("\n").filter((text) => text.startsWith('{"scenario"'))) {
    const { scenario, problem } = JSON.parse(line) as { scenario: string; problem: string | null };
    problems.set(scenario, problem);
  }
}, 600_000);

afterAll(() => world?.close());

test.each(scenarios)("%s", (scenario) => {
  expect(problems.get(scenario)).toBe(null);
});

test("ran the scenarios named here and no others", () => {
  expect([...problems.keys()]).toEqual(scenarios);
});
