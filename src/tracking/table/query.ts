import { sql, type RawBuilder } from "kysely";
import type { SqlDatabase } from "../../storage/sql/port.ts";
import { experimentKey } from "../experiments.ts";
import type { StageView } from "../records.ts";
import { runTables, searchable } from "../runs.ts";
import { runScope } from "../search/fields.ts";
import { conditionOf } from "../search/filter-sql.ts";
import { parseOrders } from "../search/order-by.ts";
import { sortKeysOf, textKey, type SortKey } from "../search/sort-keys.ts";
import { inStage } from "../search/stage.ts";

/** Which runs a table shows; `filter` is of the search language. */
export interface RunSelection {
  readonly experimentIds: readonly string[];
  readonly filter?: string | undefined;
  readonly view: StageView;
}

/** A database of runs, what addresses of artifacts begin with in it, and the workspace that is looked at. */
export interface RunTableParts {
  readonly database: SqlDatabase;
  readonly artifactRoot: string;
  readonly workspace: string;
}

/** A run by its id, if it is of the workspace: the condition of what is read by that id alone. */
export function isOwnRun(runId: string, { workspace }: RunTableParts): RawBuilder<boolean> {
  return sql`exists (select 1 from tracking_runs as o where o.run_id = ${runId} and o.workspace = ${workspace})`;
}

/** Conditions on the run's row `r`; what few runs satisfy is found by an index. @throws SEARCH_INVALID, EXPERIMENT_NOT_FOUND for an id that cannot be one */
export async function selected(
  { experimentIds, filter, view }: RunSelection,
  { database, artifactRoot, workspace }: RunTableParts,
): Promise<RawBuilder<boolean>> {
  const keys = experimentIds.map(experimentKey);
  const asked = await searchable(database, { experimentIds, filter }, artifactRoot);
  const conditions = [
    sql<boolean>`r.experiment_id in (${sql.join(keys)})`,
    sql<boolean>`r.workspace = ${workspace}`,
    ...inStage(view),
    ...(asked.filter === undefined ? [] : [conditionOf(asked.filter, asked.places, database.dialect)]),
  ];
  return sql`${sql.join(conditions, sql` and `)}`;
}

/** The order of MLflow's search: what is asked for, then the newest first. The run's id makes it total. @throws SEARCH_INVALID */
export function sortOf(orderBy: readonly string[], dialect: SqlDatabase["dialect"]): SortKey[] {
  const orders = parseOrders(orderBy, runScope);
  const byStart = orders.some(({ field }) => field.kind === "attribute" && field.key === "start_time");
  return [
    ...orders.flatMap((order) => sortKeysOf(order, runScope, runTables, dialect)),
    ...(byStart ? [] : [{ expression: sql`r.start_us`, type: "number", descending: true } as const]),
    { expression: textKey(sql`r.run_id`, dialect), type: "text", descending: false },
  ];
}
