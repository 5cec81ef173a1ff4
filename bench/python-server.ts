/** Starts and ends servers of others for a bench. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";

export interface StartedServer {
  readonly child: ChildProcess;
  readonly port: number;
}

/** A bench that is ended ends what it started: a signal alone would leave servers behind. */
for (const [signal, code] of [
  ["SIGTERM", 143],
  ["SIGINT", 130],
] as const)
  process.once(signal, () => process.exit(code));

/** @param command gives the command line for a port @param isReady asked until it says yes, for two minutes @param quiet what it says on its way is left out */
export async function startServer(
  command: (port: number) => readonly string[],
  isReady: (port: number) => Promise<boolean>,
  env: Readonly<Record<string, string>> = {},
  quiet = false,
): Promise<StartedServer> {
  const port = await freePort();
  const [file = "", ...args] = command(port);
  // A group of its own, since some start workers.
  const child = spawn(file, args, { stdio: ["ignore", "ignore", quiet ? "ignore" : "inherit"], detached: true, env: { ...process.env, ...env } });
  const orphaned = (): void => void (child.exitCode === null && child.pid !== undefined && process.kill(-child.pid, "SIGKILL"));
  process.once("exit", orphaned);
  child.once("exit", () => process.off("exit", orphaned));
  const deadline = performance.now() + 120_000;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`${file} ended with ${child.exitCode}`);
    if (await isReady(port).catch(() => false)) return { child, port };
    if (performance.now() > deadline) {
      await endServer(child);
      throw new Error(`${file} was not ready after two minutes`);
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

export async function endServer(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const gone = once(child, "exit");
  process.kill(-child.pid, "SIGTERM");
  const hard = setTimeout(() => process.kill(-child.pid!, "SIGKILL"), 10_000);
  await gone;
  clearTimeout(hard);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  return typeof address === "object" && address !== null ? address.port : 0;
}
