/**
 * Installs MLflow's stock client into an environment of its own, once a version, and prints that environment's Python:
 *   node scripts/mlflow-client.ts
 * Needs python3 with its venv module. Only the protocol tests use it.
 */
import { spawnSync } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const version = "3.17.2";
const needed = "Python 3.10 or newer with its venv module is needed for the tests of MLflow's protocol (Debian: apt-get install python3 python3-venv).";

function run(command: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  if (error !== undefined) throw new Error(`${command} cannot be started (${error.message}). ${needed}`);
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} failed:\n${stdout}${stderr}\n${needed}`);
  return stdout;
}

const python = run("python3", ["-c", "import sys; print(f'{sys.version_info[0]}.{sys.version_info[1]}')"]).trim();
const folder = path.join(tmpdir(), ".karkhana-venv", `mlflow-${version}-python-${python}`);
const executable = path.join(folder, "bin", "python");
// Written last: an environment without it was not finished.
const complete = path.join(folder, "complete");
if (!existsSync(complete)) {
  rmSync(folder, { recursive: true, force: true });
  run("python3", ["-m", "venv", folder]);
  run(executable, ["-m", "pip", "install", "--quiet", `mlflow==${version}`]);
  writeFileSync(complete, "");
}
console.log(executable);
