import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const here = import.meta.dirname;

/** Python with MLflow's stock client, installed if it is not there yet. */
export async function clientPython(): Promise<string> {
  const installer = path.join(here, "..", "..", "scripts", "mlflow-client.ts");
  return (await run(process.execPath, [installer])).stdout.trim();
}

/** Runs a file of scenarios with the stock client in its own environment. @returns what went wrong in each, by its name; null: nothing */
export async function runScenarios(file: string, trackingUri: string, environment: Readonly<Record<string, string>> = {}): Promise<Map<string, string | null>> {
  const python = await clientPython();
  const env = {
    ...process.env,
    MLFLOW_TRACKING_URI: trackingUri,
    // A server's 503 shall show as a failure, not as minutes of waiting.
    MLFLOW_HTTP_REQUEST_MAX_RETRIES: "1",
    MLFLOW_DISABLE_TELEMETRY: "true",
    DO_NOT_TRACK: "true",
    ...environment,
  };
  const { stdout } = await run(python, [path.join(here, file)], { env, maxBuffer: 64 * 1024 * 1024 });
  const problems = new Map<string, string | null>();
  for (const line of stdout.split("\n").filter((text) => text.startsWith('{"scenario"'))) {
    const { scenario, problem } = JSON.parse(line) as { scenario: string; problem: string | null };
    problems.set(scenario, problem);
  }
  return problems;
}
