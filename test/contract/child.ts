import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";

export interface Child {
  readonly process: ChildProcess;
  /** The next `count` lines it says; fewer if it ends before. */
  lines(count: number): Promise<string[]>;
  /** Sends SIGKILL, waits for the end, and gives every line it ever said whole. */
  kill(): Promise<string[]>;
  /** Waits for it to end by itself. */
  exit(): Promise<{ code: number | null; signal: NodeJS.Signals | null; said: string[]; errors: string }>;
}

/** Starts a program of `children/` in a process of its own. */
export function startChild(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Child {
  const file = path.isAbsolute(program) ? program : path.join(import.meta.dirname, "children", program);
  const child = spawn(process.execPath, [file, ...args], { stdio: ["pipe", "pipe", "pipe"], env: { ...process.env, ...env } });
  const said: string[] = [];
  let errors = "";
  let read = 0;
  let wake: (() => void) | undefined;
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
  const reader = createInterface({ input: child.stdout });
  reader.on("line", (line) => {
    said.push(line);
    wake?.();
  });
  const ended = Promise.all([once(child, "exit"), once(reader, "close")]).then(([[code, signal]]) => {
    wake?.();
    return { code: code as number | null, signal: signal as NodeJS.Signals | null };
  });
  const state = { over: false };
  void ended.finally(() => {
    state.over = true;
  });
  return {
    process: child,
    lines: async (count) => {
      while (said.length < read + count && !state.over) {
        await Promise.race([new Promise<void>((resolve) => (wake = resolve)), ended]);
      }
      if (said.length < read + count && errors !== "") throw new Error(`the child ended early: ${errors}`);
      const taken = said.slice(read, read + count);
      read += taken.length;
      return taken;
    },
    kill: async () => {
      child.kill("SIGKILL");
      await ended;
      return said;
    },
    exit: async () => ({ ...(await ended), said, errors }),
  };
}
