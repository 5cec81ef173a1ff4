/**
 * How requests of one model are put together, as `batching.json` beside the model file says:
 *
 *   {"maxBatchSize": 32, "maxDelayMs": 0, "preferredBatchSizes": [8, 16], "runs": 1,
 *    "maxQueue": 64, "queueTimeoutMs": 0, "priorityLevels": 2, "defaultPriority": 2, "levels": {"1": {"maxQueue": 16, "queueTimeoutMs": 50}}}
 */
import { KarkhanaError } from "../../kernel/error.ts";
import { isObject } from "../request-fields.ts";

export interface QueuePolicy {
  /** Requests of a level that may wait; over it they are refused. */
  readonly maxQueue: number;
  /** A request waits this long at most, then it is refused unrun; 0: as long as its own deadline lets it. */
  readonly queueTimeoutMs: number;
}

export interface BatchingPolicy {
  /** Rows of one run at most; 1: requests are never put together. */
  readonly maxBatchSize: number;
  /** How long a request may wait for others while nothing else holds it up; 0: only what has come while the model was busy goes together. */
  readonly maxDelayMs: number;
  /** Rows at which a batch is sent without waiting for more. */
  readonly preferredBatchSizes: readonly number[];
  /** Runs under way at once. */
  readonly runs: number;
  /** 1 is served first. 0: there are none. */
  readonly priorityLevels: number;
  readonly defaultPriority: number;
  readonly queue: QueuePolicy;
  readonly levels: ReadonlyMap<number, QueuePolicy>;
}

/** For a model that runs elsewhere and declares nothing: one request a run, in order. */
export function oneByOne(runs: number, maxQueue: number): BatchingPolicy {
  return {
    maxBatchSize: 1,
    maxDelayMs: 0,
    preferredBatchSizes: [],
    runs,
    priorityLevels: 0,
    defaultPriority: 0,
    queue: { maxQueue, queueTimeoutMs: 0 },
    levels: new Map(),
  };
}

const maxima = { maxBatchSize: 100_000, maxDelayMs: 10_000, runs: 1000, maxQueue: 100_000, queueTimeoutMs: 600_000, priorityLevels: 100 };

function invalid(field: string, problem: string): KarkhanaError {
  return new KarkhanaError("MODEL_FILE_INVALID", { field: `batching.json${field}`, problem });
}

/** @param runs where the file does not say @throws MODEL_FILE_INVALID naming the field */
export function readBatching(bytes: Uint8Array, runs: number): BatchingPolicy {
  let raw: unknown;
  try {
    raw = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw invalid("", "is not JSON");
  }
  if (!isObject(raw)) throw invalid("", "expected an object");
  const known = ["maxBatchSize", "maxDelayMs", "preferredBatchSizes", "runs", "maxQueue", "queueTimeoutMs", "priorityLevels", "defaultPriority", "levels"];
  const unknown = Object.keys(raw).find((field) => !known.includes(field));
  if (unknown !== undefined) throw invalid(`.${unknown.slice(0, 60)}`, `is not one of ${known.join(", ")}`);
  if (raw["maxBatchSize"] === undefined) throw invalid(".maxBatchSize", "expected the rows of one run at most");
  const maxBatchSize = whole(raw, "maxBatchSize", 1, 1, maxima.maxBatchSize);
  const { maxDelayMs = 0 } = raw;
  if (typeof maxDelayMs !== "number" || !(maxDelayMs >= 0 && maxDelayMs <= maxima.maxDelayMs))
    throw invalid(".maxDelayMs", `expected 0 to ${maxima.maxDelayMs}`);
  const priorityLevels = whole(raw, "priorityLevels", 0, 0, maxima.priorityLevels);
  const queue = queueIn(raw, "", { maxQueue: 64, queueTimeoutMs: 0 });
  return {
    maxBatchSize,
    maxDelayMs,
    preferredBatchSizes: preferredIn(raw["preferredBatchSizes"], maxBatchSize),
    runs: whole(raw, "runs", runs, 1, maxima.runs),
    priorityLevels,
    defaultPriority: priorityLevels === 0 ? 0 : whole(raw, "defaultPriority", priorityLevels, 1, priorityLevels),
    queue,
    levels: levelsIn(raw["levels"], priorityLevels, queue),
  };
}

function whole(raw: Readonly<Record<string, unknown>>, field: string, fallback: number, least: number, most: number, at = ""): number {
  const value = raw[field] ?? fallback;
  if (typeof value !== "number" || !Number.isInteger(value) || value < least || value > most)
    throw invalid(`${at}.${field}`, `expected a whole number from ${least} to ${most}`);
  return value;
}

function queueIn(raw: Readonly<Record<string, unknown>>, at: string, fallback: QueuePolicy): QueuePolicy {
  return {
    maxQueue: whole(raw, "maxQueue", fallback.maxQueue, 1, maxima.maxQueue, at),
    queueTimeoutMs: whole(raw, "queueTimeoutMs", fallback.queueTimeoutMs, 0, maxima.queueTimeoutMs, at),
  };
}

function preferredIn(raw: unknown, maxBatchSize: number): readonly number[] {
  if (raw === undefined) return [];
  const isSize = (size: unknown): size is number => typeof size === "number" && Number.isInteger(size) && size >= 1 && size <= maxBatchSize;
  if (!Array.isArray(raw) || raw.length > 100 || !raw.every(isSize))
    throw invalid(".preferredBatchSizes", `expected whole numbers from 1 to maxBatchSize (${maxBatchSize})`);
  return raw.toSorted((a, b) => a - b);
}

function levelsIn(raw: unknown, priorityLevels: number, fallback: QueuePolicy): ReadonlyMap<number, QueuePolicy> {
  if (raw === undefined) return new Map();
  if (!isObject(raw)) throw invalid(".levels", 'expected limits by level, such as {"1": {"maxQueue": 16}}');
  return new Map(
    Object.entries(raw).map(([name, limits]): [number, QueuePolicy] => {
      const level = Number(name);
      if (!Number.isInteger(level) || level < 1 || level > priorityLevels || !isObject(limits))
        throw invalid(`.levels.${name.slice(0, 20)}`, `expected limits of a level from 1 to priorityLevels (${priorityLevels})`);
      return [level, queueIn(limits, `.levels.${name}`, fallback)];
    }),
  );
}

/** The level a request belongs to: what it asks for if there is such a level, else the default, as in Triton. */
export function levelOf(policy: BatchingPolicy, priority: number): number {
  return priority >= 1 && priority <= policy.priorityLevels ? priority : policy.defaultPriority;
}

/** The field `dynamic_batching` of the model configuration, which the models that never batch do not have. */
export function dynamicBatchingConfig(policy: BatchingPolicy): Readonly<Record<string, unknown>> {
  const us = (ms: number): string => String(Math.round(ms * 1000));
  const queuePolicy = ({ maxQueue, queueTimeoutMs }: QueuePolicy): Readonly<Record<string, unknown>> => ({
    timeout_action: "REJECT",
    default_timeout_microseconds: us(queueTimeoutMs),
    allow_timeout_override: true,
    max_queue_size: maxQueue,
  });
  return {
    preferred_batch_size: policy.preferredBatchSizes,
    max_queue_delay_microseconds: us(policy.maxDelayMs),
    preserve_ordering: false,
    priority_levels: String(policy.priorityLevels),
    default_priority_level: String(policy.defaultPriority),
    default_queue_policy: queuePolicy(policy.queue),
    priority_queue_policy: Object.fromEntries(Array.from(policy.levels, ([level, limits]) => [String(level), queuePolicy(limits)])),
  };
}
