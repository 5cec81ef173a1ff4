/**
 * One predict request: check, choose the arm, read features, score, log, answer. The answer is sent only after its record is in the
 * feedback log; records of one turn of the event loop reach the log in one write.
 */
import type { FeedbackFace } from "./faces.ts";
import type { Clock } from "../kernel/clock.ts";
import type { Call } from "./call.ts";
import { readPredictRequest, type Instance } from "./predict-request.ts";
import type { InForce, ServedModel } from "./served-model.ts";
import { scoreInstance, type Scored } from "./score.ts";
import type { ShadowQueue } from "./shadow-queue.ts";

export interface PredictOptions {
  readonly feedback: Pick<FeedbackFace, "logPredictions">;
  readonly shadows: Pick<ShadowQueue, "add">;
  readonly clock: Clock;
  /** Milliseconds since some fixed moment, never going back; finer than a microsecond. */
  readonly timerMs: () => number;
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
  const scored = await scoreAll(model, inForce, instances, call, options);
  const records = scored.map(({ record }) => record);
  const logMs = timerMs();
  try {
    await feedback.logPredictions(records);
  } catch (error) {
    for (const { version, role } of records) stats.count(version, role, "failed");
    throw error;
  }
  const loggedMs = timerMs();
  const text = replyText(model, scored);
  const doneMs = timerMs();
  const shared = { parse: parsedMs - call.startedMs, log: loggedMs - logMs, serialise: doneMs - loggedMs, total: doneMs - call.startedMs };
  const [first] = scored;
  if (first !== undefined)
    call.answeredBy = {
      version: first.record.version,
      role: first.record.role,
      stages: { ...shared, lookup: sumOf(scored, "lookupMs"), compute: sumOf(scored, "computeMs") },
    };
  for (const { record, categories, lookupMs, computeMs } of scored) {
    if (record.instead !== undefined) stats.count(record.version, record.role, "fallback");
    // A rule may have answered before the features came: there is nothing that a shadow could score.
    if (record.instead?.by === "rule") continue;
    stats.answered(record.version, record.role, { ...shared, lookup: lookupMs, compute: computeMs }, doneMs, 1, call.traceId);
    const { id, askedUs, fields, vector, applied } = record;
    for (const version of inForce.shadows) shadows.add({ model, version, categories, id, askedUs, fields, vector, applied });
  }
  return text;
}

/** One after the other where scores come at once; side by side where they come later, so that they go as one batch. */
async function scoreAll(model: ServedModel, inForce: InForce, instances: readonly Instance[], call: Call, options: PredictOptions): Promise<Scored[]> {
  const { champion, challengers } = inForce;
  if (instances.length > 1 && [champion, ...challengers].some((version) => version !== undefined && version.runs !== "inline"))
    return Promise.all(instances.map((instance) => scoreInstance(model, inForce, instance, call, options)));
  const scored: Scored[] = [];
  for (const instance of instances) scored.push(await scoreInstance(model, inForce, instance, call, options));
  return scored;
}

function sumOf(scored: readonly Scored[], part: "lookupMs" | "computeMs"): number {
  return scored.reduce((sum, one) => sum + one[part], 0);
}

function replyText(model: ServedModel, scored: readonly Scored[]): string {
  let text = `{"model":${JSON.stringify(model.definition.name)},"predictions":[`;
  for (let i = 0; i < scored.length; i++) {
    const { id, version, role, score, instead } = scored[i]!.record;
    const stead = instead === undefined ? "" : `,"fallback":"${instead.by}"`;
    text += `${i === 0 ? "" : ","}{"id":${JSON.stringify(id)},"version":${version},"role":"${role}","score":${score}${stead}}`;
  }
  return `${text}]}`;
}
