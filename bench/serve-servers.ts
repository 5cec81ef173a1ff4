/** The program's own serving processes over a data folder, started as its supervisor starts them, and what they use of the machine. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import path from "node:path";
import type { ChildMessage, SupervisorMessage } from "../src/cli/messages.ts";
import { toProcessArguments } from "../src/cli/process-arguments.ts";
import { projectFolder } from "./serve-world.ts";

export interface ServeServers {
  readonly port: number;
  /** CPU seconds since their start and memory now, of all. */
  usage(): { readonly cpuSeconds: number; readonly rssBytes: number };
  stop(): Promise<void>;
}

const main = path.join(import.meta.dirname, "../src/cli/serving-process.ts");

export async function startServers(dataFolder: string, processes: number, execArgv: readonly string[]): Promise<ServeServers> {
  const children: ChildProcess[] = [];
  const peers: { process: number; port: number }[] = [];
  let port = 0;
  for (let number = 0; number < processes; number++) {
    const shared = processes === 1 ? {} : { process: number, processes };
    const args = { projectFile: path.join(projectFolder, "karkhana.project.ts"), dataFolder, host: "127.0.0.1", port, ...shared };
    const child = fork(main, toProcessArguments(args), { execArgv: [...execArgv], stdio: ["ignore", "inherit", "inherit", "ipc"] });
    children.push(child);
    const [ready] = (await Promise.race([
      once(child, "message"),
      once(child, "exit").then(() => Promise.reject(new Error("the serving process ended before it was ready"))),
    ])) as [ChildMessage];
    if (ready.kind !== "ready") throw new Error(`the serving process said ${JSON.stringify(ready)}`);
    port = Number(new URL(ready.url).port);
    if (ready.peerPort !== undefined) peers.push({ process: number, port: ready.peerPort });
  }
  const tell = (message: SupervisorMessage): void => children.forEach((child) => child.send(message));
  tell({ kind: "peers", peers });
  return {
    port,
    usage: () => {
      const each = children.map(({ pid }) => usageOf(pid!));
      return { cpuSeconds: each.reduce((sum, one) => sum + one.cpuSeconds, 0), rssBytes: each.reduce((sum, one) => sum + one.rssBytes, 0) };
    },
    stop: async () => {
      const gone = children.map((child) => once(child, "exit"));
      tell({ kind: "stop" });
      await Promise.all(gone);
    },
  };
}

/** As Linux tells it, in hundredths of a second and pages of 4 KiB. */
function usageOf(pid: number): { cpuSeconds: number; rssBytes: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const pages = Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]);
  return { cpuSeconds: (Number(fields[11]) + Number(fields[12])) / 100, rssBytes: pages * 4096 };
}
