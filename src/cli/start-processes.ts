import { createServer } from "node:net";
import { KarkhanaError } from "../kernel/error.ts";
import { processesIn, readConfiguration, type Configuration } from "../server/configuration.ts";
import { openStores } from "../server/compose.ts";
import { isLoopback } from "../serving/http-guard.ts";
import { lockDataFolder } from "../server/data-folder-lock.ts";
import { untilServingEnded } from "../server/role-lock.ts";
import { forgetRunning, writeRunning, type Running } from "../server/running.ts";
import { planText } from "../workflows/definition-plan.ts";
import { planStart } from "../server/definition-start.ts";
import { number, optionalText, type FlagValues } from "./arguments.ts";
import type { ChildMessage } from "./messages.ts";
import type { ProjectChoice } from "./project-folder.ts";
import { Supervisor, type ProcessSpec } from "./supervisor.ts";

export interface Started {
  readonly running: Running;
  /** Rejects when a process cannot be kept running. */
  readonly failed: Promise<never>;
  readonly stop: () => Promise<void>;
}

export interface StartOptions {
  readonly loop: boolean;
  /** Default: all. */
  readonly roles?: "all" | "serving";
  readonly onMessage?: (role: ProcessSpec["role"], message: ChildMessage) => void;
  /** Tells a person; default: on stderr. */
  readonly say?: (text: string) => void;
}

/**
 * Starts serving, then control, on the ports the flags give; one supervisor a data folder. Of several serving processes the first takes the
 * ports and the others join it there.
 * @throws SERVING_PROCESSES_UNSUPPORTED, PORT_IN_USE, DATA_DIR_IN_USE
 */
