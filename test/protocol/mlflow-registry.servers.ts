import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createControl, type Control } from "../../src/server/control.ts";
import { controlWorld, type ControlWorld } from "../../src/server/test-world.ts";

// The registry of the stock client of a current MLflow against a running server.
const run = promisify(execFile);
const here = import.meta.dirname;

/** The scenarios of mlflow-registry.py, so that one that vanishes there is missed here. */
const scenarios = [
  "register_model makes the model and its first version from a run",
  "models:/name/version, @alias, latest and stage come down as they were logged",
  "a model is described, tagged, renamed and deleted",
  "a version is described, tagged, staged, aliased, copied and deleted",
  "models and versions are searched, ordered and paged",
  "clients that race for the next version get each its own",
  "a prompt is registered, loaded and kept out of the models",
];

let world: ControlWorld;
let control: Control;
const problems = new Map<string, string | null>();

beforeAll(async () => {
  const installer = path.join(here, "..", "..", "scripts", "mlflow-client.ts");
  const python = (await run(process.execPath, [installer])).stdout.trim();
  world = await controlWorld(0);
  control = await createControl(world.rooms, { host: "127.0.0.1", port: 0, consoleFolder: "/nowhere" });
  const env = {
    ...process.env,
    MLFLOW_TRACKING_URI: control.url,
    // A server's 503 shall show as a failure, not as minutes of waiting.
    MLFLOW_HTTP_REQUEST_MAX_RETRIES: "1",
    MLFLOW_DISABLE_TELEMETRY: "true",
    DO_NOT_TRACK: "true",
  };
  const { stdout } = await run(python, [path.join(here, "mlflow-registry.py")], { env, maxBuffer: 64 * 1024 * 1024 });
  for (const line of stdout.split("\n").filter((text) => text.startsWith('{"scenario"'))) {
    const { scenario, problem } = JSON.parse(line) as { scenario: string; problem: string | null };
    problems.set(scenario, problem);
  }
}, 600_000);

afterAll(async () => {
  await control?.close();
  await world?.close();
});

describe("the registry of MLflow's stock client", () => {
  test.each(scenarios)("%s", (scenario) => {
    expect(problems.get(scenario)).toBe(null);
  });

  test("ran the scenarios named here and no others", () => {
    expect([...problems.keys()]).toEqual(scenarios);
  });

  test("what it registered is in the platform's own registry", async () => {
    const versions = await world.registry.listVersions("late arrival");
    expect(versions.map((v) => [v.version, v.state, v.source?.startsWith("mlflow-artifacts:/0/")])).toEqual([
      [1, "registered", true],
      [2, "registered", true],
    ]);
  });
});

describe("once a user is known, the stock client", () => {
  const script = `
import mlflow, sys
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
try:
    print(MlflowClient().create_registered_model(sys.argv[1]).name)
except MlflowException as error:
    print(error.error_code)
`;
  let python: string;
  let token: string;
  const as = async (name: string, env: Record<string, string>): Promise<string> => {
    const settings = { ...process.env, MLFLOW_TRACKING_URI: control.url, MLFLOW_HTTP_REQUEST_MAX_RETRIES: "1", MLFLOW_DISABLE_TELEMETRY: "true", ...env };
    return (await run(python, ["-c", script, name], { env: settings })).stdout.trim();
  };

  beforeAll(async () => {
    python = (await run(process.execPath, [path.join(here, "..", "..", "scripts", "mlflow-client.ts")])).stdout.trim();
    const { directory } = world.rooms;
    await directory.addUser("ada", "editor");
    await directory.setPassword("ada", "correct horse battery");
    token = await directory.addToken("ada", "");
    await directory.addUser("reader", "viewer");
    await directory.setPassword("reader", "correct horse battery");
    world.machineClock.advanceBy(2_000_000);
  }, 120_000);

  test("is let in by MLFLOW_TRACKING_TOKEN, or by MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD", async () => {
    expect(await as("by token", { MLFLOW_TRACKING_TOKEN: token })).toBe("by token");
    expect(await as("by password", { MLFLOW_TRACKING_USERNAME: "ada", MLFLOW_TRACKING_PASSWORD: "correct horse battery" })).toBe("by password");
    expect(await as("by token as password", { MLFLOW_TRACKING_USERNAME: "ada", MLFLOW_TRACKING_PASSWORD: token })).toBe("by token as password");
  });

  test("is told why it is not", async () => {
    expect(await as("nobody", {})).toBe("UNAUTHENTICATED");
    expect(await as("wrong", { MLFLOW_TRACKING_TOKEN: `${token}x` })).toBe("UNAUTHENTICATED");
    expect(await as("reader", { MLFLOW_TRACKING_USERNAME: "reader", MLFLOW_TRACKING_PASSWORD: "correct horse battery" })).toBe("PERMISSION_DENIED");
  });
});
