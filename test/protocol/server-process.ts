import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";

/** Tracking servers in a process of their own (`children/mlflow-server.ts`), so that its memory can be watched and it can be killed. */
export interface ServerProcess {
  readonly child: ChildProcessWithoutNullStreams;
  /** @returns the address */
  open(folder: string, ...options: string[]): Promise<string>;
  /** Most memory it ever held. */
  peakBytes(): number;
  residentBytes(): number;
  end(): Promise<void>;
}

export function startServerProcess(): ServerProcess {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, "children", "mlflow-server.ts")], { stdio: ["pipe", "pipe", "pipe"] });
  child.stderr.pipe(process.stderr);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const status = (field: string): number => {
    const found = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1];
    if (found === undefined) throw new Error(`/proc says no ${field}`);
    return Number(found) * 1024;
  };
  return {
    child,
    open: async (folder, ...options) => {
      child.stdin.write(`${["open", folder, ...options].join(" ")}\n`);
      const { value } = await lines.next();
      if (typeof value !== "string" || !value.startsWith("http")) throw new Error("the server did not start");
      return value;
    },
    peakBytes: () => status("VmHWM"),
    residentBytes: () => status("VmRSS"),
    end: async () => {
      child.stdin.end();
      await ended;
    },
  };
}
