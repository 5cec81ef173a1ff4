import { HostFunction } from "./lab.ts";

/*
 * JSON with the numbers it lacks: NaN, the infinities and -0 travel as {"$n": "NaN"}, a host function as {"$f": name}.
 * The learner's processes (learner-process.ts, learner-python.ts) hold the same few lines, since they may import nothing of ours.
 */

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

const special: Readonly<Record<string, number>> = { NaN, Infinity, "-Infinity": -Infinity, "-0": -0 };

export function encode(value: unknown): Json {
  if (typeof value === "number") return Number.isFinite(value) && !Object.is(value, -0) ? value : { $n: Object.is(value, -0) ? "-0" : String(value) };
  if (value === undefined || value === null) return null;
  if (typeof value === "string" || typeof value === "boolean") return value;
  if (value instanceof HostFunction) return { $f: value.name };
  if (Array.isArray(value)) return value.map(encode);
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) return Array.from(value as unknown as ArrayLike<number>, encode);
  if (typeof value === "object") return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, encode(member)]));
  throw new TypeError(`a ${typeof value} is not plain data`);
}

/** The inverse; what comes from the learner's process is data of unknown shape, and its host-function marks are plain objects. */
export function decode(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(decode);
  if (typeof json !== "object" || json === null) return json;
  const entries = Object.entries(json);
  const [only] = entries;
  if (entries.length === 1 && only?.[0] === "$n" && typeof only[1] === "string" && Object.hasOwn(special, only[1])) return special[only[1]];
  return Object.fromEntries(entries.map(([key, member]) => [key, decode(member)]));
}

/** A value as a reader wants to see it: numbers to 10 digits, long lists cut, at most `max` characters. */
export function preview(value: unknown, max = 400): string {
  const text = show(value, 3, max);
  return text.length <= max ? text : `${text.slice(0, max - 1)}…`;
}

function show(value: unknown, depth: number, room: number): string {
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(Number.isInteger(value) ? value : Number(value.toPrecision(10)));
  if (typeof value === "string") return JSON.stringify(value.length > 200 ? `${value.slice(0, 200)}…` : value);
  if (value instanceof HostFunction) return `${value.name}()`;
  if (typeof value !== "object" || value === null) return String(value);
  if (depth === 0) return Array.isArray(value) ? `[${value.length} items]` : "{…}";
  const parts: string[] = [];
  let length = 0;
  const entries = Array.isArray(value) ? value.entries() : Object.entries(value);
  const total = Array.isArray(value) ? value.length : Object.keys(value).length;
  for (const [key, member] of entries) {
    if (parts.length >= 24 || length > room) {
      parts.push(`… ${total - parts.length} more`);
      break;
    }
    const part = `${Array.isArray(value) ? "" : `${key}: `}${show(member, depth - 1, room)}`;
    length += part.length;
    parts.push(part);
  }
  return Array.isArray(value) ? `[${parts.join(", ")}]` : `{ ${parts.join(", ")} }`;
}
