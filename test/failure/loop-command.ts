import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as wait } from "node:timers/promises";
import type { LoopEvent } from "../../src/workflows/progress.ts";
import { freePort } from "../free-ports.ts";

export type Victim = "supervisor" | "control" | "serving" | "everything";

export interface LoopFlags {
  /** The whole loop and then the end, or only the processes until they are stopped. */
  readonly command?: "run" | "up";
  readonly project: string;
  readonly data: string;
  readonly port: number;
  readonly servingPort: number;
  readonly servingProcesses?: number;
}

interface LookedAt {
  readonly pid: number;
  readonly role: "supervisor" | "control" | "serving";
  /** Among those of its role. */
  readonly number: number;
}

const main = path.join(import.meta.dirname, "../../src/cli/main.ts");

/** `karkhana run --exit --json` (or `up`) in a process of its own, with the means to kill parts of it, and nothing else. */
export class LoopCommand {
  readonly events: (LoopEvent | { readonly event: "error"; readonly error: unknown } | { readonly event: "ready"; readonly servingUrl: string })[] = [];
  errors = "";
  readonly #child: ChildProcess;
  readonly #listeners = new Set<() => void>();
  /** The supervisor's own end: its children may go on a little longer. */
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  isOver = false;

  constructor({ command = "run", project, data, port, servingPort, servingProcesses = 1 }: LoopFlags) {
    const flags = [
      "--project",
      project,
      "--data",
      data,
      "--port",
      String(port),
      "--serving-port",
      String(servingPort),
      "--serving-processes",
      String(servingProcesses),
      "--json",
      ...(command === "run" ? ["--exit"] : []),
    ];
    this.#child = spawn(process.execPath, [main, command, ...flags], { stdio: ["ignore", "pipe", "pipe"] });
    const { stdout, stderr } = this.#child;
    stderr!.setEncoding("utf8").on("data", (text: string) => (this.errors += text));
    createInterface({ input: stdout! }).on("line", (line) => {
      this.events.push(JSON.parse(line) as LoopEvent);
      for (const listen of this.#listeners) listen();
    });
    const said = once(stdout!, "close");
    this.exited = once(this.#child, "exit").then(async ([code, signal]) => {
      // What it said is read to its end, unless a child that is still ending holds the pipe open.
      if (signal === null) await said;
      this.isOver = true;
      for (const listen of this.#listeners) listen();
      return { code: code as number | null, signal: signal as NodeJS.Signals | null };
    });
  }

  /** Resolves when an event is said from now on that fits, or the command has ended. */
  until(fits: (event: LoopCommand["events"][number]) => boolean): Promise<void> {
    return new Promise((resolve) => {
      let next = this.events.length;
      const look = (): void => {
        while (next < this.events.length && !fits(this.events[next]!)) next++;
        if (next === this.events.length && !this.isOver) return;
        this.#listeners.delete(look);
        resolve();
      };
      this.#listeners.add(look);
      look();
    });
  }

  /** Asks it to end, as ^C does. */
  stop(): void {
    this.#child.kill("SIGTERM");
  }

  /** @returns how many processes got the signal: none if the victim is just being started again */
  kill(victim: Victim): number {
    if (this.isOver) return 0;
    const own = this.look();
    const killed = own.filter((process) => victim === "everything" || process.role === victim);
    for (const { pid } of killed) process.kill(pid, "SIGKILL");
    return killed.length;
  }

  /** The processes it has now. */
  look(): LookedAt[] {
    const supervisor = this.#child.pid!;
    const found: LookedAt[] = this.isOver ? [] : [{ pid: supervisor, role: "supervisor", number: 0 }];
    for (const { pid, parent, command } of processes()) {
      if (parent !== supervisor) continue;
      if (command.includes("control-process")) found.push({ pid, role: "control", number: 0 });
      if (command.includes("serving-process")) found.push({ pid, role: "serving", number: Number(/"process":(\d+)/.exec(command)?.[1] ?? 0) });
    }
    return found;
  }
}

/** Processes that have not ended (a zombie has), with their parents and command lines, from /proc. */
export function processes(): { readonly pid: number; readonly parent: number; readonly command: string }[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "latin1");
      // Fields after the command's name, which may hold anything up to the last ")": state, parent.
      const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (state === "Z") return [];
      return [{ pid: Number(name), parent: Number(parent), command: readFileSync(`/proc/${name}/cmdline`, "utf8") }];
    } catch {
      return [];
    }
  });
}

/** Ports for a command that is given again and again; of serving the one after it too, which is gRPC's. */
export async function freePorts(): Promise<{ readonly port: number; readonly servingPort: number }> {
  const servingPort = await freePort(1);
  let port = servingPort;
  while (port === servingPort || port === servingPort + 1) port = await freePort();
  return { port, servingPort };
}

/** Resolves when it holds; a test that waits for what never comes ends by its own time. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await wait(5);
}
