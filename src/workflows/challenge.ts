import type { Micros } from "../kernel/clock.ts";
import { toErrorRecord } from "../kernel/error.ts";
import type { WorkflowContext } from "../pipelines/port.ts";
import type { ModelDefinition } from "../project/definition.ts";
import type { Platform } from "./platform.ts";
import { beginShadow, type CandidateState } from "./promotion.ts";
import { retrainInput } from "./retrain.ts";
import { trainModelWorkflow, type TrainOutput } from "./train-model.ts";

export interface Challenge {
  readonly atUs: Micros;
  readonly day: string;
  /** The alert that asks for it, in its own words. */
  readonly cause: string;
}

/** Trains a challenger in a pipeline run of its own; undefined if it cannot be trained, or is refused before it sees traffic. */
export async function challenge(
  platform: Platform,
  context: WorkflowContext,
  model: ModelDefinition,
  { atUs, day, cause }: Challenge,
): Promise<CandidateState | undefined> {
  const { board, registry } = platform;
  board.tell({ event: "log", atUs, text: `retraining: ${cause}` });
  const input = await context.step(`retrain/${day}`, {}, async () =>
    retrainInput(model, atUs, (await registry.getDeployment(model.name))?.champion ?? 0, cause),
  );
  let trained: TrainOutput;
  try {
    trained = await platform.pipelines.start(trainModelWorkflow(platform), input, `${context.runId}-retrain-${day}`);
  } catch (error) {
    const { retryable, code, message } = toErrorRecord(error);
    // What a later try may cure ends the loop, to be gone on with. Data that cannot teach a model, such as one class only, will not change: the champion stays.
    if (retryable || code === "INTERNAL" || code === "PIPELINE_CANCELLED") throw error;
    for (const { id, state } of board.current().phases) if (state === "running" && id !== "replay") board.finish(id, "failed");
    board.tell({ event: "log", atUs, text: `retraining failed, the champion stays: ${message}` });
    return undefined;
  }
  const { version, passed, summary } = trained.candidate;
  if (passed) return beginShadow(platform, context, model, version, atUs);
  await context.transact(`v${version}/refuse`, async (trx) => {
    await registry.refuse(model.name, version, summary, trx);
    return null;
  });
  board.tell({ event: "decision", atUs, model: model.name, version, kind: "refused", text: `v${version} is refused before it sees traffic: ${summary}` });
  return undefined;
}
