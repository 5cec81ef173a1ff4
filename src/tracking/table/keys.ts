import { sql } from "kysely";
import { selected, type RunSelection, type RunTableParts } from "./query.ts";

export interface RunKeys {
  /** How many of the newest runs were looked at. */
  readonly looked: number;
  readonly metrics: readonly string[];
  readonly params: readonly string[];
  readonly tags: readonly string[];
}

/** A table of 100,000 runs is not walked for its column names. */
const sample = 500;
const maxKeys = 500;

/**
 * Keys the newest runs of a selection carry, the most common first, at most 500 of a kind.
 * @param text what a key must contain, whatever its case
 */
export async function readRunKeys(parts: RunTableParts, selection: RunSelection, text = ""): Promise<RunKeys> {
  if (selection.experimentIds.length === 0) return { looked: 0, metrics: [], params: [], tags: [] };
  const newest = sql`select r.run_id from tracking_runs as r where ${await selected(selection, parts)} order by r.start_us desc limit ${sample}`;
  const like = `%${text.toLowerCase().replaceAll(/[\\%_]/g, (c) => `\\${c}`)}%`;
  const keysOf = async (table: string): Promise<string[]> => {
    const rows = await parts.database.readApart(sql<{ key: string }>`
      select f.key, count(*) as n from ${sql.table(table)} as f where f.run_id in (select run_id from (${newest}) as s) and lower(f.key) like ${like} escape '\\'
      group by f.key order by n desc, f.key limit ${maxKeys}`);
    return rows.map((row) => row.key);
  };
  const [counted] = await parts.database.readApart(sql<{ n: number }>`select count(*) as n from (${newest}) as s`);
  return {
    looked: counted?.n ?? 0,
    metrics: await keysOf("tracking_latest_metrics"),
    params: await keysOf("tracking_params"),
    tags: await keysOf("tracking_tags"),
  };
}
