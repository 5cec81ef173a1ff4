import { afterAll, beforeAll, expect, test } from "vitest";
import { statusOf } from "../../src/server/error-status.ts";
import { openWorld, type World } from "../../src/serving/test-world.ts";
import { clientOf, pythonScenarios } from "./python-scenarios.ts";

// MLflow's own scoring client against a running server: nothing of ours on its side but the address.

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
let problems: Map<string, string | null>;

beforeAll(async () => {
  const python = await clientOf("mlflow-client.ts");
  world = await openWorld({ statusOf });
  problems = await pythonScenarios(python, "invocations-scenarios.py", ["127.0.0.1", String(world.port)], { MLFLOW_DISABLE_TELEMETRY: "true" });
});

afterAll(() => world?.close());

test.each(scenarios)("%s", (scenario) => {
  expect(problems.get(scenario)).toBe(null);
});

test("ran the scenarios named here and no others", () => {
  expect([...problems.keys()]).toEqual(scenarios);
});
