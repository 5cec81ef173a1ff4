/** Fields as MLflow's stores write them, by name or by the number of its protocol. */
import type { IntakeLoggedModel } from "../../tracking/intake.ts";
import type { RunStatus } from "../../tracking/port.ts";

const statuses: readonly RunStatus[] = ["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"];

export function runStatus(value: unknown): RunStatus {
  if (typeof value === "number" || typeof value === "bigint") return statuses[Number(value) - 1] ?? "FINISHED";
  return statuses.find((s) => s === value) ?? "FINISHED";
}

const modelStatuses: readonly IntakeLoggedModel["status"][] = ["UNSPECIFIED", "PENDING", "READY", "FAILED"];

export function loggedModelStatus(value: unknown): IntakeLoggedModel["status"] {
  if (typeof value === "number" || typeof value === "bigint") return modelStatuses[Number(value)] ?? "UNSPECIFIED";
  const name = text(value)
    .replace(/^LOGGED_MODEL_/, "")
    .replace("UPLOAD_FAILED", "FAILED");
  return modelStatuses.find((s) => s === name) ?? "UNSPECIFIED";
}

export function stageOf(value: unknown): "active" | "deleted" {
  return value === "deleted" ? "deleted" : "active";
}

/** Milliseconds as microseconds; null for what is no time. */
export function microsOf(value: unknown): number | null {
  if (value === null || value === undefined || value === "") return null;
  const us = Number(value) * 1000;
  return Number.isSafeInteger(us) && us >= 0 ? us : null;
}

/** A metric's value as text or JSON: NaN and the infinities have words. */
export function metricNumber(value: unknown): number {
  if (typeof value === "number") return value;
  const word = text(value).trim();
  if (/^[+-]?inf(inity)?$/i.test(word)) return word.startsWith("-") ? -Infinity : Infinity;
  return /^[+-]?nan$/i.test(word) || word === "" ? Number.NaN : Number(word);
}

/** A field as text; what is no plain value is none. */
export function text(value: unknown): string {
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "bigint" || typeof value === "boolean" ? String(value) : "";
}

export function textOrNull(value: unknown): string | null {
  return value === null || value === undefined ? null : text(value);
}
