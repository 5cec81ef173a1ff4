import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createControl, type Control } from "../../src/server/control.ts";
import { controlWorld, type ControlWorld } from "../../src/server/test-world.ts";
import { runScenarios } from "./mlflow-scenarios.ts";

/** The scenarios of mlflow-logged-models.py, so that one that vanishes there is missed here. */
const scenarios = [
  "a scikit-learn model is logged and loads back by every address",
  "a LightGBM model is logged and loads back by every address",
  "an XGBoost model is logged and loads back by every address",
  "an ONNX model is logged and loads back by every address",
  "autolog of scikit-learn keeps params, metrics, the dataset and the model",
  "autolog of LightGBM keeps params, a metric at every step, importances and the model",
  "autolog of XGBoost keeps params, a metric at every step, importances and the model",
  "a logged model is made, measured, tagged, searched, ended and deleted",
  "a model that a run used is named on the run",
  "an experiment kept at a place of its own below the server has its runs' and models' files there",
];

let world: ControlWorld;
let control: Control;
let problems: Map<string, string | null>;

beforeAll(async () => {
  world = await controlWorld(0);
  control = await createControl(world.rooms, { host: "127.0.0.1", port: 0, consoleFolder: "/nowhere" });
  problems = await runScenarios("mlflow-logged-models.py", control.url);
}, 900_000);

afterAll(async () => {
  await control?.close();
  await world?.close();
});

describe("models through MLflow's stock client", () => {
  test.each(scenarios)("%s", (scenario) => {
    expect(problems.get(scenario)).toBe(null);
  });

  test("ran the scenarios named here and no others", () => {
    expect([...problems.keys()]).toEqual(scenarios);
  });
});
