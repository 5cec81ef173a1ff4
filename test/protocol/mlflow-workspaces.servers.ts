import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createControl, type Control } from "../../src/server/control.ts";
import { controlWorld, type ControlWorld } from "../../src/server/test-world.ts";
import { runScenarios } from "./mlflow-scenarios.ts";

// Workspaces as MLflow's stock client knows them, against a running server that asks nobody who they are.

/** The scenarios of mlflow-workspaces.py, so that one that vanishes there is missed here. */
const scenarios = [
  "a workspace is created, listed, described and read",
  "the same names in two workspaces are two experiments, runs and models",
  "a scikit-learn model is logged and loaded back in a workspace",
  "MLFLOW_WORKSPACE is enough for a script that knows nothing of workspaces",
  "a workspace is deleted empty, moved to default, or with all that is in it",
];

let world: ControlWorld;
let control: Control;
let problems: Map<string, string | null>;

beforeAll(async () => {
  world = await controlWorld(0);
  control = await createControl(world.rooms, { host: "127.0.0.1", port: 0, consoleFolder: "/nowhere" });
  problems = await runScenarios("mlflow-workspaces.py", control.url);
}, 900_000);

afterAll(async () => {
  await control?.close();
  await world?.close();
});

describe("workspaces of MLflow's stock client", () => {
  test.each(scenarios)("%s", (scenario) => {
    expect(problems.get(scenario)).toBe(null);
  });

  test("ran the scenarios named here and no others", () => {
    expect([...problems.keys()]).toEqual(scenarios);
  });
});
