/**
 * All 3,000,000 flights through the online engine, and a sample of what it answered on the way recomputed by the offline SQL: not one value
 * may differ.
 *
 *   npm run bench -- replay-features [--days 181] [--sample 20000] [--batch 20000] [--json]
 *
 * Rows are pushed to LMDB in the order they became known; after each batch, questions of departures between its first and last known time
 * are asked, as of their own time, so the store is always ahead of the question. Ends with exit status 1 if anything differs.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { relationOf } from "../src/data/relation.ts";
import { parquet } from "../src/data/source.ts";
import { entity, featureService, featureView, latest, window, type FeatureService, type FeatureViewDefinition } from "../src/features/definition.ts";
import { createOnlineFeatures, type SourceRow } from "../src/features/online/online-features.ts";
import { compareVectors, type ServedVector } from "../src/features/parity.ts";
import { fromCivil, MICROS_PER_DAY } from "../src/kernel/time.ts";
import { hash32 } from "../src/kernel/rng.ts";
import { openDuckDb, type DuckDb } from "../src/storage/duckdb/duckdb.ts";
import { openLmdb } from "../src/storage/kv/lmdb.ts";
import { machine } from "../src/cli/load/machine.ts";

const schema = { date: "timestamp", delay: "int64", distance: "int64", origin: "string", destination: "string" } as const;
const foundTypes = { date: "TIMESTAMP", delay: "INTEGER", distance: "INTEGER", origin: "VARCHAR", destination: "VARCHAR" };
const flights = parquet("flights", {
  path: path.join(import.meta.dirname, "../node_modules/vega-datasets/data/flights-3m.parquet"),
  schema,
  eventTime: "date",
  knownTime: "greatest(date + minutes(30 + distance / 7.5 + delay), date + minutes(1))",
});
const airport = entity("airport", { keys: ["airport"] });
const sums = Object.fromEntries(
  ["1h", "6h", "1d", "7d"].flatMap((w) => [
    [`flights_${w}`, window(w).count()],
    [`delay_${w}`, window(w).mean("delay")],
    [`late_${w}`, window(w).share("delay >= 15")],
    [`spread_${w}`, window(w).std("delay")],
  ]),
);
const from: FeatureViewDefinition = featureView("from", {
  entity: airport,
  source: flights,
  on: { airport: "origin" },
  ttl: "1d",
  features: { ...sums, newest: latest("delay"), worst_2h: window("2h").max("delay"), best_2h: window("2h", { hop: "10m" }).min("delay") },
});
const route: FeatureViewDefinition = featureView("route", {
  entity: entity("route", { keys: ["o", "d"] }),
  source: flights,
  on: { o: "origin", d: "destination" },
  features: {
    ...sums,
    newest: latest("delay"),
    last3_7d: window("7d").lastN("delay", 3),
    median_3d: window("3d").percentile("delay", 0.5),
    delays_1d: window("1d", { hop: "1h" }).distinct("delay"),
    miles: window("lifetime").sum("distance"),
  },
});
const service: FeatureService = featureService("replay", [
  from.at({ airport: "origin" }, "from_origin"),
  from.at({ airport: "destination" }, "from_destination"),
  route.at({ o: "origin", d: "destination" }, "route"),
]);

export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      days: { type: "string", default: "181" },
      sample: { type: "string", default: "20000" },
      batch: { type: "string", default: "20000" },
      json: { type: "boolean", default: false },
    },
  });
  const toUs = fromCivil(2001, 1, 1) + Number(values.days) * MICROS_PER_DAY;
  const folder = mkdtempSync(path.join(tmpdir(), "karkhana-replay-"));
  const duck = await openDuckDb({ threads: 2, memoryLimitMb: 3000, tempFolder: path.join(folder, "spill") });
  try {
    const relation = relationOf(flights, { numQuarantined: 0, foundTypes }, "/");
    const numRows = Number((await duck.rows(`SELECT count(*) AS n FROM ${relation} WHERE _known < ${toUs}`))[0]?.["n"]);
    const replayed = await replay(duck, relation, { folder, toUs, batchRows: Number(values.batch), share: Math.min(1, Number(values.sample) / numRows) });
    const started = performance.now();
    const differences = await compareVectors(duck, { service, relations: () => relation, served: replayed.served, dictionary: {} });
    const told = replayed.served.reduce((count, { vector }) => count + vector.filter((value) => !Number.isNaN(value) && value !== 0).length, 0);
    const report = {
      bench: "replay-features",
      machine: machine(),
      rowsPushed: replayed.rows,
      secondsPushed: replayed.seconds,
      vectors: replayed.served.length,
      values: replayed.served.length * service.slots.length,
      valuesNotEmpty: told,
      mismatches: differences.length,
      first: differences.slice(0, 5),
      secondsCompared: (performance.now() - started) / 1000,
    };
    console.log(JSON.stringify(report, null, values.json ? 0 : 1));
    if (differences.length > 0 || replayed.served.length === 0) process.exitCode = 1;
  } finally {
    await duck.close();
    rmSync(folder, { recursive: true });
  }
}

interface Replayed {
  readonly rows: number;
  readonly seconds: number;
  readonly served: ServedVector[];
}

async function replay(
  duck: DuckDb,
  relation: string,
  { folder, toUs, batchRows, share }: { folder: string; toUs: number; batchRows: number; share: number },
): Promise<Replayed> {
  const store = openLmdb(path.join(folder, "online"));
  const online = createOnlineFeatures({ store, views: [from, route], slackUs: 3 * MICROS_PER_DAY });
  const read = online.reader(service);
  const served: ServedVector[] = [];
  const asked: { readonly timeUs: number; readonly row: SourceRow }[] = [];
  let [rows, sequence, next, waiting] = [0, 0, 0, [] as SourceRow[]];
  const started = performance.now();
  const push = async (knownUs: number): Promise<void> => {
    await online.ingest("flights", waiting, { producer: "replay", sequence: sequence++ });
    rows += waiting.length;
    waiting = [];
    for (; next < asked.length && asked[next]!.timeUs < knownUs; next++) {
      const { timeUs, row } = asked[next]!;
      const fields = { origin: String(row["origin"]), destination: String(row["destination"]) };
      const vector = new Float64Array(service.slots.length);
      await read(timeUs, fields, vector, 0);
      served.push({ id: String(row["_row"]), timeUs, fields, vector });
    }
  };
  try {
    const threshold = share * 2 ** 32;
    for await (const chunk of duck.chunks(`SELECT _row, _event, origin, destination FROM ${relation} WHERE _event < ${toUs} ORDER BY _event, _row`)) {
      const columns = [...chunk.columns];
      for (let i = 0; i < chunk.numRows; i++) {
        if (hash32(String(chunk.columns.get("_row")![i]), 5) >= threshold) continue;
        const row = Object.fromEntries(columns.map(([name, column]) => [name, column[i]]));
        asked.push({ timeUs: Number(row["_event"]), row });
      }
    }
    const columns = "_row, _known, date, delay, distance, origin, destination";
    for await (const chunk of duck.chunks(`SELECT ${columns} FROM ${relation} WHERE _known < ${toUs} ORDER BY _known, _row`)) {
      const named = [...chunk.columns];
      const known = chunk.columns.get("_known")!;
      for (let i = 0; i < chunk.numRows; i++) {
        // Rows of one known time belong to one batch: a question at that time sees all of them.
        if (waiting.length >= batchRows && known[i] !== waiting.at(-1)!["_known"]) await push(Number(known[i]));
        waiting.push(Object.fromEntries(named.map(([name, column]) => [name, column[i]])));
      }
    }
    await push(toUs);
    return { rows, seconds: (performance.now() - started) / 1000, served };
  } finally {
    await store.close();
  }
}
