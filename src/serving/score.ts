/** One question answered by the version its key falls to, or by what answers in its stead: `fallback.ts`. */
import type { CategoryDictionary } from "../features/vector.ts";
import type { AppliedOffsets, PredictionRecord } from "../feedback/prediction.ts";
import type { Clock } from "../kernel/clock.ts";
import { codeOf } from "../kernel/error.ts";
import { refuseIfLate, type Call } from "./call.ts";
import { answerInstead, refuseNaN, type Instead } from "./fallback.ts";
import type { Instance } from "./predict-request.ts";
import { placeFor, type Place } from "./routing.ts";
import type { InForce, LoadedVersion, ServedModel } from "./served-model.ts";
import { within } from "./within.ts";

export interface Scored {
  readonly record: PredictionRecord;
  /** What the record's vector is coded by. */
  readonly categories: CategoryDictionary;
  readonly lookupMs: number;
  readonly computeMs: number;
}

export interface ScoreClocks {
  readonly clock: Clock;
  readonly timerMs: () => number;
}

/** @throws DEADLINE_PASSED, and whatever the features or the model throw, where nothing may answer in their stead */
export async function scoreInstance(model: ServedModel, inForce: InForce, instance: Instance, call: Call, clocks: ScoreClocks): Promise<Scored> {
  const { timerMs, clock } = clocks;
  const readMs = timerMs();
  const place = placeFor(model, inForce, instance.id, instance.fields);
  const { version, role } = place;
  const { deadlineMs: ownMs } = model.definition.serving;
  const budget = budgetOf(model, call);
  const vector = new Float64Array(version.vector.numSlots);
  const applied = appliedOf(version);
  let foundMs = readMs;
  let hasFeatures = false;
  try {
    refuseIfLate(budget, readMs);
    const pending = version.vector.read(instance.timeUs, instance.fields, vector, 0, applied?.offsets);
    if (pending !== undefined) await (ownMs === undefined ? pending : within(pending, budget, timerMs));
    foundMs = timerMs();
    refuseIfLate(budget, foundMs);
    hasFeatures = true;
    const scoring = version.predictor.predictRow(vector, 0, budget);
    const score = typeof scoring === "number" ? scoring : await (ownMs === undefined ? scoring : within(scoring, budget, timerMs));
    refuseNaN(model, version, score);
    return scored(model, place, instance, { vector, applied, score, readMs, foundMs, doneMs: timerMs() }, clock);
  } catch (error) {
    model.stats.count(version.version, role, codeOf(error) === "DEADLINE_PASSED" ? "late" : "failed");
    const failed = { version, timeUs: instance.timeUs, fields: [instance.fields], vectors: hasFeatures ? vector : undefined };
    const instead = await answerInstead(model, inForce, failed, error, call, timerMs);
    const answer = {
      vector: instead.vectors ?? noVector,
      applied: hasFeatures ? applied : undefined,
      score: instead.scores[0]!,
      readMs,
      foundMs,
      doneMs: timerMs(),
    };
    return scored(model, place, instance, answer, clock, instead);
  }
}

const noVector = new Float64Array(0);

/** For a read to fill in; undefined where the version reads no pushed source. */
export function appliedOf({ vector: { sources } }: LoadedVersion): (AppliedOffsets & { readonly offsets: number[] }) | undefined {
  return sources.length === 0 ? undefined : { sources, offsets: [] };
}

/** The sooner of the client's deadline and the model's own. */
export function budgetOf(model: ServedModel, call: Call): Call {
  const { deadlineMs } = model.definition.serving;
  if (deadlineMs === undefined) return call;
  return { startedMs: call.startedMs, deadlineMs: Math.min(call.deadlineMs, call.startedMs + deadlineMs), tenant: call.tenant };
}

interface Answer {
  readonly vector: Float64Array;
  readonly applied: AppliedOffsets | undefined;
  readonly score: number;
  readonly readMs: number;
  readonly foundMs: number;
  readonly doneMs: number;
}

function scored(model: ServedModel, place: Place, instance: Instance, answer: Answer, clock: Clock, instead?: Instead): Scored {
  const { vector, applied, score, readMs, foundMs, doneMs } = answer;
  const answering = answeringOf(place, instead);
  const record: PredictionRecord = {
    id: instance.id,
    model: model.definition.name,
    version: answering.version.version,
    role: answering.role,
    askedUs: instance.timeUs,
    servedUs: clock.nowUs(),
    score,
    vector,
    serviceHash: model.definition.service.hash,
    fields: instance.fields,
    latencyUs: (doneMs - readMs) * 1000,
    ...(applied === undefined ? undefined : { applied }),
    ...(instead === undefined ? undefined : { instead: insteadOf(place, instead) }),
  };
  return { record, categories: answering.version.vector.categories, lookupMs: foundMs - readMs, computeMs: doneMs - foundMs };
}

/** Who answered, and as what: the version before answers as the champion that it was; a rule in the name of who was to. */
export function answeringOf(place: Place, instead: Instead | undefined): Place {
  return instead?.kind === "previous" ? { version: instead.version, role: "champion" } : place;
}

/** For the log. */
export function insteadOf({ version, role }: Place, { kind }: Instead): NonNullable<PredictionRecord["instead"]> {
  return { by: kind, version: version.version, role };
}
