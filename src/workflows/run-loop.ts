import { KarkhanaError } from "../kernel/error.ts";
import { loopRunId } from "./identity.ts";
import { declarePhases, loopWorkflow } from "./loop.ts";
import type { Platform } from "./platform.ts";
import type { LoopSummary } from "./progress.ts";

/**
 * Runs the project's loop, or goes on with it where it was killed. A loop that has finished is not run again: its recorded summary is told,
 * marked as recorded.
 */
export async function runLoop(platform: Platform): Promise<LoopSummary> {
  const { definition } = platform.project;
  const name = definition.replay?.model ?? definition.models[0]?.name;
  const model = definition.models.find((m) => m.name === name);
  if (model === undefined)
    throw new KarkhanaError("MODEL_NOT_IN_PROJECT", { model: name ?? "(none)", models: definition.models.map((m) => m.name).join(", ") });
  declarePhases(platform);
  const runId = await loopRunId(platform.project, model);
  const runs = await platform.pipelines.listRuns(1000);
  const before = runs.find((run) => run.runId === runId);
  // Logs, online rows and monitors of a replayed history belong to it: another history cannot be played into the same folder.
  const other = runs.find((run) => run.workflow === "loop" && run.runId !== runId && run.steps.some((step) => step.stepId.startsWith("play/")));
  if (other !== undefined && definition.replay !== undefined) throw new KarkhanaError("LOOP_CHANGED", { project: definition.name, loop: other.runId });
  const summary = await platform.pipelines.start(loopWorkflow(platform), { model: model.name, definition: model.hash }, runId).catch((error: unknown) => {
    platform.board.failRunning();
    throw error;
  });
  const told = before?.state === "succeeded" ? { ...summary, recorded: true } : summary;
  platform.board.tell(told);
  return told;
}
