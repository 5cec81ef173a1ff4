/**
 * Installs Triton's stock clients into an environment of their own, once a version, and prints where they are as one line of JSON:
 *   node scripts/triton-client.ts   ->   {"python": …, "perfAnalyzer": …, "libraryPath": …}
 * `tritonclient` is the current one. `perf_analyzer` is the one that tritonclient 2.51.0 carries in its wheel: later ones need glibc 2.38,
 * which Debian 12 does not have. It wants two libraries that it never calls without a GPU: libb64 (a Debian package, unpacked here, not
 * installed) and the CUDA runtime (a PyPI package). Needs python3 with its venv module, dpkg and apt-get. Only the protocol tests use it.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const client = "2.73.0";
const analyzer = "2.51.0";
const cudaRuntime = "12.9.79";
const needed = "Python 3.10 or newer with its venv module is needed for the tests of the inference protocol (Debian: apt-get install python3 python3-venv).";

function tryRun(command: string, args: readonly string[], cwd?: string): { readonly ok: boolean; readonly output: string } {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: "utf8", maxBuffer: 64 * 1024 * 1024, ...(cwd === undefined ? {} : { cwd }) });
  if (error !== undefined) throw new Error(`${command} cannot be started (${error.message}). ${needed}`);
  return { ok: status === 0, output: status === 0 ? stdout : stdout + stderr };
}

function run(command: string, args: readonly string[], cwd?: string): string {
  const { ok, output } = tryRun(command, args, cwd);
  if (!ok) throw new Error(`${command} ${args.join(" ")} failed:\n${output}\n${needed}`);
  return output;
}

/** Where `name` lies below `folder`. */
function find(folder: string, name: string): string {
  const found = readdirSync(folder, { recursive: true, encoding: "utf8" }).find((file) => path.basename(file) === name);
  if (found === undefined) throw new Error(`there is no ${name} in ${folder}`);
  return path.join(folder, found);
}

const python = run("python3", ["-c", "import sys; print(f'{sys.version_info[0]}.{sys.version_info[1]}')"]).trim();
const folder = path.join(tmpdir(), ".karkhana-venv", `triton-${client}-${analyzer}-python-${python}`);
const executable = path.join(folder, "venv", "bin", "python");
const tools = path.join(folder, "perf-analyzer");
// Written last: an environment without it was not finished.
const complete = path.join(folder, "complete");
if (!existsSync(complete)) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(path.join(tools, "debian"), { recursive: true });
  run("python3", ["-m", "venv", path.join(folder, "venv")]);
  const pip = (args: readonly string[]): string => run(executable, ["-m", "pip", "--quiet", "--disable-pip-version-check", ...args]);
  // Not [all]: that brings a placeholder named perf_analyzer and the CUDA bindings.
  pip(["install", `tritonclient[http,grpc]==${client}`]);
  pip(["install", "--no-deps", "--target", tools, `tritonclient==${analyzer}`, `nvidia-cuda-runtime-cu12==${cudaRuntime}`]);
  const download = (): { readonly ok: boolean; readonly output: string } => tryRun("apt-get", ["download", "libb64-0d"], path.join(tools, "debian"));
  if (!download().ok) {
    run("apt-get", ["update", "-qq"]);
    run("apt-get", ["download", "libb64-0d"], path.join(tools, "debian"));
  }
  const [archive] = readdirSync(path.join(tools, "debian"));
  run("dpkg", ["-x", path.join(tools, "debian", archive ?? ""), path.join(tools, "debian")]);
  chmodSync(find(tools, "perf_analyzer"), 0o755);
  writeFileSync(complete, "");
}
const libraryPath = [path.dirname(find(tools, "libcudart.so.12")), path.dirname(find(tools, "libb64.so.0d"))].join(":");
console.log(JSON.stringify({ python: executable, perfAnalyzer: find(tools, "perf_analyzer"), libraryPath }));
