import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openFeedbackLog, readFeedback, type FeedbackLog, type FeedbackReader } from "../feedback/log.ts";
import type { PredictionRecord } from "../feedback/prediction.ts";
import { ManualClock } from "../kernel/clock.ts";
import { MICROS_PER_DAY, MICROS_PER_HOUR, MICROS_PER_MINUTE } from "../kernel/time.ts";
import type { Alert } from "../monitoring/alert.ts";
import { createMonitorConsumer, type MonitorConsumer } from "../monitoring/consumer.ts";
import { days, history, perDay, policy, reference } from "../monitoring/consumer.fixture.ts";
import type { MonitorEvent } from "../monitoring/monitor.ts";
import { createMonitoring, type MonitoringStore } from "../monitoring/store.ts";
import { monitoringMigrations } from "../monitoring/tables.ts";
import { migrate } from "../storage/sql/migrate.ts";
import type { SqlDatabase } from "../storage/sql/port.ts";
import { openSqlite } from "../storage/sql/sqlite.ts";
import { createLiveWatch, liveMarginUs, type LiveWatch } from "./live-watch.ts";
import { EventClock } from "./platform.ts";

const profile = reference();
/** Long after the replayed history, which is of days 0 to 8. */
const today = 9_000 * MICROS_PER_DAY;
const replayedToUs = days * MICROS_PER_DAY;

let folder: string;
let database: SqlDatabase;
let store: MonitoringStore;
let log: FeedbackLog;
let reader: FeedbackReader;
let clock: ManualClock;
let eventClock: EventClock;
let events: MonitorEvent[];
let failures: string[];
let poked: string[];
let held: Set<string>;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "karkhana-live-"));
  database = await openSqlite(path.join(folder, "meta.db"));
  await migrate(database, monitoringMigrations);
  clock = new ManualClock(today);
  eventClock = new EventClock(clock);
  store = createMonitoring({ database, clock });
  log = await openFeedbackLog(path.join(folder, "log"), { fsyncIntervalMs: 1000 });
  reader = await readFeedback(path.join(folder, "log"));
  [events, failures, poked, held] = [[], [], [], new Set()];
});
afterEach(async () => {
  await reader.close();
  await log.close();
  await database.close();
  await rm(folder, { recursive: true, force: true });
});

const consumerOf = (model: string): MonitorConsumer =>
  createMonitorConsumer({ model, policy, reader, store, loadProfile: (version) => Promise.resolve(version === 1 ? profile : undefined) });

/** As after a start of the control process. */
const watchOf = (
  consumers: ReadonlyMap<string, Pick<MonitorConsumer, "advanceLive">> = new Map([["m", consumerOf("m")]]),
  machineClock: { nowUs(): number } = clock,
): LiveWatch =>
  createLiveWatch({
    consumers,
    parity: { poke: (model) => void poked.push(model) },
    eventClock,
    machineClock,
    isHeld: (model) => Promise.resolve(held.has(model)),
    onEvents: (found) => void events.push(...found),
    onFailure: (model, error) => void failures.push(`${model}: ${String(error)}`),
  });

/** As the fixture's first day, which is like the reference, moved to another time. */
async function ask(fromUs: number, count: number, change: (record: PredictionRecord) => Partial<PredictionRecord> = () => ({})): Promise<void> {
  const first = history().flatMap(({ prediction }) => (prediction?.model === "m" && prediction.role === "champion" ? [prediction] : []));
  await log.logPredictions(
    first.slice(0, count).map((record, i) => {
      const moved = { ...record, id: `live-${fromUs}-${i}`, askedUs: fromUs + i, servedUs: fromUs + i };
      return { ...moved, ...change(moved) };
    }),
  );
}

/** What the loop does of its history: days played one by one, the monitors behind each. */
async function replay(fromDay = 0, toDay: number = days): Promise<void> {
  const consumer = consumerOf("m");
  for (let day = fromDay; day < toDay; day++) {
    const [fromUs, toUs] = [day * MICROS_PER_DAY, (day + 1) * MICROS_PER_DAY];
    const played = history().filter(({ atUs }) => atUs >= fromUs && atUs < toUs);
    await log.logPredictions(played.flatMap(({ prediction }) => prediction ?? []));
    await log.logLabels(played.flatMap(({ label }) => label ?? []));
    eventClock.follow(toUs);
    await consumer.advance(toUs);
  }
  eventClock.follow(undefined);
}

