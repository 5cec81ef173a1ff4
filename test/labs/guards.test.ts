import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { commandLine, findLauncher, guardsInForce, type Launcher } from "../../src/path/labs/guards.ts";

/* The seat belt of the interpreter is left off here: what is left are the operating system's guards, and each that a verdict names must hold alone. */

const limits = { timeMs: 4000, memoryMb: 200 };
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "karkhana-guards-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function python(launcher: Launcher, script: string): Promise<string> {
  const path = join("/tmp", `karkhana-guards-${process.pid}.py`);
  writeFileSync(path, script, { mode: 0o644 });
  try {
    const { command, args } = commandLine(launcher, "python", limits, folder, path);
    return await new Promise((resolve) => {
      const child = spawn(command, args, { cwd: "/", env: {}, detached: true, stdio: ["ignore", "pipe", "pipe"], timeout: 300_000, killSignal: "SIGKILL" });
      let text = "";
      child.stdout.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      child.on("close", () => resolve(text));
    });
  } finally {
    rmSync(path, { force: true });
  }
}

const inForce = (launcher: Launcher, id: string): boolean => guardsInForce(launcher, "python").some((guard) => guard.id === id && guard.inForce);

describe("the operating system's guards, with the interpreter's seat belt off", () => {
  test("no file can be written", async (context) => {
    const launcher = await findLauncher("python");
    if (launcher?.prlimit !== true) {
      context.skip("there is no prlimit with python3 here");
      return;
    }
    const target = join(folder, "made.txt");
    const said = await python(
      launcher,
      `import signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\ntry:\n  f = open(${JSON.stringify(target)}, 'w'); f.write('x' * 10); f.close(); print('wrote')\nexcept OSError as e: print('refused', e)\n`,
    );
    expect(said).toContain("refused");
    // an empty file may be left where the account can make one; nothing can be put into it
    expect(existsSync(target) && launcher.nobody).toBe(false);
  });

  test("no connection can be made, not even to this machine", async (context) => {
    const launcher = await findLauncher("python");
    if (launcher === undefined || launcher.unshare === "none") {
      context.skip("there is no network namespace here");
      return;
    }
    expect(inForce(launcher, "no-network")).toBe(true);
    let connections = 0;
    const server = createServer((socket) => {
      connections++;
      socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const said = await python(
      launcher,
      `import socket\ntry:\n  socket.create_connection(('127.0.0.1', ${port}), 2); print('connected')\nexcept OSError as e: print('refused', e)\n`,
    );
    await new Promise((resolve) => server.close(resolve));
    expect(said).toContain("refused");
    expect(connections).toBe(0);
  });

  test("a fork bomb comes to an end by itself, and nothing of it is left", async (context) => {
    const launcher = await findLauncher("python");
    if (launcher === undefined || !inForce(launcher, "process-count")) {
      context.skip("this host limits no process count");
      return;
    }
    const said = await python(
      launcher,
      "import os, time\nn = 0\ntry:\n  while n < 5000:\n    if os.fork() == 0:\n      os.setsid(); time.sleep(100); os._exit(0)\n    n += 1\n  print('unbounded')\nexcept OSError: print('bounded', n < 200)\n",
    );
    expect(said).toContain("bounded True");
  });

  test("memory beyond the limit is refused", async (context) => {
    const launcher = await findLauncher("python");
    if (launcher?.prlimit !== true) {
      context.skip("there is no prlimit with python3 here");
      return;
    }
    const said = await python(launcher, "try:\n  b = bytearray(2 << 30); print('got it')\nexcept MemoryError: print('refused')\n");
    expect(said).toContain("refused");
  });

  test("as the account nobody, what only we may read stays closed", async (context) => {
    const launcher = await findLauncher("python");
    if (launcher?.nobody !== true) {
      context.skip("the grader is not root here");
      return;
    }
    const secret = join(folder, "secret.txt");
    writeFileSync(secret, "secret", { mode: 0o600 });
    expect(await python(launcher, `try: print(open(${JSON.stringify(secret)}).read())\nexcept OSError: print('refused')\n`)).toContain("refused");
  });
});
