import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, it } from "vitest";
import { openFeedbackLog } from "../../src/feedback/log.ts";
import { ManualClock } from "../../src/kernel/clock.ts";
import { seededRng } from "../../src/kernel/rng.ts";
import { days, history } from "../../src/monitoring/consumer.fixture.ts";
import { createMonitoring } from "../../src/monitoring/store.ts";
import { monitoringMigrations } from "../../src/monitoring/tables.ts";
import { migrate } from "../../src/storage/sql/migrate.ts";
import { openSqlite } from "../../src/storage/sql/sqlite.ts";
import { shotEnvironment, shotFlags } from "./shot.ts";

const child = path.join(import.meta.dirname, "monitor-killed.child.ts");

/** Runs the monitors once; killed `afterMs` after they have told something for the first time, if there is still anything to be told. @returns whether they were */
async function run(folder: string, file: string, afterMs?: number): Promise<boolean> {
  const env = afterMs === undefined ? process.env : shotEnvironment({ line: 1, afterMs, more: 3 });
  const monitors = spawn(process.execPath, [...shotFlags(), child, folder, file], { stdio: ["ignore", "ignore", "inherit"], env });
  const signal = await new Promise<NodeJS.Signals | null>((resolve, reject) => {
    monitors.on("error", reject);
    monitors.on("close", (_, by) => resolve(by));
  });
  return signal === "SIGKILL";
}

async function stored(file: string): Promise<unknown> {
  const database = await openSqlite(file);
  const store = createMonitoring({ database, clock: new ManualClock(5) });
  const everything = [
    await store.listDriftWindows("m"),
    await store.listQualityWindows("m"),
    await store.slotSeries("m", "b"),
    await store.listAlerts(),
    (await store.loadState("m"))?.state.alerts,
  ];
  await database.close();
  return everything;
}

it("killed monitors go on where they were: every window and alert is there, once, as if nothing had happened", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "karkhana-monitor-killed-"));
  const log = await openFeedbackLog(path.join(folder, "log"));
  await log.logPredictions(history().flatMap((happening) => happening.prediction ?? []));
  await log.logLabels(history().flatMap((happening) => happening.label ?? []));
  await log.close();
  for (const file of ["calm.db", "killed.db"]) {
    const database = await openSqlite(path.join(folder, file));
    await migrate(database, monitoringMigrations);
    await database.close();
  }
  expect(await run(folder, "calm.db")).toBe(false);

  const rng = seededRng("kills");
  let kills = 0;
  // Each gets further than the one before: one that is shot has told something that is on disk.
  while (await run(folder, "killed.db", rng.int(25))) kills++;
  expect(kills).toBeGreaterThan(2);
  const expected = await stored(path.join(folder, "calm.db"));
  expect(expected).toEqual(
    expect.arrayContaining([expect.arrayContaining([expect.objectContaining({ kind: "drift", startUs: (days - 1) * 86_400_000_000 })])]),
  );
  expect(await stored(path.join(folder, "killed.db"))).toEqual(expected);
  await rm(folder, { recursive: true });
});
