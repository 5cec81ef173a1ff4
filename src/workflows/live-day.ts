import type { Micros } from "../kernel/clock.ts";
import { toErrorRecord } from "../kernel/error.ts";
import type { Workflow } from "../pipelines/port.ts";
import type { ModelDefinition } from "../project/definition.ts";
import { openDuckDb } from "../storage/duckdb/duckdb.ts";
import { challenge } from "./challenge.ts";
import { dayOf, liveCause, liveDay, type LiveDayInput, type LiveDayOutput } from "./live-chain.ts";
import { declareTrainingPhases } from "./loop.ts";
import { onOwnRoad } from "./own-road.ts";
import type { Platform } from "./platform.ts";
import { lookAtCandidate, type CandidateState } from "./promotion.ts";
import { retrainInput } from "./retrain.ts";
import type { TrainOutput } from "./train-model.ts";

/**
 * A day of a model on live traffic: a look at the candidate on the road, then a challenger, if an alert asks for one and nobody is on the
 * road. What the replay's loop does at the end of a day, with its steps; a deployment that somebody else changes is left to them.
 */
export function liveDayWorkflow(platform: Platform): Workflow<LiveDayInput, LiveDayOutput> {
  const { registry, board, project } = platform;
  return {
    name: liveDay,
    run: async (context, input) => {
      const model = project.definition.models.find(({ name }) => name === input.model);
      if (model === undefined) throw new TypeError(`model ${input.model} left the project while its live day ran`);
      const { atUs, day } = input;
      const road = onOwnRoad(context, registry, model.name, input.revision);
      const left = async (candidate: CandidateState | null, trainedUs: Micros | null, note: string | null): Promise<LiveDayOutput> => ({
        candidate,
        revision: road.revision(),
        champion: (await registry.getDeployment(model.name))?.champion ?? 0,
        trainedUs,
        note,
      });
      let { trainedUs } = input;
      try {
        if (input.candidate !== null) {
          const candidate = await lookAtCandidate(platform, road.context, model, input.candidate, atUs, day, model.retrain.upTo);
          if (candidate !== undefined) return await left(candidate, trainedUs, null);
        }
        const cause = await context.step("retrain?", {}, () => liveCause(platform, project.definition, model, { nowUs: atUs, trainedUs: input.trainedUs }));
        if (cause === null) return await left(null, trainedUs, null);
        trainedUs = atUs;
        declareTrainingPhases(platform);
        const candidate = (await challenge(platform, road.context, model, { atUs, day, cause })) ?? null;
        const note = candidate === null ? await context.step("why", {}, () => whyNone(platform, model, atUs, `${context.runId}-retrain-${day}`)) : null;
        return await left(candidate, trainedUs, note);
      } catch (error) {
        // Whatever failed, failed on a deployment that is no longer this run's.
        if ((await registry.getDeployment(model.name))?.revision === road.revision()) throw error;
        const note = `the deployment of ${model.name} was changed by somebody on ${day}: what stands there now is left to them (${toErrorRecord(error).message})`;
        board.tell({ event: "log", atUs, text: note });
        return await left(null, trainedUs, note);
      }
    },
  };
}

/** Why a training left no challenger on the road. */
async function whyNone(platform: Platform, model: ModelDefinition, atUs: Micros, runId: string): Promise<string> {
  const run = await platform.pipelines.getRun(runId);
  if (run.state === "succeeded") {
    const { version, summary } = (run.output as TrainOutput).candidate;
    return `v${version} was trained on ${dayOf(atUs)} and refused before it saw traffic: ${summary}`;
  }
  const relations = (run.steps.find(({ stepId }) => stepId === "data")?.output as { relations: Record<string, string> } | undefined)?.relations;
  const end = await endOfSpine(platform, model, atUs, relations?.[model.spine.name]);
  const note = `no challenger could be trained on ${dayOf(atUs)}, the champion stays: ${end ?? run.error?.message ?? "no reason was recorded"}`;
  platform.board.tell({ event: "log", atUs, text: note });
  return note;
}

/** If the questions that training reads end before the part of time a challenger is judged on, so in words. */
async function endOfSpine(platform: Platform, model: ModelDefinition, atUs: Micros, relation: string | undefined): Promise<string | undefined> {
  if (relation === undefined) return undefined;
  const duck = await openDuckDb({ threads: 1, memoryLimitMb: platform.memoryLimitMb, tempFolder: platform.places.tempFolder });
  try {
    const [row] = await duck.rows(`SELECT max(_event)::DOUBLE AS last FROM (${relation}) WHERE _known < ${atUs}`);
    const lastUs = typeof row?.["last"] === "number" ? row["last"] : undefined;
    const { holdoutUs } = retrainInput(model, atUs, 0, "");
    if (lastUs !== undefined && lastUs >= holdoutUs) return undefined;
    return `the rows of source ${model.spine.name} ${lastUs === undefined ? "have not begun" : `end on ${dayOf(lastUs)}`}, and a challenger is judged on rows from ${dayOf(holdoutUs)} on. Live retraining needs a source that grows: a pushed one, a table of PostgreSQL, or a file that is replaced by a longer one. Outcomes sent to the labels' address judge the model, but are no rows of the source`;
  } finally {
    await duck.close();
  }
}
