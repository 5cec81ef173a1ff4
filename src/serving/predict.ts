/**
 * One predict request: check, choose the arm, read features, score, log, answer. The answer is sent only after its record is in the
 * feedback log; records of one turn of the event loop reach the log in one write.
 */
import { armOf } from "../feedback/assignment.ts";
import type { FeedbackFace } from "./faces.ts";
import type { PredictionRecord } from "../feedback/prediction.ts";
import type { Clock } from "../kernel/clock.ts";
import { codeOf, KarkhanaError } from "../kernel/error.ts";
import { refuseIfLate, type Call } from "./call.ts";
import { readPredictRequest, type Instance } from "./predict-request.ts";
import type { InForce, ServedModel } from "./served-model.ts";
import type { ShadowQueue } from "./shadow-queue.ts";

export interface PredictOptions {
  readonly feedback: Pick<FeedbackFace, "logPredictions">;
  readonly shadows: ShadowQueue;
  readonly clock: Clock;
  /** Milliseconds since some fixed moment, never going back; finer than a microsecond. */
  readonly timerMs: () => number;
}

interface Scored {
  readonly record: PredictionRecord;
  readonly lookupMs: number;
  readonly computeMs: number;
}

/** @returns the reply's JSON @throws INVALID_ARGUMENT, MODEL_NOT_LOADED, DEADLINE_PASSED, and whatever the log refuses with */
export async function predict(model: ServedModel, body: unknown, call: Call, options: PredictOptions): Promise<string> {
  const { feedback, shadows, clock, timerMs } = options;
  const { stats } = model;
  let inForce: InForce;
  let instances: Instance[];
  try {
    inForce = model.current();
    instances = readPredictRequest(body, model.rules, clock.nowUs());
  } catch (error) {
    stats.refused[model.inForce === undefined ? "failed" : "invalid"]++;
    throw error;
  }
  const parsedMs = timerMs();
  const scored: Scored[] = [];
  for (const instance of instances) scored.push(await score(model, inForce, instance, call, options));
  const records = scored.map(({ record }) => record);
  const logMs = timerMs();
  try {
    await feedback.logPredictions(records);
  } catch (error) {
    for (const { version, role } of records) stats.count(version, role, "failed");
    throw error;
  }
  const loggedMs = timerMs();
  const text = replyText(model, records);
  const doneMs = timerMs();
  const shared = { parse: parsedMs - call.startedMs, log: loggedMs - logMs, serialise: doneMs - loggedMs, total: doneMs - call.startedMs };
  for (const { record, lookupMs, computeMs } of scored) {
    stats.answered(record.version, record.role, { ...shared, lookup: lookupMs, compute: computeMs }, doneMs, 1, call.traceId);
    if (inForce.shadow !== undefined)
      shadows.add({
        model,
        version: inForce.shadow,
        categories: (record.role === "challenger" ? inForce.challenger! : inForce.champion).vector.categories,
        id: record.id,
        askedUs: record.askedUs,
        fields: record.fields,
        vector: record.vector,
      });
  }
  return text;
}

async function score(model: ServedModel, inForce: InForce, instance: Instance, call: Call, { clock, timerMs }: PredictOptions): Promise<Scored> {
  const readMs = timerMs();
  const toChallenger = inForce.challenger !== undefined && armOf(instance.id, inForce.deployment.abShare, inForce.salt) === "challenger";
  const role = toChallenger ? "challenger" : "champion";
  const version = toChallenger ? inForce.challenger : inForce.champion;
  try {
    refuseIfLate(call, readMs);
    const vector = new Float64Array(version.vector.numSlots);
    const pending = version.vector.read(instance.timeUs, instance.fields, vector, 0);
    if (pending !== undefined) await pending;
    const foundMs = timerMs();
    refuseIfLate(call, foundMs);
    const score = version.predictor.predictRow(vector, 0);
    const scoredMs = timerMs();
    if (Number.isNaN(score)) throw new KarkhanaError("INTERNAL", { problem: `${model.definition.name} version ${version.version} scored NaN` });
    const record = {
      id: instance.id,
      model: model.definition.name,
      version: version.version,
      role,
      askedUs: instance.timeUs,
      servedUs: clock.nowUs(),
      score,
      vector,
      serviceHash: model.definition.service.hash,
      fields: instance.fields,
      latencyUs: (scoredMs - readMs) * 1000,
    } as const;
    return { record, lookupMs: foundMs - readMs, computeMs: scoredMs - foundMs };
  } catch (error) {
    model.stats.count(version.version, role, codeOf(error) === "DEADLINE_PASSED" ? "late" : "failed");
    throw error;
  }
}

function replyText(model: ServedModel, records: readonly PredictionRecord[]): string {
  let text = `{"model":${JSON.stringify(model.definition.name)},"predictions":[`;
  for (let i = 0; i < records.length; i++) {
    const { id, version, role, score } = records[i]!;
    text += `${i === 0 ? "" : ","}{"id":${JSON.stringify(id)},"version":${version},"role":"${role}","score":${score}}`;
  }
  return `${text}]}`;
}
