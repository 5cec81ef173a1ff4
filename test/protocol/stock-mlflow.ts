import { spawn } from "node:child_process";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { freePort } from "../free-ports.ts";

export interface StockMlflow {
  readonly url: string;
  readonly pid: number;
  end(): Promise<void>;
}

/** MLflow's own server as it comes, with artifacts through it. @param options more of its own command line */
export async function startStockMlflow(python: string, folder: string, store: string, options: readonly string[] = []): Promise<StockMlflow> {
  const port = await freePort();
  const args = ["-m", "mlflow", "server", "--host", "127.0.0.1", "--port", String(port), "--backend-store-uri", store];
  const child = spawn(python, [...args, "--artifacts-destination", path.join(folder, "artifacts"), ...options], {
    cwd: folder,
    stdio: ["ignore", "ignore", "ignore"],
    // The leader of a process group of its own, with its workers in it.
    detached: true,
    env: { ...process.env, MLFLOW_DISABLE_TELEMETRY: "true", MLFLOW_SERVER_ENABLE_JOB_EXECUTION: "false" },
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const url = `http://127.0.0.1:${port}`;
  for (;;) {
    const isUp = await fetch(`${url}/health`).then(
      (reply) => reply.ok,
      () => false,
    );
    if (isUp) break;
    if (child.exitCode !== null) throw new Error("MLflow's own server did not start");
    await wait(100);
  }
  return {
    url,
    pid: child.pid!,
    end: async () => {
      process.kill(-child.pid!, "SIGTERM");
      await ended;
    },
  };
}
