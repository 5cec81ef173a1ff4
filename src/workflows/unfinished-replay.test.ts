import { writeFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import { csv } from "../data/source.ts";
import { numeric } from "../features/definition.ts";
import type { Workflow } from "../pipelines/port.ts";
import { pipelineWorld } from "../pipelines/test-world.ts";
import { model, project } from "../project/definition.ts";
import type { LoadedProject } from "../project/load.ts";
import { loopRunId } from "./identity.ts";
import { isReplayUnfinished } from "./unfinished-replay.ts";

const world = pipelineWorld();
const ordersFile = path.join(world.scratch, "orders.csv");
beforeAll(() => writeFileSync(ordersFile, "at,amount\n2001-01-01,1\n"));

const orders = csv("orders", { path: "orders.csv", schema: { at: "timestamp", amount: "float64" }, eventTime: "at" });
function loaded(label: string): LoadedProject {
  const training = { from: "2001-01-01", validFrom: "2001-02-01", holdoutFrom: "2001-02-10", to: "2001-03-01" };
  const shared = { spine: orders, request: ["amount"], label, features: [numeric("amount")], trainer: { gbdt: {} }, training } as const;
  const models = [model("big", shared), model("other", shared)];
  return {
    definition: project("shop", { models, replay: { model: "big", from: "2001-03-01", to: "2001-04-01" } }),
    folder: world.scratch,
    file: path.join(world.scratch, "karkhana.project.ts"),
  };
}

/** The loop as far as it matters here: steps by name, the last of which may fail. */
const loop = (steps: readonly string[], fails: boolean): Workflow<null, null> => ({
  name: "loop",
  run: async (context) => {
    for (const step of steps) await context.step(step, {}, () => Promise.resolve(null));
    if (fails) throw new Error("ended in its midst");
    return null;
  },
});

test("only a loop of this very definition that had begun to play and has not finished holds the time of its model", async () => {
  const it = loaded("amount > 10");
  const pipelines = world.newPipelines();
  const isHeld = (model: string, of: LoadedProject = it): Promise<boolean> => isReplayUnfinished({ project: of, pipelines }, model);
  expect(await isHeld("big")).toBe(false);
  const runId = await loopRunId(it, it.definition.models[0]!);
  await expect(pipelines.start(loop(["train"], true), null, runId)).rejects.toThrow("in its midst");
  // Nothing of its history was asked yet.
  expect(await isHeld("big")).toBe(false);
  await expect(pipelines.start(loop(["train", "play/2001-03-01"], true), null, runId)).rejects.toThrow("in its midst");
  expect([await isHeld("big"), await isHeld("other"), await isHeld("nobody's")]).toEqual([true, false, false]);
  expect(await isHeld("big", loaded("amount > 11"))).toBe(false);
  await pipelines.start(loop(["train", "play/2001-03-01", "play/2001-03-02"], false), null, runId);
  expect(await isHeld("big")).toBe(false);
});
