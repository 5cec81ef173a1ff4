import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";
import { commandLine, dataLimitBytes, processorSeconds, runtimeOf, type Launcher } from "./guards.ts";
import { HostFunction, entryName, maxAnswerBytes, maxOutputBytes, type Lab, type LabCase, type Language, type Limits } from "./lab.ts";
import { learnerPython } from "./learner-python.ts";
import { decode, encode } from "./values.ts";
import type { Outcome } from "./verdict.ts";

/*
 * One learner's process from start to end. Its frames are served here; whatever else it does, it is killed when the time, memory or output
 * limit is reached or the protocol is broken, and the folder is removed.
 */

export type Reply = { readonly kind: "answer"; readonly value: unknown } | { readonly kind: "thrown"; readonly message: string };

export interface Session {
  readonly replies: readonly Reply[];
  /** Why there are no more replies; undefined when every case was answered. */
  readonly stopped: { readonly outcome: Outcome; readonly message: string } | undefined;
  readonly output: string;
  readonly peakMemoryBytes: number | null;
}

const watchEveryMs = 40;
/** The most that counts between two looks: a machine that slept, or a grader that was stopped, took none of the solution's time. */
const mostBetweenLooksMs = 10 * watchEveryMs;
const waitForPipesMs = 250;
const killed = "SIGKILL";

