import { readConfiguration } from "../server/configuration.ts";
import { openStores } from "../server/compose.ts";
import { isLoopback } from "../serving/http-guard.ts";
import { lockDataFolder } from "../server/data-folder-lock.ts";
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

/** Starts serving, then control, on the ports the flags give; one supervisor a data folder. */
export async function startProcesses(
  { project, dataFolder }: ProjectChoice,
  values: FlagValues,
  { loop, roles = "all", onMessage, say = console.error }: StartOptions,
): Promise<Started> {
  // Everything that can be wrong with folder and configuration is said before a process is started.
  const host = optionalText(values, "host") ?? "127.0.0.1";
  const stores = await openStores(dataFolder, readConfiguration(process.env));
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
  const supervisors: Supervisor[] = [];
  const onRestart = (role: string, reason: string): void => say(`karkhana: the ${role} process ended (${reason}); starting it again`);
  let grpcAddress: string | undefined;
  const start = async (spec: ProcessSpec): Promise<string> => {
    const supervisor = new Supervisor([spec], {
      onRestart,
      onMessage: (role, message) => {
        if (message.kind === "ready" && message.grpcAddress !== undefined) ({ grpcAddress } = message);
        onMessage?.(role, message);
      },
    });
    supervisors.push(supervisor);
    return (await supervisor.start()).get(spec.role) ?? "";
  };
  const stop = async (): Promise<void> => {
    for (const supervisor of supervisors.toReversed()) await supervisor.stop();
    forgetRunning(dataFolder);
    unlock();
  };
  try {
    const port = number(values, "serving-port");
    const servingUrl = await start({ role: "serving", args: { ...common, port, grpcPort: grpcPortOf(values, port) } });
    const servingPort = Number(new URL(servingUrl).port);
    const controlUrl = roles === "serving" ? "" : await start({ role: "control", args: { ...common, port: number(values, "port"), servingPort, loop } });
    const running = { pid: process.pid, controlUrl, servingUrl, ...(grpcAddress === undefined ? {} : { grpcAddress }) };
    writeRunning(dataFolder, running);
    return { running, failed: Promise.race(supervisors.map((s) => s.failed)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
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
