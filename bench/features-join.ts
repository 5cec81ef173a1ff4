/** The point-in-time join of flights with the flights before them: this program and Feast's local engines. */
import { mkdirSync } from "node:fs";
import path from "node:path";
import { relationOf } from "../src/data/relation.ts";
import { parquet, type SourceDefinition } from "../src/data/source.ts";
import { entity, featureService, featureView, latest, window, type FeatureViewDefinition } from "../src/features/definition.ts";
import { offlineVectors } from "../src/features/offline/vectors.ts";
import type { DuckDb } from "../src/storage/duckdb/duckdb.ts";
import { quoteLiteral } from "../src/storage/duckdb/quote.ts";
import { runPython } from "./features-lookups.ts";

export interface JoinFigures {
  readonly name: string;
  readonly spineRows: number;
  readonly seconds: number | null;
  readonly rowsPerSecond: number | null;
  /** Why there is no figure. */
  readonly problem?: string;
}

const foundTypes = { route: "VARCHAR", event_timestamp: "TIMESTAMP", delay: "BIGINT", distance: "BIGINT" };

/**
 * Feast has no windows: it is compared with our latest-value join, of the same two columns; our windows stand beside it. Its engines are tried
 * with ever more questions until one is not done in time or memory.
 */
export async function measureJoin(
  duck: DuckDb,
  folder: string,
  python: string | undefined,
  { events, spines, seconds }: { readonly events: number; readonly spines: readonly number[]; readonly seconds: number },
  say: (text: string) => void,
): Promise<JoinFigures[]> {
  const most = Math.max(...spines);
  const [eventsPath, spinePath] = [path.join(folder, "events.parquet"), path.join(folder, "spine.parquet")];
  const flights = path.join(import.meta.dirname, "../node_modules/vega-datasets/data/flights-3m.parquet");
  await duck.rows(
    `COPY (SELECT origin || '-' || destination AS route, CAST(date AS TIMESTAMP) AS event_timestamp, CAST(delay AS BIGINT) AS delay, CAST(distance AS BIGINT) AS distance
      FROM ${quoteLiteral(flights)} ORDER BY date LIMIT ${events}) TO ${quoteLiteral(eventsPath)} (FORMAT parquet)`,
  );
  // Spread over all of time, in an order that is no order, so that fewer questions are asked about as many events.
  await duck.rows(
    `COPY (SELECT route, event_timestamp FROM read_parquet(${quoteLiteral(eventsPath)}, file_row_number = true) ORDER BY hash(file_row_number) LIMIT ${most})
      TO ${quoteLiteral(spinePath)} (FORMAT parquet)`,
  );
  const source = parquet("events", {
    path: eventsPath,
    schema: { route: "string", event_timestamp: "timestamp", delay: "int64", distance: "int64" },
    eventTime: "event_timestamp",
  });
  const route = entity("route", { keys: ["route"] });
  const newest = featureView("newest", {
    entity: route,
    source,
    on: { route: "route" },
    ttl: "365d",
    features: { delay: latest("delay"), distance: latest("distance") },
  });
  const windows = featureView("windows", {
    entity: route,
    source,
    on: { route: "route" },
    features: { delay_1h: window("1h").mean("delay"), flights_1d: window("1d").count(), late_7d: window("7d").share("delay >= 15") },
  });
  const figures: JoinFigures[] = [];
  for (const [name, view] of [["karkhana, latest value", newest] as const, ["karkhana, three windows", windows] as const]) {
    for (const spineRows of name.endsWith("value") ? spines : [most]) figures.push(await ours(duck, name, { source, view, spineRows, eventsPath, spinePath }));
  }
  for (const one of figures) say(`${one.name}: ${one.spineRows} rows in ${one.seconds?.toFixed(2)} s`);
  for (const engine of python === undefined ? [] : ["duckdb", "dask"]) {
    for (const spineRows of spines) {
      const name = `feast ${engine}, latest value`;
      try {
        const work = path.join(folder, `feast-${engine}-${spineRows}`);
        mkdirSync(work, { recursive: true });
        const found = runPython(python!, ["offline", work, engine, eventsPath, spinePath, String(spineRows)], { FEAST_USAGE: "False" }, seconds);
        figures.push({ name, spineRows, seconds: found["seconds"]!, rowsPerSecond: spineRows / found["seconds"]! });
        say(`${name}: ${spineRows} rows in ${found["seconds"]!.toFixed(2)} s`);
      } catch (error) {
        const problem = error instanceof Error ? error.message : String(error);
        figures.push({ name, spineRows, seconds: null, rowsPerSecond: null, problem });
        say(`${name}: ${spineRows} rows: ${problem}`);
        break;
      }
    }
  }
  return figures;
}

async function ours(
  duck: DuckDb,
  name: string,
  {
    source,
    view,
    spineRows,
    eventsPath,
    spinePath,
  }: { source: SourceDefinition; view: FeatureViewDefinition; spineRows: number; eventsPath: string; spinePath: string },
): Promise<JoinFigures> {
  const relation = relationOf(source, { numQuarantined: 0, foundTypes }, path.dirname(eventsPath));
  const spine = `SELECT CAST(file_row_number AS BIGINT) AS _row, epoch_us(event_timestamp) AS _event, route
    FROM read_parquet(${quoteLiteral(spinePath)}, file_row_number = true) WHERE file_row_number < ${spineRows}`;
  const started = performance.now();
  let rows = 0;
  for await (const chunk of offlineVectors(duck, { service: featureService("join", [view.at({ route: "route" })]), relations: () => relation, spine }))
    rows += chunk.numRows;
  const seconds = (performance.now() - started) / 1000;
  return { name, spineRows: rows, seconds, rowsPerSecond: rows / seconds };
}
