import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import type { Language, Limits } from "./lab.ts";
import type { Guard } from "./verdict.ts";

/*
 * Which of the operating system's limits hold here. Nothing is taken from a version number: the very command line that a grading will use
 * is tried with the interpreter once, strongest first, and what does not start is not counted as a guard.
 *
 *   unshare   own network (none), own process tree (dies as one), where the kernel allows it
 *   prlimit   memory, processor time, file size 0, number of processes, no core file
 *   setpriv   the account nobody, where we are root: limits on processes do not bind root, and files of others stay closed
 */

/** A way of starting the learner's process that was seen to work. */
export interface Launcher {
  readonly interpreter: string;
  readonly runner: string;
  readonly unshare: "none" | "root" | "user";
  readonly prlimit: boolean;
  readonly nobody: boolean;
  readonly limitsProcesses: boolean;
}

export interface CommandLine {
  readonly command: string;
  readonly args: readonly string[];
}

const maxProcesses = 128;
/** Node reserves more than it uses: pages of its own heap, code, thread stacks. */
const nodeOverheadMb = 512;
const pythonOverheadMb = 128;

export type Runtime = "node" | "python";
export const runtimeOf = (language: Language): Runtime => (language === "python" ? "python" : "node");

/** The whole command line. `script` is the harness in the grading's folder. */
export function commandLine(launcher: Launcher, runtime: Runtime, limits: Limits, folder: string, script: string): CommandLine {
  return wrap(launcher, runtime, limits, [launcher.interpreter, ...interpreterFlags(runtime, limits, folder), script]);
}

function interpreterFlags(runtime: Runtime, limits: Limits, folder: string): string[] {
  if (runtime === "python") return ["-I", "-B", "-u"];
  return ["--permission", `--allow-fs-read=${folder}/*`, `--max-old-space-size=${limits.memoryMb}`, "--no-warnings", "--disable-proto=delete"];
}

function wrap(launcher: Launcher, runtime: Runtime, limits: Limits, inner: readonly string[]): CommandLine {
  const words: string[] = [];
  if (launcher.unshare !== "none") {
    words.push("unshare", ...(launcher.unshare === "user" ? ["--user", "--map-root-user"] : []));
    words.push("--net", "--ipc", "--pid", "--mount", "--fork", "--kill-child", "--mount-proc");
  }
  if (launcher.prlimit) {
    const dataBytes = dataLimitBytes(runtime, limits);
    words.push("prlimit", `--data=${dataBytes}`, `--cpu=${processorSeconds(limits)}`, "--fsize=0", "--core=0", "--nofile=64");
    if (launcher.limitsProcesses) words.push(`--nproc=${maxProcesses}`);
  }
  if (launcher.nobody) words.push("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs", "--bounding-set=-all", "--pdeathsig=KILL");
  words.push(...inner);
  const [command = "", ...args] = words;
  return { command, args };
}

/** The system counts whole seconds: one more, so that what ends in time is not cut short. */
export function processorSeconds({ timeMs, processorMs = timeMs }: Limits): number {
  return Math.ceil(processorMs / 1000) + 1;
}

export function dataLimitBytes(runtime: Runtime, limits: Limits): number {
  return (limits.memoryMb + (runtime === "node" ? nodeOverheadMb : pythonOverheadMb)) * 1024 * 1024;
}

