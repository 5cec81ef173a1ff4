import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runScenarios } from "./mlflow-scenarios.ts";
import { startServerProcess, type ServerProcess } from "./server-process.ts";

/** The scenarios of mlflow-big-artifacts.py, so that one that vanishes there is missed here. */
const scenarios = [
  "one byte goes up and comes down",
  "one gigabyte goes up in one piece and comes down in one piece",
  "a large file goes up in parts, since the server says it can, and comes down by ranges",
];

let folder: string;
let server: ServerProcess;
let problems: Map<string, string | null>;
let idleBytes: number;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "karkhana-big-"));
  server = startServerProcess();
  const url = await server.open(path.join(folder, "data"));
  idleBytes = server.residentBytes();
  problems = await runScenarios("mlflow-big-artifacts.py", url);
});

afterAll(async () => {
  await server?.end();
  await rm(folder, { recursive: true, force: true });
});

describe("artifacts of any size through MLflow's stock client", () => {
  test.each(scenarios)("%s", (scenario) => {
    expect(problems.get(scenario)).toBe(null);
  });

  test("ran the scenarios named here and no others", () => {
    expect([...problems.keys()]).toEqual(scenarios);
  });

  test("and the server holds a bounded part of it in memory", () => {
    expect(server.peakBytes() - idleBytes).toBeLessThan(256 * 1024 * 1024);
  });
});
