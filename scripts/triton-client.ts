/**
 * Installs Triton's stock clients into an environment of their own, once a version, and prints where they are as one line of JSON:
 *   node scripts/triton-client.ts   ->   {"python": …, "perfAnalyzer": …, "libraryPath": …}
 * `tritonclient` is the current one. `perf_analyzer` is the one that tritonclient 2.51.0 carries in its wheel: later ones need glibc 2.38,
 * which Debian 12 does not have. It wants two libraries that it never calls without a GPU: libb64 (a Debian package, unpacked here, not
 * installed) and the CUDA runtime (a PyPI package). Needs python3 with its venv module, dpkg and apt-get. Only the protocol tests use it.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { makeOnce } from "./make-once.ts";
import { pythonEnvironment } from "./python-environment.ts";

const client = "2.73.0";
const analyzer = "2.51.0";
const cudaRuntime = "12.9.79";

function tryRun(command: string, args: readonly string[], cwd?: string): { readonly ok: boolean; readonly output: string } {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: "utf8", maxBuffer: 64 * 1024 * 1024, ...(cwd === undefined ? {} : { cwd }) });
  if (error !== undefined) throw new Error(`${command} cannot be started (${error.message}).`);
  return { ok: status === 0, output: status === 0 ? stdout : stdout + stderr };
}

function run(command: string, args: readonly string[], cwd?: string): string {
  const { ok, output } = tryRun(command, args, cwd);
  if (!ok) throw new Error(`${command} ${args.join(" ")} failed:\n${output}`);
  return output;
}

/** Where `name` lies below `folder`. */
function find(folder: string, name: string): string {
  const found = readdirSync(folder, { recursive: true, encoding: "utf8" }).find((file) => path.basename(file) === name);
  if (found === undefined) throw new Error(`there is no ${name} in ${folder}`);
  return path.join(folder, found);
}

// Not [all]: that brings a placeholder named perf_analyzer and the CUDA bindings.
const executable = pythonEnvironment(`tritonclient-${client}`, [`tritonclient[http,grpc]==${client}`]);
const tools = path.join(tmpdir(), ".karkhana-venv", `perf-analyzer-${analyzer}`);
makeOnce(tools, () => {
  mkdirSync(path.join(tools, "debian"));
  const packages = [`tritonclient==${analyzer}`, `nvidia-cuda-runtime-cu12==${cudaRuntime}`];
  run(executable, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--target", tools, ...packages]);
  const download = (): { readonly ok: boolean; readonly output: string } => tryRun("apt-get", ["download", "libb64-0d"], path.join(tools, "debian"));
  if (!download().ok) {
    run("apt-get", ["update", "-qq"]);
    run("apt-get", ["download", "libb64-0d"], path.join(tools, "debian"));
  }
  const [archive] = readdirSync(path.join(tools, "debian"));
  run("dpkg", ["-x", path.join(tools, "debian", archive ?? ""), path.join(tools, "debian")]);
  chmodSync(find(tools, "perf_analyzer"), 0o755);
});
const libraryPath = [path.dirname(find(tools, "libcudart.so.12")), path.dirname(find(tools, "libb64.so.0d"))].join(":");
console.log(JSON.stringify({ python: executable, perfAnalyzer: find(tools, "perf_analyzer"), libraryPath }));