/** Answers of a solution to the cases, in order, until it is stopped. Never throws for anything the solution does. */
export async function runLearner(
  lab: Lab,
  language: Language,
  source: string,
  cases: readonly LabCase[],
  launcher: Launcher,
  limits: Limits,
  stopwatch: () => number,
): Promise<Session> {
  const runtime = runtimeOf(language);
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "karkhana-lab-")));
  try {
    const { script, file } = layOut(folder, language, source);
    const { command, args } = commandLine(launcher, runtime, limits, folder, script);
    const nonce = randomBytes(24).toString("hex");
    const child = spawn(command, args, { cwd: folder, env: {}, detached: true, stdio: ["ignore", "pipe", "pipe", "pipe"] });
    const start = { nonce, entry: entryName(lab, language), file, memoryBytes: launcher.prlimit ? 0 : dataLimitBytes(runtime, limits) };
    return await drive(child, start, cases, limits, stopwatch);
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

function layOut(folder: string, language: Language, source: string): { script: string; file: string } {
  const file = join(folder, language === "python" ? "solution.py" : language === "typescript" ? "solution.mts" : "solution.mjs");
  const ownName = import.meta.url.endsWith(".ts") ? "learner-process.ts" : "learner-process.js";
  const script = join(folder, language === "python" ? "grade.py" : ownName.replace(/\.([tj]s)$/, ".m$1"));
  if (language === "python") writeFileSync(script, learnerPython);
  else copyFileSync(fileURLToPath(new URL(ownName, import.meta.url)), script);
  writeFileSync(file, source);
  for (const path of [script, file]) chmodSync(path, 0o444);
  chmodSync(folder, 0o755); // the account nobody must be able to read it; nobody but us may write
  return { script, file };
}

function drive(child: ChildProcess, start: { readonly nonce: string }, cases: readonly LabCase[], limits: Limits, stopwatch: () => number): Promise<Session> {
  return new Promise((resolve) => {
    const replies: Reply[] = [];
    const channel = child.stdio[3] as Duplex;
    let stopped: Session["stopped"];
    let output = "";
    let outputBytes = 0;
    let peak: number | null = null;
    let processorMs = 0;
    let pending = Buffer.alloc(0);
    let chunks: Buffer[] = [];
    let buffered = 0;
    let finished = false;
    let errors = "";
    let lateClose: NodeJS.Timeout | undefined;
    let ended: { readonly status: number | null; readonly signal: NodeJS.Signals | null } | undefined;

    const stop = (outcome: Outcome, message: string): void => {
      if (finished) return;
      finished = true;
      stopped = { outcome, message };
      kill(child);
    };
    const done = (): void => {
      finished = true;
      kill(child);
    };
    const send = (message: object): void => {
      const body = Buffer.from(JSON.stringify(message), "utf8");
      const head = Buffer.alloc(4);
      head.writeUInt32LE(body.length, 0);
      channel.write(Buffer.concat([head, body]));
    };
    const measure = (): void => {
      processorMs = Math.max(processorMs, longestProcessorMs(child.pid));
      const now = residentPeakBytes(child.pid);
      if (now !== undefined) peak = Math.max(peak ?? 0, now);
      if (now !== undefined && now > limits.memoryMb * 1024 * 1024) stop("memory-limit", `It held more than ${limits.memoryMb} MB of memory.`);
    };
    const next = (): void => {
      const item = cases[replies.length];
      if (item === undefined) done();
      else send({ args: encode(item.args) });
    };

    const handle = (message: unknown): void => {
      if (typeof message !== "object" || message === null || !("nonce" in message) || message.nonce !== start.nonce || !("type" in message)) {
        stop("broken-protocol", "Something was written to the grader's channel that is not an answer of this run.");
        return;
      }
      const { type, value, text, name, args } = {
        value: undefined,
        text: "message" in message ? String(message.message) : "",
        name: "",
        args: [],
        ...message,
      } as Record<string, unknown>;
      if (type === "ready") next();
      else if (type === "refused") stop("error", `The solution cannot be loaded. ${String(text)}`);
      else if (type === "call") send(callHost(cases[replies.length], String(name), decode(args)));
      else if (type === "answer" || type === "error") {
        replies.push(type === "answer" ? { kind: "answer", value: decode(value) } : { kind: "thrown", message: String(text) });
        measure();
        if (!finished) next();
      } else stop("broken-protocol", "The grader's channel carried a message it does not know.");
    };

    channel.on("data", (chunk: Buffer) => {
      if (finished) return;
      chunks.push(chunk);
      buffered += chunk.length;
      for (;;) {
        if (pending.length < 4 || chunks.length > 0) {
          const need = pending.length >= 4 ? 4 + pending.readUInt32LE(0) : 4;
          if (pending.length + buffered < need) return;
          pending = Buffer.concat([pending, ...chunks]);
          chunks = [];
          buffered = 0;
        }
        if (pending.length < 4) return;
        const length = pending.readUInt32LE(0);
        if (length > maxAnswerBytes) {
          stop("broken-protocol", `An answer of ${length} bytes was announced; the most is ${maxAnswerBytes}.`);
          return;
        }
        if (pending.length < 4 + length) return;
        const body = pending.toString("utf8", 4, 4 + length);
        pending = pending.subarray(4 + length);
        try {
          handle(JSON.parse(body));
        } catch {
          // not JSON, or nested so deeply that reading it runs out of stack: either way not from our harness
          stop("broken-protocol", "The grader's channel carried something that cannot be read.");
          return;
        }
        if (finished) return;
      }
    });
    const print = (chunk: Buffer): void => {
      outputBytes += chunk.length;
      if (output.length < 4000) output = (output + chunk.toString("utf8")).slice(0, 4000);
      if (outputBytes > maxOutputBytes) stop("output-limit", `It printed more than ${maxOutputBytes / 1e6} MB.`);
    };
    child.stdout?.on("data", print);
    child.stderr?.on("data", (chunk: Buffer) => {
      errors = (errors + chunk.toString("utf8")).slice(-4000);
      print(chunk);
    });
    channel.on("error", () => undefined); // it hung up; the exit says why
    let [takenMs, lookedMs] = [0, stopwatch()];
    const watch = setInterval(() => {
      measure();
      const nowMs = stopwatch();
      takenMs += Math.min(nowMs - lookedMs, mostBetweenLooksMs);
      lookedMs = nowMs;
      if (takenMs >= limits.timeMs) stop("time-limit", `It did not finish within ${limits.timeMs} ms.`);
    }, watchEveryMs);
    const close = (): void => {
      clearTimeout(lateClose);
      clearInterval(watch);
      if (ended !== undefined) stopped = whyEnded(ended.status, ended.signal, errors, peak, processorMs, limits);
      resolve({ replies, stopped, output, peakMemoryBytes: peak });
    };
    child.on("error", (error) => {
      stop("error", `The interpreter could not be started: ${error.message}.`);
      close();
    });
    child.on("exit", (status, signal) => {
      // a process that got away may hold the pipes open; nobody waits for it
      lateClose = setTimeout(() => {
        for (const stream of [child.stdout, child.stderr, channel]) stream?.destroy();
      }, waitForPipesMs);
      if (finished) return;
      finished = true;
      // Why is said once its last words have been read, which may come after this.
      ended = { status, signal };
      kill(child); // what it left behind in its group
    });
    child.on("close", close);
    send(start);
  });
}

function callHost(item: LabCase | undefined, name: string, args: unknown): { value: unknown } | { thrown: string } {
  const host = item?.args.find((arg): arg is HostFunction => arg instanceof HostFunction && arg.name === name);
  if (host === undefined || !Array.isArray(args)) return { thrown: `there is no function ${name}` };
  try {
    return { value: encode(host.call(...(args as unknown[]))) };
  } catch (error) {
    return { thrown: error instanceof Error ? error.message : String(error) };
  }
}

function whyEnded(
  status: number | null,
  signal: NodeJS.Signals | null,
  errors: string,
  peakBytes: number | null,
  processorMs: number,
  limits: Limits,
): NonNullable<Session["stopped"]> {
  // unshare reports a child's signal as 128 + number
  const number = signal === null && status !== null && status > 128 ? status - 128 : undefined;
  if (/out of memory|not enough memory|cannot allocate memory|allocation failed|MemoryError|bad_alloc/i.test(errors))
    return { outcome: "memory-limit", message: `It asked for more memory than the limit of ${limits.memoryMb} MB.` };
  // unshare may fail to pass that signal on; what was seen of its time is by a look old.
  const isOut = status !== 0 && processorMs + mostBetweenLooksMs >= 1000 * processorSeconds(limits);
  if (signal === "SIGXCPU" || number === 24 || isOut) return { outcome: "time-limit", message: "It used up its processor time." };
  if (signal === "SIGXFSZ" || number === 25) return { outcome: "ended", message: "It tried to write a file, which ended its process." };
  if (signal !== null || number !== undefined)
    return {
      outcome: "ended",
      message: `Its process was ended by ${signal ?? `signal ${number}`} before it had answered: memory at its limit, or a crash of the interpreter.`,
    };
  // An interpreter that has come to its limit of memory may have none left to say so.
  const heldMb = (peakBytes ?? 0) / 1024 / 1024;
  const held = status !== 0 && heldMb > limits.memoryMb / 2 ? ` It held ${Math.round(heldMb)} of the ${limits.memoryMb} MB of memory it may have.` : "";
  const lastWords = errors.trim().split("\n").at(-1)?.slice(0, 200) ?? "";
  return {
    outcome: "ended",
    message: `Its process ended by itself (status ${status}) before it had answered every case.${held}${lastWords === "" ? "" : ` Its last words: ${lastWords}`}`,
  };
}

function kill(child: ChildProcess): void {
  if (child.pid === undefined) return;
  const tree = descendants(child.pid);
  for (const pid of [-child.pid, ...tree])
    try {
      process.kill(pid, killed);
    } catch {
      // gone already
    }
}

function descendants(pid: number): number[] {
  const all: number[] = [];
  for (const open = [pid]; open.length > 0 && all.length < 1000;) {
    const parent = open.pop() ?? 0;
    const text = readProc(`/proc/${parent}/task/${parent}/children`) ?? "";
    for (const child of text.split(" ").map(Number))
      if (child > 0) {
        all.push(child);
        open.push(child);
      }
  }
  return all;
}

/** Largest resident size that any process of the tree has had, from the kernel's own high-water mark. */
function residentPeakBytes(pid: number | undefined): number | undefined {
  if (pid === undefined || process.platform !== "linux") return undefined;
  let peak: number | undefined;
  for (const one of [pid, ...descendants(pid)]) {
    const kilobytes = /VmHWM:\s+(\d+) kB/.exec(readProc(`/proc/${one}/status`) ?? "")?.[1];
    if (kilobytes !== undefined) peak = Math.max(peak ?? 0, Number(kilobytes) * 1024);
  }
  return peak;
}

/** Most of the processor's time that any process of the tree has taken. */
function longestProcessorMs(pid: number | undefined): number {
  if (pid === undefined || process.platform !== "linux") return 0;
  const times = [pid, ...descendants(pid)].map((one) => {
    const stat = readProc(`/proc/${one}/stat`) ?? "";
    // Fields after the command's name, which may hold anything up to the last ")": the 12th and 13th are hundredths of a second.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return 10 * (Number(fields[11] ?? 0) + Number(fields[12] ?? 0));
  });
  return Math.max(...times);
}

function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
