import { KarkhanaError } from "../kernel/error.ts";
import type { Json } from "./port.ts";

/**
 * What a later execution will see of a value: its copy through JSON. Refused where the copy would differ (NaN becomes null, a date
 * text, a typed array an object); members that are undefined are left out.
 * @throws STEP_OUTPUT_NOT_JSON naming the place
 */
export function asRecorded<T extends Json>(value: T, place: string): T {
  check(value, place);
  return (value === undefined ? null : JSON.parse(JSON.stringify(value))) as T;
}

function check(value: unknown, place: string): void {
  const refuse = (problem: string): never => {
    throw new KarkhanaError("STEP_OUTPUT_NOT_JSON", { place, problem });
  };
  if (value === null || value === undefined || typeof value === "string" || typeof value === "boolean") return;
  if (typeof value === "number") {
    if (!Number.isFinite(value)) refuse(`it is ${value}`);
  } else if (typeof value !== "object") {
    refuse(`it is a ${typeof value}`);
  } else if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) check(value[i], `${place}[${i}]`);
  } else {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) refuse(`it is a ${value.constructor.name}`);
    for (const [name, member] of Object.entries(value)) check(member, `${place}.${name}`);
  }
}
