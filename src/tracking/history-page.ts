import { refuseFilter } from "./search/fields.ts";

/** The last row of a page of a metric's history: time, step, value, NaN flag. */
export type HistoryPlace = readonly [timestampMs: number, step: number, value: number, isNan: number];

export function encodeHistoryPlace(row: HistoryPlace): string {
  return Buffer.from(row.map(String).join("/"), "utf8").toString("base64url");
}

/** @throws SEARCH_INVALID for anything `encodeHistoryPlace` did not make */
export function decodeHistoryPlace(token: string): { row: HistoryPlace } {
  const parts = Buffer.from(token, "base64url").toString("utf8").split("/");
  const [timestampMs, step, value, isNan] = parts.map((part) => (/^-?(\d[\d.e+-]*|Infinity)$/.test(part) ? Number(part) : Number.NaN));
  if (parts.length !== 4 || timestampMs === undefined || step === undefined || value === undefined || isNan === undefined) return refuse();
  if (!Number.isSafeInteger(timestampMs) || !Number.isSafeInteger(step) || Number.isNaN(value) || (isNan !== 0 && isNan !== 1)) return refuse();
  return { row: [timestampMs, step, value, isNan] };
}

function refuse(): never {
  return refuseFilter("Invalid page token, could not base64-decode");
}
