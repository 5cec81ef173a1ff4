import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { csv } from "../../data/source.ts";
import { openDuckDb, type DuckDb } from "../../storage/duckdb/duckdb.ts";
import { categorical, entity, featureService, featureView, numeric, requestFeatures, window } from "../definition.ts";
import { minute, relationOfRows } from "../test-streams.ts";
import type { TimedRow } from "../naive.ts";
import { buildTrainingSet, readTrainingSet, type TrainingSetOptions } from "./training-set.ts";

const schema = { at: "timestamp", zone: "string", miles: "float64", delay: "int64" } as const;
const rides = csv("rides", { path: "rides.csv", schema, eventTime: "at", knownTime: "at + minutes(30 + delay)" });
const zone = featureView("zone", {
  entity: entity("zone", { keys: ["zone"] }),
  source: rides,
  on: { zone: "zone" },
  features: { rides_2h: window("2h").count(), delay_2h: window("2h").mean("delay") },
});
const spy: Set<string> = new Set();
const service = featureService("rides", [
  requestFeatures("request", {
    outputs: ["hour", "miles_squared"],
    compute: (timeUs, fields) => {
      for (const name of Object.keys(fields)) spy.add(name);
      return { hour: Math.floor(timeUs / 3.6e9) % 24, miles_squared: typeof fields["miles"] === "number" ? fields["miles"] ** 2 : null };
    },
  }),
  zone.at({ zone: "zone" }),
  categorical("zone"),
  numeric("miles"),
]);

const base = 1_000_000 * minute;
const rows: TimedRow[] = Array.from({ length: 5000 }, (_, i) => {
  // Not in the order of time, with ties, null labels and null keys.
  const at = base + ((i * 7919) % 3000) * minute;
  const delay = i % 11 === 0 ? null : (i * 31) % 60;
  return { eventUs: at, knownUs: at, values: { at, zone: i % 13 === 0 ? null : ["n", "s", "é"][i % 3]!, miles: i % 17 === 0 ? null : i / 8, delay } };
});

let duck: DuckDb;
let folder: string;
beforeEach(async () => {
  duck = await openDuckDb({ threads: 2 });
  folder = mkdtempSync(path.join(tmpdir(), "karkhana-training-"));
  spy.clear();
});
afterEach(async () => {
  await duck.close();
  rmSync(folder, { recursive: true });
});

const options = (changes: Partial<TrainingSetOptions> = {}): TrainingSetOptions => ({
  service,
  spine: rides,
  relations: (source) => relationOfRows(source, rows),
  request: ["zone", "miles"],
  label: "delay >= 15",
  fromUs: base + 200 * minute,
  toUs: base + 2000 * minute,
  folder,
  ...changes,
});

test("every labelled question of the span comes once, in the order of its row, with its own label and times", async () => {
  const file = await buildTrainingSet(duck, options());
  const set = await readTrainingSet(duck, { path: file.path, service });
  const asked = [...rows.entries()].filter(
    ([, { eventUs, values }]) => eventUs >= base + 200 * minute && eventUs < base + 2000 * minute && values["delay"] !== null,
  );
  expect(set.numRows).toBe(asked.length);
  expect(file.rows).toBe(asked.length);
  expect([...set.rows]).toEqual(asked.map(([i]) => i));
  expect([...set.eventUs]).toEqual(asked.map(([, row]) => row.eventUs));
  expect([...set.knownUs]).toEqual(asked.map(([, row]) => row.eventUs + (30 + Number(row.values["delay"])) * minute));
  expect([...set.labels]).toEqual(asked.map(([, row]) => Number(Number(row.values["delay"]) >= 15)));
  expect(set.slots.map(({ name }) => name)).toEqual(["request.hour", "request.miles_squared", "zone.rides_2h", "zone.delay_2h", "zone", "miles"]);
  expect(set.columns[4]).toEqual(asked.map(([, row]) => row.values["zone"]));
  expect([...(set.columns[5] as Float64Array)]).toEqual(asked.map(([, row]) => row.values["miles"] ?? Number.NaN));
  expect([...(set.columns[1] as Float64Array)]).toEqual(asked.map(([, row]) => (row.values["miles"] === null ? Number.NaN : Number(row.values["miles"]) ** 2)));
  expect([...(set.columns[2] as Float64Array)].filter((count) => count > 0).length).toBeGreaterThan(asked.length / 2);
  expect(set.columns[2]).toHaveLength(asked.length);
});

test("features see the request's fields and nothing else of the spine", async () => {
  const file = await buildTrainingSet(duck, options());
  await readTrainingSet(duck, { path: file.path, service });
  expect([...spy].sort()).toEqual(["miles", "zone"]);
});

test("the same data give the same file, and a part of time can be read from it", async () => {
  const first = await buildTrainingSet(duck, options());
  const second = await buildTrainingSet(duck, options());
  expect(second).toEqual(first);
  expect(readdirSync(folder)).toEqual([path.basename(first.path)]);
  const all = await readTrainingSet(duck, { path: first.path, service });
  const part = await readTrainingSet(duck, { path: first.path, service, fromUs: base + 300 * minute, toUs: base + 400 * minute });
  const inside = [...all.rows.keys()].filter((i) => all.eventUs[i]! >= base + 300 * minute && all.eventUs[i]! < base + 400 * minute);
  expect(part.numRows).toBeGreaterThan(100);
  expect([...part.rows]).toEqual(inside.map((i) => all.rows[i]));
  expect([...(part.columns[3] as Float64Array)]).toEqual(inside.map((i) => (all.columns[3] as Float64Array)[i]));
});

test("a failed build leaves no file and no table behind", async () => {
  const huge = rows.map((row, i) => (i === 100 ? { ...row, values: { ...row.values, zone: "n", at: base + 300 * minute, delay: 2 ** 53 } } : row));
  await expect(buildTrainingSet(duck, options({ relations: (source) => relationOfRows({ ...source, knownTime: "at" }, huge) }))).rejects.toMatchObject({
    code: "MEASURE_OUT_OF_RANGE",
  });
  expect(readdirSync(folder)).toEqual([]);
  expect(await duck.rows("SHOW TABLES")).toEqual([]);
});

test("a wrong label, an unknown request column and a file of another service are refused by name", async () => {
  await expect(buildTrainingSet(duck, options({ label: "delay" }))).rejects.toMatchObject({ code: "EXPRESSION_INVALID", details: { field: "label" } });
  await expect(buildTrainingSet(duck, options({ request: ["zone", "colour"] }))).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    details: { value: "colour" },
  });
  const file = await buildTrainingSet(duck, options());
  const other = featureService("other", [zone.at({ zone: "zone" }, "renamed")]);
  await expect(readTrainingSet(duck, { path: file.path, service: other })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  await expect(readTrainingSet(duck, { path: path.join(folder, "none.parquet"), service })).rejects.toMatchObject({
    code: expect.stringMatching("SOURCE_UNREADABLE|QUERY_FAILED"),
  });
});