/** What holds for a grading started this way, for the reader of a verdict. */
export function guardsInForce(launcher: Launcher, runtime: Runtime): Guard[] {
  const linux = process.platform === "linux";
  const isolated = launcher.unshare !== "none";
  const seatBelt = runtime === "node" ? "Node's permission flags" : "a Python audit hook";
  return [
    { id: "own-process", inForce: true, by: "a process of its own for each grading, ended with its group" },
    { id: "answers-elsewhere", inForce: true, by: "expected answers never enter that process" },
    { id: "empty-environment", inForce: true, by: "no environment variables" },
    { id: "wall-time", inForce: true, by: "killed by the grader" },
    { id: "output", inForce: true, by: "killed by the grader" },
    { id: "no-modules", inForce: true, by: runtime === "node" ? "imports and the process object are refused to the solution" : seatBelt },
    { id: "no-files", inForce: true, by: launcher.nobody ? `${seatBelt}; the account nobody` : seatBelt },
    launcher.prlimit
      ? { id: "no-file-writes", inForce: true, by: `${seatBelt}; file size limit 0` }
      : { id: "no-file-writes", inForce: true, by: `${seatBelt} only: there is no prlimit here` },
    { id: "no-child-processes", inForce: true, by: seatBelt },
    launcher.prlimit
      ? { id: "memory", inForce: true, by: `data limit of the operating system${linux ? ", resident size watched" : ""}` }
      : {
          id: "memory",
          inForce: linux,
          by: linux ? "resident size watched; there is no prlimit here" : "only the interpreter's own limit: neither prlimit nor /proc here",
        },
    launcher.prlimit ? { id: "processor-time", inForce: true, by: "prlimit" } : { id: "processor-time", inForce: false, by: "there is no prlimit here" },
    launcher.limitsProcesses && (launcher.nobody || launcher.unshare === "user")
      ? { id: "process-count", inForce: true, by: `at most ${maxProcesses}` }
      : { id: "process-count", inForce: false, by: "this host gives no limit that would bind only the solution" },
    isolated
      ? { id: "no-network", inForce: true, by: "a network namespace without interfaces" }
      : {
          id: "no-network",
          inForce: runtime === "python",
          by: runtime === "python" ? `${seatBelt} only` : "modules are refused, but the system would allow it: no network namespace here",
        },
    isolated
      ? { id: "whole-tree-killed", inForce: true, by: "a process namespace ends with its first process" }
      : { id: "whole-tree-killed", inForce: true, by: "its process group" },
  ];
}

/** Only for one that hangs: where the machine is merely slow, a guard that holds must not be passed over. */
const probeMs = 60_000;
const found = new Map<string, Promise<Launcher | undefined>>();

/** The strongest way to start this runtime that works here, or undefined when there is no interpreter. Found once. */
export function findLauncher(runtime: Runtime): Promise<Launcher | undefined> {
  let known = found.get(runtime);
  if (known === undefined) {
    known = probe(runtime);
    found.set(runtime, known);
  }
  return known;
}

async function probe(runtime: Runtime): Promise<Launcher | undefined> {
  const root = process.getuid?.() === 0;
  const interpreters = runtime === "node" ? [process.execPath] : pythons();
  const unshares: Launcher["unshare"][] = process.platform === "linux" ? [root ? "root" : "user", "none"] : ["none"];
  for (const nobody of root ? [true, false] : [false])
    for (const unshare of unshares)
      for (const prlimit of process.platform === "linux" ? [true, false] : [false])
        for (const limitsProcesses of prlimit && (nobody || unshare === "user") ? [true, false] : [false])
          for (const interpreter of interpreters) {
            const launcher = { interpreter, runner: "", unshare, prlimit, nobody, limitsProcesses };
            const version = await tryLauncher(launcher, runtime);
            if (version !== undefined) return { ...launcher, runner: version };
          }
  return undefined;
}

/** Every python3 on the search path, and the usual places: the first may lie in a home that the account nobody cannot enter. */
function pythons(): string[] {
  const folders = [...(process.env["PATH"] ?? "").split(":"), "/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"];
  const candidates = [...new Set(folders.filter((folder) => folder.startsWith("/")).map((folder) => join(folder, "python3")))];
  return candidates.filter((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function tryLauncher(launcher: Launcher, runtime: Runtime): Promise<string | undefined> {
  const code =
    runtime === "node"
      ? ["--permission", "-e", "console.log('node ' + process.versions.node)"]
      : ["-I", "-B", "-c", "import sys; assert sys.version_info >= (3, 8); print('python ' + sys.version.split()[0])"];
  const { command, args } = wrap(launcher, runtime, { timeMs: 5000, memoryMb: 256 }, [launcher.interpreter, ...code]);
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "ignore"], env: {}, cwd: "/", timeout: probeMs, killSignal: "SIGKILL" });
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    child.on("error", () => resolve(undefined));
    child.on("close", (status) => resolve(status === 0 && /^(node|python) \d/.test(text) ? text.trim() : undefined));
  });
}
