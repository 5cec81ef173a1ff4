/** What `features.ts` asks of ours and of Feast: one table a view, each column a feature, so that Feast, which has no windows, has nothing to compute. */
import path from "node:path";
import { parquet, type SourceDefinition } from "../src/data/source.ts";
import { entity, featureView, latest, type FeatureReference } from "../src/features/definition.ts";
import { fromCivil, MICROS_PER_DAY } from "../src/kernel/time.ts";
import { model, project, type ProjectDefinition } from "../src/project/definition.ts";
import type { DuckDb } from "../src/storage/duckdb/duckdb.ts";
import { quoteLiteral } from "../src/storage/duckdb/quote.ts";

export const numViews = 5;
export const numColumns = 10;
export const endUs: number = fromCivil(2026, 3, 1);
const columnNames = Array.from({ length: numColumns }, (_, c) => `f${c}`);

/** The features as both wires name them. */
export const featureNames: readonly string[] = Array.from({ length: numViews }, (_, v) => columnNames.map((name) => `view_${v}:${name}`)).flat();

export const foundTypes: Readonly<Record<string, string>> = {
  driver: "BIGINT",
  event_timestamp: "TIMESTAMP",
  ...Object.fromEntries(columnNames.map((name) => [name, "DOUBLE"])),
};

/** Rows of each entity lie evenly over 30 days; the last of them a minute before `endUs`. */
export async function writeStats(duck: DuckDb, folder: string, entities: number, rowsEach: number): Promise<void> {
  for (let v = 0; v < numViews; v++) {
    const values = columnNames.map((name, c) => `(hash(e * 1000 + r, ${v * numColumns + c}) % 1000000) / 1000.0 AS ${name}`).join(", ");
    const step = Math.floor((30 * MICROS_PER_DAY) / rowsEach);
    await duck.rows(
      `COPY (SELECT CAST(e AS BIGINT) AS driver, make_timestamp(CAST(${endUs} - 60000000 - (${rowsEach} - 1 - r) * ${step} AS BIGINT)) AS event_timestamp, ${values}
        FROM range(1, ${entities + 1}) a(e), range(${rowsEach}) b(r) ORDER BY event_timestamp, driver) TO ${quoteLiteral(statsPath(folder, v))} (FORMAT parquet)`,
    );
  }
}

function statsPath(folder: string, view: number): string {
  return path.join(folder, `stats_${view}.parquet`);
}

/** @param folder of `writeStats` */
export function statsProject(folder: string): { readonly project: ProjectDefinition; readonly sources: readonly SourceDefinition[] } {
  const schema = { driver: "int64", event_timestamp: "timestamp", ...Object.fromEntries(columnNames.map((name) => [name, "float64"])) } as const;
  const driver = entity("driver", { keys: ["driver"] });
  const sources = Array.from({ length: numViews }, (_, v) =>
    parquet(`stats_${v}`, { path: statsPath(folder, v), schema, eventTime: "event_timestamp" }),
  ) as unknown as SourceDefinition[];
  const references = sources.map((source, v): FeatureReference => {
    const features = Object.fromEntries(columnNames.map((name) => [name, latest(name)]));
    const view = featureView(`view_${v}`, { entity: driver, source, on: { driver: "driver" }, ttl: "365d", features: features as never });
    return view.at({ driver: "driver" });
  });
  const asked = model("bench", {
    spine: sources[0]!,
    request: ["driver"],
    label: "f0 >= 500",
    features: references,
    trainer: { gbdt: {} },
    training: { from: "2026-01-01", validFrom: "2026-02-01", holdoutFrom: "2026-02-10", to: "2026-03-01" },
  });
  return { project: project("bench", { models: [asked] }), sources };
}
