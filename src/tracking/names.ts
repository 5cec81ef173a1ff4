import { KarkhanaError } from "../kernel/error.ts";
import type { Metric, RunBatch } from "./port.ts";

/** MLflow's limits; its clients rely on what they allow. */
const maxKeyLength = 250;
const maxNameLength = 500;
const maxParamLength = 6000;
const maxTagLength = 8000;

function refuse(field: string, problem: string, value: unknown): never {
  throw new KarkhanaError("INVALID_ARGUMENT", { field, problem, value: typeof value === "string" && value.length > 80 ? `${value.slice(0, 80)}…` : value });
}

/** Keys may name files in MLflow tools (`a/b` groups charts), hence no "..", "//" or leading "/". */
function requireKey(field: string, key: string): void {
  if (key.length === 0 || key.length > maxKeyLength || !/^[\p{L}\p{N}_\-. :/]+$/u.test(key)) {
    refuse(field, `expected 1 to ${maxKeyLength} letters, digits, "_", "-", ".", " ", ":" or "/"`, key);
  }
  if (key.split("/").some((part) => part === "" || part === "." || part === ".."))
    refuse(field, 'expected parts between slashes other than empty, "." and ".."', key);
}

function requireText(field: string, text: string, maxLength: number): void {
  if (text.length > maxLength) refuse(field, `expected at most ${maxLength} characters, got ${text.length}`, text);
  if (text.includes("\0")) refuse(field, "expected text without NUL characters", JSON.stringify(text));
}

function requireMetric(metric: Metric): void {
  requireKey("metrics.key", metric.key);
  if (!Number.isSafeInteger(metric.step)) refuse(`metrics.${metric.key}.step`, "expected a whole number", metric.step);
  if (!Number.isSafeInteger(metric.timestampMs) || metric.timestampMs < 0)
    refuse(`metrics.${metric.key}.timestampMs`, "expected whole milliseconds since 1970", metric.timestampMs);
}

export function requireName(field: string, name: string): void {
  if (name.trim() === "") refuse(field, "expected a name", JSON.stringify(name));
  requireText(field, name, maxNameLength);
}

export function requireTags(tags: Readonly<Record<string, string>>): void {
  for (const key of Object.keys(tags)) requireKey("tags", key);
  requireFirstTags(tags);
}

/** Of a run that is made or brought: any characters, as in MLflow. */
export function requireFirstTags(tags: Readonly<Record<string, string>>): void {
  for (const [key, value] of Object.entries(tags)) {
    if (key === "") refuse("tags", "expected a key", JSON.stringify(key));
    requireText("tags", key, maxKeyLength);
    requireText(`tags.${key}`, value, maxTagLength);
  }
}

/** Everything is checked before anything is written. @throws INVALID_ARGUMENT */
export function requireBatch(batch: RunBatch): void {
  for (const metric of batch.metrics ?? []) requireMetric(metric);
  for (const [key, value] of Object.entries(batch.params ?? {})) {
    requireKey("params", key);
    requireText(`params.${key}`, value, maxParamLength);
  }
  requireTags(batch.tags ?? {});
}

const maxModelKeyLength = 255;
const maxModelTextLength = 65_535;

/** Params and tags of logged models: MLflow asks nothing of their keys but a length. @throws INVALID_ARGUMENT */
export function requireModelTexts(field: string, texts: Readonly<Record<string, string>>): void {
  for (const [key, value] of Object.entries(texts)) {
    if (key === "") refuse(field, "expected a key", JSON.stringify(key));
    requireText(field, key, maxModelKeyLength);
    requireText(`${field}.${key}`, value, maxModelTextLength);
  }
}
