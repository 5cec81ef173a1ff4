import type { ColumnRule, ColumnType } from "../data/source.ts";
import type { Micros } from "../kernel/clock.ts";
import { KarkhanaError } from "../kernel/error.ts";
import { parseIso } from "../kernel/time.ts";
import type { ModelDefinition } from "../project/definition.ts";

export type RequestFields = Record<string, string | number | null>;

interface FieldRule {
  readonly name: string;
  readonly type: ColumnType;
  readonly rule: ColumnRule;
  readonly pattern: RegExp | undefined;
  readonly oneOf: ReadonlySet<string> | undefined;
}

/** Reads one instance's `fields`, already known to be JSON, against the spine's schema and expectations. */
export type FieldsReader = (raw: unknown, index: number) => RequestFields;

/** Both sides are asked for the same columns under the same rules as the data the model was trained on. */
export function fieldsReader(model: ModelDefinition, maxTextLength: number): FieldsReader {
  const rules = model.request.map((name) => fieldRule(model, name));
  const known = new Set(model.request);
  return (raw, index) => {
    if (!isObject(raw)) throw refuse(`instances[${index}].fields`, `expected an object with ${model.request.join(", ")}`, raw);
    const fields: RequestFields = {};
    let present = 0;
    for (const rule of rules) {
      if (!Object.hasOwn(raw, rule.name)) throw refuse(fieldPath(index, rule.name), "is missing", undefined);
      fields[rule.name] = readField(raw[rule.name], rule, index, maxTextLength);
      present++;
    }
    if (Object.keys(raw).length > present) {
      const unknown = Object.keys(raw).find((name) => !known.has(name))!;
      throw refuse(fieldPath(index, unknown), `is not a field of this model, which has ${model.request.join(", ")}`, raw[unknown]);
    }
    return fields;
  };
}

/** @throws INVALID_ARGUMENT naming where, what was expected and the value, cut to a readable length */
export function refuse(field: string, problem: string, value: unknown): KarkhanaError {
  return new KarkhanaError("INVALID_ARGUMENT", { field: field.slice(0, 200), problem, value: shown(value) });
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** ISO 8601 or whole microseconds; undefined means the time now. */
export function readTime(raw: unknown, field: string, nowUs: Micros): Micros {
  if (raw === undefined) return nowUs;
  const us = typeof raw === "string" && raw.length <= 64 ? parseIso(raw, field) : raw;
  if (typeof us !== "number" || !Number.isSafeInteger(us)) throw refuse(field, "expected an ISO 8601 time or whole microseconds since 1970", raw);
  return us;
}

/** Text that is safe to keep as a key and to show: not empty, bounded, no control characters. */
export function readName(raw: unknown, field: string, maxLength: number): string {
  if (typeof raw !== "string" || raw.length === 0 || raw.length > maxLength) throw refuse(field, `expected text of 1 to ${maxLength} characters`, raw);
  if (hasControlCharacter(raw) || !raw.isWellFormed()) throw refuse(field, "holds a control character or half a surrogate pair", raw);
  return raw;
}

function readField(raw: unknown, { name, type, rule, pattern, oneOf }: FieldRule, index: number, maxTextLength: number): string | number | null {
  if (raw === null) {
    if (rule.notNull === true) throw refuse(fieldPath(index, name), "must not be null", null);
    return null;
  }
  const value = typeof raw === "boolean" && type === "boolean" ? Number(raw) : raw;
  if (type === "string") {
    if (typeof value !== "string" || value.length > maxTextLength)
      throw refuse(fieldPath(index, name), `expected text of at most ${maxTextLength} characters`, raw);
    if (!value.isWellFormed()) throw refuse(fieldPath(index, name), "holds half a surrogate pair", raw);
    if (pattern !== undefined && !pattern.test(value)) throw refuse(fieldPath(index, name), `must match ${rule.pattern}`, raw);
    if (oneOf !== undefined && !oneOf.has(value)) throw refuse(fieldPath(index, name), `must be one of ${[...oneOf].slice(0, 20).join(", ")}`, raw);
    return value;
  }
  if (type === "timestamp") return readTime(value, fieldPath(index, name), 0);
  if (typeof value !== "number" || !Number.isFinite(value))
    throw refuse(fieldPath(index, name), type === "boolean" ? "expected true or false" : "expected a finite number", raw);
  if (type === "boolean" && value !== 0 && value !== 1) throw refuse(fieldPath(index, name), "expected true or false", raw);
  if (type === "int64" && !Number.isSafeInteger(value)) throw refuse(fieldPath(index, name), "expected a whole number", raw);
  if (rule.min !== undefined && value < rule.min) throw refuse(fieldPath(index, name), `must be at least ${rule.min}`, raw);
  if (rule.max !== undefined && value > rule.max) throw refuse(fieldPath(index, name), `must be at most ${rule.max}`, raw);
  return value;
}

function fieldRule(model: ModelDefinition, name: string): FieldRule {
  const type = model.spine.schema[name];
  if (type === undefined) throw refuse(`model ${model.name}, request`, "names a column that the spine's schema does not have", name);
  const rule = model.spine.expect?.[name] ?? {};
  return {
    name,
    type,
    rule,
    pattern: rule.pattern === undefined ? undefined : wholeMatch(model, name, rule.pattern),
    oneOf: rule.oneOf === undefined ? undefined : new Set(rule.oneOf),
  };
}

/** Contracts are written in RE2 syntax for DuckDB; its inline flags at the start are the part JavaScript spells otherwise. */
function wholeMatch(model: ModelDefinition, name: string, pattern: string): RegExp {
  const flags = /^\(\?([is]+)\)/.exec(pattern);
  try {
    return new RegExp(`^(?:${flags === null ? pattern : pattern.slice(flags[0].length)})$`, `u${flags?.[1] ?? ""}`);
  } catch (cause) {
    throw new KarkhanaError(
      "INVALID_ARGUMENT",
      { field: `source ${model.spine.name}, expect.${name}.pattern`, problem: "is not a pattern that requests can be checked with", value: pattern },
      { cause },
    );
  }
}

function fieldPath(index: number, name: string): string {
  return `instances[${index}].fields.${name}`;
}

/** Never the whole of a hostile value: deep lists overflow a printer's stack, long texts fill logs. */
function shown(value: unknown): string | number | boolean | null {
  if (value === undefined) return "nothing";
  if (typeof value === "string") return value.length <= 100 ? value : `${value.slice(0, 100)}… (${value.length} characters)`;
  if (typeof value === "number" || typeof value === "boolean" || value === null) return value;
  return Array.isArray(value) ? `a list of ${value.length}` : "an object";
}

function hasControlCharacter(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 32 || code === 127) return true;
  }
  return false;
}
