import { loopRunId } from "./identity.ts";
import type { Platform } from "./platform.ts";

/**
 * Whether the project's loop was ended while it replayed the model's history, so that the same command would go on with it. One of another
 * definition, or over other files, never goes on.
 * @throws SOURCE_UNREADABLE
 */
export async function isReplayUnfinished({ project, pipelines }: Pick<Platform, "project" | "pipelines">, model: string): Promise<boolean> {
  const { models, replay } = project.definition;
  const definition = models.find(({ name }) => name === model);
  if (definition === undefined || replay?.model !== model) return false;
  const runs = await pipelines.listRuns(1000);
  const unfinished = runs.filter(
    ({ workflow, state, steps }) => workflow === "loop" && state !== "succeeded" && steps.some(({ stepId }) => stepId.startsWith("play/")),
  );
  // The files are hashed for it.
  if (unfinished.length === 0) return false;
  const own = await loopRunId(project, definition);
  return unfinished.some(({ runId }) => runId === own);
}
