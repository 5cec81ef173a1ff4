import type { Micros } from "../kernel/clock.ts";
import { formatIso, parseDuration, parseIso } from "../kernel/time.ts";
import type { MonitoringStore } from "../monitoring/store.ts";
import type { PipelineRun, Pipelines } from "../pipelines/port.ts";
import type { ModelDefinition, ProjectDefinition, RetrainPolicy } from "../project/definition.ts";
import type { Deployment, Registry } from "../registry/port.ts";
import { candidatesOf } from "../registry/promotion.ts";
import type { CandidateState } from "./promotion.ts";
import { needsRetraining } from "./retrain.ts";

/*
 * What retraining on live traffic has come to is kept in its runs: one of a model and day on which there was something to do, each taking
 * over what the one before left. Nothing else remembers it.
 */

export const liveDay = "live-day";

/** What a day's run begins with. */
export type LiveDayInput = {
  readonly model: string;
  readonly day: string;
  readonly atUs: Micros;
  /** Of the deployment that the run finds; whatever changes it besides the run ends the run's say. */
  readonly revision: number;
  readonly candidate: CandidateState | null;
  /** When a challenger was last trained by itself, or could not be; null: never. */
  readonly trainedUs: Micros | null;
};

export type LiveDayOutput = {
  readonly candidate: CandidateState | null;
  readonly revision: number;
  readonly champion: number;
  readonly trainedUs: Micros | null;
  /** What a person should know of how it ended, if it did not end as hoped. */
  readonly note: string | null;
};

export interface LiveChain {
  /** The last run there was, whatever became of it. */
  readonly last: PipelineRun | undefined;
  readonly input: LiveDayInput | undefined;
  /** Undefined while the last run has not succeeded. */
  readonly left: LiveDayOutput | undefined;
}

export interface LiveRecords {
  readonly registry: Pick<Registry, "getDeployment" | "listEvents">;
  readonly pipelines: Pick<Pipelines, "lastRun">;
  readonly monitoring: Pick<MonitoringStore, "listAlerts" | "loadState">;
}

export function liveDayId(model: string, day: string): string {
  return `live:${model}:${day}`;
}

export function dayOf(us: Micros): string {
  return formatIso(us).slice(0, 10);
}

export async function readLiveChain(pipelines: LiveRecords["pipelines"], model: string): Promise<LiveChain> {
  const last = await pipelines.lastRun(liveDay, liveDayId(model, ""));
  return { last, input: last?.input as LiveDayInput | undefined, left: last?.state === "succeeded" ? (last.output as LiveDayOutput) : undefined };
}

/**
 * Where the chain's candidate stands: on its road, waiting for a person, or given (another share of) traffic by the person who leads it;
 * undefined: there is none, or somebody moved it, and it is theirs. A shadow given traffic before its proof is there is theirs too.
 */
export function candidateNow(
  left: LiveDayOutput | undefined,
  deployment: Deployment,
  upTo: RetrainPolicy["upTo"],
): { readonly state: CandidateState; readonly is: "looked-at" | "waiting" | "taken-up" } | undefined {
  const state = left?.candidate ?? undefined;
  if (left === undefined || state === undefined) return undefined;
  if (left.revision === deployment.revision) return { state, is: state.proved === true ? "waiting" : "looked-at" };
  const answers = deployment.champion === left.champion && deployment.challengers.some(({ version }) => version === state.version);
  if (!answers || upTo === "champion") return undefined;
  if (state.phase === "shadow") return state.proved === true ? { state, is: "taken-up" } : undefined;
  return { state, is: state.proved === true ? "waiting" : "taken-up" };
}

/** When the cooldown ends; null where nothing was trained or deployed yet. */
export async function cooldownEndUs({ registry }: Pick<LiveRecords, "registry">, model: ModelDefinition, trainedUs: Micros | null): Promise<Micros | null> {
  const fromUs = await lastAttemptUs(registry, model.name, trainedUs);
  return fromUs === null ? null : fromUs + parseDuration(model.retrain.cooldown, "retrain.cooldown");
}

/** The last training, or the last change of champion, whoever made it: the new one is to show first what it does. */
async function lastAttemptUs(registry: LiveRecords["registry"], model: string, trainedUs: Micros | null): Promise<Micros | null> {
  const changed = (await registry.listEvents(model)).findLast(({ kind }) => kind === "promoted" || kind === "rolled-back");
  if (changed === undefined) return trainedUs;
  return Math.max(changed.atUs, trainedUs ?? changed.atUs);
}

/** Why a challenger should be trained now, or null. Alerts that a replayed history left open say nothing of the present before a live window was judged. */
export async function liveCause(
  { registry, monitoring }: Pick<LiveRecords, "registry" | "monitoring">,
  { replay }: Pick<ProjectDefinition, "replay">,
  model: ModelDefinition,
  { nowUs, trainedUs }: { readonly nowUs: Micros; readonly trainedUs: Micros | null },
): Promise<string | null> {
  if (model.retrain.on.length === 0) return null;
  if (replay?.model === model.name) {
    const watched = (await monitoring.loadState(model.name))?.state;
    if (watched?.isLive !== true || (watched.inputsClosedUs ?? 0) <= parseIso(replay.to, "replay.to")) return null;
  }
  const lastUs = await lastAttemptUs(registry, model.name, trainedUs);
  return needsRetraining({ monitoring }, model, nowUs, lastUs ?? Number.NEGATIVE_INFINITY);
}

/** Whether a version is in shadow or A/B, whoever put it there. */
export function hasCandidates(deployment: Deployment): boolean {
  return candidatesOf(deployment).length > 0;
}
