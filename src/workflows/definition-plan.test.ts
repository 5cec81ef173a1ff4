import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { csv } from "../data/source.ts";
import { createDefinitionHistory, featureMigrations, type DefinitionHistory } from "../features/definition-history.ts";
import { derivedFeatures, entity, featureView, featureViewHash, latest, window } from "../features/definition.ts";
import { model, type ModelDefinition } from "../project/definition.ts";
import type { SqlDatabase } from "../storage/sql/port.ts";
import { migrate } from "../storage/sql/migrate.ts";
import { openSqlite } from "../storage/sql/sqlite.ts";
import { currentDefinitions, planDefinitions, planText, type DefinitionRooms } from "./definition-plan.ts";

let folder: string;
let database: SqlDatabase;
let history: DefinitionHistory;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "karkhana-definitions-"));
  database = await openSqlite(path.join(folder, "meta.db"));
  await migrate(database, featureMigrations);
  history = createDefinitionHistory(database);
});
afterAll(async () => {
  await database.close();
  await rm(folder, { recursive: true });
});

const visits = (knownTime?: string) =>
  csv("visits", {
    path: "visits.csv",
    eventTime: "at",
    schema: { at: "timestamp", city: "string", spent: "float64" },
    ...(knownTime === undefined ? {} : { knownTime }),
  });
function buyer(options: { window?: string; knownTime?: string; code?: number; withMood?: boolean } = {}): ModelDefinition {
  const source = visits(options.knownTime);
  const of = { entity: entity("city", { keys: ["city"] }), source, on: { city: "city" } } as const;
  const busy = featureView("busy", { ...of, features: { visits: window(options.window ?? "1h").count() } });
  const rich = featureView("rich", { ...of, ttl: "1d", features: { spent: latest("spent") } });
  const share =
    options.code === undefined
      ? []
      : [derivedFeatures("share", { inputs: ["busy.visits"], outputs: ["half"], compute: (x) => ({ half: x["busy.visits"] / 2 }) })];
  return model("buyer", {
    spine: source,
    request: ["city"],
    label: "spent > 5",
    features: [busy.at({ city: "city" }), ...(options.withMood === false ? [] : [rich.at({ city: "city" })]), ...share],
    trainer: { gbdt: {} },
    training: { from: "2024-01-01", validFrom: "2024-02-01", holdoutFrom: "2024-03-01", to: "2024-04-01" },
  });
}

const registry = (trainedOn: ModelDefinition): DefinitionRooms["registry"] => ({
  getDeployment: async (name) => ({ model: name, revision: 1, champion: 3, challengers: [], shadows: [4], salt: "", reason: "", changedUs: 0 }),
  getVersion: async (_name, version) => ({ serviceHash: version === 3 ? trainedOn.service.hash : "another" }),
});

test("a start says which view changed and how, who reads it, what is refused, filled and trained; adopting it ends the news", async () => {
  const before = buyer();
  const rooms = (now: ModelDefinition) => ({
    models: [now],
    history,
    registry: registry(before),
    isFilled: async (hash: string) => hash === featureViewHash(rich(before)),
  });
  const rich = (of: ModelDefinition) => of.service.features.flatMap((f) => (f.kind === "featureReference" && f.view.name === "rich" ? [f.view] : []))[0]!;
  const first = await planDefinitions(rooms(before));
  expect([first.isFirst, first.views.map((v) => v.from), first.services.map((s) => s.mustTrain)]).toEqual([true, [null, null], [false]]);
  expect(await history.adopt(currentDefinitions([before]), 1)).toHaveLength(3);
  expect(await history.adopt(currentDefinitions([before]), 2)).toEqual([]);
  expect(planText(await planDefinitions(rooms(before)))).toEqual([]);

  const now = buyer({ window: "2h" });
  const plan = await planDefinitions(rooms(now));
  expect(plan.views).toMatchObject([
    { view: "busy", models: ["buyer"], mustFill: true, changes: [{ part: "feature visits", from: "count over 1h", to: "count over 2h" }] },
  ]);
  expect(plan.services).toMatchObject([
    {
      model: "buyer",
      from: before.service.hash,
      to: now.service.hash,
      mustTrain: true,
      versions: [
        { version: 3, role: "champion", isRefused: true },
        { version: 4, role: "shadow", isRefused: true },
      ],
    },
  ]);
  expect(plan.services[0]?.changes.map(({ part }) => part)).toEqual(["view busy as busy"]);
  const text = planText(plan).join("\n");
  expect(text).toContain("feature visits: count over 1h -> count over 2h");
  expect(text).toContain("karkhana features materialize --view busy");
  expect(text).toContain("version 3 (champion) reads the definition before: serving refuses it with SERVICE_MISMATCH");
  expect((await history.adopt(currentDefinitions([now]), 3)).map(({ name, position }) => [name, position])).toEqual([
    ["busy", 1],
    ["buyer", 1],
  ]);
});

test("a source's meaning is part of each view over it, code of a computed feature is told apart, a view that left is gone, and may come back", async () => {
  const changed = await planDefinitions({
    models: [buyer({ window: "2h", knownTime: "at + hours(1)", code: 1 })],
    history,
    registry: registry(buyer()),
    isFilled: async () => true,
  });
  expect(changed.views.map(({ view, changes }) => [view, changes.map(({ part, kind }) => `${kind} ${part}`)])).toEqual([
    ["busy", ["added source visits, knownTime"]],
    ["rich", ["added source visits, knownTime"]],
  ]);
  expect(changed.services[0]?.changes.map(({ part, kind }) => `${kind} ${part}`)).toContain("added computed share");
  await history.adopt(currentDefinitions([buyer({ window: "2h", withMood: false })]), 4);
  expect((await history.newest()).map(({ name, hash }) => [name, hash === null])).toEqual(
    expect.arrayContaining([
      ["rich", true],
      ["busy", false],
      ["buyer", false],
    ]),
  );
  const back = await planDefinitions({ models: [buyer({ window: "2h" })], history, registry: registry(buyer()), isFilled: async () => true });
  expect(back.views).toMatchObject([{ view: "rich", from: null, mustFill: false }]);
  await history.adopt(currentDefinitions([buyer({ window: "2h" })]), 5);
  expect((await history.versions("view", "rich")).map(({ hash, position }) => [hash === null, position])).toEqual([
    [false, 2],
    [true, 1],
    [false, 0],
  ]);
});

test("of two processes that adopt at once one is told", async () => {
  const other = createDefinitionHistory(database);
  const results = await Promise.allSettled([
    history.adopt(currentDefinitions([buyer({ window: "5h" })]), 6),
    other.adopt(currentDefinitions([buyer({ window: "5h" })]), 6),
  ]);
  expect((await history.versions("view", "busy")).map(({ position }) => position)).toEqual([2, 1, 0]);
  expect(results.filter(({ status }) => status === "fulfilled").length).toBeGreaterThanOrEqual(1);
});
