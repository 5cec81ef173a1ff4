import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { KarkhanaError } from "../kernel/error.ts";
import { errnoOf } from "../storage/errno.ts";

/** Who runs on a data folder: written by the supervisor once everything is ready, read by the other commands. */
export interface Running {
  readonly pid: number;
  readonly controlUrl: string;
  readonly servingUrl: string;
  /** host:port of the serving process's gRPC. */
  readonly grpcAddress?: string;
  /** How many answer there; absent in what an older program wrote. */
  readonly servingProcesses?: number;
  /** How often all of them were started again when asked to. */
  readonly restarts?: number;
}

const fileIn = (dataFolder: string): string => join(dataFolder, "run", "running.json");

/** @throws DISK_FULL */
export function writeRunning(dataFolder: string, running: Running): void {
  mkdirSync(join(dataFolder, "run"), { recursive: true });
  const path = fileIn(dataFolder);
  try {
    writeFileSync(`${path}.tmp`, JSON.stringify(running));
    renameSync(`${path}.tmp`, path);
  } catch (error) {
    const code = errnoOf(error);
    if (code === "ENOSPC" || code === "EDQUOT") throw new KarkhanaError("DISK_FULL", { path }, { cause: error });
    throw error;
  }
}

export function forgetRunning(dataFolder: string): void {
  rmSync(fileIn(dataFolder), { force: true });
}

/** Undefined if nothing runs there; a file left by a dead supervisor does not count. */
export function readRunning(dataFolder: string): Running | undefined {
  try {
    const running = JSON.parse(readFileSync(fileIn(dataFolder), "utf8")) as Running;
    process.kill(running.pid, 0);
    return running;
  } catch {
    return undefined;
  }
}