export async function startProcesses(
  { project, dataFolder }: ProjectChoice,
  values: FlagValues,
  { loop, roles = "all", onMessage, say = console.error }: StartOptions,
): Promise<Started> {
  // Everything that can be wrong with folder and configuration is said before a process is started.
  const host = optionalText(values, "host") ?? "127.0.0.1";
  const configuration = readConfiguration(process.env);
  const processes = servingProcessesOf(values, configuration);
  const stores = await openStores(dataFolder, configuration);
  try {
    if (!isLoopback(host)) await stores.gate.require(host);
    const plan = await planStart(project, stores);
    // At the first start everything is new, and nothing of it news.
    if (!plan.isFirst) for (const line of planText(plan)) say(line);
  } finally {
    await stores.close();
  }
  const unlock = lockDataFolder(dataFolder);
  const common = { projectFile: project.file, dataFolder, host };
  const serving: Supervisor[] = [];
  const control: Supervisor[] = [];
  const peers = new Map<number, number>();
  const tellPeers = (): void => {
    for (const one of serving) one.tell({ kind: "peers", peers: Array.from(peers, ([number, port]) => ({ process: number, port })) });
  };
  let grpcAddress: string | undefined;
  const start = async (spec: ProcessSpec): Promise<string> => {
    const { process: which } = spec.args;
    const supervisor = new Supervisor([spec], {
      onRestart: (role, reason) => {
        if (which !== undefined) peers.delete(which);
        tellPeers();
        say(`karkhana: the ${role} process${which === undefined ? "" : ` ${which}`} ended (${reason}); starting it again`);
      },
      onMessage: (role, message) => {
        if (message.kind === "ready") {
          ({ grpcAddress = grpcAddress } = message);
          if (which !== undefined && message.peerPort !== undefined) peers.set(which, message.peerPort);
          tellPeers();
          if (peers.size >= processes) for (const go of waitingForAll.splice(0)) go();
        }
        onMessage?.(role, message);
      },
    });
    (spec.role === "serving" ? serving : control).push(supervisor);
    return (await supervisor.start()).get(spec.role) ?? "";
  };
  const waitingForAll: (() => void)[] = [];
  const allUp = async (): Promise<void> => {
    if (processes > 1 && peers.size < processes) await new Promise<void>((resolve) => waitingForAll.push(resolve));
  };
  let told: Running | undefined;
  let restarts = 0;
  let restarting: Promise<void> = Promise.resolve();
  const restartServing = (): void => {
    const before = restarting;
    restarting = oneAfterTheOther(before).catch(() => undefined);
  };
  const oneAfterTheOther = async (before: Promise<void>): Promise<void> => {
    await before;
    say(`karkhana: starting ${processes === 1 ? "the serving process" : `${processes} serving processes`} again, one after the other`);
    for (const supervisor of serving) {
      // One that has just died is waited for: while it starts, the one to be ended may be all that answers.
      await allUp();
      await supervisor.restart();
    }
    // Everything may have been stopped meanwhile.
    if (told === undefined) return;
    say("karkhana: all were started again");
    restarts++;
    writeRunning(dataFolder, { ...told, restarts });
  };
  const stop = async (): Promise<void> => {
    if (process.platform !== "win32") process.off("SIGUSR2", restartServing);
    told = undefined;
    for (const supervisor of control) await supervisor.stop();
    await Promise.all(serving.map((supervisor) => supervisor.stop()));
    forgetRunning(dataFolder);
    unlock();
  };
  try {
    const port = number(values, "serving-port");
    const args = { ...common, port, grpcPort: grpcPortOf(values, port) };
    await untilServingEnded(dataFolder);
    if (processes > 1) {
      // Of a port that may be shared nobody would be told that others have it.
      await requireFree(host, args.port, "--serving-port");
      await requireFree(host, args.grpcPort, "--grpc-port");
    }
    const servingUrl = await start({ role: "serving", args: processes === 1 ? args : { ...args, process: 0, processes } });
    const servingPort = Number(new URL(servingUrl).port);
    const shared = { ...args, port: servingPort, grpcPort: portOf(grpcAddress), processes };
    await Promise.all(Array.from({ length: processes - 1 }, (_, i) => start({ role: "serving", args: { ...shared, process: i + 1 } })));
    const controlUrl = roles === "serving" ? "" : await start({ role: "control", args: { ...common, port: number(values, "port"), servingPort, loop } });
    const running = { pid: process.pid, controlUrl, servingUrl, servingProcesses: processes, ...(grpcAddress === undefined ? {} : { grpcAddress }) };
    writeRunning(dataFolder, running);
    told = running;
    if (process.platform !== "win32") process.on("SIGUSR2", restartServing);
    return { running, failed: Promise.race([...serving, ...control].map((s) => s.failed)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** @throws SERVING_PROCESSES_UNSUPPORTED */
function servingProcessesOf(values: FlagValues, { servingProcesses }: Configuration): number {
  const flag = values["serving-processes"];
  const processes = typeof flag === "number" ? flag : (processesIn(servingProcesses ?? "1") ?? 1);
  // Elsewhere SO_REUSEPORT is refused, or gives every connection to one of those who listen.
  if (processes > 1 && process.platform !== "linux") throw new KarkhanaError("SERVING_PROCESSES_UNSUPPORTED", { processes, platform: process.platform });
  return processes;
}

/** @throws PORT_IN_USE */
function requireFree(host: string, port: number, flag: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (cause: NodeJS.ErrnoException) =>
      reject(cause.code === "EADDRINUSE" ? new KarkhanaError("PORT_IN_USE", { host, port, flag }, { cause }) : cause),
    );
    server.listen({ host, port }, () => server.close(() => resolve()));
  });
}

function portOf(address: string | undefined): number {
  return address === undefined ? 0 : Number(address.slice(address.lastIndexOf(":") + 1));
}

/** The flag's, else the port after the serving port; any free one where that is any free one. */
function grpcPortOf(values: FlagValues, servingPort: number): number {
  const given = values["grpc-port"];
  if (typeof given === "number") return given;
  return servingPort === 0 || servingPort === 65_535 ? 0 : servingPort + 1;
}

/** Resolves on the first ^C or SIGTERM. To be called before anything is started or told: who is told that all is ready may end it at once. */
export function untilSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => resolve());
  });
}
