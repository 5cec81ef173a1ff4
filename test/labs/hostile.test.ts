import { chmodSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { grade } from "../../src/path/labs/grade.ts";
import { findLauncher } from "../../src/path/labs/guards.ts";
import type { Lab, Language } from "../../src/path/labs/lab.ts";
import type { Verdict } from "../../src/path/labs/verdict.ts";

/*
 * Solutions that attack the grader. Whatever they do, the verdict is false in time, its message says why, and the machine is as it was:
 * no process left, no file made or changed, no connection made.
 */

/** Asks for a number that only the host knows. */
const guess: Lab = {
  number: 1,
  version: 1,
  title: "for the hostile",
  blockId: "weeks-1-3",
  minutes: 1,
  statement: "",
  entry: { typescript: "solve", python: "solve" },
  starter: { typescript: "", python: "" },
  cases: (rng) =>
    ["first", "second"].map((name) => {
      const secret = rng.int(1_000_000_000);
      return {
        name,
        args: [[1, 2, 3]],
        check: (got) => (got === secret ? undefined : { expected: "the secret", got: String(got), message: "It is another number." }),
      };
    }),
};

/** For what ends by itself, with a refusal: no machine is too slow to come to it. */
const enoughMs = 120_000;

const home = join(homedir(), ".karkhana-hostile-test");
let folder: string;
let outside: string;
let server: Server;
let port: number;
let connections = 0;

beforeAll(async () => {
  // Gradings of this file alone lie here: whatever else grades on this machine, what is left over is from here.
  folder = mkdtempSync(join(tmpdir(), "karkhana-hostile-"));
  chmodSync(folder, 0o755);
  vi.stubEnv("TMPDIR", folder);
  outside = mkdtempSync(join(folder, "outside-"));
  writeFileSync(join(outside, "precious.txt"), "precious");
  writeFileSync(home, "home secret");
  server = createServer((socket) => {
    connections++;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  port = typeof address === "object" && address !== null ? address.port : 0;
});

afterAll(async () => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
  rmSync(home, { force: true });
  await new Promise((resolve) => server.close(resolve));
});

interface Attack {
  readonly name: string;
  readonly outcome: RegExp;
  readonly message: RegExp;
  readonly js?: () => string;
  readonly py?: () => string;
}

const quote = JSON.stringify;
const attempt = /threw|cannot be loaded|another number|ended/;

const attacks: readonly Attack[] = [
  { name: "an endless loop", outcome: /time-limit/, message: /did not finish within 3000 ms/, js: () => "for (;;);", py: () => "while True: pass" },
  {
    name: "waits for ever",
    outcome: /ended|time-limit/,
    message: /ended by itself|did not finish/,
    js: () => "return new Promise(() => {});",
    py: () => "import time; time.sleep(1000)",
  },
  {
    name: "a fork bomb",
    outcome: /wrong|error/,
    message: attempt,
    js: () => `const { spawn } = await import("node:child_process"); for (;;) spawn(process.execPath, ["-e", "for(;;);"]);`,
    py: () => "import os\n  while True: os.fork()",
  },
  {
    name: "a fork bomb through the interpreter's own C function",
    outcome: /wrong|error/,
    message: attempt,
    py: () => "from _posixsubprocess import fork_exec\n  while True: fork_exec()",
  },
  {
    name: "a bomb of threads",
    outcome: /wrong|error|time-limit/, // Python before 3.12 lets them start
    message: /threw|did not finish/,
    js: () => `const { Worker } = await import("node:worker_threads"); for (;;) new Worker("for(;;);", { eval: true });`,
    py: () => "import threading\n  while True: threading.Thread(target=lambda: None).start()",
  },
  {
    name: "3 GB of buffers",
    outcome: /memory-limit|wrong|ended|time-limit/,
    message: /memory|Array buffer allocation failed|did not finish/i,
    js: () => "const all = []; for (let i = 0; i < 48; i++) all.push(new Uint8Array(64 << 20).fill(1)); return all.length;",
    py: () => "all = []\n  for i in range(48): all.append(bytearray(b'x') * (64 << 20))\n  return len(all)",
  },
  {
    name: "3 GB of small objects",
    outcome: /memory-limit|wrong|ended|time-limit/,
    message: /memory|did not finish/i,
    js: () => "const all = []; for (;;) all.push({ a: [1, 2, 3] });",
    py: () => "all = []\n  while True: all.append([1.5] * 50)",
  },
  {
    name: "an answer too large to be sent",
    outcome: /broken-protocol|memory-limit|wrong|ended/,
    message: /./,
    js: () => `return "x".repeat(40_000_000);`,
    py: () => "return 'x' * 40_000_000",
  },
  {
    name: "reads the home directory",
    outcome: /wrong|error/,
    message: attempt,
    js: () => `const fs = await import("node:fs"); console.log(fs.readFileSync(${quote(home)}, "utf8")); return 1;`,
    py: () => `print(open(${quote(home)}).read())`,
  },
  {
    name: "lists the file system",
    outcome: /wrong|error/,
    message: attempt,
    js: () => `return process.binding("fs").readdir("/");`,
    py: () => "import os; print(os.listdir('/'))",
  },
  {
    name: "reads memory through /proc",
    outcome: /wrong|error/,
    message: attempt,
    js: () => `return process.getBuiltinModule("node:fs").readFileSync("/proc/self/maps", "utf8");`,
    py: () => "return open('/proc/self/mem', 'rb').read(1)",
  },
  {
    name: "opens a socket",
    outcome: /wrong|error/,
    message: attempt,
    js: () => `const { connect } = await import("node:net"); await new Promise((r) => connect(${port}, "127.0.0.1", r)); return 1;`,
    py: () => `import socket; socket.create_connection(('127.0.0.1', ${port}))`,
  },
  {
    name: "fetches a page",
    outcome: /wrong|error/,
    message: attempt,
    js: () => `await fetch("http://127.0.0.1:${port}/"); return 1;`,
    py: () => `import urllib.request; urllib.request.urlopen('http://127.0.0.1:${port}/')`,
  },
  {
    name: "a socket through the hidden C module",
    outcome: /wrong|error/,
    message: attempt,
    py: () => `import _socket; s = _socket.socket(); s.connect(('127.0.0.1', ${port}))`,
  },
  {
    name: "prints pass",
    outcome: /wrong/,
    message: /another number/,
    js: () => `console.log("pass"); console.log(JSON.stringify({ type: "answer", passed: true })); return "pass";`,
    py: () => "print('pass'); return 'pass'",
  },
  { name: "raises SystemExit(0)", outcome: /wrong|ended/, message: /SystemExit|ended/, py: () => "raise SystemExit(0)" },
  {
    name: "ends its process",
    outcome: /wrong|ended/,
    message: /process is not defined|ended by itself/,
    js: () => "process.exit(0);",
    py: () => "import os; os._exit(0)",
  },
  {
    name: "kills its parent",
    outcome: /wrong|error/,
    message: attempt,
    js: () => "process.kill(process.ppid, 9);",
    py: () => "import os; os.kill(os.getppid(), 9)",
  },
  {
    name: "writes to the grader's channel",
    outcome: /broken-protocol|wrong/,
    message: /channel|process is not defined|imports nothing/,
    js: () => `const fs = await import("node:fs"); fs.writeSync(3, "pass"); return 1;`,
    py: () => `import os, json; body = json.dumps({"nonce": "0", "type": "answer", "value": 1}).encode(); os.write(3, len(body).to_bytes(4, "little") + body)`,
  },
  {
    name: "finds the nonce and forges an answer",
    outcome: /wrong|broken-protocol/,
    message: /another number|channel/,
    py: () =>
      `import sys, os, json
  frame = sys._getframe()
  while "nonce" not in frame.f_locals: frame = frame.f_back
  body = json.dumps({"nonce": frame.f_locals["nonce"], "type": "answer", "value": {"passed": True}}).encode()
  os.write(3, len(body).to_bytes(4, "little") + body)
  return 1`,
  },
  {
    name: "finds the nonce and sends what cannot be read",
    outcome: /broken-protocol|wrong/,
    message: /channel|another number/,
    py: () =>
      `import sys, os
  frame = sys._getframe()
  while "nonce" not in frame.f_locals: frame = frame.f_back
  deep = 100000
  body = ('{"nonce":"' + frame.f_locals["nonce"] + '","type":"answer","value":' + "[" * deep + "]" * deep + "}").encode()
  data = len(body).to_bytes(4, "little") + body
  while data: data = data[os.write(3, data):]
  return 1`,
  },
  {
    name: "floods the grader's channel",
    outcome: /broken-protocol/,
    message: /channel|announced/,
    py: () => "import os\n  while True: os.write(3, b'\\xff' * 65536)",
  },
  {
    name: "edits the test",
    outcome: /wrong|error/,
    message: attempt,
    js: () => `const fs = await import("node:fs"); for (const f of fs.readdirSync(".")) fs.writeFileSync(f, ""); return 1;`,
    py: () => "import __main__, os\n  for f in ('grade.py', 'solution.py'): open(f, 'w').write('')",
  },
  {
    name: "writes outside its folder",
    outcome: /wrong|error/,
    message: attempt,
    js: () => `const fs = await import("node:fs"); fs.writeFileSync(${quote(join(outside, "made.txt"))}, "x"); return 1;`,
    py: () => `open(${quote(join(outside, "made.txt"))}, 'w').write('x')`,
  },
  {
    name: "removes a file of others",
    outcome: /wrong|error/,
    message: attempt,
    js: () => `const fs = await import("node:fs"); fs.rmSync(${quote(join(outside, "precious.txt"))}); return 1;`,
    py: () => `import os; os.remove(${quote(join(outside, "precious.txt"))})`,
  },
  {
    name: "goes through a symbolic link",
    outcome: /wrong|error/,
    message: attempt,
    js: () => `const fs = await import("node:fs"); fs.symlinkSync(${quote(outside)}, "link"); fs.writeFileSync("link/made.txt", "x"); return 1;`,
    py: () => `import os; os.symlink(${quote(outside)}, 'link'); open('link/made.txt', 'w')`,
  },
  {
    name: "patches what the grader uses",
    outcome: /wrong|broken-protocol|ended|error/,
    message: /./,
    js: () =>
      `JSON.stringify = () => '{"passed":true}'; Object.prototype.toJSON = () => "pass"; Array.isArray = () => true; Object.is = () => true; Math.abs = () => 0; Number.isFinite = () => true; Uint8Array.prototype.copy = () => {}; Object.prototype.$n = "NaN"; return 1;`,
    py: () =>
      "import json, builtins, math, os\n  json.dumps = lambda *a, **k: '{}'\n  builtins.isinstance = lambda *a: True\n  math.isfinite = lambda x: True\n  return 1",
  },
  {
    name: "an answer equal to everything",
    outcome: /wrong|error|ended/,
    message: /./,
    js: () => `return { valueOf: () => 7, toJSON: () => 7, get x() { throw new Error("boo"); } };`,
    py: () => "class Any:\n    def __eq__(self, other): return True\n    def __hash__(self): return 0\n  return Any()",
  },
  {
    name: "an answer that holds itself",
    outcome: /wrong/,
    message: /nested too deeply/,
    js: () => "const a = []; a.push(a); return a;",
    py: () => "a = []; a.append(a); return a",
  },
  {
    name: "huge output",
    outcome: /output-limit/,
    message: /printed more than 1 MB/,
    js: () => `for (;;) console.log("x".repeat(10_000));`,
    py: () => "while True: print('x' * 10000)",
  },
  {
    name: "deep recursion",
    outcome: /wrong|ended|memory-limit/,
    message: /./,
    js: () => "const f = (n) => f(n + 1) + 1; return f(0);",
    py: () => "import sys\n  sys.setrecursionlimit(10**9)\n  def f(n): return f(n + 1) + 1\n  return f(0)",
  },
  { name: "takes the C library in hand", outcome: /wrong|error/, message: attempt, py: () => "import ctypes; ctypes.CDLL(None).system(b'true')" },
  {
    name: "takes the seat belt off",
    outcome: /wrong|error/,
    message: attempt,
    js: () => `const p = Function("return process")(); p.permission.has = () => true; return p.binding("fs");`,
    py: () => `import sys, __main__\n  __main__.fasten = None\n  sys.addaudithook(lambda *a: None)\n  open(${quote(join(outside, "made.txt"))}, 'w')`,
  },
];

function run(language: Language, source: string, timeMs: number): Promise<Verdict> {
  return grade({ lab: { ...guess, limits: { timeMs } }, language, source }, () => performance.now());
}

function expectUnharmed(): void {
  expect(readdirSync(outside)).toEqual(["precious.txt"]);
  expect(readFileSync(join(outside, "precious.txt"), "utf8")).toBe("precious");
  expect(readFileSync(home, "utf8")).toBe("home secret");
  expect(connections).toBe(0);
}

/** Command lines of processes whose arguments lie in a grading's folder. */
function leftOver(): string[] {
  if (!existsSync("/proc/self/cmdline")) return [];
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return [readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")];
      } catch {
        return [];
      }
    })
    .filter((line) => line.includes(join(folder, "karkhana-lab-")));
}

