import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const here = import.meta.dirname;

/** The environment of a script that installs a stock client if it is not there yet, as that script prints it. */
export async function clientOf(installer: string): Promise<string> {
  return (await run(process.execPath, [path.join(here, "..", "..", "scripts", installer)])).stdout.trim();
}

/** Runs a file of scenarios with a stock client in its own environment. @returns what went wrong in each, by its name; null: nothing */
export async function pythonScenarios(
  python: string,
  file: string,
  args: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
): Promise<Map<string, string | null>> {
  const { stdout } = await run(python, [path.join(here, file), ...args], {
    env: { ...process.env, DO_NOT_TRACK: "true", PYTHONDONTWRITEBYTECODE: "1", ...environment },
    maxBuffer: 64 * 1024 * 1024,
  });
  const problems = new Map<string, string | null>();
  for (const line of stdout.split("\n").filter((text) => text.startsWith('{"scenario"'))) {
    const { scenario, problem } = JSON.parse(line) as { scenario: string; problem: string | null };
    problems.set(scenario, problem);
  }
  return problems;
}
