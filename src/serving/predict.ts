/**
 * One predict request: check, choose the arm, read features, score, log, answer. The answer is sent only after its record is in the
 * feedback log; records of one turn of the event loop reach the log in one write.
 */
import { armOf } from "../feedback/assignment.ts";
import type { FeedbackFace } from "./faces.ts";
import type { PredictionRecord } from "../feedback/prediction.ts";
import type { Clock } from "../kernel/clock.ts";
import { KarkhanaError } from "../kernel/error.ts";
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

/** @returns the reply's JSON @throws INVALID_ARGUMENT, MODEL_NOT_LOADED, and whatever the log refuses with */
export async function predict(model: ServedModel, body: unknown, startedMs: number, options: PredictOptions): Promise<string> {
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
  const records: PredictionRecord[] = [];
  let lookupMs = 0;
  let computeMs = 0;
  for (const instance of instances) {
    const readMs = timerMs();
    const toChallenger = inForce.challenger !== undefined && armOf(instance.id, inForce.deployment.abShare, inForce.salt) === "challenger";
    const role = toChallenger ? "challenger" : "champion";
    const version = toChallenger ? inForce.challenger! : inForce.champion;
    const vector = new Float64Array(version.vector.numSlots);
    const pending = version.vector.read(instance.timeUs, instance.fields, vector, 0);
    if (pending !== undefined) await pending;
    const foundMs = timerMs();
    const score = version.predictor.predictRow(vector, 0);
    const scoredMs = timerMs();
    if (Number.isNaN(score)) throw new KarkhanaError("INTERNAL", { problem: `${model.definition.name} version ${version.version} scored NaN` });
    lookupMs += foundMs - readMs;
    computeMs += scoredMs - foundMs;
    records.push({
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
    });
  }
  const logMs = timerMs();
  try {
    await feedback.logPredictions(records);
  } catch (error) {
    for (const { version, role } of records) stats.count(version, role, "failed");
    throw error;
  }
  const doneMs = timerMs();
  stats.stages.lookup.record(lookupMs * 1000);
  stats.stages.compute.record(computeMs * 1000);
  stats.stages.log.record((doneMs - logMs) * 1000);
  stats.stages.total.record((doneMs - startedMs) * 1000);
  for (const record of records) {
    stats.count(record.version, record.role, "ok");
    stats.latency[record.role].record((doneMs - startedMs) * 1000, doneMs);
    if (inForce.shadow !== undefined)
      shadows.add({ model, version: inForce.shadow, id: record.id, askedUs: record.askedUs, fields: record.fields, vector: record.vector });
  }
  return replyText(model, records);
}

function replyText(model: ServedModel, records: readonly PredictionRecord[]): string {
  let text = `{"model":${JSON.stringify(model.definition.name)},"predictions":[`;
  for (let i = 0; i < records.length; i++) {
    const { id, version, role, score } = records[i]!;
    text += `${i === 0 ? "" : ","}{"id":${JSON.stringify(id)},"version":${version},"role":"${role}","score":${score}}`;
  }
  return `${text}]}`;
}
