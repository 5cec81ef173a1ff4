import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openDuckDb } from "../../src/storage/duckdb/duckdb.ts";
import { quoteLiteral } from "../../src/storage/duckdb/quote.ts";
import { karkhana, karkhanaUp } from "./command.ts";

/** A project whose rows exist only because they are pushed. */
const projectText = `
import { entity, featureView, model, numeric, project, pushed, window } from "karkhana";
const orders = pushed("orders", { schema: { at: "timestamp", shop: "string", amount: "float64" }, eventTime: "at" });
const past = featureView("past", {
  entity: entity("shop", { keys: ["shop"] }), source: orders, on: { shop: "shop" },
  features: { orders: window("1d").count(), spent: window("1d").sum("amount"), last: window("1d").last("amount") },
});
export default project("orders", { models: [model("big", {
  spine: orders, request: ["shop", "amount"], label: "amount > 5", features: [past.at({ shop: "shop" }), numeric("amount")], trainer: { gbdt: {} },
  training: { from: "2026-01-01", validFrom: "2026-02-01", holdoutFrom: "2026-03-01", to: "2026-04-01" },
})] });
`;

let folder: string;
let places: string[];
const data = (...names: string[]): string => path.join(folder, "data", ...names);
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "karkhana-cli-pushed-"));
  mkdirSync(path.join(folder, "project"));
  writeFileSync(path.join(folder, "project", "karkhana.project.ts"), projectText);
  places = ["--project", path.join(folder, "project"), "--data", data()];
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function post(url: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<unknown> {
  const reply = await fetch(url, { method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) });
  return reply.json();
}

test("rows that were pushed outlive the online store: served, lost, served again from the log, and joined offline to the same values", async () => {
  const now = Date.now() * 1000;
  const row = (minutesAgo: number, shop: string, amount: number): object => ({ at: now - minutesAgo * 60_000_000, shop, amount });
  const questions = { features: ["past:orders", "past:spent", "past:last"], entities: { shop: ["a", "b", "nobody"] } };
  const valuesFrom = async (url: string): Promise<unknown> => {
    const { results } = (await post(`${url}/get-online-features`, questions)) as { results: { values: unknown[] }[] };
    return results.slice(1).map(({ values }) => values);
  };

  let up = await karkhanaUp(places);
  const push = `${up.servingUrl}/v1/sources/orders/push`;
  expect(await post(push, { producer: "till", sequence: 0, rows: [row(3, "a", 2), row(2, "a", 4.5), row(1, "b", 9)] })).toEqual({
    applied: true,
    rejected: [],
  });
  // Sent again: once. Poisoned: set aside.
  expect(await post(push, { producer: "till", sequence: 0, rows: [row(3, "a", 2)] })).toEqual({ applied: false, rejected: [] });
  expect(await post(push, { producer: "till", sequence: 1, rows: [{ ...row(1, "a", 1), amount: "much" }] })).toMatchObject({
    rejected: [{ code: "ROW_REFUSED" }],
  });
  const feast = { push_source_name: "orders", df: { at: [now], shop: ["b"], amount: [1] }, to: "online_and_offline" };
  for (let i = 0; i < 2; i++) await post(`${up.servingUrl}/push`, feast, { "idempotency-key": "one" });
  const expected = [
    [2, 2, 0],
    [6.5, 10, null],
    [4.5, 1, null],
  ];
  expect(await valuesFrom(up.servingUrl)).toEqual(expected);
  expect(await up.stop()).toBe(0);

  rmSync(data("online"), { recursive: true });
  up = await karkhanaUp(places);
  expect(await valuesFrom(up.servingUrl)).toEqual(expected);
  expect(await up.stop()).toBe(0);

  const spine = path.join(folder, "spine.csv");
  writeFileSync(spine, `time,shop,amount\n${["a", "b", "nobody"].map((shop) => `${new Date(Date.now() + 1000).toISOString()},${shop},1`).join("\n")}\n`);
  const out = path.join(folder, "out.parquet");
  const joined = await karkhana(["features", "historical", "--spine", spine, "--time", "time", "--out", out, ...places]);
  expect([joined.status, joined.stderr]).toEqual([0, ""]);
  const duck = await openDuckDb({ threads: 1 });
  const rows = await duck.rows(`SELECT * FROM read_parquet(${quoteLiteral(out)})`);
  await duck.close();
  const column = (name: string): unknown[] => rows.map((one) => Object.entries(one).find(([key]) => key.endsWith(name))?.[1] ?? null);
  expect([column("orders"), column("spent"), column("last")]).toEqual(expected);
});
