import type { Micros } from "../kernel/clock.ts";
import { MICROS_PER_DAY } from "../kernel/time.ts";
import type { WorkflowContext } from "../pipelines/port.ts";
import type { ModelDefinition, RetrainPolicy } from "../project/definition.ts";
import { candidatePatienceDays } from "../project/log-retention.ts";
import type { Deployment } from "../registry/port.ts";
import type { LogPlace } from "./jobs/read-log.ts";
import { runJob } from "./jobs/run-job.ts";
import type { Platform } from "./platform.ts";
import { rehearseRollback } from "./rehearsal.ts";

/*
 * The way of a candidate on live traffic, one look a day, after the day's outcomes are in:
 *
 *   registered --startShadow--> shadow --not worse on enough matured pairs--> A/B --not worse on enough matured answers--> rehearsal --> champion
 *                                  |                                           |
 *                                  +------------- worse, or out of time -------+--> refused
 *
 * With `upTo: "shadow"` neither the A/B test nor the promotion is begun here: what is proved is recorded, and a person takes the step.
 * Every arrow is one transaction with its record in the pipeline, so a crash repeats none; every look is a recorded step.
 */

export type CandidateState = {
  readonly version: number;
  readonly phase: "shadow" | "ab";
  readonly sinceUs: Micros;
  /** Where the logs stood when its phase began: comparisons read from here. */
  readonly from: LogPlace;
  /** Its phase's proof has passed, and a person takes the next step. */
  readonly proved?: true;
};

/** Puts a fresh version into shadow. */
export async function beginShadow(
  platform: Platform,
  context: WorkflowContext,
  model: ModelDefinition,
  version: number,
  atUs: Micros,
): Promise<CandidateState> {
  const from = await context.step(`v${version}/shadow-from`, {}, () => platform.feedback.ends());
  await context.transact(`v${version}/start-shadow`, async (trx) => {
    await platform.registry.startShadow(model.name, version, "answers every live question unseen, to be compared with the champion", trx);
    return null;
  });
  await follow(platform);
  tell(platform, model, version, atUs, "shadowed", `v${version} goes into shadow: it scores every live question, unseen`);
  return { version, phase: "shadow", sinceUs: atUs, from };
}

/**
 * One look at the candidate at the end of a day; undefined when it has left the road (promoted or refused).
 * @param upTo how far it goes without a person; one that a person leads has all the time it needs to be decided on
 */
export async function lookAtCandidate(
  platform: Platform,
  context: WorkflowContext,
  model: ModelDefinition,
  candidate: CandidateState,
  atUs: Micros,
  day: string,
  upTo: RetrainPolicy["upTo"] = "champion",
): Promise<CandidateState | undefined> {
  const { version, phase } = candidate;
  const isLed = upTo === "shadow";
  const deployment = await platform.registry.getDeployment(model.name);
  const champion = deployment?.champion ?? 0;
  const { gates } = model;
  const needed =
    phase === "shadow" ? { minMatured: gates.minMaturedShadow, margin: gates.shadowMargin } : { minMatured: gates.minMaturedAb, margin: gates.abMargin };
  const look = await context.step(`v${version}/${phase}-${day}`, {}, () =>
    runJob(
      "compare",
      {
        logFolder: platform.places.logFolder,
        model: model.name,
        champion,
        candidate: version,
        phase,
        from: candidate.from,
        fromUs: candidate.sinceUs,
        shares: (deployment?.challengers ?? []).map(({ version: other, share }) => ({ version: other, share })),
        stickyBy: model.serving.stickyBy ?? [],
        ...needed,
      },
      () => undefined,
    ),
  );
  const enough = look.verdict !== "undecided";
  const late = !isLed && atUs - candidate.sinceUs > candidatePatienceDays * MICROS_PER_DAY;
  if (!enough && !late) return candidate;
  const passed = enough && (look.verdict === "better" || look.verdict === "not-worse");
  const summary = enough ? look.summary : `undecided after ${candidatePatienceDays} days: ${look.summary}`;
  await context.transact(`v${version}/${phase}-proof`, async (trx) => {
    await platform.registry.addProof(model.name, version, { kind: phase, passed, summary, details: look }, trx);
    if (!passed) await platform.registry.refuse(model.name, version, `${phase === "ab" ? "A/B" : "shadow"}: ${summary}`, trx);
    else if (phase === "shadow" && !isLed) await platform.registry.startAb(model.name, version, model.gates.abShare, `shadow: ${summary}`, trx);
    return null;
  });
  await follow(platform);
  if (!passed) {
    tell(platform, model, version, atUs, "refused", `v${version} is refused: ${summary}`);
    return undefined;
  }
  if (phase === "shadow" && isLed) {
    tell(platform, model, version, atUs, "proved", `v${version} stays in shadow, and a person decides whether it answers: ${summary}`);
    return { ...candidate, proved: true };
  }
  if (phase === "shadow") {
    const from = await context.step(`v${version}/ab-from`, {}, () => platform.feedback.ends());
    tell(platform, model, version, atUs, "ab-started", `v${version} answers ${Math.round(model.gates.abShare * 100)} % of questions: ${summary}`);
    return { version, phase: "ab", sinceUs: atUs, from };
  }
  // A person's share is given back as it was.
  const share = isLed ? await context.step(`v${version}/ab-share`, {}, async () => shareOf(await platform.registry.getDeployment(model.name), version)) : null;
  const rehearsed = await rehearseRollback(platform, context, model, version, share ?? gates.abShare);
  if (!rehearsed.passed) {
    await context.transact(`v${version}/refuse`, async (trx) => {
      await platform.registry.refuse(model.name, version, `rollback rehearsal: ${rehearsed.summary}`, trx);
      return null;
    });
    await follow(platform);
    tell(platform, model, version, atUs, "refused", `v${version} is refused: ${rehearsed.summary}`);
    return undefined;
  }
  if (isLed) {
    tell(platform, model, version, atUs, "proved", `v${version} holds its five proofs, and a person decides whether it goes live: ${summary}`);
    return { ...candidate, proved: true };
  }
  await context.transact(`v${version}/promote`, async (trx) => {
    await platform.registry.promote(model.name, version, `five proofs hold; A/B: ${summary}`, trx);
    return null;
  });
  await follow(platform);
  tell(platform, model, version, atUs, "promoted", `v${version} is champion: ${summary}`);
  return undefined;
}

function shareOf(deployment: Deployment | undefined, version: number): number | null {
  return deployment?.challengers.find((challenger) => challenger.version === version)?.share ?? null;
}

/** Serving follows the registry by itself; asking it makes the change be in force when this resolves. */
export async function follow(platform: Platform): Promise<void> {
  await platform.serving().post("/v1/admin/refresh", {});
}

function tell(platform: Platform, model: ModelDefinition, version: number, atUs: Micros, kind: string, text: string): void {
  platform.board.tell({ event: "decision", atUs, model: model.name, version, kind, text });
}
