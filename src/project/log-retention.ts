import type { Micros } from "../kernel/clock.ts";
import { KarkhanaError } from "../kernel/error.ts";
import { MICROS_PER_DAY, parseDuration } from "../kernel/time.ts";
import type { ModelDefinition, ProjectDefinition } from "./definition.ts";

/** How long what serving writes is kept: predictions, labels, exchanges with language models. */
export interface LogPolicy {
  /** Records go once they are older than this, such as "90d", which is the default; counted from when they were written. */
  readonly retention?: string;
  /** Bytes of the logs together above which the oldest go sooner, but none that is still read; default 50 GB. */
  readonly maxBytes?: number;
}

/** Event time after a window's end in which its labels may still arrive; then quality is judged once. */
export const labelMaturityUs: Micros = MICROS_PER_DAY;
/** Days a candidate may spend in shadow, and in A/B, before "undecided" becomes a refusal. */
export const candidatePatienceDays = 14;

const defaultKeptUs: Micros = 90 * MICROS_PER_DAY;
const defaultMaxBytes = 50_000_000_000;
/** Two segments: the one that is written and the one before it. */
const leastMaxBytes = 128 * 1024 * 1024;

export interface LogRetention {
  readonly keptUs: Micros;
  readonly maxBytes: number;
  /** What is younger is read: never dropped, however many bytes there are. */
  readonly neededUs: Micros;
}

/**
 * The declared retention of a project's logs, or the default.
 * @throws INVALID_ARGUMENT if it is shorter than what monitors, the join of labels and comparisons of candidates look back
 */
export function logRetentionOf({ logs = {}, models }: Pick<ProjectDefinition, "logs" | "models">): LogRetention {
  const { retention, maxBytes = defaultMaxBytes } = logs;
  if (!Number.isSafeInteger(maxBytes) || maxBytes < leastMaxBytes)
    throw new KarkhanaError("INVALID_ARGUMENT", {
      field: "logs.maxBytes",
      problem: `expected a whole number of bytes of at least ${leastMaxBytes} (two segments); leave it out for ${defaultMaxBytes}`,
      value: maxBytes,
    });
  const needed = models.map(longestReader).reduce((longest, one) => (one.us > longest.us ? one : longest), { us: 0, what: "" });
  if (retention === undefined) return { keptUs: Math.max(defaultKeptUs, needed.us), maxBytes, neededUs: needed.us };
  const keptUs = parseDuration(retention, "logs.retention");
  if (keptUs < needed.us)
    throw new KarkhanaError("INVALID_ARGUMENT", {
      field: "logs.retention",
      problem: `${needed.what} further back: at least ${Math.ceil(needed.us / MICROS_PER_DAY)}d, or leave it out for 90d`,
      value: retention,
    });
  return { keptUs, maxBytes, neededUs: needed.us };
}

/** A day more than each looks back: what is asked late, and the look at the day's end. */
function longestReader({ name, monitors }: ModelDefinition): { readonly us: Micros; readonly what: string } {
  const windowUs = parseDuration(monitors.window, `model ${name}, monitors.window`);
  const watchedUs = windowUs + labelMaturityUs + MICROS_PER_DAY;
  const comparedUs = (candidatePatienceDays + 1) * MICROS_PER_DAY;
  return watchedUs > comparedUs
    ? { us: watchedUs, what: `the monitors of model ${name} (a window of ${monitors.window} and the labels after it) look` }
    : { us: comparedUs, what: `a candidate of model ${name} is compared with the champion for up to ${candidatePatienceDays} days and looks` };
}
