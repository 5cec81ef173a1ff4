import { sql, type RawBuilder } from "kysely";
import type { SqlDatabase } from "../storage/sql/port.ts";
import type { DatasetChoice, LoggedModelOrder, LoggedModelQuery } from "./logged-model.ts";
import type { LoggedModelRow } from "./logged-models.ts";
import { fieldNamed, loggedModelScope, refuseFilter, typeOfField } from "./search/fields.ts";
import { conditionOf, type RecordTables } from "./search/filter-sql.ts";
import { parseFilter } from "./search/filter-parser.ts";
import { readPage } from "./search/page.ts";
import { nullsLast, textKey, type SortKey } from "./search/sort-keys.ts";

const maxOrders = 20;
const maxDatasets = 1000;

const attributes: RecordTables["attributes"] = {
  name: sql`r.name`,
  model_id: sql`r.model_id`,
  model_type: sql`r.model_type`,
  status: sql`r.status`,
  source_run_id: sql`r.source_run_id`,
  experiment_id: sql`cast(r.experiment_id as text)`,
  creation_timestamp: sql`cast(r.created_us / 1000 as double precision)`,
  last_updated_timestamp: sql`cast(r.updated_us / 1000 as double precision)`,
};

/** Active models of the experiments, page by page. @throws SEARCH_INVALID */
export async function searchLoggedModels(
  database: SqlDatabase,
  workspace: string,
  query: LoggedModelQuery,
): Promise<{ rows: LoggedModelRow[]; nextToken?: string }> {
  const { dialect } = database;
  if (query.orderBy.length > maxOrders) refuseFilter(`\`order_by\` has more than ${maxOrders} fields`);
  if (query.datasets.length > maxDatasets) refuseFilter(`\`datasets\` has more than ${maxDatasets} entries`);
  const filter = parseFilter(query.filter ?? "", loggedModelScope);
  const onDataset = query.datasets.length === 0 ? undefined : sql<boolean>`(${sql.join(query.datasets.map(isOn), sql` or `)})`;
  const tables: RecordTables = {
    key: "model_id",
    parts: { metric: "tracking_logged_model_metrics", param: "tracking_logged_model_params", tag: "tracking_logged_model_tags" },
    attributes,
    ...(onDataset === undefined ? {} : { metricCondition: onDataset }),
  };
  const newest: SortKey[] = query.orderBy.some(({ field }) => aliases(field) === "creation_timestamp")
    ? []
    : [{ expression: sql`r.created_us`, type: "number", descending: true }];
  return readPage(database.db, {
    table: "tracking_logged_models",
    conditions: [
      sql`r.experiment_id in (${sql.join(query.experimentIds.map(Number))})`,
      sql`r.workspace = ${workspace}`,
      sql`r.stage = 'active'`,
      ...(filter === undefined ? [] : [conditionOf(filter, tables, dialect)]),
      ...(onDataset === undefined
        ? []
        : [sql<boolean>`(exists (select 1 from tracking_logged_model_metrics as f where f.model_id = r.model_id and ${onDataset}))`]),
    ],
    sort: [
      ...query.orderBy.flatMap((order) => sortKeys(order, dialect)),
      ...newest,
      { expression: textKey(sql`r.model_id`, dialect), type: "text", descending: false },
    ],
    limit: query.limit,
    token: query.token,
  });
}

function isOn({ name, digest }: DatasetChoice): RawBuilder<boolean> {
  return digest === undefined ? sql`f.dataset_name = ${name}` : sql`(f.dataset_name = ${name} and f.dataset_digest = ${digest})`;
}

function sortKeys(order: LoggedModelOrder, dialect: SqlDatabase["dialect"]): SortKey[] {
  const { field: name, descending } = order;
  const dot = name.indexOf(".");
  const prefix = dot < 0 ? undefined : name.slice(0, dot);
  if (prefix !== undefined && prefix !== "metrics") refuseFilter(`Invalid order by field name: ${name}. Only metrics are supported.`);
  if (prefix === undefined && !Object.hasOwn(attributes, aliases(name))) refuseFilter(`Invalid order by field name: ${name}`);
  const field = fieldNamed(loggedModelScope, prefix, dot < 0 ? aliases(name) : name.slice(dot + 1));
  if (field.kind === "attribute") return nullsLast(attributes[field.key] ?? sql`null`, typeOfField(loggedModelScope, field), descending, dialect);
  // The newest measurement of the metric is the one that counts.
  const { dataset } = order;
  const latest = (what: RawBuilder<unknown>): RawBuilder<unknown> => sql`(select ${what} from tracking_logged_model_metrics as s
    where s.model_id = r.model_id and s.key = ${field.key}
    ${dataset?.name === undefined ? sql`` : sql`and s.dataset_name = ${dataset.name}`} ${dataset?.digest === undefined ? sql`` : sql`and s.dataset_digest = ${dataset.digest}`}
    order by s.timestamp_ms desc, s.step desc, s.run_id, s.value desc limit 1)`;
  return [
    { expression: sql`coalesce(${latest(sql`s.is_nan`)}, 2)`, type: "number", descending: false },
    { expression: sql`coalesce(${latest(sql`s.value`)}, 0)`, type: "number", descending },
  ];
}

function aliases(field: string): string {
  return field === "creation_time" ? "creation_timestamp" : field;
}
