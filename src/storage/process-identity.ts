import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";

/**
 * Which process, beyond doubt: a pid alone is given again to another process. `machine` tells machines and boots of one machine apart.
 */
export interface ProcessIdentity {
  readonly machine: string;
  readonly pid: number;
  readonly started: string;
}

let self: ProcessIdentity | undefined;

/** This process. */
export function ownIdentity(): ProcessIdentity {
  self ??= { machine: machineIdentity(), pid: process.pid, started: startOf(process.pid) ?? "unknown" };
  return self;
}

/**
 * "dead" only when that is certain; "unknown" for a process of another machine (or of an earlier boot of one that has no boot id).
 */
export function lifeOf(identity: ProcessIdentity): "alive" | "dead" | "unknown" {
  const here = machineIdentity();
  if (identity.machine !== here) return hostOf(identity.machine) === hostOf(here) ? "dead" : "unknown";
  if (!processIsAlive(identity.pid)) return "dead";
  const started = startOf(identity.pid);
  return started === undefined || started === identity.started ? "alive" : "dead";
}

/** Whether some process has this pid now. A zombie has ended: it only waits to be counted. */
export function processIsAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it is there, and another user's.
    return typeof error === "object" && error !== null && "code" in error && error.code === "EPERM";
  }
  return procStat(pid)?.[0] !== "Z";
}

function startOf(pid: number): string | undefined {
  // Field 22 of /proc/<pid>/stat: start time in clock ticks since boot, see proc(5).
  const stat = procStat(pid);
  if (stat !== undefined) return stat[19];
  if (process.platform === "linux" || process.platform === "win32") return undefined;
  try {
    return execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return undefined;
  }
}

/** Fields of /proc/<pid>/stat from the third (state) on; the second, the command's name, may hold anything up to the last ")". */
function procStat(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}

function machineIdentity(): string {
  let boot = "";
  try {
    boot = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
  } catch {
    // Not Linux: pid and start time must do.
  }
  return `${hostname()}/${boot}`;
}

function hostOf(machine: string): string {
  return machine.slice(0, machine.lastIndexOf("/"));
}
