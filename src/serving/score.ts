/**
 * One question answered by one version, or in its stead:
 *
 *   version ──answers──> its score
 *      │ throws, scores NaN, or the policy's deadline passes
 *      ├──> the champion before, on the same vector ──answers──> its score      (policy fallback.previous; not where the features are late)
 *      ├──> the rule, on the request's fields                                     (policy fallback.rule)
 *      └──> refused with what went wrong
 */
import { armOf } from "../feedback/assignment.ts";
import type { CategoryDictionary } from "../features/vector.ts";
import type { PredictionRecord } from "../feedback/prediction.ts";
import type { Clock } from "../kernel/clock.ts";
import { codeOf, KarkhanaError } from "../kernel/error.ts";
import { refuseIfLate, type Call } from "./call.ts";
import type { Instance } from "./predict-request.ts";
import type { InForce, LoadedVersion, ServedModel } from "./served-model.ts";

export interface Scored {
  readonly record: PredictionRecord;
  /** What the record's vector is coded by. */
  readonly categories: CategoryDictionary;
  readonly lookupMs: number;
  readonly computeMs: number;
  /** undefined: the version that was meant to. A rule's record is told to the client and not logged. */
  readonly fallback: "previous" | "rule" | undefined;
}

export interface ScoreClocks {
  readonly clock: Clock;
  readonly timerMs: () => number;
}

/** @throws DEADLINE_PASSED, and whatever the features or the model throw, where nothing may answer in their stead */
export async function scoreInstance(model: ServedModel, inForce: InForce, instance: Instance, call: Call, clocks: ScoreClocks): Promise<Scored> {
  const { timerMs } = clocks;
  const readMs = timerMs();
  const toChallenger = inForce.challenger !== undefined && armOf(instance.id, inForce.deployment.abShare, inForce.salt) === "challenger";
  const role = toChallenger ? "challenger" : "champion";
  const version = toChallenger ? inForce.challenger : inForce.champion;
  const { deadlineMs: ownMs, fallback: policy } = model.definition.serving;
  const budget = ownMs === undefined ? call : { startedMs: call.startedMs, deadlineMs: Math.min(call.deadlineMs, call.startedMs + ownMs) };
  const vector = new Float64Array(version.vector.numSlots);
  let foundMs = readMs;
  let hasFeatures = false;
  const scored = (by: LoadedVersion, of: Float64Array, score: number, fallback?: Scored["fallback"]): Scored => {
    const scoredMs = timerMs();
    const record = recordOf(model, by, fallback === undefined ? role : "champion", instance, of, score, (scoredMs - readMs) * 1000, clocks.clock);
    return { record, categories: by.vector.categories, lookupMs: foundMs - readMs, computeMs: scoredMs - foundMs, fallback };
  };
  try {
    refuseIfLate(budget, readMs);
    const pending = version.vector.read(instance.timeUs, instance.fields, vector, 0);
    if (pending !== undefined) await (ownMs === undefined ? pending : within(pending, budget, timerMs));
    foundMs = timerMs();
    refuseIfLate(budget, foundMs);
    hasFeatures = true;
    const scoring = version.predictor.predictRow(vector, 0, budget);
    const score = typeof scoring === "number" ? scoring : await (ownMs === undefined ? scoring : within(scoring, budget, timerMs));
    return scored(version, vector, checkedScore(model, version, score));
  } catch (error) {
    model.stats.count(version.version, role, codeOf(error) === "DEADLINE_PASSED" ? "late" : "failed");
    if (policy === undefined || timerMs() >= call.deadlineMs) throw error;
    const { fallback } = inForce;
    if (hasFeatures && fallback !== undefined) {
      try {
        const own = fallback.vector.recode(instance.timeUs, instance.fields, vector, version.vector.categories);
        const scoring = fallback.predictor.predictRow(own, 0, call);
        // Between the policy's deadline and the client's: the fallback is not waited for past the latter.
        const score = typeof scoring === "number" ? scoring : await within(scoring, call, timerMs);
        return scored(fallback, own, checkedScore(model, fallback, score), "previous");
      } catch {
        model.stats.count(fallback.version, "champion", "failed");
      }
    }
    if (policy.rule === undefined) throw error;
    const score = policy.rule(instance.fields);
    if (typeof score !== "number" || Number.isNaN(score)) throw error;
    return scored(version, vector, score, "rule");
  }
}

function checkedScore(model: ServedModel, version: LoadedVersion, score: number): number {
  if (Number.isNaN(score)) throw new KarkhanaError("INTERNAL", { problem: `${model.definition.name} version ${version.version} scored NaN` });
  return score;
}

const late = Symbol("late");

/** @throws DEADLINE_PASSED once the budget is used up; what is waited for goes on, unheard */
async function within<T>(pending: Promise<T>, budget: Call, timerMs: () => number): Promise<T> {
  const passed = Promise.withResolvers<typeof late>();
  const timer = setTimeout(() => passed.resolve(late), Math.max(0, budget.deadlineMs - timerMs()));
  try {
    const first = await Promise.race([pending, passed.promise]);
    if (first === late) throw new KarkhanaError("DEADLINE_PASSED", { waitedMs: Math.round(timerMs() - budget.startedMs) });
    return first;
  } finally {
    clearTimeout(timer);
    pending.catch(() => undefined);
  }
}

function recordOf(
  model: ServedModel,
  { version }: LoadedVersion,
  role: PredictionRecord["role"],
  { id, timeUs, fields }: Instance,
  vector: Float64Array,
  score: number,
  latencyUs: number,
  clock: Clock,
): PredictionRecord {
  return {
    id,
    model: model.definition.name,
    version,
    role,
    askedUs: timeUs,
    servedUs: clock.nowUs(),
    score,
    vector,
    serviceHash: model.definition.service.hash,
    fields,
    latencyUs,
  };
}
