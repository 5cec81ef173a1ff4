/**
 * The features' two engines on the flights that vega-datasets ships: 4 references x 5 windows x 3 aggregates.
 *
 *   npm run bench -- features [--full] [--days 21] [--reads 20000] [--json]
 *
 * offline: point-in-time join of every flight among the 12 busiest airports (all airports with --full), first to last chunk.
 * ingest:  the same source's rows of `--days` days pushed to LMDB in the order they became known, 2,000 a batch, into three views.
 * read:    one question at a time on LMDB, at flights' departures of the last of those days, in this process; microseconds.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { relationOf } from "../src/data/relation.ts";
import { parquet, type SourceDefinition } from "../src/data/source.ts";
import { entity, featureService, featureView, window } from "../src/features/definition.ts";
import { offlineVectors } from "../src/features/offline/vectors.ts";
import { createOnlineFeatures, type SourceRow } from "../src/features/online/online-features.ts";
import { fromCivil, MICROS_PER_DAY } from "../src/kernel/time.ts";
import { openDuckDb, type DuckDb } from "../src/storage/duckdb/duckdb.ts";
import { openLmdb } from "../src/storage/kv/lmdb.ts";
import { machine } from "../src/cli/load/machine.ts";

const schema = { date: "timestamp", delay: "int64", distance: "int64", origin: "string", destination: "string" } as const;
const busiest = "('ORD', 'DFW', 'ATL', 'LAX', 'PHX', 'STL', 'DTW', 'MSP', 'LAS', 'DEN', 'BOS', 'IAH')";
const foundTypes = { date: "TIMESTAMP", delay: "INTEGER", distance: "INTEGER", origin: "VARCHAR", destination: "VARCHAR" };
const windows = ["1h", "2h", "6h", "1d", "7d"];
const batchRows = 2000;

export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      full: { type: "boolean", default: false },
      days: { type: "string", default: "21" },
      reads: { type: "string", default: "20000" },
      json: { type: "boolean", default: false },
    },
  });
  const source = parquet("flights", {
    path: path.join(import.meta.dirname, "../node_modules/vega-datasets/data/flights-3m.parquet"),
    schema,
    eventTime: "date",
    knownTime: "date + minutes(30 + distance / 7.5 + delay)",
    ...(values.full ? {} : { where: `origin in ${busiest} and destination in ${busiest}` }),
  }) as unknown as SourceDefinition;
  const relation = relationOf(source, { numQuarantined: 0, foundTypes }, "/");
  const duck = await openDuckDb({ threads: 2, memoryLimitMb: 2500, tempFolder: mkdtempSync(path.join(tmpdir(), "karkhana-bench-")) });
  try {
    const offline = await measureOffline(duck, source, relation);
    const online = await measureOnline(duck, source, relation, Number(values.days), Number(values.reads));
    console.log(JSON.stringify({ bench: "features", machine: machine(), offline, ...online }, null, values.json ? 0 : 1));
  } finally {
    await duck.close();
  }
}

function definitions(source: SourceDefinition): { views: Parameters<typeof createOnlineFeatures>[0]["views"]; service: ReturnType<typeof featureService> } {
  const features = Object.fromEntries(
    windows.flatMap((w) => [
      [`flights_${w}`, window(w).count()],
      [`delay_${w}`, window(w).mean("delay")],
      [`late_${w}`, window(w).share("delay >= 15")],
    ]),
  );
  const airport = entity("airport", { keys: ["airport"] });
  const from = featureView("from_airport", { entity: airport, source, on: { airport: "origin" }, features });
  const into = featureView("into_airport", { entity: airport, source, on: { airport: "destination" }, features });
  const route = featureView("on_route", { entity: entity("route", { keys: ["o", "d"] }), source, on: { o: "origin", d: "destination" }, features });
  const references = [
    from.at({ airport: "origin" }, "from_origin"),
    from.at({ airport: "destination" }, "from_destination"),
    into.at({ airport: "destination" }, "into_destination"),
    route.at({ o: "origin", d: "destination" }, "route"),
  ];
  return { views: [from, into, route], service: featureService("bench", references) };
}

async function measureOffline(duck: DuckDb, source: SourceDefinition, relation: string): Promise<Record<string, number>> {
  const { service } = definitions(source);
  const started = performance.now();
  let rows = 0;
  for await (const chunk of offlineVectors(duck, { service, relations: () => relation, spine: `SELECT _row, _event, origin, destination FROM ${relation}` })) {
    rows += chunk.numRows;
  }
  const seconds = (performance.now() - started) / 1000;
  return { rows, slots: service.slots.length, seconds, rowsPerSecond: rows / seconds, peakMemoryMb: process.resourceUsage().maxRSS / 1024 };
}

async function measureOnline(duck: DuckDb, source: SourceDefinition, relation: string, days: number, reads: number): Promise<Record<string, unknown>> {
  const { service, views } = definitions(source);
  const folder = mkdtempSync(path.join(tmpdir(), "karkhana-bench-"));
  const store = openLmdb(folder);
  try {
    const online = createOnlineFeatures({ store, views });
    const startUs = fromCivil(2001, 4, 1);
    const endUs = startUs + days * MICROS_PER_DAY;
    const rows: SourceRow[] = [];
    const columns = "_row, date, delay, distance, origin, destination";
    for await (const chunk of duck.chunks(`SELECT ${columns} FROM ${relation} WHERE _known >= ${startUs} AND _known < ${endUs} ORDER BY _known, _row`)) {
      const named = [...chunk.columns];
      for (let i = 0; i < chunk.numRows; i++) rows.push(Object.fromEntries(named.map(([name, column]) => [name, column[i]])));
    }
    const started = performance.now();
    for (let from = 0, sequence = 0; from < rows.length; from += batchRows, sequence++) {
      await online.ingest(source.name, rows.slice(from, from + batchRows), { producer: "bench", sequence });
    }
    const ingestSeconds = (performance.now() - started) / 1000;
    const asked = await duck.columns(
      `SELECT _event, origin, destination FROM ${relation} WHERE _event >= ${endUs - MICROS_PER_DAY} AND _event < ${endUs} ORDER BY _event, _row`,
    );
    const [times, origins, destinations] = [asked.columns.get("_event")!, asked.columns.get("origin")!, asked.columns.get("destination")!];
    const read = online.reader(service);
    const out = new Float64Array(service.slots.length);
    const latencies = new Float64Array(reads);
    for (let i = -2000; i < reads; i++) {
      const k = (i + 2000) % asked.numRows;
      const fields = { origin: String(origins[k]), destination: String(destinations[k]) };
      const before = process.hrtime.bigint();
      const waiting = read(Number(times[k]), fields, out, 0);
      if (waiting !== undefined) await waiting;
      if (i >= 0) latencies[i] = Number(process.hrtime.bigint() - before) / 1000;
    }
    latencies.sort();
    const at = (share: number): number => latencies[Math.min(reads - 1, Math.floor(share * reads))]!;
    const mean = latencies.reduce((a, b) => a + b, 0) / reads;
    return {
      ingest: { rows: rows.length, batchRows, seconds: ingestSeconds, rowsPerSecond: rows.length / ingestSeconds },
      readUs: { reads, mean, p50: at(0.5), p95: at(0.95), p99: at(0.99) },
    };
  } finally {
    await store.close();
    rmSync(folder, { recursive: true });
  }
}
