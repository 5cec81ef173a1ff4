import { sql, type RawBuilder } from "kysely";

import { defaultWorkspace } from "../kernel/workspace.ts";
import type { SqlDatabase } from "../storage/sql/port.ts";
import { tables } from "../storage/sql/tables.ts";
import { conditionOf, type RecordTables } from "../tracking/search/filter-sql.ts";
import { parseFilter } from "../tracking/search/filter-parser.ts";
import type { Filter, SearchScope } from "../tracking/search/filter.ts";
import { parseOrders, type Order } from "../tracking/search/order-by.ts";
import { readRows } from "../tracking/search/page.ts";
import { sortKeysOf, textKey, type SortKey } from "../tracking/search/sort-keys.ts";
import type { CatalogPage, CatalogQuery, RegisteredModel, RegisteredVersion } from "./catalog.ts";
import { readModels, readRegisteredVersions } from "./catalog-read.ts";
import { modelKey } from "./model-key.ts";
import type { RegistryTables } from "./tables.ts";

const times = { creation_timestamp: "number", last_updated_timestamp: "number", timestamp: "number" } as const;
const timestamp = { "attribute.timestamp": { kind: "attribute", key: "last_updated_timestamp" } } as const;

const modelScope: SearchScope = { kinds: ["tag", "attribute"], attributes: { name: "text", ...times }, listed: ["name"], aliases: timestamp };
const versionScope: SearchScope = {
  kinds: ["tag", "attribute"],
  attributes: { name: "text", version_number: "number", run_id: "text", source_path: "text", ...times },
  listed: ["name", "run_id"],
  aliases: timestamp,
};

/** Milliseconds, as on the wire. */
const created = sql`cast(r.created_us / 1000 as double precision)`;
const updated = sql`cast(coalesce(r.updated_us, r.created_us) / 1000 as double precision)`;

/** In `default` the column itself, which has an index; elsewhere what follows the workspace in it. */
function nameIn(workspace: string): RawBuilder<unknown> {
  const before = modelKey(workspace, "").length;
  return before === 0 ? sql`r.model` : sql`substr(r.model, ${sql.lit(before + 1)})`;
}

const modelTables = (workspace: string): RecordTables => ({
  key: "model",
  parts: { tag: "registry_model_tags" },
  attributes: { name: nameIn(workspace), creation_timestamp: created, last_updated_timestamp: updated },
});
const versionTables = (workspace: string, artifactRoot: string): RecordTables => ({
  key: ["model", "version"],
  parts: { tag: "registry_version_tags" },
  attributes: {
    name: nameIn(workspace),
    version_number: sql`cast(r.version as double precision)`,
    run_id: sql`r.run_id`,
    source_path: sql`coalesce(r.source, ${sql.lit(`${artifactRoot}/`)} || r.artifact_path)`,
    creation_timestamp: created,
    last_updated_timestamp: updated,
  },
});

export async function searchModels(database: SqlDatabase, query: CatalogQuery, artifactRoot: string): Promise<CatalogPage<RegisteredModel>> {
  const { dialect } = database;
  const { workspace = defaultWorkspace } = query;
  const records = modelTables(workspace);
  const orders = parseOrders(query.orderBy ?? [], modelScope);
  const name: SortKey = { expression: textKey(sql`r.model`, dialect), type: "text", descending: false };
  const page = await readRows<RegistryTables, "registry_models">(database.db, {
    table: "registry_models",
    conditions: [sql`r.workspace = ${workspace}`, ...conditionsOf(query.filter, modelScope, records, dialect)],
    sort: [...orders.flatMap((order) => sortKeysOf(order, modelScope, records, dialect)), ...(isOrdered(orders, "name") ? [] : [name])],
    limit: query.limit,
    token: query.token,
  });
  return withItems(await readModels(tables<RegistryTables>(database.db), page.rows, artifactRoot), page.nextToken);
}

export async function searchVersions(database: SqlDatabase, query: CatalogQuery, artifactRoot: string): Promise<CatalogPage<RegisteredVersion>> {
  const { dialect } = database;
  const { workspace = defaultWorkspace } = query;
  const records = versionTables(workspace, artifactRoot);
  const asked = (query.orderBy?.length ?? 0) > 0 ? query.orderBy! : ["last_updated_timestamp DESC", "name ASC", "version_number DESC"];
  const orders = parseOrders(asked, versionScope);
  // MLflow breaks ties by name, then newest version first; with both named the order is total.
  const rest = ["name", "version_number"].filter((key) => !isOrdered(orders, key)).map((key) => attribute(key, key === "version_number"));
  const page = await readRows<RegistryTables, "registry_versions">(database.db, {
    table: "registry_versions",
    conditions: [sql`r.workspace = ${workspace}`, sql`r.deleted_us is null`, ...conditionsOf(query.filter, versionScope, records, dialect)],
    sort: [...orders, ...rest].flatMap((order) => sortKeysOf(order, versionScope, records, dialect)),
    limit: query.limit,
    token: query.token,
  });
  return withItems(await readRegisteredVersions(tables<RegistryTables>(database.db), page.rows, artifactRoot), page.nextToken);
}

const attribute = (key: string, descending: boolean): Order => ({ field: { kind: "attribute", key }, descending });
const isOrdered = (orders: readonly Order[], key: string): boolean => orders.some(({ field }) => field.kind === "attribute" && field.key === key);

function withItems<T>(items: readonly T[], nextToken: string | undefined): CatalogPage<T> {
  return nextToken === undefined ? { items } : { items, nextToken };
}

function conditionsOf(text: string | undefined, scope: SearchScope, records: RecordTables, dialect: SqlDatabase["dialect"]): RawBuilder<boolean>[] {
  const filter = parseFilter(text ?? "", scope);
  if (filter === undefined) return [isNoPrompt];
  const condition = conditionOf(promptsByAbsence(filter), records, dialect);
  return asksForPrompts(filter) ? [condition] : [isNoPrompt, condition];
}

/** MLflow's clients keep prompts in the registry under this tag. They come only when asked for; what lacks the tag is none. */
const promptTag = "mlflow.prompt.is_prompt";
const isNoPrompt = sql<boolean>`(not exists (select 1 from registry_model_tags as p
  where p.model = r.model and p.key = ${promptTag} and lower(p.value) = 'true'))`;

function asksForPrompts(filter: Filter): boolean {
  if (filter.op === "not") return asksForPrompts(filter.term);
  if (filter.op !== "compare") return filter.terms.some(asksForPrompts);
  if (filter.field.kind !== "tag" || filter.field.key !== promptTag || !("value" in filter)) return false;
  return (filter.comparator === "=" && filter.value === "true") || (filter.comparator === "!=" && filter.value === "false");
}

/** `!= 'true'` and `= 'false'` also hold where the tag is absent, which no other tag's comparison does: the stock client relies on it. */
function promptsByAbsence(filter: Filter): Filter {
  if (filter.op === "not") return { op: "not", term: promptsByAbsence(filter.term) };
  if (filter.op !== "compare") return { op: filter.op, terms: filter.terms.map(promptsByAbsence) };
  if (filter.field.kind !== "tag" || filter.field.key !== promptTag || !("value" in filter)) return filter;
  const isAbsence = (filter.comparator === "!=" && filter.value === "true") || (filter.comparator === "=" && filter.value === "false");
  return isAbsence ? { op: "not", term: { op: "compare", field: filter.field, comparator: "=", value: "true" } } : filter;
}
