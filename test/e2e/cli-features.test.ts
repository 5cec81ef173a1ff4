import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { relationOf } from "../../src/data/relation.ts";
import type { FeatureService } from "../../src/features/definition.ts";
import { offlineVectors } from "../../src/features/offline/vectors.ts";
import { createOnlineFeatures } from "../../src/features/online/online-features.ts";
import { parseIso } from "../../src/kernel/time.ts";
import { viewsOf } from "../../src/project/definition.ts";
import { loadProject } from "../../src/project/load.ts";
import { openStores } from "../../src/server/compose.ts";
import { openDuckDb } from "../../src/storage/duckdb/duckdb.ts";
import { openLmdb } from "../../src/storage/kv/lmdb.ts";
import { karkhana } from "./command.ts";
import { openShop, type Shop } from "./shop.ts";

/** `karkhana features`: filling the online store, in parts, with late rows, and through a kill -9. */
let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
});
afterAll(() => shop.close());

interface Line {
  readonly event?: string;
  readonly rows: number;
  readonly slices: number;
  readonly views: number;
  readonly mark: { readonly numRows: number } | null;
}

async function features(...args: string[]): Promise<Line[]> {
  const { status, stdout, stderr } = await karkhana(["features", ...args, "--project", shop.project, "--json"]);
  expect([status, stderr]).toEqual([0, ""]);
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
}

/** Vectors of a hundred customers late in the year from the online store, and from the file. */
async function bothEngines(): Promise<{ readonly online: number[][]; readonly offline: number[][] }> {
  const { definition } = await loadProject(shop.project);
  const views = viewsOf(definition.models[0]!.service);
  const service: FeatureService = {
    ...definition.models[0]!.service,
    features: definition.models[0]!.service.features.filter((f) => f.kind === "featureReference"),
    slots: [],
  };
  const slots = service.features.flatMap((f) =>
    f.kind === "featureReference" ? Object.keys(f.view.features).map((name) => ({ name: `${f.prefix}.${name}`, type: "numeric" as const })) : [],
  );
  const only = { ...service, slots };
  const askedUs = parseIso("2024-12-20");
  const foundTypes = Object.fromEntries(Object.keys(views[0]!.source.schema).map((name) => [name, "VARCHAR"]));
  const duck = await openDuckDb({ threads: 1 });
  const store = openLmdb(shop.at("shop", ".karkhana", "online"));
  try {
    const spine = `SELECT i AS _row, CAST(${askedUs} AS BIGINT) AS _event, 'c' || i AS customer FROM range(100) t(i)`;
    const offline: number[][] = [];
    const relations = (): string => relationOf(views[0]!.source, { numQuarantined: 0, foundTypes }, shop.project);
    for await (const chunk of offlineVectors(duck, { service: only, spine, relations }))
      for (let i = 0; i < chunk.numRows; i++) offline.push(chunk.columns.map((column) => Number(column[i])));
    const read = createOnlineFeatures({ store, views }).reader(only);
    const online: number[][] = [];
    for (let i = 0; i < 100; i++) {
      const out = new Float64Array(slots.length);
      await read(askedUs, { customer: `c${i}` }, out, 0);
      online.push([...out]);
    }
    return { online, offline };
  } finally {
    await store.close();
    await duck.close();
  }
}

test("a backfill killed half-way goes on where it stopped, and what is loaded is what the file says", async () => {
  const main = path.join(import.meta.dirname, "../../src/cli/main.ts");
  const args = ["features", "backfill", "--project", shop.project, "--until", "2024-12-01", "--slice-rows", "500"];
  // One that comes to its end before it can be shot is no backfill killed half-way: then another is.
  let last = await lastRun();
  do {
    const before = last?.runId;
    const child = spawn(process.execPath, [main, ...args], { stdio: "ignore" });
    const ended = once(child, "exit");
    while (child.exitCode === null && (last?.runId === before || last!.slices < 2)) last = await lastRun();
    child.kill("SIGKILL");
    await ended;
    last = await lastRun();
  } while (last?.state === "succeeded");
  const [resumed, filled] = await features("backfill", "--until", "2024-12-01", "--slice-rows", "500");
  expect(resumed).toMatchObject({ event: "resumed" });
  expect(filled!.slices).toBeGreaterThanOrEqual(5);
  const [listed] = await features("list");
  expect(listed!.mark).toMatchObject({ numRows: 3000 });
});

