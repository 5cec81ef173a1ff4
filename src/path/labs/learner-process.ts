/*
 * The process a JavaScript or TypeScript solution runs in. Copied alone into the grading's folder, so it imports nothing of ours.
 *
 *   fd 3, both ways: frames of a 4-byte length and JSON. First comes { nonce, entry, file }; then { args } per case, answered by
 *   { nonce, type: "answer" | "error" }, and on the way { nonce, type: "call" } for functions that stay on the other side.
 *   The nonce is read before the solution is loaded: what writes to fd 3 without it is not us.
 */
import { readSync, writeSync } from "node:fs";
import { registerHooks } from "node:module";
import { pathToFileURL } from "node:url";
import { inspect } from "node:util";

interface Start {
  readonly nonce: string;
  readonly entry: string;
  readonly file: string;
}

const channel = 3;
const parse = JSON.parse.bind(JSON);
const stringify = JSON.stringify.bind(JSON);
const keys = Object.keys.bind(Object);
const is = Object.is.bind(Object);
const isArray = Array.isArray.bind(Array);
const isView = ArrayBuffer.isView.bind(ArrayBuffer);
const bytesOf = Buffer.from.bind(Buffer);
const alloc = Buffer.alloc.bind(Buffer);
const exit = process.exit.bind(process);
const specials: Record<string, number> = { __proto__: null as unknown as number, NaN, Infinity, "-Infinity": -Infinity, "-0": -0 };

function readBytes(count: number): Buffer {
  const bytes = alloc(count);
  for (let at = 0; at < count;) {
    const got = readSync(channel, bytes, at, count - at, null);
    if (got === 0) exit(0);
    at += got;
  }
  return bytes;
}

function receive(): unknown {
  return parse(readBytes(readBytes(4).readUInt32LE(0)).toString("utf8"));
}

function send(message: object): void {
  const body = bytesOf(stringify(message), "utf8");
  const frame = alloc(4 + body.length);
  frame.writeUInt32LE(body.length, 0);
  body.copy(frame, 4);
  for (let at = 0; at < frame.length;) at += writeSync(channel, frame, at, frame.length - at);
}

function encode(value: unknown, depth = 0): unknown {
  if (depth > 40) throw new TypeError("the answer is nested too deeply, or holds itself");
  if (typeof value === "number") {
    if (is(value, -0)) return { $n: "-0" };
    return value - value === 0 ? value : { $n: `${value}` };
  }
  if (value === undefined || value === null) return null;
  if (typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value !== "object") throw new TypeError(`a ${typeof value} cannot be an answer: return numbers, strings, booleans, lists and plain objects`);
  if (isArray(value) || isView(value)) {
    const list = value as ArrayLike<unknown>;
    const out: unknown[] = [];
    for (let i = 0; i < list.length; i++) out[i] = encode(list[i], depth + 1);
    return out;
  }
  if (value instanceof Map || value instanceof Set) throw new TypeError("a Map or Set cannot be an answer: return a list or a plain object");
  const out: Record<string, unknown> = { __proto__: null };
  for (const key of keys(value)) out[key] = encode((value as Record<string, unknown>)[key], depth + 1);
  return out;
}

function decode(json: unknown, start: Start): unknown {
  if (typeof json !== "object" || json === null) return json;
  if (isArray(json)) {
    for (let i = 0; i < json.length; i++) json[i] = decode(json[i], start);
    return json;
  }
  const value = json as Record<string, unknown>;
  if (typeof value["$n"] === "string") return specials[value["$n"]];
  if (typeof value["$f"] === "string") return remote(value["$f"], start);
  for (const key of keys(value)) value[key] = decode(value[key], start);
  return value;
}

function remote(name: string, start: Start): (...args: unknown[]) => unknown {
  return (...args) => {
    send({ nonce: start.nonce, type: "call", name, args: encode(args) });
    const { value, thrown } = receive() as { value?: unknown; thrown?: string };
    if (thrown !== undefined) throw new Error(thrown);
    return decode(value, start);
  };
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return `threw ${inspect(error, { depth: 1 })}`;
  const line = /solution\.m[jt]s:(\d+)/.exec(error.stack ?? "")?.[1];
  return `${error.name}: ${error.message}${line === undefined ? "" : ` (line ${line})`}`;
}

/** Takes from the solution what a lab does not need: modules, the process, the network. A seat belt beside the operating system's guards. */
function fasten(file: string): void {
  const own = pathToFileURL(file).href;
  registerHooks({
    resolve(specifier, context, next) {
      if (specifier === own) return next(specifier, context);
      throw new Error(`a lab's solution imports nothing, and this one asks for ${specifier}`);
    },
  });
  const print = (...args: unknown[]): void => {
    writeSync(1, `${args.map((arg) => (typeof arg === "string" ? arg : inspect(arg, { depth: 4, breakLength: 120 }))).join(" ")}\n`);
  };
  const silent = (): void => undefined;
  const plain = { log: print, info: print, debug: print, warn: print, error: print, table: print, dir: print, time: silent, timeEnd: silent, assert: silent };
  Object.defineProperty(globalThis, "console", { value: plain, writable: true, configurable: true });
  process.getBuiltinModule = () => undefined;
  for (const name of ["process", "fetch", "WebSocket", "EventSource", "Request", "Response", "navigator", "localStorage", "sessionStorage"])
    Reflect.deleteProperty(globalThis, name);
}

const start = receive() as Start;
fasten(start.file);
let solve: unknown;
try {
  solve = ((await import(pathToFileURL(start.file).href)) as Record<string, unknown>)[start.entry];
  if (typeof solve !== "function") throw new Error(`the file exports no function named ${start.entry}`);
} catch (error) {
  send({ nonce: start.nonce, type: "refused", message: describe(error) });
  exit(0);
}
send({ nonce: start.nonce, type: "ready" });
for (;;) {
  const { args } = receive() as { args: unknown[] };
  try {
    const answer: unknown = await (solve as (...args: unknown[]) => unknown)(...(decode(args, start) as unknown[]));
    send({ nonce: start.nonce, type: "answer", value: encode(answer) });
  } catch (error) {
    send({ nonce: start.nonce, type: "error", message: describe(error) });
  }
}
