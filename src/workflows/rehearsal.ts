import { armsOf } from "../feedback/assignment.ts";
import { KarkhanaError } from "../kernel/error.ts";
import type { WorkflowContext } from "../pipelines/port.ts";
import type { Deployment } from "../registry/port.ts";
import type { ModelDefinition } from "../project/definition.ts";
import { lastQuestion } from "./last-question.ts";
import type { Platform } from "./platform.ts";

/*
 * Rollback rehearsal: while the candidate answers its share of live questions, traffic is taken from it the way a rollback takes it
 * (one new deployment row, followed by serving), under a steady stream of probes, and given back. Proved: no probe failed, every probe of the
 * candidate's arm was answered by the champion after the change, and how long that took.
 */

interface Probe {
  readonly version: number;
}

interface Rehearsal {
  readonly passed: boolean;
  readonly summary: string;
}

const probesAtOnce = 20;
/** Probing for the change ends after this; a rollback that no probe has seen in force by then has failed. */
const limitMs = 2000;

/** @param share of questions that the candidate answers, and is given back afterwards */
export async function rehearseRollback(
  platform: Platform,
  context: WorkflowContext,
  model: ModelDefinition,
  version: number,
  share: number,
): Promise<Rehearsal> {
  const { name } = model;
  // A step: gone on with after a crash, the candidate may have been stood down already, or be the champion.
  const ids = await context.step(`v${version}/rehearsal-ids`, {}, async () => candidateIds(await platform.registry.getDeployment(name), version));
  const before = await context.step(`v${version}/rehearsal-before`, {}, async () => ({ versions: await probe(platform, model, ids) }));
  await context.transact(`v${version}/rehearsal-down`, async (trx) => {
    await platform.registry.standDown(name, version, "rollback rehearsal: traffic goes back to the champion", trx);
    return null;
  });
  const after = await context.step(`v${version}/rehearsal-after`, {}, async () => {
    const started = performance.now();
    const versions: number[] = [];
    const refreshed = platform.serving().post("/v1/admin/refresh", {});
    // Awaited below, unless a probe fails first: then nobody would hear of its failure, and the process would end of it.
    refreshed.catch(() => undefined);
    let inForceMs = -1;
    // Probes run while the change is taking effect; a failed one throws and fails the step.
    while (inForceMs < 0 && performance.now() - started < limitMs) {
      const answered = await probe(platform, model, ids);
      versions.push(...answered);
      if (answered.every((v) => v !== version)) inForceMs = Math.round(performance.now() - started);
    }
    await refreshed;
    return { inForceMs, during: versions.length, settled: await probe(platform, model, ids) };
  });
  const passed = before.versions.every((v) => v === version) && after.inForceMs >= 0 && after.settled.every((v) => v !== version);
  const summary = passed
    ? `traffic was back at the champion after ${after.inForceMs} ms; ${before.versions.length + after.during + after.settled.length} probes, none failed`
    : `traffic was not back at the champion within ${limitMs} ms, or the candidate had not answered its share before`;
  await context.transact(`v${version}/rehearsal-up`, async (trx) => {
    await platform.registry.addProof(name, version, { kind: "rollback", passed, summary, details: { before: before.versions, ...after } }, trx);
    if (passed) await platform.registry.startAb(name, version, share, "rollback rehearsal passed", trx);
    return null;
  });
  return { passed, summary };
}

/** Ids that the A/B assignment gives to the candidate. */
function candidateIds(deployment: Deployment | undefined, version: number): string[] {
  const arm = (deployment?.challengers.findIndex((challenger) => challenger.version === version) ?? -1) + 1;
  if (deployment === undefined || arm === 0)
    throw new KarkhanaError("INTERNAL", { problem: `version ${version} is no challenger, so no question falls to it` });
  const armOf = armsOf(deployment);
  const ids: string[] = [];
  for (let i = 0; ids.length < probesAtOnce; i++) {
    const id = `rehearsal-v${version}-${i}`;
    if (armOf(id) === arm) ids.push(id);
  }
  return ids;
}

/** Versions that answered the last live question, asked again under each of the ids. */
async function probe(platform: Platform, model: ModelDefinition, ids: readonly string[]): Promise<number[]> {
  const last = await lastQuestion(platform.feedback, model.name);
  if (last === undefined) throw new KarkhanaError("INTERNAL", { problem: "a rehearsal needs a live question to ask again, and none was logged" });
  const { fields, askedUs: time } = last;
  const replies = await Promise.all(
    ids.map((id) =>
      platform.serving().post<{ predictions: readonly Probe[] }>(`/v1/models/${encodeURIComponent(model.name)}/predict`, { instances: [{ id, time, fields }] }),
    ),
  );
  return replies.map((reply) => reply.predictions[0]?.version ?? -1);
}
