import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";

const main = path.join(import.meta.dirname, "../../src/cli/main.ts");

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Surroundings {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** The command line in a process of its own, as a person or a script starts it, to its end. */
export async function karkhana(args: readonly string[], surroundings: Surroundings = {}): Promise<Ended> {
  const child = start(args, surroundings);
  let [stdout, stderr] = ["", ""];
  child.stdout!.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr!.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const [status] = (await once(child, "close")) as [number | null];
  return { status, stdout, stderr };
}

export interface Up {
  readonly controlUrl: string;
  readonly servingUrl: string;
  readonly pid: number;
  /** As ^C does. Resolves with the exit status. */
  stop(): Promise<number | null>;
}

/** `karkhana up --json` on free ports, once it is ready. */
export async function karkhanaUp(args: readonly string[], surroundings: Surroundings = {}): Promise<Up> {
  const child = start(["up", "--json", "--port", "0", "--serving-port", "0", ...args], surroundings);
  const closed = once(child, "close");
  let stderr = "";
  child.stderr!.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const [line] = (await Promise.race([
    once(createInterface({ input: child.stdout! }), "line"),
    closed.then(() => {
      throw new Error(`it ended before it was ready: ${stderr}`);
    }),
  ])) as [string];
  const { controlUrl, servingUrl, pid } = JSON.parse(line) as Up;
  return {
    controlUrl,
    servingUrl,
    pid,
    stop: async () => {
      child.kill("SIGINT");
      const [status] = (await closed) as [number | null];
      return status;
    },
  };
}

function start(args: readonly string[], { cwd, env }: Surroundings): ChildProcess {
  const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("KARKHANA_")));
  return spawn(process.execPath, [main, ...args], { cwd, env: { ...clean, ...env }, stdio: ["ignore", "pipe", "pipe"] });
}

/** What a refused command says to a person: the code, what is wrong, what to do. */
export function refusalOf({ status, stdout, stderr }: Ended): {
  readonly status: number | null;
  readonly stdout: string;
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
} {
  const [, code = "", message = "", remedy = ""] = /^karkhana: ([A-Z_]+): ([\s\S]*?)\n {10}(\S.*)\n$/.exec(stderr) ?? [];
  return { status, stdout, code, message: code === "" ? stderr : message, remedy };
}
