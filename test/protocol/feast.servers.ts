import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { statusOf } from "../../src/server/error-status.ts";
import { openWorld, type World } from "../../src/serving/test-world.ts";

// Feast's own SDK with its remote online store against a running server.
const run = promisify(execFile);
const here = import.meta.dirname;

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
const problems = new Map<string, string | null>();

beforeAll(async () => {
  const python = (await run(process.execPath, [path.join(here, "..", "..", "scripts", "feast-client.ts")])).stdout.trim();
  world = await openWorld({ statusOf });
  const env = { ...process.env, FEAST_USAGE: "False", FEAST_TELEMETRY: "False", DO_NOT_TRACK: "true" };
  const { stdout } = await run(python, [path.join(here, "feast-scenarios.py"), world.url, world.folder], { env, maxBuffer: 64 * 1024 * 1024 });
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
