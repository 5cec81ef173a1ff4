import { createRequire } from "node:module";
import { availableParallelism, cpus, release, totalmem, type } from "node:os";

/** What a measurement was taken on; goes beside every figure. */
export interface Machine {
  readonly os: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly node: string;
  /** Of what the measured path runs on. */
  readonly versions: Readonly<Record<string, string>>;
}

function versions(): Record<string, string> {
  const require = createRequire(import.meta.url);
  const own = require("../../../package.json") as { version: string; dependencies: Record<string, string> };
  return { karkhana: own.version, ...Object.fromEntries(["fastify", "lmdb", "@duckdb/node-api"].map((name) => [name, own.dependencies[name] ?? "absent"])) };
}

export function machine(): Machine {
  return {
    os: `${type()} ${release()}`,
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memoryGb: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    versions: versions(),
  };
}

/** Seconds that all cores together have not been idle since the machine started. */
export function machineBusySeconds(): number {
  return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0) / 1000;
}
