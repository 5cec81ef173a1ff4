import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { fromErrorRecord, KarkhanaError } from "../kernel/error.ts";
import type { ChildMessage, SupervisorMessage } from "./messages.ts";
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
  /** It was told to end so that another takes its place. */
  isLeaving: boolean;
  /** The ports it first got: others were told them, so it comes back there. */
  port: number;
  grpcPort: number | undefined;
}

/**
 * Keeps the processes of one machine running. Per process:
 *
 *   started --ready--> up --dies--> (wait) --> started          onRestart
 *   started --refused--> given up: the error is the user's      rejects `failed`
 *   started again --refused--> dies                             (what it had once, it may get again: a busy disk, a port just taken)
 *   started --dies maxDeaths times in a row--> given up         rejects `failed`
 *   up --restart()--> answers what is under way, ends --> started
 */
export class Supervisor {
  readonly #processes: Supervised[];
  readonly #options: SupervisorOptions;
  readonly #failed: PromiseWithResolvers<never> = Promise.withResolvers();
  readonly #ready = new Map<Supervised, PromiseWithResolvers<string>>();
  #stopping = false;

  constructor(specs: readonly ProcessSpec[], options: SupervisorOptions = {}) {
    this.#options = options;
    this.#processes = specs.map((spec) => ({
      spec,
      child: undefined,
      refusal: undefined,
      deaths: 0,
      wasReady: false,
      isLeaving: false,
      port: spec.args.port,
      grpcPort: spec.args.grpcPort,
    }));
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
      urls.set(supervised.spec.role, await this.#spawnReady(supervised));
    }
    return urls;
  }

  /** Says something to every process that is there. */
  tell(message: SupervisorMessage): void {
    for (const { child } of this.#processes) if (child?.connected === true) child.send(message, () => undefined);
  }

  /** Ends each process in order and starts it again, one after the other; resolves once the last is ready. */
  async restart(graceMs = 10_000): Promise<void> {
    for (const supervised of this.#processes) {
      if (this.#stopping) return;
      supervised.isLeaving = true;
      await this.#end(supervised, graceMs);
      supervised.isLeaving = false;
      if (!this.#stopping) await this.#spawnReady(supervised);
    }
  }

  /** Asks each process to end, last started first; after `graceMs` it is killed. */
  async stop(graceMs = 20_000): Promise<void> {
    this.#stopping = true;
    for (const supervised of this.#processes.toReversed()) await this.#end(supervised, graceMs);
  }

  async #end({ child }: Supervised, graceMs: number): Promise<void> {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    const timer = setTimeout(() => child.kill("SIGKILL"), graceMs);
    // It may be ending by itself at this moment: then the message finds nobody, which is no error.
    if (child.connected) child.send({ kind: "stop" }, () => undefined);
    else child.kill("SIGTERM");
    await gone;
    clearTimeout(timer);
  }

  #spawnReady(supervised: Supervised): Promise<string> {
    const ready = Promise.withResolvers<string>();
    this.#ready.set(supervised, ready);
    this.#spawn(supervised);
    return Promise.race([ready.promise, this.failed]);
  }

  #spawn(supervised: Supervised): void {
    const { spec } = supervised;
    const main = fileURLToPath(new URL(`./${spec.role}-process${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url));
    const child = fork(
      main,
      toProcessArguments({ ...spec.args, port: supervised.port, ...(supervised.grpcPort === undefined ? {} : { grpcPort: supervised.grpcPort }) }),
      {
        stdio: ["ignore", "inherit", "inherit", "ipc"],
        env: { ...process.env, ...spec.env },
      },
    );
    supervised.child = child;
    supervised.refusal = undefined;
    child.on("message", (message: ChildMessage) => this.#hear(supervised, message));
    child.on("exit", (code, signal) => this.#exited(supervised, child, supervised.refusal ?? signal ?? `exit ${code}`));
  }

  #hear(supervised: Supervised, message: ChildMessage): void {
    if (message.kind === "ready") {
      supervised.wasReady = true;
      supervised.deaths = 0;
      supervised.port = Number(new URL(message.url).port);
      if (message.grpcAddress !== undefined) supervised.grpcPort = Number(message.grpcAddress.slice(message.grpcAddress.lastIndexOf(":") + 1));
      this.#ready.get(supervised)?.resolve(message.url);
    }
    if (message.kind === "refused") supervised.refusal = `${message.error.code}: ${message.error.message}`;
    if (message.kind === "refused" && !supervised.wasReady) {
      this.#stopping = true;
      this.#failed.reject(fromErrorRecord(message.error));
    }
    this.#options.onMessage?.(supervised.spec.role, message);
  }

  #exited(supervised: Supervised, child: ChildProcess, reason: string): void {
    if (this.#stopping || supervised.isLeaving) return;
    const { role } = supervised.spec;
    supervised.deaths += 1;
    if (supervised.deaths > (this.#options.maxDeaths ?? 5)) {
      this.#failed.reject(new KarkhanaError("PROCESS_DIED", { role, times: supervised.deaths, reason }));
      return;
    }
    this.#options.onRestart?.(role, reason);
    setTimeout(() => {
      // A restart that was asked for meanwhile has started another.
      if (!this.#stopping && supervised.child === child) this.#spawn(supervised);
    }, 100 * supervised.deaths);
  }
}
