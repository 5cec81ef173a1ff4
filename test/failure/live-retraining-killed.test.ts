import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { expect, it } from "vitest";
import { ManualClock } from "../../src/kernel/clock.ts";
import { seededRng } from "../../src/kernel/rng.ts";
import { MICROS_PER_DAY } from "../../src/kernel/time.ts";
import { openStores } from "../../src/server/compose.ts";
import type { Stores } from "../../src/server/stores.ts";
import { liveMarginUs } from "../../src/workflows/live-watch.ts";
import { scratchFolder } from "../contract/scratch-folder.ts";
import { goLive, liveFromUs, makeLiveProject, modelName, openLiveControl, openLiveServing, playDay } from "../e2e/live-world.ts";

const child = path.join(import.meta.dirname, "children/live-control.child.ts");
const scratch = scratchFolder();

/** Steps that the runs of a day have written, the training's among them, and whether the day's run has ended. */
async function stepsOf(stores: Stores, day: string): Promise<{ readonly steps: number; readonly isOver: boolean }> {
  const runs = (await stores.pipelines.listRuns(100)).filter(({ runId }) => runId.startsWith(`live:${modelName}:${day}`));
  return {
    steps: runs.reduce((sum, run) => sum + run.steps.length, 0),
    isOver: runs.some(({ workflow, state }) => workflow === "live-day" && state === "succeeded"),
  };
}

it.skipIf(process.platform !== "linux")(
  "a control process killed in every stage of a retraining on live traffic: one training, one promotion, by itself",
  async () => {
    const project = makeLiveProject(scratch);
    const data = path.join(scratch, "data");
    const serving = await openLiveServing(project, data);
    const first = await openLiveControl(project, data, serving.url, new ManualClock(liveFromUs));
    await goLive(first);
    await first.close();
    const stores = await openStores(data, {});
    const rng = seededRng("live-retraining-killed");
    let errors = "";
    const start = (nowUs: number): ChildProcess => {
      const control = fork(child, [project, data, serving.url, String(nowUs)], { stdio: ["ignore", "ignore", "pipe", "ipc"] });
      control.stderr!.setEncoding("utf8").on("data", (text: string) => (errors += text));
      return control;
    };
    const kill = async (control: ChildProcess): Promise<void> => {
      if (control.exitCode !== null || control.signalCode !== null) return;
      const ended = once(control, "exit");
      control.kill("SIGKILL");
      await ended;
    };
    let kills = 0;
    for (const [number, day] of ["2025-03-02", "2025-03-03", "2025-03-04"].entries()) {
      await playDay(serving.url, number);
      const nowUs = liveFromUs + (number + 1) * MICROS_PER_DAY + liveMarginUs;
      let killAt = 1;
      for (let isOver = false; !isOver;) {
        const control = start(nowUs);
        for (;;) {
          const now = await stepsOf(stores, day);
          ({ isOver } = now);
          expect(control.exitCode, errors).toBeNull();
          if (isOver || now.steps >= killAt) break;
          await wait(5);
        }
        if (!isOver) {
          await wait(rng.int(60));
          // Each control gets some steps further than the one before.
          killAt = (await stepsOf(stores, day)).steps + 1 + rng.int(3);
          kills++;
        }
        await kill(control);
      }
    }
    // About ten; how many of a day's steps pass before this process gets to shoot is the machine's.
    expect(kills).toBeGreaterThan(0);
    // One more, which finds everything done.
    const last = start(liveFromUs + 3 * MICROS_PER_DAY + liveMarginUs + 1);
    await wait(100);
    await kill(last);

    const { registry, pipelines } = stores;
    const events = (await registry.listEvents(modelName)).filter(({ version, kind }) => version === 3 && kind !== "proof");
    expect(events.map(({ kind }) => kind)).toEqual(["registered", "shadowed", "ab-started", "stood-down", "ab-started", "promoted"]);
    const proofs = (await registry.getVersion(modelName, 3)).proofs.map(({ kind, passed }) => `${kind} ${passed}`);
    expect(proofs.sort()).toEqual(["ab true", "monitors true", "offline-evaluation true", "rollback true", "shadow true"]);
    expect((await registry.listVersions(modelName)).map(({ version }) => version)).toEqual([1, 2, 3]);
    const runs = await pipelines.listRuns(100);
    expect(
      runs
        .filter(({ runId }) => runId.startsWith("live:"))
        .map(({ runId, state }) => `${runId} ${state}`)
        .sort(),
    ).toEqual([
      "live:large:2025-03-02 succeeded",
      "live:large:2025-03-02-retrain-2025-03-02 succeeded",
      "live:large:2025-03-03 succeeded",
      "live:large:2025-03-04 succeeded",
    ]);
    console.log(`${kills} kills`);
    await stores.close();
    await serving.close();
  },
);