async function lastRun(): Promise<{ readonly runId: string; readonly state: string; readonly slices: number } | undefined> {
  const stores = await openStores(shop.at("shop", ".karkhana"), {});
  try {
    const [run] = await stores.pipelines.listRuns();
    if (run === undefined) return undefined;
    const { runId, state, steps } = run;
    return { runId, state, slices: steps.filter((step) => step.stepId.startsWith("slice") && step.state === "succeeded").length };
  } finally {
    await stores.close();
  }
}

test("an incremental run loads what became known since, and rows that came late to the file; then nothing is lacking", async () => {
  // Known long before the last run's time, and not in the file then.
  appendFileSync(shop.at("churn.csv"), "2024-11-20 08:00:00,c7,11.5,pro,true\n2024-11-21 08:00:00,c8,12.5,basic,false\n");
  const [filled] = await features("materialize", "--until", "2024-12-20");
  expect(filled!.rows).toBeGreaterThan(2);
  expect(filled!.rows).toBeLessThan(400);
  const { online, offline } = await bothEngines();
  expect(online).toEqual(offline);
  expect(online.flat().filter((value) => value > 0).length).toBeGreaterThan(50);
  expect((await features("materialize", "--until", "2024-12-20"))[0]).toMatchObject({ rows: 0, slices: 0 });
});

test("a file of questions is joined with the features of its past", async () => {
  writeFileSync(shop.at("asked.csv"), "customer,when\nc7,2024-02-01 00:00:00\nc7,2024-12-20 00:00:00\n");
  const [written] = await features("historical", "--spine", shop.at("asked.csv"), "--time", "when", "--out", shop.at("out.parquet"));
  expect(written).toMatchObject({ event: "written", rows: 2 });
  const duck = await openDuckDb({ threads: 1 });
  try {
    const rows = await duck.rows(`SELECT * FROM read_parquet('${shop.at("out.parquet")}')`);
    expect(rows).toHaveLength(2);
    expect(rows[0]).not.toEqual({ ...rows[1], when: rows[0]!["when"] });
  } finally {
    await duck.close();
  }
});

test("another action, and a view that no model reads, are refused by name", async () => {
  const wrong = await karkhana(["features", "dance", "--project", shop.project]);
  expect([wrong.status, wrong.stderr]).toEqual([
    1,
    expect.stringContaining("expected list, profile, diff, nearest, materialize, backfill, quarantine or historical"),
  ]);
  const unknown = await karkhana(["features", "list", "--view", "nobody", "--project", shop.project]);
  expect([unknown.status, unknown.stderr]).toEqual([1, expect.stringContaining("no model reads such a view")]);
});

test("a dry run says what the next start would find new and changes nothing; a profile says that nothing was looked up yet", async () => {
  const plan = async (): Promise<unknown> => (await features("diff"))[0];
  const { models } = (await loadProject(shop.project)).definition;
  const views = viewsOf(models[0]!.service).map(({ name }) => name);
  const first = await plan();
  expect(first).toMatchObject({ isFirst: true, views: views.map((view) => ({ view, from: null, models: [models[0]!.name] })) });
  expect(await plan()).toEqual(first);
  const profiles = (await features("profile")) as unknown as { readonly view: string; readonly lookups: number }[];
  expect(profiles.map(({ view, lookups }) => [view, lookups])).toEqual(views.map((view) => [view, 0]));
});