const alerts = (): Promise<Alert[]> => store.listAlerts({ model: "m" });
const windows = async (): Promise<[startUs: number, predictions: number][]> =>
  (await store.listDriftWindows("m", { version: 1 })).map(({ startUs, predictions }) => [startUs, predictions]);

test("questions of today are in a window once it has ended and a moment has passed, and their outcomes a day later", async () => {
  const watch = watchOf();
  await watch.round();
  await ask(today + MICROS_PER_HOUR, 200);
  const labels = Array.from({ length: 200 }, (_, i) => ({
    id: `live-${today + MICROS_PER_HOUR}-${i}`,
    model: "m",
    label: i % 2 === 0 ? (1 as const) : (0 as const),
    knownUs: today + 2 * MICROS_PER_HOUR,
  }));
  await log.logLabels(labels);
  clock.advanceTo(today + MICROS_PER_DAY + liveMarginUs - 1);
  await watch.round();
  expect(await windows()).toEqual([]);
  clock.advanceBy(1);
  await watch.round();
  expect(await windows()).toEqual([[today, 200]]);
  expect(await store.listQualityWindows("m")).toEqual([]);
  clock.advanceBy(MICROS_PER_DAY);
  await watch.round();
  expect(await store.listQualityWindows("m")).toMatchObject([{ startUs: today, predictions: 200, matured: 200 }]);
  expect(failures).toEqual([]);
});

test("inputs that moved away from the training's raise the drift alert after as many windows as declared, and it is told", async () => {
  const watch = watchOf();
  for (let day = 0; day < 3; day++) {
    await ask(today + day * MICROS_PER_DAY, 240, ({ vector }) => ({ vector: Float64Array.of(vector[0]!, vector[1]! + 0.8, vector[2]!) }));
    clock.advanceTo(today + (day + 1) * MICROS_PER_DAY + liveMarginUs);
    await watch.round();
  }
  expect((await alerts()).map(({ kind, raisedUs }) => [kind, raisedUs])).toEqual([["drift", today + 2 * MICROS_PER_DAY]]);
  expect(events.filter(({ kind }) => kind === "alert-raised")).toHaveLength(1);
});

test("the years between a replayed history and today are no outage, and fewer questions than were replayed no drop", async () => {
  await replay();
  const before = await alerts();
  const watch = watchOf();
  await watch.round();
  // Nobody asked since: the history stays as the loop left it.
  expect([events, (await store.loadState("m"))!.state.inputsClosedUs]).toEqual([[], replayedToUs]);
  for (let day = 0; day < 8; day++) {
    await ask(today + day * MICROS_PER_DAY, 100);
    clock.advanceTo(today + (day + 1) * MICROS_PER_DAY + liveMarginUs);
    await watch.round();
  }
  expect((await windows()).slice(days)).toEqual(Array.from({ length: 8 }, (_, day) => [today + day * MICROS_PER_DAY, 100]));
  const pipeline = (all: readonly Alert[]): Alert[] => all.filter(({ kind }) => kind === "pipeline");
  expect(pipeline(await alerts())).toEqual(pipeline(before));
  // A day of silence after seven of traffic is one; a year of it is not walked through, nor told again.
  clock.advanceTo(today + 9 * MICROS_PER_DAY + liveMarginUs);
  await watch.round();
  expect(pipeline(await alerts()).slice(0, 1)).toMatchObject([{ status: "open", raisedUs: today + 9 * MICROS_PER_DAY }]);
  const told = events.length;
  clock.advanceBy(365 * MICROS_PER_DAY);
  await watch.round();
  expect(events.length - told).toBeLessThanOrEqual(1);
  expect(pipeline(await alerts())).toHaveLength(pipeline(before).length + 1);
});

