import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import path from "node:path";
import { makeOnce } from "./make-once.ts";

const needed = "Python 3.10 or newer with its venv module is needed for the tests against other programs (Debian: apt-get install python3 python3-venv).";

function run(command: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  if (error !== undefined) throw new Error(`${command} cannot be started (${error.message}). ${needed}`);
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} failed:\n${stdout}${stderr}\n${needed}`);
  return stdout;
}

/** Packages from PyPI in an environment of their own, made once for a name and a version of Python. @returns its Python */
export function pythonEnvironment(name: string, packages: readonly string[]): string {
  const python = run("python3", ["-c", "import sys; print(f'{sys.version_info[0]}.{sys.version_info[1]}')"]).trim();
  const folder = path.join(tmpdir(), ".karkhana-venv", `${name}-python-${python}`);
  const executable = path.join(folder, "bin", "python");
  makeOnce(folder, () => {
    run("python3", ["-m", "venv", folder]);
    run(executable, ["-m", "pip", "install", "--quiet", ...packages]);
  });
  return executable;
}
