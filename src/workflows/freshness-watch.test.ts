import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { csv } from "../data/source.ts";
import { entity, featureView, latest, window } from "../features/definition.ts";
import { createOnlineFeatures } from "../features/online/online-features.ts";
import { ManualClock } from "../kernel/clock.ts";
import { MICROS_PER_DAY, MICROS_PER_HOUR, MICROS_PER_SECOND } from "../kernel/time.ts";
import type { Alert } from "../monitoring/alert.ts";
import { createMonitoring } from "../monitoring/store.ts";
import { monitoringMigrations } from "../monitoring/tables.ts";
import { model } from "../project/definition.ts";
import { openMemoryStore } from "../storage/kv/memory.ts";
import { migrate } from "../storage/sql/migrate.ts";
import { openSqlite } from "../storage/sql/sqlite.ts";
import { createFreshnessWatch, type FreshnessWatch } from "./freshness-watch.ts";

const source = csv("visits", { path: "visits.csv", eventTime: "at", schema: { at: "timestamp", city: "string", spent: "float64" } });
const of = { entity: entity("city", { keys: ["city"] }), source, on: { city: "city" } } as const;
const watched = featureView("watched", { ...of, freshness: "2h", features: { visits: window("1h").count() } });
const free = featureView("free", { ...of, features: { spent: latest("spent") } });
const buyer = model("buyer", {
  spine: source,
  request: ["city"],
  label: "spent > 5",
  features: [watched.at({ city: "city" }), free.at({ city: "city" })],
  trainer: { gbdt: {} },
  training: { from: "2024-01-01", validFrom: "2024-02-01", holdoutFrom: "2024-03-01", to: "2024-04-01" },
});
const noon = 20_000 * MICROS_PER_DAY;

test("a view whose newest event is older than it declares raises one alert, kept over a restart; a new event resolves it", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "karkhana-freshness-"));
  const database = await openSqlite(path.join(folder, "meta.db"));
  await migrate(database, monitoringMigrations);
  const store = openMemoryStore();
  const online = createOnlineFeatures({ store, views: [watched, free] });
  const clock = new ManualClock(noon);
  const alerts: Alert[] = [];
  const open = (): FreshnessWatch =>
    createFreshnessWatch({
      models: [buyer],
      database,
      openOnlineStore: async () => ({ ...store, close: async () => {} }),
      clock,
      onAlert: (a) => alerts.push(a),
    });
  const push = (at: number, sequence: number) => online.ingest("visits", [{ at, city: "Pune", spent: 1 }], { producer: "p", sequence });
  let watch = open();
  await watch.check();
  expect(alerts).toEqual([]);
  await push(noon, 0);
  clock.advanceBy(2 * MICROS_PER_HOUR);
  await watch.check();
  expect(alerts).toEqual([]);
  clock.advanceBy(MICROS_PER_SECOND);
  await watch.check();
  expect(alerts).toMatchObject([
    { model: "buyer", kind: "freshness", status: "open", findings: [{ subject: "watched", measure: "event-age", threshold: 120 }] },
  ]);
  expect(alerts[0]?.summary).toBe("watched: minutes since the newest event 120 above 120");
  await watch.close();
  watch = open();
  await watch.check();
  expect(alerts).toHaveLength(1);
  await push(clock.nowUs(), 1);
  await watch.check();
  expect(alerts[1]).toMatchObject({ id: alerts[0]!.id, status: "resolved", resolvedUs: clock.nowUs() });
  const stored = await createMonitoring({ database, clock }).listAlerts({ model: "buyer" });
  expect(stored.map(({ kind, status }) => [kind, status])).toEqual([["freshness", "resolved"]]);
  await watch.close();
  await database.close();
  await rm(folder, { recursive: true });
});