test("a control process that starts again in the midst goes on with the same windows", async () => {
  await replay();
  await ask(today, 60);
  clock.advanceBy(MICROS_PER_HOUR);
  await watchOf().round();
  await ask(today + MICROS_PER_HOUR, 60);
  clock.advanceBy(MICROS_PER_DAY);
  await watchOf().round();
  clock.advanceBy(MICROS_PER_DAY);
  await watchOf().round();
  expect((await windows()).slice(days)).toEqual([[today, 120]]);
  expect((await alerts()).filter(({ kind }) => kind === "pipeline")).toEqual([]);
});

test("a loop that was killed finds none of its days late, though questions of today came and were watched meanwhile", async () => {
  await replay(0, 4);
  held.add("m");
  await ask(today, 150);
  clock.advanceBy(3 * MICROS_PER_DAY);
  await watchOf().round();
  expect([events, poked]).toEqual([[], ["m"]]);
  await replay(4, days);
  expect((await windows()).map(([, predictions]) => predictions)).toEqual(Array.from({ length: days }, () => perDay));
  expect((await store.loadState("m"))!.state.latePredictions).toBe(0);
  held.clear();
  await watchOf().round();
  expect((await windows()).at(-1)).toEqual([today, 150]);
});

test("while a replay holds the clock nothing is closed and nothing is checked", async () => {
  await ask(today, 150);
  clock.advanceBy(3 * MICROS_PER_DAY);
  eventClock.follow(5 * MICROS_PER_DAY);
  await watchOf().round();
  expect([events, poked, await windows()]).toEqual([[], [], []]);
  eventClock.follow(undefined);
  await watchOf().round();
  expect(await windows()).toEqual([[today, 150]]);
});

test("a question of a time long closed is counted as late, one of a far time ahead is left out; neither opens a window", async () => {
  const watch = watchOf();
  await ask(today, 100);
  await watch.round();
  await ask(today + MICROS_PER_MINUTE, 20, ({ askedUs }) => ({ askedUs: askedUs - 400 * MICROS_PER_DAY }));
  await ask(today + 2 * MICROS_PER_MINUTE, 30, ({ askedUs }) => ({ askedUs: askedUs + 400 * MICROS_PER_DAY }));
  clock.advanceTo(today + MICROS_PER_DAY + liveMarginUs);
  await watch.round();
  clock.advanceBy(3 * MICROS_PER_DAY);
  await watch.round();
  expect(await windows()).toEqual([[today, 100]]);
  const { state } = (await store.loadState("m"))!;
  expect(state.latePredictions).toBe(50);
  // Nothing is held for it: a successor starts at the end of the log.
  expect(state.rebuildFrom.predictions).toBe(150);
});

test("a clock that is put back closes no window twice and moves no time back", async () => {
  let nowUs = today;
  const watch = watchOf(undefined, { nowUs: () => nowUs });
  await ask(today, 100);
  nowUs = today + MICROS_PER_DAY + liveMarginUs;
  await watch.round();
  nowUs = today - 3 * MICROS_PER_DAY;
  await ask(nowUs, 10);
  await watch.round();
  nowUs = today + 3 * MICROS_PER_DAY;
  await watch.round();
  expect(await windows()).toEqual([[today, 100]]);
  expect((await store.loadState("m"))!.state.inputsClosedUs).toBeGreaterThanOrEqual(today + MICROS_PER_DAY);
  expect(failures).toEqual([]);
});

test("a model whose monitors fail is told of once, again after a success, and keeps no other from being watched", async () => {
  let fails = true;
  const broken = { advanceLive: () => (fails ? Promise.reject(new Error("disk full")) : Promise.resolve([])) };
  await ask(today, 100);
  const watch = watchOf(
    new Map<string, Pick<MonitorConsumer, "advanceLive">>([
      ["broken", broken],
      ["m", consumerOf("m")],
    ]),
  );
  clock.advanceBy(2 * MICROS_PER_DAY);
  await watch.round();
  await watch.round();
  expect(failures).toEqual(["broken: Error: disk full"]);
  expect(await windows()).toEqual([[today, 100]]);
  expect(poked).toEqual(["broken", "m", "broken", "m"]);
  fails = false;
  await watch.round();
  fails = true;
  await watch.round();
  expect(failures).toHaveLength(2);
});
