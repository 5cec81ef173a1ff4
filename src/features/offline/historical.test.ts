import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { tableFromIPC } from "apache-arrow";
import { afterAll, beforeAll, expect, test } from "vitest";
import { csv } from "../../data/source.ts";
import { openDuckDb, type DuckDb } from "../../storage/duckdb/duckdb.ts";
import { entity, featureService, featureView, latest, window } from "../definition.ts";
import { minute, relationOfRows } from "../test-streams.ts";
import { historicalFeatures, type Spine } from "./historical.ts";

const rides = csv("rides", { path: "r.csv", schema: { at: "timestamp", zone: "string", fare: "float64", kind: "string" }, eventTime: "at" });
const view = featureView("zone", {
  entity: entity("zone", { keys: ["zone"] }),
  source: rides,
  on: { zone: "zone" },
  features: { newest: latest("fare"), kinds: window("1h").topK("kind", 2), rides: window("1h").count() },
});
const service = featureService("rides", [view.at({ zone: "zone" })]);
const start = 978_307_200_000_000;
const ride = (m: number, zone: string, fare: number | null, kind: string) => ({
  eventUs: start + m * minute,
  knownUs: start + m * minute,
  values: { at: start + m * minute, zone, fare, kind },
});
const rows = [ride(0, "a", 1.5, "x"), ride(1, "a", Number.NaN, "y"), ride(2, "a", null, "y"), ride(5, "b", 9, "x")];
const expected = [
  { zone: "a", "zone.newest": 1.5, "zone.kinds": null, "zone.rides": 0 },
  { zone: "a", "zone.newest": Number.NaN, "zone.kinds": ["x"], "zone.rides": 1 },
  { zone: "b", "zone.newest": null, "zone.kinds": null, "zone.rides": 0 },
  { zone: "a", "zone.newest": null, "zone.kinds": ["y", "x"], "zone.rides": 3 },
  { zone: "a", "zone.newest": null, "zone.kinds": ["y", "x"], "zone.rides": 3 },
];
const asked = [
  [0, "a"],
  [1, "a"],
  [1, "b"],
  [3, "a"],
  [3, "a"],
] as const;

let duck: DuckDb;
let folder: string;
beforeAll(async () => {
  duck = await openDuckDb({ threads: 2 });
  folder = mkdtempSync(path.join(tmpdir(), "karkhana-historical-"));
});
afterAll(async () => {
  await duck.close();
  rmSync(folder, { recursive: true });
});

const iso = (m: number): string => `2001-01-01 00:0${m}:00`;
const spines: [string, () => Spine][] = [
  ["rows", () => ({ rows: asked.map(([m, zone]) => ({ zone, t: start + m * minute })), time: "t" })],
  ["rows with ISO times", () => ({ rows: asked.map(([m, zone]) => ({ zone, t: iso(m) })), time: "t" })],
  ["a query", () => ({ query: `SELECT * FROM (VALUES ${asked.map(([m, zone]) => `('${zone}', TIMESTAMP '${iso(m)}')`).join(",")}) s(zone, t)`, time: "t" })],
  [
    "a CSV file",
    () => {
      const file = path.join(folder, "asked [1].csv");
      writeFileSync(file, ["zone,t", ...asked.map(([m, zone]) => `${zone},${iso(m)}`)].join("\n"));
      return { file, time: "t" };
    },
  ],
];

test.each(spines)("of a spine from %s: each question once, in order, null and NaN apart, lists as lists", async (_, spine) => {
  const found = await historicalFeatures(duck, { service, spine: spine(), relations: () => relationOfRows(rides, rows) });
  expect((await duck.rows(found.sql)).map(({ t: _t, ...row }) => row)).toEqual(expected);
  expect(found.numRows).toBe(asked.length);
  await found.drop();
});

test("as Parquet and as Arrow, and nothing is left behind", async () => {
  const found = await historicalFeatures(duck, { service, spine: spines[0]![1](), relations: () => relationOfRows(rides, rows) });
  const file = path.join(folder, "out.parquet");
  await found.writeParquet(file);
  expect((await duck.rows(`SELECT * EXCLUDE (t) FROM read_parquet('${file}')`)).map((row) => row)).toEqual(expected);
  const table = tableFromIPC(await found.arrow());
  expect(table.numRows).toBe(asked.length);
  expect([...table.getChild("zone.rides")!]).toEqual([0, 1, 0, 3, 3]);
  expect(table.getChild("zone.kinds")!.get(3)!.toJSON()).toEqual(["y", "x"]);
  await found.drop();
  expect(await duck.rows("SHOW TABLES")).toEqual([]);
  expect(readdirSync(folder).filter((name) => name.includes("unfinished"))).toEqual([]);
});

test("a spine without its time, with a null time or without rows is refused by name", async () => {
  const ask = (spine: Spine): Promise<unknown> => historicalFeatures(duck, { service, spine, relations: () => relationOfRows(rides, rows) });
  await expect(ask({ rows: [{ zone: "a" }], time: "t" })).rejects.toThrow("must be a column of times");
  await expect(
    ask({
      rows: [
        { zone: "a", t: 1 },
        { zone: "b", t: null },
      ],
      time: "t",
    }),
  ).rejects.toThrow("is null in some rows");
  await expect(ask({ rows: [], time: "t" })).rejects.toThrow("has no rows");
  expect(await duck.rows("SHOW TABLES")).toEqual([]);
});
