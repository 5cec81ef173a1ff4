import { expect, test } from "vitest";
import { KarkhanaError } from "../kernel/error.ts";
import type { Workflow, WorkflowContext } from "../pipelines/port.ts";
import type { ModelDefinition } from "../project/definition.ts";
import { challenge } from "./challenge.ts";
import type { Platform } from "./platform.ts";
import { ProgressBoard, type LoopEvent } from "./progress.ts";

/** A platform on which training ends as told; everything else that `challenge` touches before that point. */
function failingTraining(error: Error): { platform: Platform; events: LoopEvent[] } {
  const board = new ProgressBoard(() => 1);
  const events: LoopEvent[] = [];
  board.declare("train", "train", "trees");
  board.declare("replay", "replay", "questions");
  board.start("replay");
  board.subscribe((event) => events.push(event));
  const platform = {
    board,
    registry: { getDeployment: async () => ({ champion: 2 }) },
    pipelines: {
      start: async (_workflow: Workflow<never, never>) => {
        board.start("train");
        throw error;
      },
    },
  } as unknown as Platform;
  return { platform, events };
}

const context = { runId: "loop-1", step: async (_id: string, _options: object, work: () => Promise<unknown>) => work() } as unknown as WorkflowContext;
const model = { name: "m", retrain: { lookback: "40d", cooldown: "7d", on: [] } } as unknown as ModelDefinition;
const asked = { atUs: 1e15, day: "2001-09-09", cause: "quality fell" };

test("data that cannot teach a model leaves the champion in place and the replay going on", async () => {
  const { platform, events } = failingTraining(
    new KarkhanaError("INVALID_ARGUMENT", { field: "training of m", problem: "the held-out rows hold one class only", value: 0 }),
  );
  expect(await challenge(platform, context, model, asked)).toBeUndefined();
  expect(events.some((e) => e.event === "log" && e.text.includes("the champion stays") && e.text.includes("one class only"))).toBe(true);
  expect(platform.board.current().phases.map((p) => [p.id, p.state])).toEqual([
    ["train", "failed"],
    ["replay", "running"],
  ]);
});

test.each([new KarkhanaError("JOB_STOPPED", { job: "fit" }), new KarkhanaError("PIPELINE_CANCELLED", { runId: "r" }), new TypeError("a defect")])(
  "what another try may cure, a cancellation and a defect end the loop: %s",
  async (error) => {
    await expect(challenge(failingTraining(error).platform, context, model, asked)).rejects.toBe(error);
  },
);
