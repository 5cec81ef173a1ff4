import { fork } from "node:child_process";
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

async function isOver(stores: Stores, day: string): Promise<boolean> {
  return (await stores.pipelines.lastRun("live-day", `live:${modelName}:${day}`))?.state === "succeeded";
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
    /** A control process that ends by itself at one of its transactions, or is ended once the day's run has. @returns whether it was killed on the way */
    const runKilled = async (day: string, nowUs: number, killAt: number, when: "before" | "after"): Promise<boolean> => {
      const args = [project, data, serving.url, String(nowUs), String(killAt), when];
      const control = fork(child, args, { stdio: ["ignore", "ignore", "pipe", "ipc"] });
      control.stderr!.setEncoding("utf8").on("data", (text: string) => (errors += text));
      const ended = once(control, "exit");
      const isRunning = (): boolean => control.exitCode === null && control.signalCode === null;
      while (isRunning() && !(await isOver(stores, day))) await wait(20);
      const wasKilled = !(await isOver(stores, day));
      control.kill("SIGKILL");
      await ended;
      expect(control.exitCode, errors).toBeNull();
      return wasKilled;
    };
    let kills = 0;
    for (const [number, day] of ["2025-03-02", "2025-03-03", "2025-03-04"].entries()) {
      await playDay(serving.url, number);
      const nowUs = liveFromUs + (number + 1) * MICROS_PER_DAY + liveMarginUs;
      // Each gets further than the one before, and the last to the end.
      for (let killAt = 2; await runKilled(day, nowUs, killAt, rng.next() < 0.5 ? "before" : "after"); killAt += 1 + rng.int(4)) kills++;
    }
    expect(kills).toBeGreaterThan(2);

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
