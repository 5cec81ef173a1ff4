/**
 * What answers where the version that was to answer did not:
 *
 *   version ──throws, scores NaN, or the policy's deadline passes
 *      ├──> the champion before, on the same vectors ──answers──> its scores     (policy fallback.previous; not where the features are late)
 *      ├──> the rule, on the request's fields                                     (policy fallback.rule; not where the caller brought the features)
 *      └──> refused with what went wrong
 */
import type { AnsweredInstead } from "../feedback/prediction.ts";
import type { Micros } from "../kernel/clock.ts";
import { KarkhanaError } from "../kernel/error.ts";
import type { Call } from "./call.ts";
import type { RequestFields } from "./request-fields.ts";
import type { InForce, LoadedVersion, ServedModel } from "./served-model.ts";
import { within } from "./within.ts";

export interface FailedRows {
  readonly version: LoadedVersion;
  readonly timeUs: Micros;
  /** One a row; undefined where the caller brought the features. */
  readonly fields: readonly (Readonly<RequestFields> | undefined)[];
  /** shape [numRows, numSlots]; undefined where the features did not come. */
  readonly vectors: Float64Array | undefined;
}

export interface Instead {
  readonly kind: AnsweredInstead["by"];
  /** The version before; the one that was to answer where a rule did. */
  readonly version: LoadedVersion;
  /** shape [numRows] */
  readonly scores: Float64Array;
  /** shape [numRows, numSlots]; undefined where a rule answered without features. */
  readonly vectors: Float64Array | undefined;
}

/** @throws `error` where nothing may answer instead, or nothing can in the time the client gives */
export async function answerInstead(
  model: ServedModel,
  inForce: InForce,
  failed: FailedRows,
  error: unknown,
  call: Call,
  timerMs: () => number,
): Promise<Instead> {
  const { fallback: policy } = model.definition.serving;
  if (policy === undefined || timerMs() >= call.deadlineMs) throw error;
  const { version, fields, vectors } = failed;
  const { fallback } = inForce;
  if (vectors !== undefined && fallback !== undefined && fallback !== version) {
    try {
      const own = recoded(failed, fallback);
      const scores = new Float64Array(fields.length);
      const scoring = fallback.predictor.predictRows(own, fields.length, scores, call);
      // Between the policy's deadline and the client's: the fallback is not waited for past the latter.
      if (scoring !== undefined) await within(scoring, call, timerMs);
      for (const score of scores) refuseNaN(model, fallback, score);
      return { kind: "previous", version: fallback, scores, vectors: own };
    } catch {
      model.stats.count(fallback.version, "champion", "failed");
    }
  }
  const { rule } = policy;
  if (rule === undefined) throw error;
  const scores = Float64Array.from(fields, (own) => (own === undefined ? Number.NaN : numberOf(rule(own))));
  if (scores.some(Number.isNaN)) throw error;
  return { kind: "rule", version, scores, vectors };
}

/** @throws INTERNAL: NaN is no answer */
export function refuseNaN(model: ServedModel, version: LoadedVersion, score: number): void {
  if (Number.isNaN(score)) throw new KarkhanaError("INTERNAL", { problem: `${model.definition.name} version ${version.version} scored NaN` });
}

function recoded({ version, timeUs, fields, vectors }: FailedRows, to: LoadedVersion): Float64Array {
  const width = version.vector.numSlots;
  const own = new Float64Array(vectors!.length);
  for (const [row, of] of fields.entries())
    own.set(to.vector.recode(timeUs, of, vectors!.subarray(row * width, (row + 1) * width), version.vector.categories), row * width);
  return own;
}

function numberOf(score: unknown): number {
  return typeof score === "number" ? score : Number.NaN;
}
