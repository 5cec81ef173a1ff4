import { KarkhanaError } from "../kernel/error.ts";
import type { Interval, ReferenceProfile } from "./profile.ts";
import type { SlotProfile } from "./slot-bins.ts";

/** A profile as the text of `profile.json`. */
export function profileToJson(profile: ReferenceProfile): string {
  return JSON.stringify(profile);
}

/** Reads `profile.json`: every number is checked here, so that monitoring may trust it. @throws PROFILE_INVALID */
export function parseProfile(text: string): ReferenceProfile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new KarkhanaError("PROFILE_INVALID", { field: "file", problem: "not JSON", value: text.slice(0, 40) }, { cause: error });
  }
  const root = record("file", value);
  if (root["formatVersion"] !== 1) throw refused("formatVersion", "this program reads format 1", root["formatVersion"]);
  const holdout = record("holdout", root["holdout"]);
  const windows = root["windows"] === undefined ? undefined : record("windows", root["windows"]);
  return {
    formatVersion: 1,
    numRows: count("numRows", root["numRows"]),
    slots: list("slots", root["slots"]).map((slot, i) => parseSlot(`slots[${i}]`, slot)),
    score: parseSlot("score", root["score"]),
    labelRate: root["labelRate"] === null ? null : number("labelRate", root["labelRate"]),
    holdout: {
      rows: count("holdout.rows", holdout["rows"]),
      auc: interval("holdout.auc", holdout["auc"]),
      logLoss: interval("holdout.logLoss", holdout["logLoss"]),
      brier: interval("holdout.brier", holdout["brier"]),
    },
    ...(windows === undefined
      ? {}
      : { windows: { lengthUs: count("windows.lengthUs", windows["lengthUs"]), count: count("windows.count", windows["count"]) } }),
  };
}

function parseSlot(field: string, value: unknown): SlotProfile {
  const slot = record(field, value);
  const { name, type } = slot;
  if (typeof name !== "string") throw refused(`${field}.name`, "expected text", name);
  if (type !== "numeric" && type !== "categorical") throw refused(`${field}.type`, "expected numeric or categorical", type);
  const edges = list(`${field}.edges`, slot["edges"]).map((edge) => number(`${field}.edges`, edge));
  const categories = list(`${field}.categories`, slot["categories"]).map((code) => count(`${field}.categories`, code));
  const counts = list(`${field}.counts`, slot["counts"]).map((n) => count(`${field}.counts`, n));
  if (edges.some((edge, i) => i > 0 && edge <= edges[i - 1]!)) throw refused(`${field}.edges`, "expected ascending, distinct edges", edges);
  const cells = (type === "numeric" ? edges.length : categories.length) + 2;
  if (counts.length !== cells) throw refused(`${field}.counts`, `expected ${cells} cells`, counts.length);
  if (counts.every((n) => n === 0)) throw refused(`${field}.counts`, "expected at least one row", counts);
  return {
    name,
    type,
    edges,
    categories,
    counts,
    ...(slot["windowPsi"] === undefined ? {} : { windowPsi: number(`${field}.windowPsi`, slot["windowPsi"]) }),
    ...(slot["windowNullShare"] === undefined ? {} : { windowNullShare: number(`${field}.windowNullShare`, slot["windowNullShare"]) }),
  };
}

function interval(field: string, value: unknown): Interval {
  const parts = record(field, value);
  return { value: number(`${field}.value`, parts["value"]), low: number(`${field}.low`, parts["low"]), high: number(`${field}.high`, parts["high"]) };
}

function record(field: string, value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw refused(field, "expected an object", value);
  return value as Record<string, unknown>;
}

function list(field: string, value: unknown): unknown[] {
  if (!Array.isArray(value)) throw refused(field, "expected a list", value);
  return value;
}

function number(field: string, value: unknown): number {
  if (typeof value !== "number") throw refused(field, "expected a number", value);
  return value;
}

function count(field: string, value: unknown): number {
  const n = number(field, value);
  if (!(Number.isSafeInteger(n) && n >= 0)) throw refused(field, "expected a whole number of at least 0", value);
  return n;
}

function refused(field: string, problem: string, value: unknown): KarkhanaError {
  return new KarkhanaError("PROFILE_INVALID", { field, problem, value: value ?? null });
}
