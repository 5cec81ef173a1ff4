import type { Micros } from "../kernel/clock.ts";
import type { ModelDefinition, ProjectDefinition } from "../project/definition.ts";
import type { Deployment } from "../registry/port.ts";
import { candidateNow, cooldownEndUs, dayOf, hasCandidates, liveCause, readLiveChain, type LiveChain, type LiveRecords } from "./live-chain.ts";
import type { CandidateState } from "./promotion.ts";

/** What retraining on live traffic waits for, in one or two sentences for a person. From records alone. */
export async function liveRetrainingText(
  records: LiveRecords,
  project: Pick<ProjectDefinition, "replay">,
  model: ModelDefinition,
  nowUs: Micros,
): Promise<string> {
  const chain = await readLiveChain(records.pipelines, model.name);
  const { last, input, left } = chain;
  if (last !== undefined && left === undefined)
    return last.state === "failed"
      ? `The run of ${input?.day} failed and is tried again: ${last.error?.message ?? "no reason was recorded"}`
      : `The run of ${input?.day} is under way.`;
  const deployment = await records.registry.getDeployment(model.name);
  if (deployment === undefined) return "Nothing is deployed.";
  const candidate = candidateNow(left, deployment, model.retrain.upTo);
  if (candidate !== undefined) return candidateText(model, deployment, chain, candidate);
  const note = left?.note == null ? "" : ` Last: ${left.note}.`;
  if (hasCandidates(deployment))
    return `A person, or a replay, put the versions beside the champion there: no challenger is trained before they have left.${note}`;
  const { on } = model.retrain;
  if (on.length === 0) return `Off: no alert starts a challenger.${note}`;
  const open = (await records.monitoring.listAlerts({ model: model.name, status: "open" })).filter(({ kind }) => on.some((one) => one === kind));
  const kinds = on.join(" or ");
  const endUs = await cooldownEndUs(records, model, left?.trainedUs ?? null);
  if (endUs !== null && nowUs < endUs) {
    const asked = open.length > 0 ? `An open alert asks for a challenger: none` : `Waits for an alert of ${kinds}: no challenger`;
    return `${asked} is trained before the cooldown ends on ${dayOf(endUs)}.${note}`;
  }
  if (open.length === 0) return `Waits for an alert of ${kinds}.${note}`;
  if (input?.day === dayOf(nowUs)) return `An open alert asks for a challenger: today's run has been, the next is tomorrow's.${note}`;
  const cause = await liveCause(records, project, model, { nowUs, trainedUs: left?.trainedUs ?? null });
  return cause === null
    ? `An alert is open since the replayed history: it asks for a challenger if it lasts once a window of live traffic was judged.${note}`
    : `An open alert asks for a challenger: its training begins with the next round.${note}`;
}

function candidateText(
  { gates, retrain }: ModelDefinition,
  { champion }: Deployment,
  { last }: LiveChain,
  { state, is }: { readonly state: CandidateState; readonly is: "looked-at" | "waiting" | "taken-up" },
): string {
  const { version, phase } = state;
  if (is === "waiting")
    return phase === "shadow"
      ? `v${version} is not worse than v${champion} in shadow: a person decides whether it answers. \`karkhana traffic --split ${version}=${gates.abShare * 100}%\` starts its A/B test, \`karkhana traffic --shadows none\` ends its way.`
      : `v${version} holds its five proofs against v${champion}: a person decides. \`karkhana promote --version ${version}\` makes it champion, \`karkhana traffic --split none\` ends its way.`;
  const [where, needed] = phase === "shadow" ? ["in shadow", gates.minMaturedShadow] : ["in its A/B test", gates.minMaturedAb];
  const look = last?.steps.find(({ stepId }) => stepId.startsWith(`v${version}/${phase}-2`))?.output as { matured?: number } | undefined;
  const seen = look?.matured === undefined ? "not looked at yet" : `${look.matured} of ${needed} matured outcomes at the last look`;
  const then =
    phase === "ab"
      ? retrain.upTo === "shadow"
        ? "then a person decides"
        : "then it goes live"
      : retrain.upTo === "shadow"
        ? "then a person decides"
        : "then its A/B test begins";
  return `v${version} is ${where} since ${dayOf(state.sinceUs)}, compared once a day: ${seen}; if it is not worse, ${then}.`;
}
