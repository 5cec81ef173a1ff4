import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { seededRng } from "../../src/kernel/rng.ts";
import { formatIso, MICROS_PER_DAY } from "../../src/kernel/time.ts";
import type { Alert, ModelDetail, Monitoring } from "../../src/server/api.ts";
import type { Parity } from "../../src/server/api-features.ts";
import { karkhana, karkhanaUp } from "./command.ts";

const shops = ["a", "b", "c", "d", "e"];
const startedUs = Date.now() * 1000;
/** Everything of the past is as long ago whatever the hour, so that every run trains the same model. */
const midnightUs = Math.floor(startedUs / MICROS_PER_DAY) * MICROS_PER_DAY;
const daysAgo = (days: number): string => formatIso(midnightUs - days * MICROS_PER_DAY).slice(0, 10);

/** Orders of the last weeks in a file; whether one is large shows in its hint. */
const projectText = `
import { csv, entity, featureView, model, numeric, project, window } from "karkhana";
const orders = csv("orders", { path: "orders.csv", schema: { at: "timestamp", shop: "string", hint: "float64", amount: "float64" }, eventTime: "at" });
const past = featureView("past", {
  entity: entity("shop", { keys: ["shop"] }), source: orders, on: { shop: "shop" },
  features: { orders: window("30d").count(), spent: window("30d").sum("amount") },
});
export default project("orders", { models: [model("large", {
  spine: orders, request: ["shop", "hint"], label: "amount > 5", features: [past.at({ shop: "shop" }), numeric("hint")],
  trainer: { gbdt: { numIterations: 20, numLeaves: 7 } },
  training: { from: "${daysAgo(90)}", validFrom: "${daysAgo(60)}", holdoutFrom: "${daysAgo(40)}", to: "${daysAgo(1)}" },
  gates: { minAuc: 0.55, maxEce: 0.5 },
  monitors: { window: "1s", consecutive: 1, psiBand: 1 },
  retrain: { on: [] },
})] });
`;

let folder: string;
let places: string[];
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "karkhana-cli-live-"));
  mkdirSync(path.join(folder, "project"));
  writeFileSync(path.join(folder, "project", "karkhana.project.ts"), projectText);
  const rng = seededRng("orders");
  const rows = Array.from({ length: 6000 }, (_, i) => {
    const amount = rng.int(41) / 4;
    const hint = (amount > 5 ? 1 : 0) + rng.next();
    return `${formatIso(midnightUs - 130 * MICROS_PER_DAY + Math.floor((i / 6000) * 130 * MICROS_PER_DAY))},${shops[rng.int(5)]},${hint},${amount}`;
  });
  writeFileSync(path.join(folder, "project", "orders.csv"), `at,shop,hint,amount\n${rows.join("\n")}\n`);
  places = ["--project", path.join(folder, "project"), "--data", path.join(folder, "data")];
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function post(url: string, body: unknown): Promise<unknown> {
  const reply = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  expect([reply.status, reply.status === 200 ? "" : await reply.clone().text()]).toEqual([200, ""]);
  return reply.json();
}

async function until<T>(url: string, fits: (found: T) => boolean): Promise<T> {
  for (;;) {
    const found = (await (await fetch(url)).json()) as T;
    if (fits(found)) return found;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

test("questions of today, asked of `karkhana up` with no replay anywhere: their windows, their drift and the parity of their vectors show by themselves, and a challenger is trained", async () => {
  const trained = await karkhana(["run", "--exit", "--json", "--port", "0", "--serving-port", "0", ...places]);
  expect([trained.status, trained.stderr, trained.status === 0 ? "" : trained.stdout.slice(-3000)]).toEqual([0, "", ""]);
  const filled = await karkhana(["features", "materialize", ...places]);
  expect([filled.status, filled.stderr]).toEqual([0, ""]);

  let up = await karkhanaUp(places, { env: { KARKHANA_WATCH_EVERY: "1s" } });
  const model = `${up.controlUrl}/api/v1/models/large`;
  // Hints such as no training row had.
  const ask = (name: string, count: number): Promise<unknown> =>
    post(`${up.servingUrl}/v1/models/large/predict`, {
      instances: Array.from({ length: count }, (_, i) => ({ id: `${name}-${i}`, fields: { shop: shops[i % 5], hint: 5 + i / count } })),
    });
  await ask("q", 150);
  await post(`${up.servingUrl}/v1/models/large/labels`, { labels: Array.from({ length: 150 }, (_, i) => ({ id: `q-${i}`, label: i % 2 })) });

  const equal = await until<Parity>(`${model}/parity`, ({ vectors }) => vectors >= 150);
  expect(equal).toMatchObject({ served: 150, vectors: 150, mismatches: 0, differences: [] });

  // A row that only the online store was given: what is served is no longer what the file says.
  await post(`${up.servingUrl}/v1/sources/orders/push`, {
    producer: "till",
    sequence: 0,
    rows: [{ at: Date.now() * 1000 - 1_000_000, shop: "a", hint: 1, amount: 3 }],
  });
  await ask("r", 10);
  const differing = await until<Parity>(`${model}/parity`, ({ vectors }) => vectors >= 160);
  // Two features of the two questions about that shop.
  expect(differing).toMatchObject({ vectors: 160, mismatches: 4 });
  expect(differing.differences.map(({ slot, keys, served, offline }) => [slot, keys, (served ?? 0) - (offline ?? 0)])).toEqual(
    expect.arrayContaining([
      ["past.orders", { shop: "a" }, 1],
      ["past.spent", { shop: "a" }, 3],
    ]),
  );

  const watched = await until<Monitoring>(`${model}/monitoring`, ({ drift }) => drift.length > 0);
  expect(watched.drift[0]).toMatchObject({ rows: 150 });
  expect(watched.traffic.find(({ rows }) => rows === 150)?.fromUs).toBeGreaterThan(startedUs - 1_000_000);
  const alerts = await until<Alert[]>(`${up.controlUrl}/api/v1/alerts`, (found) =>
    ["drift", "parity"].every((kind) => found.some((alert) => alert.kind === kind)),
  );
  expect(alerts.map(({ kind, state }) => [kind, state])).toEqual(
    expect.arrayContaining([
      ["drift", "open"],
      ["parity", "open"],
    ]),
  );
  expect(alerts.find(({ kind }) => kind === "drift")?.subject).toBe("hint");

  expect(await until<ModelDetail>(model, () => true)).toMatchObject({ versions: 2, retrain: { now: "Off: no alert starts a challenger." } });
  expect(await up.stop()).toBe(0);

  // The alert may ask for a challenger now, and nobody else is asked: it is trained, and in shadow, or refused before that.
  writeFileSync(path.join(folder, "project", "karkhana.project.ts"), projectText.replace("on: []", 'cooldown: "1s"'));
  up = await karkhanaUp(places, { env: { KARKHANA_WATCH_EVERY: "1s" } });
  const trainedByItself = await until<ModelDetail>(`${up.controlUrl}/api/v1/models/large`, ({ retrain }) => /^v3|Last: v3/.test(retrain.now));
  expect(trainedByItself.all.map(({ version }) => version)).toEqual([3, 2, 1]);
  expect(trainedByItself.retrain).toMatchObject({ on: ["drift", "quality"], upTo: "champion" });
  expect(trainedByItself.retrain.now).toMatch(/^v3 is in shadow|Last: v3 was trained on/);
  const status = await karkhana(["status", ...places]);
  expect([status.status, status.stderr]).toEqual([0, ""]);
  expect(status.stdout).toMatch(/^large retraining: .*v3/m);
  expect(await up.stop()).toBe(0);
});
