import { WrongAnswer, type Finding } from "./lab.ts";
import { preview } from "./values.ts";

/* Reading answers of unknown shape, and saying in one way what is wrong with them. */

export function wrong(message: string, expected: unknown, got: unknown, more: { readonly tolerance?: string; readonly difference?: number } = {}): Finding {
  return { message, expected: typeof expected === "string" ? expected : preview(expected), got: preview(got), ...more };
}

function refuse(message: string, expected: string, got: unknown): never {
  throw new WrongAnswer({ message, expected, got: preview(got) });
}

/** A finite number. */
export function asNumber(value: unknown, what: string): number {
  if (typeof value !== "number" || !Number.isFinite(value)) return refuse(`${what} is not a finite number.`, "a finite number", value);
  return value;
}

/** Any length when `length` is undefined. */
export function asVector(value: unknown, length: number | undefined, what: string): number[] {
  const list = asList(value, length, what);
  return list.map((item, i) => asNumber(item, `${what}[${i}]`));
}

export function asMatrix(value: unknown, rows: number, columns: number, what: string): number[][] {
  return asList(value, rows, what).map((row, i) => asVector(row, columns, `${what}[${i}]`));
}

export function asList(value: unknown, length: number | undefined, what: string): readonly unknown[] {
  if (!Array.isArray(value)) return refuse(`${what} is not a list.`, length === undefined ? "a list" : `a list of ${length}`, value);
  if (length !== undefined && value.length !== length) return refuse(`${what} has ${value.length} items and should have ${length}.`, `${length} items`, value);
  return value;
}

export function asRecord(value: unknown, keys: readonly string[], what: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return refuse(`${what} is not an object.`, `an object with ${keys.join(", ")}`, value);
  const missing = keys.filter((key) => !Object.hasOwn(value, key));
  if (missing.length > 0) return refuse(`${what} lacks ${missing.join(", ")}.`, `an object with ${keys.join(", ")}`, value);
  return value as Record<string, unknown>;
}

/** |got - expected| <= limit * max(1, |expected|): absolute near zero, relative above one. Infinite values must be equal. */
export function near(got: unknown, expected: number, limit: number, what: string): Finding | undefined {
  if (!Number.isFinite(expected)) return Object.is(got, expected) ? undefined : wrong(`${what} is not ${expected}.`, expected, got);
  const value = asNumber(got, what);
  const difference = Math.abs(value - expected) / Math.max(1, Math.abs(expected));
  if (difference <= limit) return undefined;
  return wrong(`${what} is off.`, expected, value, { tolerance: `${limit} (relative above 1, absolute below)`, difference });
}

/** Every element `near`, the first that is not is reported. */
export function vectorNear(got: unknown, expected: readonly number[], limit: number, what: string): Finding | undefined {
  const values = asList(got, expected.length, what);
  for (let i = 0; i < expected.length; i++) {
    const finding = near(values[i], expected[i] ?? NaN, limit, `${what}[${i}]`);
    if (finding !== undefined) return finding;
  }
  return undefined;
}

export function matrixNear(got: unknown, expected: readonly (readonly number[])[], limit: number, what: string): Finding | undefined {
  const rows = asList(got, expected.length, what);
  for (let i = 0; i < expected.length; i++) {
    const finding = vectorNear(rows[i], expected[i] ?? [], limit, `${what}[${i}]`);
    if (finding !== undefined) return finding;
  }
  return undefined;
}

/** Same plain data: numbers by value (NaN equals NaN, -0 equals 0), lists in order, objects by members. */
export function same(got: unknown, expected: unknown, what: string): Finding | undefined {
  return equal(got, expected) ? undefined : wrong(`${what} is not what it should be.`, preview(expected), got);
}

export function equal(a: unknown, b: unknown): boolean {
  if (a === b || (typeof a === "number" && typeof b === "number" && Number.isNaN(a) && Number.isNaN(b))) return true;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => equal(item, b[i]));
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null || Array.isArray(a) || Array.isArray(b)) return false;
  const [left, right] = [Object.entries(a), b as Record<string, unknown>];
  return left.length === Object.keys(b).length && left.every(([key, value]) => Object.hasOwn(b, key) && equal(value, right[key]));
}
