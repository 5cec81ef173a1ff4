import type { Roadmap, Stage } from "../content/types.ts";
import type { Judgement, Predicate } from "./predicate.ts";
import type { PathRecords } from "./records.ts";
import { coreLabsPassed, designSubmissions, driftDrills, foundationLabs, incidentReported } from "./shown-work.ts";
import { gateBlockedBadFile, pipelineRerun, trainingLogged } from "./stage-1.ts";
import { evaluatedBeforeLive, lineageComplete, loadTestStored, monitorsBeforeLive } from "./stage-2.ts";
import { alertAnswered, live28Days, retrainingPromoted, rollbackRehearsed, servedEqualsOffline } from "./stage-3.ts";

export const predicates: readonly Predicate[] = [
  pipelineRerun,
  gateBlockedBadFile,
  trainingLogged,
  lineageComplete,
  evaluatedBeforeLive,
  monitorsBeforeLive,
  loadTestStored,
  live28Days,
  alertAnswered,
  retrainingPromoted,
  rollbackRehearsed,
  servedEqualsOffline,
  foundationLabs,
  designSubmissions,
  coreLabsPassed,
  incidentReported,
  driftDrills,
];

export interface ConditionVerdict {
  readonly predicateId: string;
  readonly version: number;
  readonly says: string;
  readonly judgement: Judgement;
}

export interface StageVerdict {
  readonly stageId: string;
  /** `proved`: every condition holds, and what people must say is still shown apart. `attested-only`: no machine can show it. */
  readonly state: "proved" | "open" | "attested-only";
  readonly conditions: readonly ConditionVerdict[];
  readonly attestations: Stage["exit"]["attestations"];
}

export function judgeStages(roadmap: Roadmap, records: PathRecords): StageVerdict[] {
  return roadmap.stages.map(({ id, exit }) => {
    const conditions = exit.predicateIds.map((predicateId) => {
      const predicate = predicates.find((p) => p.id === predicateId);
      if (predicate === undefined) throw new TypeError(`exit ${exit.id} names predicate ${predicateId}, which its test should have refused`);
      return { predicateId, version: predicate.version, says: predicate.says, judgement: predicate.judge(records) };
    });
    const state = conditions.length === 0 ? "attested-only" : conditions.every(({ judgement }) => judgement.proved) ? "proved" : "open";
    return { stageId: id, state, conditions, attestations: exit.attestations };
  });
}

export interface NextAction {
  readonly stageId: string;
  readonly says: string;
  readonly missing: string;
  readonly command: string;
}

/** The first thing missing that a command would supply, in the order of the stages. */
export function nextAction(verdicts: readonly StageVerdict[]): NextAction | undefined {
  for (const { stageId, conditions } of verdicts)
    for (const { says, judgement } of conditions)
      if (!judgement.proved && judgement.command !== null) return { stageId, says, missing: judgement.missing, command: judgement.command };
  return undefined;
}
