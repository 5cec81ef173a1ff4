import type { Micros } from "../kernel/clock.ts";
import { parseExpressionOf, toSql } from "../data/expression.ts";
import { KarkhanaError } from "../kernel/error.ts";
import { formatIso, MICROS_PER_DAY, parseIso } from "../kernel/time.ts";
import type { Workflow, WorkflowContext } from "../pipelines/port.ts";
import { proofKinds } from "../registry/port.ts";
import { viewsOf, type ModelDefinition, type ReplayDefinition } from "../project/definition.ts";
import { challenge } from "./challenge.ts";
import { runJob } from "./jobs/run-job.ts";
import type { Platform } from "./platform.ts";
import { beginShadow, follow, lookAtCandidate, type CandidateState } from "./promotion.ts";
import { openReplayDriver, type ReplayDriver } from "./replay-driver.ts";
import type { DayResult } from "./replay-messages.ts";
import { summarise } from "./summary.ts";
import { trainModelWorkflow, type TrainInput, type TrainOutput } from "./train-model.ts";
import { needsRetraining } from "./retrain.ts";
import type { LoopSummary } from "./progress.ts";

/*
 * The whole loop of a project, one durable run:
 *
 *   train (baseline and candidate) -> first deployment -> history into the online store -> replay, day by day:
 *     play the day over HTTP -> watch (drift, quality) -> look at the candidate on the road -> retrain if an alert asks for it
 *   -> parity of served vectors -> summary
 *
 * The replay's clock stands still while a model is trained: in life that takes minutes of a day, on the replay's clock it would take weeks.
 * Killed anywhere, the same command goes on from the last recorded step; a day that was being played is played again, and everything in it
 * carries an id or a sequence number, so nothing counts twice.
 */

export type LoopInput = {
  readonly model: string;
  readonly definition: string;
};

/** Every phase that a terminal or the console draws, in order; without history to replay, the loop ends with a version that is live. */
export function declarePhases(platform: Platform): void {
  const { board, project } = platform;
  declareTrainingPhases(platform);
  if (project.definition.replay === undefined) return;
  board.declare("materialize", "online features", "rows");
  board.declare("replay", "replay", "questions");
  board.declare("parity", "online = offline", "vectors");
}

export function declareTrainingPhases({ board }: Platform): void {
  board.declare("data", "check data", "rows");
  board.declare("features", "training set", "rows");
  board.declare("train", "train", "trees");
  board.declare("register", "register", "versions");
}

export function loopWorkflow(platform: Platform): Workflow<LoopInput, LoopSummary> {
  return {
    name: "loop",
    run: async (context, input) => {
      const model = platform.project.definition.models.find((m) => m.name === input.model);
      if (model === undefined) throw new TypeError(`model ${input.model} left the project while its loop ran`);
      const { replay } = platform.project.definition;
      try {
        // With history to replay, decisions are dated by it from the start: the first version goes live when the replay begins.
        if (replay !== undefined) platform.eventClock.follow(parseIso(replay.from, "replay.from"));
        const trained = await platform.pipelines.start(trainModelWorkflow(platform), firstTraining(model), `${context.runId}-train`);
        const live = await firstDeployment(platform, context, model, trained);
        const challenger = trained.candidate.passed && trained.candidate.version !== live ? trained.candidate.version : undefined;
        const played = replay === undefined ? null : await playHistory(platform, context, model, replay, challenger);
        return await summarise(platform, context, model, trained, played);
      } finally {
        platform.eventClock.follow(undefined);
      }
    },
  };
}

/** The training that the model's definition asks for first. */
export function firstTraining({ name, training }: ModelDefinition): TrainInput {
  const toUs = parseIso(training.to, "training.to");
  return {
    model: name,
    fromUs: parseIso(training.from, "training.from"),
    validUs: parseIso(training.validFrom, "training.validFrom"),
    holdoutUs: parseIso(training.holdoutFrom, "training.holdoutFrom"),
    toUs,
    knownBeforeUs: toUs,
    champion: 0,
    baseline: true,
    reason: "first training of the project",
  };
}

/**
 * The baseline goes live first, so that the candidate has something to be compared with; if it does not meet the gates, the candidate does.
 * What a first version cannot have is waived, by name.
 * @returns the version that is live @throws GATES_NOT_MET
 */
