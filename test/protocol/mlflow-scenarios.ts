import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createControl, type Control } from "../../src/server/control.ts";
import { controlWorld, type ControlWorld } from "../../src/server/test-world.ts";
import { clientOf, pythonScenarios } from "./python-scenarios.ts";

/** Python with MLflow's stock client, installed if it is not there yet. */
export function clientPython(): Promise<string> {
  return clientOf("mlflow-client.ts");
}

/** Runs a file of scenarios against a tracking server. @returns what went wrong in each, by its name; null: nothing */
export async function runScenarios(file: string, trackingUri: string, environment: Readonly<Record<string, string>> = {}): Promise<Map<string, string | null>> {
  return pythonScenarios(await clientPython(), file, [], {
    MLFLOW_TRACKING_URI: trackingUri,
    // A server's 503 shall show as a failure, not as minutes of waiting.
    MLFLOW_HTTP_REQUEST_MAX_RETRIES: "1",
    MLFLOW_DISABLE_TELEMETRY: "true",
    ...environment,
  });
}

export interface Served {
  readonly world: ControlWorld;
  readonly control: Control;
}

/**
 * A file of scenarios against a server of its own that asks nobody who they are, each scenario a test.
 * @param scenarios what the file holds, so that one that vanishes there is missed here
 * @param also further tests on the same server, once the scenarios have run
 */
export function describeScenarios(title: string, file: string, scenarios: readonly string[], also: (served: () => Served) => void = () => {}): void {
  // oxlint-disable-next-line vitest/valid-title -- each caller gives one
  describe(title, () => {
    let world: ControlWorld;
    let control: Control;
    let problems: Map<string, string | null>;

    beforeAll(async () => {
      world = await controlWorld(0);
      control = await createControl(world.rooms, { host: "127.0.0.1", port: 0, consoleFolder: "/dev/null/nowhere" });
      problems = await runScenarios(file, control.url);
    });

    afterAll(async () => {
      await control?.close();
      await world?.close();
    });

    test.each(scenarios)("%s", (scenario) => {
      expect(problems.get(scenario)).toBe(null);
    });

    test("ran the scenarios named here and no others", () => {
      expect([...problems.keys()]).toEqual(scenarios);
    });

    also(() => ({ world, control }));
  });
}
