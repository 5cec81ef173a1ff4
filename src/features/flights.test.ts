import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { relationOf } from "../data/relation.ts";
import { parquet, type SourceDefinition } from "../data/source.ts";
import { fromCivil, MICROS_PER_DAY, MICROS_PER_HOUR } from "../kernel/time.ts";
import { openDuckDb, type DuckDb } from "../storage/duckdb/duckdb.ts";
import { openLmdb } from "../storage/kv/lmdb.ts";
import { categorical, entity, featureService, featureView, numeric, requestFeatures, window, type FeatureService } from "./definition.ts";
import { materialize } from "./online/materialize.ts";
import { createOnlineFeatures, type SourceRow } from "./online/online-features.ts";
import { compareVectors, type ServedVector } from "./parity.ts";
import { requestFiller } from "./vector.ts";

/** Real flights: the week of Easter 2001 among twelve airports, asked and answered as the replay does it. */
const airports = "('ORD', 'DFW', 'ATL', 'LAX', 'PHX', 'STL', 'DTW', 'MSP', 'LAS', 'DEN', 'BOS', 'IAH')";
const fromUs = fromCivil(2001, 4, 12);
const toUs = fromUs + 7 * MICROS_PER_DAY;
const dictionary = { origin: ["ATL", "ORD", "LAX"] };

function flightsKnown(knownTime: string | undefined): SourceDefinition {
  return parquet("flights", {
    path: path.join(import.meta.dirname, "../../node_modules/vega-datasets/data/flights-3m.parquet"),
    schema: { date: "timestamp", delay: "int64", distance: "int64", origin: "string", destination: "string" },
    eventTime: "date",
    where: `origin in ${airports} and destination in ${airports}`,
    ...(knownTime === undefined ? {} : { knownTime }),
  });
}

function serviceOver(source: SourceDefinition): FeatureService {
  const features = Object.fromEntries(
    ["1h", "2h", "6h", "1d", "7d"].flatMap((w) => [
      [`flights_${w}`, window(w).count()],
      [`delay_${w}`, window(w).mean("delay")],
      [`miles_${w}`, window(w).sum("distance / 1000")],
      [`late_${w}`, window(w).share("delay >= 15")],
    ]),
  );
  const airport = entity("airport", { keys: ["airport"] });
  const from = featureView("from", { entity: airport, source, on: { airport: "origin" }, features });
  const into = featureView("into", { entity: airport, source, on: { airport: "destination" }, features });
  const route = featureView("route", { entity: entity("route", { keys: ["o", "d"] }), source, on: { o: "origin", d: "destination" }, features });
  return featureService("flights", [
    requestFeatures("calendar", { outputs: ["hour"], compute: (timeUs) => ({ hour: Math.floor(timeUs / 3_600_000_000) % 24 }) }),
    numeric("distance"),
    categorical("origin"),
    from.at({ airport: "origin" }, "from_origin"),
    from.at({ airport: "destination" }, "from_destination"),
    into.at({ airport: "destination" }, "into_destination"),
    route.at({ o: "origin", d: "destination" }, "route"),
  ]);
}

const source = flightsKnown("date + minutes(30 + distance / 7.5 + delay)");
const service = serviceOver(source);
const foundTypes = { date: "TIMESTAMP", delay: "INTEGER", distance: "INTEGER", origin: "VARCHAR", destination: "VARCHAR" };
const relation = (of: SourceDefinition): string => relationOf(of, { numQuarantined: 0, foundTypes }, "/");

let duck: DuckDb;
let served: ServedVector[];
beforeAll(async () => {
  duck = await openDuckDb({ threads: 2 });
  served = await replayWeek();
});
afterAll(() => duck.close());

/** History before the week is loaded; each half day's outcomes are pushed before its questions are asked, so the store is always ahead. */
async function replayWeek(): Promise<ServedVector[]> {
  const folder = mkdtempSync(path.join(tmpdir(), "karkhana-flights-"));
  const store = openLmdb(folder);
  try {
    const views = service.features.flatMap((f) => (f.kind === "featureReference" ? [f.view] : []));
    const online = createOnlineFeatures({ store, views });
    await materialize({ duck, online, relation: relation(source), source, upToKnownUs: fromUs });
    const outcomes = await rowsOf(
      `SELECT _row, _known, date, delay, distance, origin, destination FROM ${relation(source)} WHERE _known > ${fromUs} AND _known <= ${toUs} ORDER BY _known, _row`,
    );
    const questions = await rowsOf(
      `SELECT _row, _event, origin, destination, distance FROM ${relation(source)} WHERE _event >= ${fromUs} AND _event < ${toUs} ORDER BY _event, _row`,
    );
    const read = online.reader(service);
    const fill = requestFiller(service, dictionary);
    const answered: ServedVector[] = [];
    for (let slice = fromUs; slice < toUs; slice += 12 * MICROS_PER_HOUR) {
      const until = slice + 12 * MICROS_PER_HOUR;
      const news = outcomes.filter((row) => Number(row["_known"]) > slice && Number(row["_known"]) <= until);
      await online.ingest("flights", news, { producer: "replay", sequence: slice / MICROS_PER_HOUR });
      for (const row of questions.filter((one) => Number(one["_event"]) >= slice && Number(one["_event"]) < until)) {
        const timeUs = Number(row["_event"]);
        const fields = { origin: String(row["origin"]), destination: String(row["destination"]), distance: Number(row["distance"]) };
        const vector = new Float64Array(service.slots.length);
        fill(timeUs, fields, vector, 0);
        await read(timeUs, fields, vector, 0);
        answered.push({ id: String(row["_row"]), timeUs, fields, vector });
      }
    }
    return answered;
  } finally {
    await store.close();
    rmSync(folder, { recursive: true });
  }
}

async function rowsOf(sql: string): Promise<SourceRow[]> {
  const rows: SourceRow[] = [];
  for await (const chunk of duck.chunks(sql))
    for (let i = 0; i < chunk.numRows; i++) rows.push(Object.fromEntries([...chunk.columns].map(([name, column]) => [name, column[i]])));
  return rows;
}

test("every vector served in a busy week is equal to the bit when recomputed offline", async () => {
  expect(served.length).toBeGreaterThan(10_000);
  const filled = served.reduce((count, { vector }) => count + vector.filter((value) => !Number.isNaN(value) && value !== 0).length, 0);
  expect(filled).toBeGreaterThan(served.length * 50);
  expect(await compareVectors(duck, { service, relations: relation, served, dictionary })).toEqual([]);
});

test("one value changed by one part in 10^15 is found, with its question, slot and both values", async () => {
  const slot = service.slots.findIndex(({ name }) => name === "from_origin.delay_7d");
  const changed = served
    .slice(1000, 1200)
    .map((one, i) => ({ ...one, vector: one.vector.map((value, j) => (i === 77 && j === slot ? value * (1 + 1e-15) : value)) }));
  const differences = await compareVectors(duck, { service, relations: relation, served: changed, dictionary });
  expect(differences).toEqual([{ id: served[1077]!.id, slot: "from_origin.delay_7d", served: changed[77]!.vector[slot], offline: served[1077]!.vector[slot] }]);
});

test("were known time ignored, the recomputed vectors would differ", async () => {
  const careless = flightsKnown(undefined);
  const differences = await compareVectors(duck, {
    service: serviceOver(careless),
    relations: () => relation(careless),
    served: served.slice(3000, 3500),
    dictionary,
  });
  expect(differences.filter(({ slot }) => slot === "from_origin.flights_1h").length).toBeGreaterThan(400);
});