describe.each(["javascript", "python"] as const)("a hostile solution in %s", (language) => {
  const own = attacks.filter(({ js, py }) => (language === "python" ? py : js) !== undefined);

  // That there is a verdict is the grader's doing: those that it has to end would not end by themselves in any test's time.
  test.for(own)("$name: ended, false, nothing harmed, a clear message", async ({ outcome, message, js, py }, context) => {
    if ((await findLauncher(language === "python" ? "python" : "node")) === undefined) context.skip("this machine has no interpreter for it");
    const source = language === "python" ? `def solve(numbers):\n  ${py?.()}\n` : `export async function solve(numbers) { ${js?.()} }\n`;
    const verdict = await run(language, source, /time-limit/.test(outcome.source) ? 3000 : enoughMs);
    expect(verdict.passed).toBe(false);
    expect(verdict.outcome).toMatch(outcome);
    expect(verdict.message).toMatch(message);
    expect(verdict.output).not.toContain("home secret");
    expectUnharmed();
    // All were killed; the kernel ends a namespace's processes one after the other.
    await vi.waitFor(() => expect(leftOver()).toEqual([]), { timeout: 120_000 });
  });

  test("what it does while it is loaded is held the same way", async () => {
    const endless = await run(language, language === "python" ? "while True: pass\n" : "for (;;);\n", 3000);
    expect(endless).toMatchObject({ passed: false, outcome: "time-limit" });
    const broken = await run(language, language === "python" ? "def solve(:\n" : "export function solve( {\n", enoughMs);
    expect(broken).toMatchObject({ passed: false, outcome: "error" });
    expect(broken.message).toContain("SyntaxError");
    expect((await run(language, "", enoughMs)).message).toContain("named solve");
  });
});
