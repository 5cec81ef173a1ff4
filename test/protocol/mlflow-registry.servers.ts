import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { clientPython, describeScenarios } from "./mlflow-scenarios.ts";

// The registry of the stock client of a current MLflow against a running server.
const run = promisify(execFile);

const scenarios = [
  "register_model makes the model and its first version from a run",
  "models:/name/version, @alias, latest and stage come down as they were logged",
  "a model is described, tagged, renamed and deleted",
  "a version is described, tagged, staged, aliased, copied and deleted",
  "models and versions are searched, ordered and paged",
  "clients that race for the next version get each its own",
  "a prompt is registered, loaded and kept out of the models",
];

describeScenarios("the registry of MLflow's stock client", "mlflow-registry.py", scenarios, (served) => {
  test("what it registered is in the platform's own registry", async () => {
    const versions = await served().world.registry.listVersions("late arrival");
    expect(versions.map((v) => [v.version, v.state, v.source?.startsWith("mlflow-artifacts:/0/")])).toEqual([
      [1, "registered", true],
      [2, "registered", true],
    ]);
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
      const settings = {
        ...process.env,
        MLFLOW_TRACKING_URI: served().control.url,
        MLFLOW_HTTP_REQUEST_MAX_RETRIES: "1",
        MLFLOW_DISABLE_TELEMETRY: "true",
        ...env,
      };
      return (await run(python, ["-c", script, name], { env: settings })).stdout.trim();
    };

    beforeAll(async () => {
      python = await clientPython();
      const { world } = served();
      const { directory } = world.rooms;
      await directory.addUser("ada", "editor");
      await directory.setPassword("ada", "correct horse battery");
      token = await directory.addToken("ada", "");
      await directory.addUser("reader", "viewer");
      await directory.setPassword("reader", "correct horse battery");
      world.machineClock.advanceBy(2_000_000);
    });

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
});
