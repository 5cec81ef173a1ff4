import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ManualClock } from "../../src/kernel/clock.ts";
import { KarkhanaError } from "../../src/kernel/error.ts";
import { MICROS_PER_DAY, MICROS_PER_HOUR } from "../../src/kernel/time.ts";
import type { RegistryEvent } from "../../src/registry/port.ts";
import type { Platform } from "../../src/workflows/platform.ts";
import { liveCause } from "../../src/workflows/live-chain.ts";
import { liveRetrainingText } from "../../src/workflows/live-state.ts";
import { liveMarginUs } from "../../src/workflows/live-watch.ts";
import { createLiveRetraining, type LiveRetraining } from "../../src/workflows/live-retraining.ts";
import { goLive, liveFromUs, makeLiveProject, modelName, openLiveControl, openLiveServing, playDay } from "./live-world.ts";
import type { LiveControl, LiveProject, LiveServing } from "./live-world.ts";

/*
 * What `up` does by itself on live traffic, day by day on a clock of the test's, with real training, serving and stores. The timers that begin
 * the rounds, and processes that are killed, are in test/failure/live-retraining-killed.test.ts.
 */
let folder: string;
let clock: ManualClock;
let serving: LiveServing;
let control: LiveControl;
let failures: string[];
let held: boolean;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "karkhana-live-retraining-"));
  clock = new ManualClock(liveFromUs);
  [failures, held] = [[], false];
});
afterEach(async () => {
  await control?.close();
  await serving?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function begin(options?: LiveProject): Promise<void> {
  const project = makeLiveProject(folder, options);
  const data = path.join(folder, "data");
  serving = await openLiveServing(project, data);
  control = await openLiveControl(project, data, serving.url, clock);
  await goLive(control);
}

/** A round of what `up` does again and again, as after a start of the control process. */
async function round(platform: Platform = control.platform): Promise<void> {
  await control.platform.watch(clock.nowUs() - liveMarginUs);
  await retrainingOf(platform).round(new AbortController().signal);
}

function retrainingOf(platform: Platform): LiveRetraining {
  return createLiveRetraining({ platform, isHeld: async () => held, onFailure: (model, error) => void failures.push(`${model}: ${String(error)}`) });
}

/** Plays a day, counted from going live on, and looks at it as the next begins. */
async function day(number: number): Promise<void> {
  await playDay(serving.url, number);
  clock.advanceTo(liveFromUs + (number + 1) * MICROS_PER_DAY + liveMarginUs);
  await round();
}

const shown: readonly RegistryEvent["kind"][] = ["shadowed", "ab-started", "stood-down", "promoted", "refused", "rolled-back"];
/** What was decided since the first version went live. */
const decided = async (): Promise<string[]> => {
  const events = await control.stores.registry.listEvents(modelName);
  const live = events.findIndex(({ kind }) => kind === "promoted");
  return events
    .slice(live + 1)
    .filter(({ kind }) => shown.includes(kind))
    .map(({ kind, version }) => `${kind} v${version}`);
};
const runs = async (workflow: string): Promise<string[]> =>
  (await control.stores.pipelines.listRuns(100))
    .filter((run) => run.workflow === workflow)
    .map(({ runId, state }) => `${runId} ${state}`)
    .toReversed();
const retrainings = async (): Promise<number> => (await runs("train-model")).filter((run) => run.includes("retrain")).length;
const said = async (): Promise<string> =>
  liveRetrainingText(control.stores, control.platform.project.definition, control.platform.project.definition.models[0]!, clock.nowUs());

test("drift on live traffic: a challenger is trained, shadows, answers its share, is rehearsed and goes live, and nobody was asked", async () => {
  await begin();
  await round();
  expect([await runs("live-day"), await said()]).toEqual([
    [],
    "Waits for an alert of drift or quality: no challenger is trained before the cooldown ends on 2025-03-02.",
  ]);
  await day(0);
  expect(await decided()).toEqual(["shadowed v3"]);
  expect(await said()).toBe("v3 is in shadow since 2025-03-02, compared once a day: not looked at yet; if it is not worse, then its A/B test begins.");
  // Once a day: what comes later on the day waits for the next.
  clock.advanceBy(MICROS_PER_HOUR);
  await round();
  expect(await decided()).toEqual(["shadowed v3"]);
  await day(1);
  expect(await decided()).toEqual(["shadowed v3", "ab-started v3"]);
  await day(2);
  const promoted = ["shadowed v3", "ab-started v3", "stood-down v3", "ab-started v3", "promoted v3"];
  expect(await decided()).toEqual(promoted);
  const v3 = await control.stores.registry.getVersion(modelName, 3);
  expect(v3.proofs.map(({ kind, passed }) => `${kind} ${passed}`).sort()).toEqual(
    ["ab true", "monitors true", "offline-evaluation true", "rollback true", "shadow true"].sort(),
  );
  // The new champion is to show first what it does.
  await round();
  expect([await decided(), await retrainings(), failures]).toEqual([promoted, 1, []]);
  expect(await runs("live-day")).toEqual(["live:large:2025-03-02 succeeded", "live:large:2025-03-03 succeeded", "live:large:2025-03-04 succeeded"]);
  expect(control.platform.board.current().phases.map(({ id, state }) => `${id} ${state}`)).toEqual([
    "data done",
    "features done",
    "train done",
    "register done",
  ]);
});

test("a project that lets no alert start a challenger gets none, and leaves no run", async () => {
  await begin({ retrain: '{ on: [], lookback: "30d", cooldown: "1d" }' });
  for (const number of [0, 1]) await day(number);
  expect((await control.stores.monitoring.listAlerts({ model: modelName, status: "open" })).map(({ kind }) => kind)).toContain("drift");
  expect([await decided(), await runs("live-day"), await retrainings(), await said()]).toEqual([[], [], 0, "Off: no alert starts a challenger."]);
});

test("up to the shadow: what is proved is recorded, a person gives the share, and a person promotes", async () => {
  await begin({ retrain: '{ lookback: "30d", cooldown: "1d", upTo: "shadow" }' });
  const { registry } = control.stores;
  await day(0);
  await day(1);
  // Days on which a person is waited for leave no run, and no second challenger is trained beside it.
  await day(2);
  const proofs = async (): Promise<string[]> => (await registry.getVersion(modelName, 3)).proofs.map(({ kind }) => kind).sort();
  expect([await decided(), await proofs(), (await runs("live-day")).length, await retrainings()]).toEqual([
    ["shadowed v3"],
    ["monitors", "offline-evaluation", "shadow"],
    2,
    1,
  ]);
  expect(await said()).toMatch(/^v3 is not worse than v1 in shadow: a person decides whether it answers. `karkhana traffic --split 3=50%`/);

  await registry.setTraffic(modelName, { challengers: [{ version: 3, share: 0.4 }] }, "a person tries it");
  await control.platform.serving().post("/v1/admin/refresh", {});
  await day(3);
  expect([await decided(), await proofs()]).toEqual([
    ["shadowed v3", "ab-started v3", "stood-down v3", "ab-started v3"],
    ["ab", "monitors", "offline-evaluation", "rollback", "shadow"],
  ]);
  expect((await registry.getDeployment(modelName))?.challengers).toMatchObject([{ version: 3, share: 0.4 }]);
  expect(await said()).toMatch(/^v3 holds its five proofs against v1: a person decides. `karkhana promote --version 3`/);
  await day(4);
  expect((await registry.getDeployment(modelName))?.champion).toBe(1);
  await registry.promote(modelName, 3, "a person promotes");
  expect([await retrainings(), failures]).toEqual([1, []]);
});

test("a candidate that a person moved is theirs: it is not looked at again, and no challenger is trained while it is on the road", async () => {
  await begin();
  const { registry } = control.stores;
  await day(0);
  await day(1);
  await registry.setTraffic(modelName, { challengers: [{ version: 3, share: 0.2 }] }, "a person wants less of it");
  for (const number of [2, 3]) await day(number);
  expect([(await decided()).at(-1), (await registry.getVersion(modelName, 3)).state, await retrainings()]).toEqual(["ab-started v3", "ab", 1]);
  expect(await said()).toMatch(/^A person, or a replay, put the versions beside the champion there/);
  // Taken off, the road is free, and the alert still asks.
  await registry.standDown(modelName, 3, "a person has seen enough");
  await day(4);
  expect([(await decided()).at(-1), await retrainings(), failures]).toEqual([expect.stringMatching(/^(shadowed|refused) v4$/), 2, []]);
});

test("a deployment changed in the midst of a day's run is left as it is, and the cooldown runs from the change of champion", async () => {
  await begin();
  const { registry } = control.stores;
  await day(0);
  await day(1);
  await playDay(serving.url, 2);
  for (const kind of ["shadow", "ab", "rollback"] as const) await registry.waive(modelName, 2, kind, "by hand");
  clock.advanceTo(liveFromUs + 3 * MICROS_PER_DAY + liveMarginUs);
  const { platform } = control;
  let isMoved = false;
  // The rehearsal, after the comparison and before the promotion, looks for the last question: meanwhile a person makes another version the champion.
  const predictions: Platform["feedback"]["predictions"] = async (from, limit) => {
    if (!isMoved) await registry.promote(modelName, 2, "a person was quicker");
    isMoved = true;
    return platform.feedback.predictions(from, limit);
  };
  await round({ ...platform, feedback: { ...platform.feedback, predictions } });
  expect(isMoved).toBe(true);
  expect((await registry.getDeployment(modelName))?.champion).toBe(2);
  expect([(await registry.getVersion(modelName, 3)).state, failures, (await runs("live-day")).at(-1)]).toEqual([
    "registered",
    [],
    "live:large:2025-03-04 succeeded",
  ]);
  expect(await said()).toMatch(/changed by somebody on 2025-03-04/);
});

test("a source that does not grow: the training fails once, is told in plain words, and is not tried again before the cooldown ends", async () => {
  await begin({ retrain: '{ lookback: "16d", cooldown: "3d" }', days: 1 });
  for (const number of [0, 1, 2]) await day(number);
  expect([await retrainings(), await runs("live-day")]).toEqual([1, ["live:large:2025-03-04 succeeded"]]);
  const words = /no challenger could be trained on 2025-03-04, the champion stays: the rows of source orders end on 2025-03-01.*needs a source that grows/;
  expect(await said()).toMatch(words);
  expect(control.platform.board.current().recent.some((event) => event.event === "log" && words.test(event.text))).toBe(true);
  for (const number of [3, 4]) await day(number);
  expect(await retrainings()).toBe(1);
  await day(5);
  expect([await retrainings(), failures]).toEqual([2, []]);
});

test("nothing is begun while a replay is under way or unfinished, nor by an alert that a replayed history left", async () => {
  await begin();
  held = true;
  await day(0);
  expect(await runs("live-day")).toEqual([]);
  held = false;
  control.stores.eventClock.follow(liveFromUs);
  await round();
  control.stores.eventClock.follow(undefined);
  expect(await runs("live-day")).toEqual([]);
  // The alert is open; of a history that was replayed it says nothing of the present before a window of the present was judged.
  const { registry, monitoring } = control.stores;
  const { definition } = control.platform.project;
  const replay = { model: modelName, from: "2025-02-01", to: "2025-03-01" };
  const cause = (): Promise<string | null> => liveCause({ registry, monitoring }, { replay }, definition.models[0]!, { nowUs: clock.nowUs(), trainedUs: null });
  expect(await cause()).toBeNull();
  const { revision, state } = (await monitoring.loadState(modelName))!;
  await monitoring.commit(modelName, revision, [], { ...state, isLive: true });
  expect(await cause()).toMatch(/^busy: PSI/);
  await round();
  expect(await runs("live-day")).toEqual(["live:large:2025-03-02 succeeded"]);
});

test("serving that is away fails the day's run, which is told once, tried again after a while, and goes on where it was", async () => {
  await begin();
  await playDay(serving.url, 0);
  clock.advanceTo(liveFromUs + MICROS_PER_DAY + liveMarginUs);
  const { platform } = control;
  await platform.watch(clock.nowUs() - liveMarginUs);
  let isAway = true;
  const tried: boolean[] = [];
  const retraining = retrainingOf({
    ...platform,
    serving: () => {
      tried.push(isAway);
      if (isAway) throw new KarkhanaError("SERVING_UNREACHABLE", { url: serving.url, problem: "connection refused" });
      return platform.serving();
    },
  });
  const again = async (): Promise<void> => retraining.round(new AbortController().signal);
  for (let i = 0; i < 20; i++) await again();
  // The first time, and the first after six rounds; twelve are let pass then.
  expect([tried, failures, await runs("live-day")]).toEqual([[true, true], [expect.stringMatching(/^large: /)], ["live:large:2025-03-02 failed"]]);
  expect(await said()).toMatch(/^The run of 2025-03-02 failed and is tried again: /);
  isAway = false;
  await again();
  expect([tried, await runs("live-day"), await retrainings(), await decided()]).toEqual([
    [true, true, false],
    ["live:large:2025-03-02 succeeded"],
    1,
    ["shadowed v3"],
  ]);
});
