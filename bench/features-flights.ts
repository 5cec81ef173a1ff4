/**
 * The features' two engines in this process, on the flights that vega-datasets ships: 4 references x 5 windows x 3 aggregates.
 *
 * offline: point-in-time join of every flight among the 12 busiest airports (all airports with `full`), first to last chunk.
 * ingest:  the same source's rows of some days pushed to LMDB in the order they became known, 2,000 a batch: into one view, into three, and into
 *          three by a producer that has eight batches under way, which the store writes together. After a run that is not measured.
 * read:    one question at a time on LMDB, at flights' departures of the last of those days; microseconds.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { relationOf } from "../src/data/relation.ts";
import { parquet, type SourceDefinition } from "../src/data/source.ts";
import { entity, featureService, featureView, window, type FeatureService } from "../src/features/definition.ts";
import { offlineVectors } from "../src/features/offline/vectors.ts";
import { createOnlineFeatures, type OnlineFeatures, type SourceRow } from "../src/features/online/online-features.ts";
import { fromCivil, MICROS_PER_DAY } from "../src/kernel/time.ts";
import type { DuckDb } from "../src/storage/duckdb/duckdb.ts";
import { openLmdb } from "../src/storage/kv/lmdb.ts";

const schema = { date: "timestamp", delay: "int64", distance: "int64", origin: "string", destination: "string" } as const;
const busiest = "('ORD', 'DFW', 'ATL', 'LAX', 'PHX', 'STL', 'DTW', 'MSP', 'LAS', 'DEN', 'BOS', 'IAH')";
const foundTypes = { date: "TIMESTAMP", delay: "INTEGER", distance: "INTEGER", origin: "VARCHAR", destination: "VARCHAR" };
const windows = ["1h", "2h", "6h", "1d", "7d"];
const batchRows = 2000;

export interface FlightsFigures {
  readonly offline: Readonly<Record<string, number>>;
  readonly ingest: readonly IngestFigures[];
  readonly readUs: Readonly<Record<string, number>>;
}

export interface IngestFigures {
  readonly views: number;
  /** Batches that are not acknowledged yet. */
  readonly underWay: number;
  readonly rows: number;
  readonly rowsPerSecond: number;
  /** Of all threads of the process: LMDB's writer and the garbage collector among them. */
  readonly rowsPerCpuSecond: number;
  /** Of the thread that ingests. */
  readonly rowsPerThreadSecond: number;
}

export async function measureFlights(
  duck: DuckDb,
  { full, days, reads }: { readonly full: boolean; readonly days: number; readonly reads: number },
): Promise<FlightsFigures> {
  const source = parquet("flights", {
    path: path.join(import.meta.dirname, "../node_modules/vega-datasets/data/flights-3m.parquet"),
    schema,
    eventTime: "date",
    knownTime: "date + minutes(30 + distance / 7.5 + delay)",
    ...(full ? {} : { where: `origin in ${busiest} and destination in ${busiest}` }),
  }) as unknown as SourceDefinition;
  const relation = relationOf(source, { numQuarantined: 0, foundTypes }, "/");
  const offline = await measureOffline(duck, source, relation);
  const rows = await knownRows(duck, relation, days);
  await ingested(source, 3, 1, rows);
  const one = await ingested(source, 1, 1, rows);
  const together = await ingested(source, 3, 8, rows);
  let readUs: Record<string, number> = {};
  const three = await ingested(source, 3, 1, rows, async (online) => {
    readUs = await measureReads(duck, online, definitions(source).service, relation, days, reads);
  });
  return { offline, ingest: [one, three, together], readUs };
}

function definitions(source: SourceDefinition): { views: Parameters<typeof createOnlineFeatures>[0]["views"]; service: FeatureService } {
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

const startUs = fromCivil(2001, 4, 1);

async function knownRows(duck: DuckDb, relation: string, days: number): Promise<SourceRow[]> {
  const rows: SourceRow[] = [];
  const columns = "_row, date, delay, distance, origin, destination";
  const where = `_known >= ${startUs} AND _known < ${startUs + days * MICROS_PER_DAY}`;
  for await (const chunk of duck.chunks(`SELECT ${columns} FROM ${relation} WHERE ${where} ORDER BY _known, _row`)) {
    const named = [...chunk.columns];
    for (let i = 0; i < chunk.numRows; i++) rows.push(Object.fromEntries(named.map(([name, column]) => [name, column[i]])));
  }
  return rows;
}

async function ingested(
  source: SourceDefinition,
  views: number,
  underWay: number,
  rows: readonly SourceRow[],
  then: (online: OnlineFeatures) => Promise<void> = async () => {},
): Promise<IngestFigures> {
  const folder = mkdtempSync(path.join(tmpdir(), "karkhana-bench-"));
  const store = openLmdb(folder);
  try {
    const online = createOnlineFeatures({ store, views: definitions(source).views.slice(0, views), rowsTogether: underWay * batchRows });
    const [started, before, threadBefore] = [performance.now(), process.cpuUsage(), process.threadCpuUsage()];
    const waiting: Promise<unknown>[] = [];
    for (let from = 0, sequence = 0; from < rows.length; from += batchRows, sequence++) {
      waiting.push(online.ingest(source.name, rows.slice(from, from + batchRows), { producer: "bench", sequence }));
      if (waiting.length === underWay) await waiting.shift();
    }
    await Promise.all(waiting);
    const [cpu, thread] = [process.cpuUsage(before), process.threadCpuUsage(threadBefore)];
    const seconds = (performance.now() - started) / 1000;
    await then(online);
    return {
      views,
      underWay,
      rows: rows.length,
      rowsPerSecond: rows.length / seconds,
      rowsPerCpuSecond: rows.length / ((cpu.user + cpu.system) / 1e6),
      rowsPerThreadSecond: rows.length / ((thread.user + thread.system) / 1e6),
    };
  } finally {
    await store.close();
    rmSync(folder, { recursive: true });
  }
}

async function measureReads(
  duck: DuckDb,
  online: OnlineFeatures,
  service: FeatureService,
  relation: string,
  days: number,
  reads: number,
): Promise<Record<string, number>> {
  const endUs = startUs + days * MICROS_PER_DAY;
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
  return { reads, mean: latencies.reduce((a, b) => a + b, 0) / reads, p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}
