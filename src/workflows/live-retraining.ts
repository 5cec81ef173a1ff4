import { KarkhanaError } from "../kernel/error.ts";
import type { ModelDefinition } from "../project/definition.ts";
import { candidateNow, dayOf, hasCandidates, liveCause, liveDayId, readLiveChain, type LiveDayInput } from "./live-chain.ts";
import { liveDayWorkflow } from "./live-day.ts";
import type { Platform } from "./platform.ts";

export interface LiveRetrainingOptions {
  readonly platform: Platform;
  /** Whether a loop is under way, or the model's replay was ended in the midst and may go on: then its road is the loop's. */
  readonly isHeld: (model: string) => Promise<boolean>;
  /** Told once of a model until a round of it succeeds or fails otherwise. */
  readonly onFailure: (model: string, error: unknown) => void;
}

export interface LiveRetraining {
  /** Goes on with the model's run that was ended, else begins the one of today if there is something to do. Ends when the signal fires, whatever is under way. */
  round(signal: AbortSignal): Promise<void>;
}

/** Rounds that are let pass after a failure: doubling, up to about an hour where a round is 10 s. */
const mostRoundsPassed = 360;

export function createLiveRetraining({ platform, isHeld, onFailure }: LiveRetrainingOptions): LiveRetraining {
  const { eventClock, machineClock, pipelines, project, registry } = platform;
  const workflow = liveDayWorkflow(platform);
  const failing = new Map<string, { readonly text: string; readonly rounds: number; left: number }>();

  /** The run there is something to do for; undefined on most rounds. */
  const due = async (model: ModelDefinition): Promise<{ readonly runId: string; readonly input: LiveDayInput } | undefined> => {
    const { last, input, left } = await readLiveChain(pipelines, model.name);
    if (last !== undefined && input !== undefined && left === undefined) return { runId: last.runId, input };
    const deployment = await registry.getDeployment(model.name);
    if (deployment === undefined) return undefined;
    const nowUs = machineClock.nowUs();
    const day = dayOf(nowUs);
    // A clock that was put back finds its days done.
    if (input !== undefined && input.day >= day) return undefined;
    const trainedUs = left?.trainedUs ?? null;
    const begun = (candidate: LiveDayInput["candidate"]): { runId: string; input: LiveDayInput } => ({
      runId: liveDayId(model.name, day),
      input: { model: model.name, day, atUs: nowUs, revision: deployment.revision, candidate, trainedUs },
    });
    const candidate = candidateNow(left, deployment, model.retrain.upTo);
    if (candidate?.is === "looked-at") return begun(candidate.state);
    if (candidate?.is === "taken-up")
      return begun({ version: candidate.state.version, phase: "ab", sinceUs: deployment.changedUs, from: candidate.state.from });
    if (hasCandidates(deployment)) return undefined;
    const cause = await liveCause(platform, project.definition, model, { nowUs, trainedUs });
    return cause === null ? undefined : begun(null);
  };

  const look = async (model: ModelDefinition): Promise<void> => {
    const before = failing.get(model.name);
    if (before !== undefined && before.left > 0) {
      before.left--;
      return;
    }
    try {
      if (await isHeld(model.name)) return;
      const run = await due(model);
      if (run !== undefined) await pipelines.start(workflow, run.input, run.runId);
      failing.delete(model.name);
    } catch (error) {
      platform.board.failRunning();
      const rounds = Math.min(mostRoundsPassed, (before?.rounds ?? 3) * 2);
      const text = error instanceof KarkhanaError ? error.code : String(error);
      failing.set(model.name, { text, rounds, left: rounds });
      if (before?.text !== text) onFailure(model.name, error);
    }
  };

  return {
    round: async (signal) => {
      const stopped = Promise.withResolvers<void>();
      const stop = (): void => stopped.resolve();
      signal.addEventListener("abort", stop, { once: true });
      try {
        for (const model of project.definition.models) {
          if (signal.aborted || eventClock.isReplaying) return;
          // A training under way holds nobody up: it is recorded step by step, and gone on with.
          await Promise.race([look(model), stopped.promise]);
        }
      } finally {
        signal.removeEventListener("abort", stop);
      }
    },
  };
}
