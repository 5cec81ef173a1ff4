import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ManualClock } from "../kernel/clock.ts";
import { codeOf } from "../kernel/error.ts";
import { seededRng } from "../kernel/rng.ts";
import { MICROS_PER_DAY, MICROS_PER_HOUR } from "../kernel/time.ts";
import { openFeedbackLog, readFeedback, type FeedbackLog, type FeedbackReader } from "../feedback/log.ts";
import { migrate } from "../storage/sql/migrate.ts";
import type { SqlDatabase } from "../storage/sql/port.ts";
import { openSqlite } from "../storage/sql/sqlite.ts";
import { createMonitorConsumer, type MonitorConsumer } from "./consumer.ts";
import { days, history, perDay, policy, reference, type Happening } from "./consumer.fixture.ts";
import { createMonitoring, type MonitoringStore } from "./store.ts";
import { monitoringMigrations } from "./tables.ts";

describe("monitor consumer", () => {
  let folder: string;
  let database: SqlDatabase;
  let store: MonitoringStore;
  let log: FeedbackLog;
  let reader: FeedbackReader;
  let failsBeforeCommit = false;

  const open = async (): Promise<void> => {
    folder = await mkdtemp(path.join(tmpdir(), "karkhana-monitor-"));
    database = await openSqlite(path.join(folder, "meta.db"));
    await migrate(database, monitoringMigrations);
    const { dialect, db } = database;
    const transaction: SqlDatabase["transaction"] = (work) =>
      database.transaction(async (trx) => {
        const result = await work(trx);
        if (failsBeforeCommit) throw new Error("killed before the commit");
        return result;
      });
    store = createMonitoring({
      database: { dialect, db, transaction, readApart: (query) => database.readApart(query), close: () => database.close() },
      clock: new ManualClock(5),
    });
    log = await openFeedbackLog(path.join(folder, "log"), { fsyncIntervalMs: 1000 });
    reader = await readFeedback(path.join(folder, "log"));
  };
  const close = async (): Promise<void> => {
    await reader.close();
    await log.close();
    await database.close();
    await rm(folder, { recursive: true, force: true });
  };
  beforeEach(open);
  afterEach(close);

  const profile = reference();
  const consumer = (batchSize = 500): MonitorConsumer =>
    createMonitorConsumer({ model: "m", policy, reader, store, batchSize, loadProfile: (version) => Promise.resolve(version === 1 ? profile : undefined) });

  const append = async (happenings: readonly Happening[]): Promise<void> => {
    await log.logPredictions(happenings.flatMap((h) => h.prediction ?? []));
    await log.logLabels(happenings.flatMap((h) => h.label ?? []));
  };

  const everything = async (): Promise<unknown> => ({
    drift: await store.listDriftWindows("m"),
    quality: await store.listQualityWindows("m"),
    slots: { a: await store.slotSeries("m", "a"), b: await store.slotSeries("m", "b"), score: await store.slotSeries("m", "score") },
    alerts: await store.listAlerts(),
    late: (await store.loadState("m"))?.state.latePredictions,
  });

  /** Replays the history in steps; `restartBefore(step)` throws the consumer away, as a kill between two calls does. */
  const replay = async (stepUs: number, restartBefore: (step: number) => boolean, crashInCommit: (step: number) => boolean = () => false): Promise<unknown> => {
    const happenings = history();
    const endUs = (days + 4) * MICROS_PER_DAY;
    let monitor = consumer();
    let next = 0;
    for (let step = 0, atUs = stepUs; atUs <= endUs + stepUs; step++, atUs += stepUs) {
      const from = next;
      while (next < happenings.length && happenings[next]!.atUs <= atUs) next++;
      await append(happenings.slice(from, next));
      if (restartBefore(step)) monitor = consumer(1 + (step % 700));
      if (crashInCommit(step)) {
        failsBeforeCommit = true;
        await monitor.advance(atUs).catch((error: unknown) => expect(String(error)).toContain("killed before the commit"));
        // Left armed if nothing was to be committed.
        failsBeforeCommit = false;
      }
      await monitor.advance(atUs);
    }
    return everything();
  };

  it("restarts at random moments, refused commits included, change nothing of what is stored", async () => {
    const expected = await replay(6 * MICROS_PER_HOUR, () => false);
    await close();
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 1e6 }), fc.constantFrom(3, 6, 24, 31), async (seed, hours) => {
        await open();
        const rng = seededRng(seed);
        expect(
          await replay(
            hours * MICROS_PER_HOUR,
            () => rng.next() < 0.3,
            () => rng.next() < 0.2,
          ),
        ).toEqual(expected);
        await close();
      }),
      { numRuns: 8 },
    );
    await open();
  });

  it("stores every window once with what really happened in it", async () => {
    await replay(6 * MICROS_PER_HOUR, () => false);
    const drift = await store.listDriftWindows("m", { version: 1 });
    expect(drift.map((window) => window.predictions)).toEqual(Array.from({ length: days }, () => perDay));
    const quality = await store.listQualityWindows("m", { version: 1 });
    expect(quality).toHaveLength(days);
    // Of 240: 12 never labelled, 8 only after the horizon of at most 48 hours.
    for (const window of quality) {
      expect(window.predictions).toBe(perDay);
      expect(window.matured).toBeGreaterThanOrEqual(perDay - 20);
      expect(window.matured).toBeLessThanOrEqual(perDay - 12);
    }
    expect((await store.listDriftWindows("m", { version: 2 })).every((window) => window.notJudged === "no-profile" && window.role === "shadow")).toBe(true);
  });

  it("raises one drift and one quality alert, naming the slot and the figures", async () => {
    await replay(6 * MICROS_PER_HOUR, () => false);
    const alerts = await store.listAlerts({ model: "m" });
    const drift = alerts.filter((alert) => alert.kind === "drift");
    const quality = alerts.filter((alert) => alert.kind === "quality");
    expect(drift).toHaveLength(1);
    expect(drift[0]!.findings[0]!.subject).toBe("b");
    // Over since day 3, raised when day 4 closed.
    expect(drift[0]!.sinceUs).toBe(3 * MICROS_PER_DAY);
    expect(drift[0]!.raisedUs).toBe(5 * MICROS_PER_DAY);
    expect(quality).toHaveLength(1);
    // Days 4 and 5 rank no better than chance; day 5 could be judged a day after its end.
    expect(quality[0]!.sinceUs).toBe(4 * MICROS_PER_DAY);
    expect(quality[0]!.raisedUs).toBe(7 * MICROS_PER_DAY);
    expect(quality[0]!.summary).toMatch(/^auc: realised AUC, upper end 0\.\d+ below 0\.810, 2 windows in a row$/);
    // The traffic ends on day 9: a pipeline alert, and nothing else.
    expect(alerts.filter((alert) => alert.kind === "pipeline").map((alert) => [alert.findings[0]!.subject, alert.raisedUs])).toEqual([
      ["volume", 10 * MICROS_PER_DAY],
    ]);
  });

  it("a day replayed after a crash, its answers and labels logged a second time, counts once", async () => {
    const toDayFour = history().filter((h) => h.atUs < 4 * MICROS_PER_DAY);
    const lastDay = toDayFour.filter((h) => h.atUs >= 3 * MICROS_PER_DAY);
    const atEnd = 8 * MICROS_PER_DAY;
    await append(toDayFour);
    await consumer().advance(atEnd);
    const expected = await everything();
    await close();
    await open();
    await append(toDayFour);
    const before = consumer();
    // Read before the crash, in the midst of the day, and after it.
    await before.advance(3 * MICROS_PER_DAY);
    await append(lastDay);
    await before.poll();
    await append(lastDay);
    await consumer().advance(atEnd);
    expect((await store.listDriftWindows("m", { version: 1 })).map((window) => window.predictions)).toEqual([perDay, perDay, perDay, perDay]);
    expect(await everything()).toEqual(expected);
  });

  it("a second consumer of the same model is refused and writes nothing", async () => {
    const happenings = history();
    await append(happenings.filter((h) => h.atUs < 3 * MICROS_PER_DAY));
    const first = consumer();
    const second = consumer();
    await first.poll();
    await second.poll();
    expect(await first.advance(2 * MICROS_PER_DAY)).not.toHaveLength(0);
    const before = await everything();
    await expect(second.advance(2 * MICROS_PER_DAY)).rejects.toSatisfy((error) => codeOf(error) === "MONITORING_CONFLICT");
    expect(await everything()).toEqual(before);
    // Its next call starts from what is stored, and goes on where the first one left off.
    expect((await second.advance(3 * MICROS_PER_DAY)).length).toBeGreaterThan(0);
  });

  it("a prediction that comes after its window has closed is counted as late, once, and changes no window", async () => {
    const happenings = history().filter((h) => h.atUs < 3 * MICROS_PER_DAY);
    await append(happenings);
    await consumer().advance(2 * MICROS_PER_DAY);
    const before = await store.listDriftWindows("m");
    await log.logPredictions([{ ...happenings[0]!.prediction!, id: "late" }]);
    await consumer().advance(3 * MICROS_PER_DAY);
    await consumer().advance(4 * MICROS_PER_DAY);
    expect((await store.loadState("m"))!.state.latePredictions).toBe(1);
    expect((await store.listDriftWindows("m")).slice(0, before.length)).toEqual(before);
  });
});
