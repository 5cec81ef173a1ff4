import type { KafkaTopic, SourceDefinition, TimeUnit } from "../../data/source.ts";
import { problemColumn, type SourceRow } from "./source-rows.ts";

/** A message as Kafka has it; null is "not there". */
export interface KafkaMessage {
  readonly partition: number;
  readonly offset: number;
  readonly timestampMs: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

const microsOf: Readonly<Record<TimeUnit, number>> = { s: 1_000_000, ms: 1000, us: 1 };
const shownBytes = 1000;
const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * Makes rows of messages. What is no row comes out as one that is set aside with the reason; each row says which message it was
 * (`_partition`, `_offset`), so that whoever looks at the quarantine finds it in the topic.
 */
export function kafkaRows(source: SourceDefinition, topic: KafkaTopic): (message: KafkaMessage) => SourceRow {
  const columns = Object.keys(source.schema).map((name) => {
    const declared = topic.columns?.[name];
    const { path, unit = "us" } = typeof declared === "object" ? declared : { path: declared };
    return { name, path: path === undefined ? [name] : path.split("."), factor: microsOf[unit] };
  });
  const taken = columns.filter(({ name }) => name !== topic.key && name !== topic.timestamp);
  // A message without a value has no times of its own: they are the message's.
  const times = [source.eventTime, source.knownTime].filter((name) => name !== undefined && source.schema[name] === "timestamp");
  return ({ partition, offset, timestampMs, key, value }) => {
    const row: Record<string, unknown> = { _partition: partition, _offset: offset };
    const problem = (text: string): SourceRow => ({
      ...row,
      [problemColumn]: text,
      _value: value === null ? null : value.subarray(0, shownBytes).toString("latin1"),
    });
    if (topic.timestamp !== undefined) row[topic.timestamp] = timestampMs * 1000;
    if (topic.key !== undefined) {
      if (key === null) return problem("the message has no key");
      try {
        row[topic.key] = utf8.decode(key);
      } catch {
        return problem("the message's key is not UTF-8 text");
      }
    }
    if (value === null) {
      if (topic.tombstone === undefined) return problem("the message has no value, and the topic declares no tombstone");
      for (const name of times) row[name!] = timestampMs * 1000;
      row[topic.tombstone] = true;
      return row;
    }
    let read: unknown;
    try {
      read = JSON.parse(utf8.decode(value));
    } catch (error) {
      return problem(`the message is not JSON: ${error instanceof Error ? error.message.slice(0, 200) : ""}`);
    }
    if (typeof read !== "object" || read === null || Array.isArray(read)) return problem("the message is no JSON object");
    for (const { name, path, factor } of taken) {
      const found = at(read, path);
      row[name] = factor !== 1 && typeof found === "number" ? Math.round(found * factor) : found;
    }
    if (topic.tombstone !== undefined) row[topic.tombstone] ??= false;
    return row;
  };
}

function at(value: unknown, path: readonly string[]): unknown {
  for (const name of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[name];
  }
  return value;
}
