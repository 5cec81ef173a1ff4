import { sql, type RawBuilder } from "kysely";
import { KarkhanaError } from "../../kernel/error.ts";
import { runTables } from "../runs.ts";
import { runScope } from "../search/fields.ts";
import type { Field } from "../search/filter.ts";
import { parseOrders } from "../search/order-by.ts";
import { selected, type RunSelection, type RunTableParts } from "./query.ts";

export interface RunGroup {
  /** null: the runs without that param or tag. */
  readonly value: string | null;
  readonly runs: number;
  readonly latestUs: number;
  /** By metric key, over the runs whose latest value is a number; absent if there is none. */
  readonly metrics: Readonly<Record<string, MetricSummary>>;
}

export interface MetricSummary {
  readonly runs: number;
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

export interface RunGroups {
  readonly groups: readonly RunGroup[];
  /** There are more groups than are given; these hold the most runs. */
  readonly more: boolean;
}

const maxGroups = 1000;
const maxMetrics = 12;

/**
 * Runs by the value of a param, a tag or a text attribute, counted and averaged in the database.
 * @param by as in an order: "params.lr", "tags.team", "status"
 * @throws SEARCH_INVALID, INVALID_ARGUMENT if it is a number
 */
export async function groupRuns(parts: RunTableParts, selection: RunSelection, by: string, metricKeys: readonly string[]): Promise<RunGroups> {
  const [order] = parseOrders([by], runScope);
  if (order === undefined || selection.experimentIds.length === 0) return { groups: [], more: false };
  const keys = metricKeys.slice(0, maxMetrics);
  const { join, value } = groupValue(order.field, by);
  const joins = keys.map(
    (key, i) =>
      sql`left join tracking_latest_metrics as ${sql.ref(`m${i}`)} on ${sql.ref(`m${i}.run_id`)} = r.run_id and ${sql.ref(`m${i}.key`)} = ${key} and ${sql.ref(`m${i}.is_nan`)} = 0`,
  );
  const summaries = keys.map((_, i) => {
    const column = sql.ref(`m${i}.value`);
    return sql`, count(${column}) as ${sql.ref(`n${i}`)}, avg(${column}) as ${sql.ref(`mean${i}`)}, min(${column}) as ${sql.ref(`low${i}`)}, max(${column}) as ${sql.ref(`high${i}`)}`;
  });
  const rows = await parts.database.readApart(sql<{ value: string | null; runs: number; latest: number } & Record<string, number | null>>`
    select ${value} as value, count(*) as runs, max(r.start_us) as latest ${sql.join(summaries, sql``)}
    from tracking_runs as r ${join} ${sql.join(joins, sql` `)}
    where ${await selected(selection, parts)} group by ${value} order by runs desc, latest desc limit ${maxGroups + 1}`);
  const groups = rows.slice(0, maxGroups).map((row): RunGroup => {
    const metrics = keys.flatMap((key, i): [string, MetricSummary][] => {
      const [runs, mean, low, high] = [row[`n${i}`], row[`mean${i}`], row[`low${i}`], row[`high${i}`]];
      return typeof runs === "number" && runs > 0 && typeof mean === "number" && typeof low === "number" && typeof high === "number"
        ? [[key, { runs, mean, low, high }]]
        : [];
    });
    return { value: row.value, runs: row.runs, latestUs: row.latest, metrics: Object.fromEntries(metrics) };
  });
  return { groups, more: rows.length > maxGroups };
}

function groupValue({ kind, key }: Field, by: string): { join: RawBuilder<unknown>; value: RawBuilder<unknown> } {
  if (kind === "metric" || (kind === "attribute" && runScope.attributes[key] === "number"))
    throw new KarkhanaError("INVALID_ARGUMENT", { field: "by", problem: "runs are grouped by a param, a tag or a text attribute", value: by });
  if (kind === "attribute") return { join: sql``, value: runTables.attributes[key] ?? sql`null` };
  const table = kind === "param" ? "tracking_params" : "tracking_tags";
  return { join: sql`left join ${sql.table(table)} as g on g.run_id = r.run_id and g.key = ${key}`, value: sql`g.value` };
}
