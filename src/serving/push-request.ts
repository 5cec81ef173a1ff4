import type { LabelRecord } from "../feedback/prediction.ts";
import type { Micros } from "../kernel/clock.ts";
import type { PushOrigin } from "./faces.ts";
import type { ServingLimits } from "./limits.ts";
import { isObject, readName, readTime, refuse } from "./request-fields.ts";

export interface PushRequest {
  readonly origin: PushOrigin;
  readonly rows: readonly Readonly<Record<string, unknown>>[];
}

/** The envelope of pushed rows; each row's columns are checked where the source is known. @throws INVALID_ARGUMENT */
export function readPushRequest(body: unknown, limits: ServingLimits): PushRequest {
  if (!isObject(body)) throw refuse("body", 'expected {"producer": …, "sequence": …, "rows": […]}', body);
  const { sequence, rows } = body;
  const producer = readName(body["producer"], "producer", limits.maxTextLength);
  if (typeof sequence !== "number" || !Number.isSafeInteger(sequence) || sequence < 0)
    throw refuse("sequence", "expected a whole number from 0 that grows with each push of this producer", sequence);
  if (!Array.isArray(rows) || rows.length === 0) throw refuse("rows", "expected a list of at least one row", rows);
  if (rows.length > limits.maxPushRows) throw refuse("rows", `at most ${limits.maxPushRows} a push`, rows);
  for (const [index, row] of rows.entries()) if (!isObject(row)) throw refuse(`rows[${index}]`, "expected an object of columns", row);
  return { origin: { producer, sequence }, rows };
}

const maxIgnored = 20;

/** What became of a push, as it is answered; with the names of columns that the source does not have, which may be misspelt. */
export function pushAnswer(result: unknown, rows: PushRequest["rows"], columns: ReadonlySet<string>): string {
  const ignored = new Set<string>();
  for (const row of rows) for (const name in row) if (!columns.has(name) && name !== "_row" && ignored.size < maxIgnored) ignored.add(name.slice(0, 100));
  return JSON.stringify(ignored.size === 0 ? result : { ...Object(result), ignoredColumns: [...ignored] });
}

/** @throws INVALID_ARGUMENT; then none of the request's labels is kept */
export function readLabelsRequest(body: unknown, model: string, limits: ServingLimits, nowUs: Micros): LabelRecord[] {
  if (!isObject(body)) throw refuse("body", 'expected {"labels": [{"id": …, "label": 0 or 1, "knownTime": …}]}', body);
  const { labels } = body;
  if (!Array.isArray(labels) || labels.length === 0) throw refuse("labels", "expected a list of at least one", labels);
  if (labels.length > limits.maxLabels) throw refuse("labels", `at most ${limits.maxLabels} a request`, labels);
  return labels.map((raw: unknown, index): LabelRecord => {
    if (!isObject(raw)) throw refuse(`labels[${index}]`, "expected an object with id and label", raw);
    const { label } = raw;
    if (label !== 0 && label !== 1) throw refuse(`labels[${index}].label`, "expected 0 or 1", label);
    const id = readName(raw["id"], `labels[${index}].id`, limits.maxTextLength);
    return { id, model, label, knownUs: readTime(raw["knownTime"], `labels[${index}].knownTime`, nowUs) };
  });
}
