import type { Micros } from "../kernel/clock.ts";
import type { NewId } from "../kernel/ids.ts";
import { isObject, readName, readTime, refuse, type FieldsReader, type RequestFields } from "./request-fields.ts";

/** One question, checked. */
export interface Instance {
  readonly id: string;
  readonly timeUs: Micros;
  readonly fields: RequestFields;
}

export interface PredictRequestRules {
  readonly readFields: FieldsReader;
  readonly maxInstances: number;
  readonly maxTextLength: number;
  readonly newId: NewId;
}

/** @throws INVALID_ARGUMENT naming the field and the value; nothing of the request is answered then */
export function readPredictRequest(body: unknown, rules: PredictRequestRules, nowUs: Micros): Instance[] {
  if (!isObject(body)) throw refuse("body", 'expected {"instances": [{"fields": {…}}]}', body);
  const { instances } = body;
  if (!Array.isArray(instances) || instances.length === 0) throw refuse("instances", "expected a list of at least one", instances);
  if (instances.length > rules.maxInstances) throw refuse("instances", `at most ${rules.maxInstances} a request`, instances);
  for (const key in body) if (key !== "instances") throw refuse(key, "is not part of a predict request", body[key]);
  const read: Instance[] = [];
  for (let i = 0; i < instances.length; i++) read.push(readInstance(instances[i], i, rules, nowUs));
  if (read.length > 1) refuseRepeatedIds(read);
  return read;
}

function readInstance(raw: unknown, index: number, rules: PredictRequestRules, nowUs: Micros): Instance {
  if (!isObject(raw)) throw refuse(`instances[${index}]`, "expected an object with fields", raw);
  for (const key in raw)
    if (key !== "id" && key !== "time" && key !== "fields")
      throw refuse(`instances[${index}].${key}`, "is not part of an instance, which has id, time and fields", raw[key]);
  return {
    id: raw["id"] === undefined ? rules.newId() : readName(raw["id"], `instances[${index}].id`, rules.maxTextLength),
    timeUs: readTime(raw["time"], `instances[${index}].time`, nowUs),
    fields: rules.readFields(raw["fields"], index),
  };
}

function refuseRepeatedIds(instances: readonly Instance[]): void {
  const seen = new Set<string>();
  for (const [index, { id }] of instances.entries()) {
    if (seen.has(id)) throw refuse(`instances[${index}].id`, "the same id twice in a request is the same question twice", id);
    seen.add(id);
  }
}
