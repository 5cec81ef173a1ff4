import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ManualClock } from "../kernel/clock.ts";
import { createParityStore } from "../monitoring/parity-store.ts";
import { monitoringMigrations } from "../monitoring/tables.ts";
import { migrate } from "../storage/sql/migrate.ts";
import type { SqlDatabase } from "../storage/sql/port.ts";
import { openSqlite } from "../storage/sql/sqlite.ts";
import { createParityWatch, type ParityWatch, type ParityWatchInput } from "./parity-watch.ts";

let folder: string;
let database: SqlDatabase;
let nowMs: number;
let looked: string[];
let failures: string[];
let watch: ParityWatch;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "karkhana-parity-watch-"));
  database = await openSqlite(path.join(folder, "meta.db"));
  await migrate(database, monitoringMigrations);
  [nowMs, looked, failures] = [0, [], []];
});
afterEach(async () => {
  await watch.close();
  await database.close();
  await rm(folder, { recursive: true, force: true });
});

function watchOver(predictions: number, inputOf: () => Promise<ParityWatchInput | undefined>): void {
  watch = createParityWatch({
    store: createParityStore(database),
    reader: { ends: () => Promise.resolve({ predictions, labels: 0 }) },
    timerMs: () => nowMs,
    clock: new ManualClock(0),
    inputOf: (model) => {
      looked.push(model);
      return inputOf();
    },
    onAlert: () => undefined,
    onFailure: (model, error) => void failures.push(`${model}: ${String(error)}`),
  });
}

/** Models that are poked together, and everything that came of it. */
async function poke(...models: readonly string[]): Promise<void> {
  for (const model of models) watch.poke(model);
  // Whoever drains waits for its turn; a model that was asked nothing is left alone then.
  await watch.drain("nobody's", () => undefined).catch(() => undefined);
  looked = looked.filter((model) => model !== "nobody's");
}

test("each of several models that are poked together is looked at, a minute after its first traffic and not sooner", async () => {
  watchOver(10, () => Promise.resolve(undefined));
  await poke("a", "b", "c");
  expect(looked).toEqual([]);
  nowMs = 59_999;
  await poke("a", "b", "c");
  expect(looked).toEqual([]);
  nowMs = 60_000;
  await poke("a", "b", "c");
  expect(looked).toEqual(["a", "b", "c"]);
  await poke("a", "b", "c");
  expect(looked).toEqual(["a", "b", "c"]);
});

test("much traffic is looked at without waiting, none never", async () => {
  watchOver(80_000, () => Promise.resolve(undefined));
  await poke("a");
  expect(looked).toEqual(["a"]);
  await watch.close();
  looked = [];
  watchOver(0, () => Promise.resolve(undefined));
  await poke("a");
  nowMs = 3_600_000;
  await poke("a");
  expect(looked).toEqual([]);
});

test("a check that fails the same way again is tried again and told once; after another outcome it is told anew", async () => {
  let outcome: "lost" | "away" | "nothing" = "lost";
  watchOver(80_000, () => (outcome === "nothing" ? Promise.resolve(undefined) : Promise.reject(new Error(outcome))));
  await poke("a");
  await poke("a");
  expect([looked, failures]).toEqual([["a", "a"], ["a: Error: lost"]]);
  outcome = "away";
  await poke("a");
  outcome = "nothing";
  await poke("a");
  outcome = "away";
  await poke("a");
  expect(failures).toEqual(["a: Error: lost", "a: Error: away", "a: Error: away"]);
});
