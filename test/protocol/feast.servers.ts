import { afterAll, beforeAll, expect, test } from "vitest";
import { statusOf } from "../../src/server/error-status.ts";
import { openWorld, type World } from "../../src/serving/test-world.ts";
import { clientOf, pythonScenarios } from "./python-scenarios.ts";

// Feast's own SDK with its remote online store against a running server.

/** The scenarios of feast-scenarios.py, so that one that vanishes there is missed here. */
const scenarios = [
  "a pushed frame is taken once under its idempotency key",
  "Feast's FeatureStore reads through its remote online store",
  "full feature names",
  "the raw shape: one result a name, statuses and times",
  "a model's whole vector by its feature service",
  "what cannot be read or pushed is refused by field",
];

let world: World;
let problems: Map<string, string | null>;

beforeAll(async () => {
  const python = await clientOf("feast-client.ts");
  world = await openWorld({ statusOf });
  problems = await pythonScenarios(python, "feast-scenarios.py", [world.url, world.folder], { FEAST_USAGE: "False", FEAST_TELEMETRY: "False" });
});

afterAll(() => world?.close());

test.each(scenarios)("%s", (scenario) => {
  expect(problems.get(scenario)).toBe(null);
});

test("ran the scenarios named here and no others", () => {
  expect([...problems.keys()]).toEqual(scenarios);
});