async function firstDeployment(platform: Platform, context: WorkflowContext, model: ModelDefinition, { baseline, candidate }: TrainOutput): Promise<number> {
  const first = [baseline, candidate].find((version) => version?.passed === true);
  if (first == null) throw new KarkhanaError("GATES_NOT_MET", { model: model.name, problem: candidate.summary });
  const { version } = first;
  const reason =
    first === baseline
      ? "first version: the simplest model that meets the gates goes live to be beaten"
      : "first version: the baseline does not meet the gates, this one does";
  await context.transact("first-deployment", async (trx) => {
    for (const kind of proofKinds) {
      if (kind === "offline-evaluation" || kind === "monitors") continue;
      await platform.registry.waive(model.name, version, kind, "first version of this definition: nothing live to be compared with or to return to", trx);
    }
    await platform.registry.promote(model.name, version, reason, trx);
    return null;
  });
  await follow(platform);
  return version;
}

export type PlayedHistory = {
  readonly fromUs: Micros;
  readonly toUs: Micros;
  readonly days: readonly DayResult[];
  readonly retrainings: number;
  readonly relations: Readonly<Record<string, string>>;
};

async function playHistory(
  platform: Platform,
  context: WorkflowContext,
  model: ModelDefinition,
  replay: ReplayDefinition,
  challenger: number | undefined,
): Promise<PlayedHistory> {
  const { board, places } = platform;
  const [fromUs, toUs] = [parseIso(replay.from, "replay.from"), parseIso(replay.to, "replay.to")];
  const { relations, streams = relations } = await relationsOf(platform, context);
  const sources = [...new Map(viewsOf(model.service).map((view) => [view.source.name, view.source])).values()];

  board.start("materialize");
  const loaded = await context.step("materialize", {}, (step) =>
    runJob(
      "materialize",
      {
        projectFile: places.projectFile,
        model: model.name,
        relations: streams,
        fromUs,
        toUs,
        onlineStore: places.onlineStore,
        threads: platform.threads,
        tempFolder: places.tempFolder,
      },
      (done, total) => {
        step.progress(done, total, "rows");
        board.advance("materialize", done, total);
      },
      step.signal,
    ),
  );
  board.advance("materialize", loaded.rows, loaded.rows);
  board.finish("materialize");

  const { questions } = loaded;
  board.start("replay", 0, questions);
  let driver: ReplayDriver | undefined;
  try {
    const days: DayResult[] = [];
    let asked = 0;
    let candidate: CandidateState | undefined = challenger === undefined ? undefined : await beginShadow(platform, context, model, challenger, fromUs);
    let lastTrainedUs = fromUs;
    let retrainings = 0;
    for (let dayUs = fromUs; dayUs < toUs; dayUs += MICROS_PER_DAY) {
      const endUs = Math.min(toUs, dayUs + MICROS_PER_DAY);
      const day = formatIso(dayUs).slice(0, 10);
      platform.eventClock.follow(endUs);
      const played = await context.step(`play/${day}`, { retries: 3 }, async (step) => {
        driver ??= openReplayDriver({
          model: model.name,
          fields: model.request,
          labelSql: toSql(parseExpressionOf("boolean", model.label, model.spine.schema, `label of model ${model.name}`)),
          servingUrl: platform.servingUrl(),
          servingToken: platform.servingToken,
          spine: relations[model.spine.name] ?? "",
          sources: Object.fromEntries(sources.map((source) => [source.name, { relation: streams[source.name] ?? "", columns: source.schema }])),
          fromUs,
          toUs,
          concurrency: 16,
          threads: 1,
          tempFolder: places.tempFolder,
        });
        return driver.runDay(dayUs, endUs, (done, atUs) => {
          board.replayAt(atUs);
          board.advance("replay", asked + done, questions);
          step.progress(done, questions, "questions");
        });
      });
      asked += played.asked;
      days.push(played);
      board.replayAt(endUs);
      board.advance("replay", asked, questions);
      await platform.watch(endUs);

      if (candidate !== undefined) candidate = await lookAtCandidate(platform, context, model, candidate, endUs, day);
      if (candidate === undefined && endUs < toUs) {
        const cause = await context.step(`retrain?/${day}`, {}, () => needsRetraining(platform, model, endUs, lastTrainedUs));
        if (cause !== null) {
          retrainings += 1;
          lastTrainedUs = endUs;
          candidate = await challenge(platform, context, model, { atUs: endUs, day, cause });
        }
      }
    }
    board.finish("replay");
    return { fromUs, toUs, days, retrainings, relations };
  } finally {
    await driver?.close();
  }
}

type Relations = {
  readonly relations: Readonly<Record<string, string>>;
  /** As rows arrive; absent in runs of before there were versions of facts. */
  readonly streams?: Readonly<Record<string, string>>;
};

/** SQL relations of the project's registered sources, as the training run recorded them. */
async function relationsOf(platform: Platform, context: WorkflowContext): Promise<Relations> {
  const run = await platform.pipelines.getRun(`${context.runId}-train`);
  const output = run.steps.find((step) => step.stepId === "data")?.output;
  return output as Relations;
}
