import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { fromErrorRecord, KarkhanaError } from "../kernel/error.ts";
import type { ChildMessage } from "./messages.ts";
import { toProcessArguments, type ProcessArguments } from "./process-arguments.ts";

export interface ProcessSpec {
  readonly role: "control" | "serving";
  readonly args: ProcessArguments;
  readonly env?: Readonly<Record<string, string>>;
}

export interface SupervisorOptions {
  /** Unexpected deaths in a row, without becoming ready in between, after which the supervisor gives up. */
  readonly maxDeaths?: number;
  readonly onMessage?: (role: ProcessSpec["role"], message: ChildMessage) => void;
  readonly onRestart?: (role: ProcessSpec["role"], reason: string) => void;
}

interface Supervised {
  readonly spec: ProcessSpec;
  child: ChildProcess | undefined;
  /** Why the child now ending would not start. */
  refusal: string | undefined;
  deaths: number;
  wasReady: boolean;
  /** The port it first got: others were told it, so it comes back there. */
  port: number;
}

/**
 * Keeps the processes of one machine running. Per process:
 *
 *   started --ready--> up --dies--> (wait) --> started          onRestart
 *   started --refused--> given up: the error is the user's      rejects `failed`
 *   started again --refused--> dies                             (what it had once, it may get again: a busy disk, a port just taken)
 *   started --dies maxDeaths times in a row--> given up         rejects `failed`
 */
export class Supervisor {
  readonly #processes: Supervised[];
  readonly #options: SupervisorOptions;
  readonly #failed: PromiseWithResolvers<never> = Promise.withResolvers();
  readonly #urls = new Map<string, PromiseWithResolvers<string>>();
  #stopping = false;

  constructor(specs: readonly ProcessSpec[], options: SupervisorOptions = {}) {
    this.#options = options;
    this.#processes = specs.map((spec) => ({ spec, child: undefined, refusal: undefined, deaths: 0, wasReady: false, port: spec.args.port }));
    for (const { role } of specs) this.#urls.set(role, Promise.withResolvers());
    this.#failed.promise.catch(() => undefined);
  }

  /** Rejects when a process cannot be kept running. */
  get failed(): Promise<never> {
    return this.#failed.promise;
  }

  /** Starts every process, the first before the second; resolves with their addresses once all are ready. */
  async start(): Promise<ReadonlyMap<string, string>> {
    const urls = new Map<string, string>();
    for (const supervised of this.#processes) {
      this.#spawn(supervised);
      const { role } = supervised.spec;
      urls.set(role, await Promise.race([this.#urls.get(role)!.promise, this.failed]));
    }
    return urls;
  }

  /** Asks each process to end, last started first; after `graceMs` it is killed. */
  async stop(graceMs = 20_000): Promise<void> {
    this.#stopping = true;
    for (const { child } of this.#processes.toReversed()) {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) continue;
      const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
      const timer = setTimeout(() => child.kill("SIGKILL"), graceMs);
      // It may be ending by itself at this moment: then the message finds nobody, which is no error.
      if (child.connected) child.send({ kind: "stop" }, () => undefined);
      else child.kill("SIGTERM");
      await gone;
      clearTimeout(timer);
    }
  }

  #spawn(supervised: Supervised): void {
    const { spec } = supervised;
    const main = fileURLToPath(new URL(`./${spec.role}-process${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url));
    const child = fork(main, toProcessArguments({ ...spec.args, port: supervised.port }), {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      env: { ...process.env, ...spec.env },
    });
    supervised.child = child;
    supervised.refusal = undefined;
    child.on("message", (message: ChildMessage) => this.#hear(supervised, message));
    child.on("exit", (code, signal) => this.#exited(supervised, supervised.refusal ?? signal ?? `exit ${code}`));
  }

  #hear(supervised: Supervised, message: ChildMessage): void {
    if (message.kind === "ready") {
      supervised.wasReady = true;
      supervised.deaths = 0;
      supervised.port = Number(new URL(message.url).port);
      this.#urls.get(supervised.spec.role)!.resolve(message.url);
    }
    if (message.kind === "refused") supervised.refusal = `${message.error.code}: ${message.error.message}`;
    if (message.kind === "refused" && !supervised.wasReady) {
      this.#stopping = true;
      this.#failed.reject(fromErrorRecord(message.error));
    }
    this.#options.onMessage?.(supervised.spec.role, message);
  }

  #exited(supervised: Supervised, reason: string): void {
    if (this.#stopping) return;
    const { role } = supervised.spec;
    supervised.deaths += 1;
    if (supervised.deaths > (this.#options.maxDeaths ?? 5)) {
      this.#failed.reject(new KarkhanaError("PROCESS_DIED", { role, times: supervised.deaths, reason }));
      return;
    }
    this.#options.onRestart?.(role, reason);
    setTimeout(() => {
      if (!this.#stopping) this.#spawn(supervised);
    }, 100 * supervised.deaths);
  }
}
