import { sql, type RawBuilder } from "kysely";
import type { SqlDatabase } from "../../storage/sql/port.ts";
import type { Comparison, Field, Filter, NumberComparator } from "./filter.ts";

type Dialect = SqlDatabase["dialect"];
type Condition = RawBuilder<boolean>;

/** Where the fields of one kind of record lie; the record's own row is called `r`. */
export interface RecordTables {
  /** Key columns that the tables of metrics, params and tags share with the record. */
  readonly key: string | readonly string[];
  readonly parts: Partial<Record<Exclude<Field["kind"], "attribute" | "dataset">, string>>;
  /** An attribute as an expression over `r`. */
  readonly attributes: Readonly<Record<string, RawBuilder<unknown>>>;
  /** What a metric's row `f` must fulfil besides, to count at all. */
  readonly metricCondition?: RawBuilder<boolean>;
  /** Comparisons that few records satisfy: an index finds those, where the others are looked at record by record. */
  readonly rare?: RareComparisons;
}

export interface RareComparisons {
  readonly comparisons: ReadonlySet<Comparison>;
  /** True of the rows `f` of all metrics that any record of this search can have. */
  readonly scope: RawBuilder<boolean>;
}

const operators: Readonly<Record<NumberComparator, RawBuilder<unknown>>> = {
  "=": sql`=`,
  "!=": sql`<>`,
  "<": sql`<`,
  "<=": sql`<=`,
  ">": sql`>`,
  ">=": sql`>=`,
};

/** A filter as a condition that is true or false, never null, so that NOT means what it says. */
export function conditionOf(filter: Filter, tables: RecordTables, dialect: Dialect): Condition {
  if (filter.op === "compare") return comparison(filter, tables, dialect);
  if (filter.op === "not") return sql`(not ${conditionOf(filter.term, tables, dialect)})`;
  const terms = filter.terms.map((term) => conditionOf(term, tables, dialect));
  return sql`(${sql.join(terms, filter.op === "and" ? sql` and ` : sql` or `)})`;
}

function comparison(filter: Comparison, tables: RecordTables, dialect: Dialect): Condition {
  const { field } = filter;
  if (field.kind === "attribute") {
    const column = attributeOf(tables, field.key);
    if (!("value" in filter)) return filter.comparator === "IS NULL" ? sql`(${column} is null)` : sql`(${column} is not null)`;
    // An attribute without a value (the end of a run) matches nothing.
    return sql`(${column} is not null and ${compared(column, filter, dialect)})`;
  }
  if (field.kind === "dataset") return datasetComparison(filter, tables, dialect);
  const table = tables.parts[field.kind] ?? "";
  const counts = field.kind === "metric" ? metricConditions(tables, dialect) : sql``;
  const row = sql`select 1 from ${sql.table(table)} as f where ${ofRecord(tables, "f")} and f.key = ${field.key}${counts}`;
  if (!("value" in filter)) return filter.comparator === "IS NULL" ? sql`(not exists (${row}))` : sql`(exists (${row}))`;
  const matches = compared(sql`f.value`, filter, dialect);
  if (field.kind !== "metric") return sql`(exists (${row} and ${matches}))`;
  if (tables.rare?.comparisons.has(filter) === true && typeof tables.key === "string") {
    const found = sql`select ${sql.ref(`f.${tables.key}`)} from ${metricsThat(filter, tables.rare.scope, table, dialect)}`;
    return sql`(${sql.ref(`r.${tables.key}`)} in (${found}))`;
  }
  // NaN is kept as 0 with a flag; it differs from every number and is neither above nor below one.
  return filter.comparator === "!=" ? sql`(exists (${row} and (f.is_nan = 1 or ${matches})))` : sql`(exists (${row} and f.is_nan = 0 and ${matches}))`;
}

/** PostgreSQL turns an EXISTS into a walk of the index by value where the rows it may look at are named; else it reads all of everybody's. */
function metricConditions({ metricCondition, rare }: RecordTables, dialect: Dialect): RawBuilder<unknown> {
  const own = metricCondition === undefined ? sql`` : sql` and ${metricCondition}`;
  return rare === undefined || dialect === "sqlite" ? own : sql`${own} and ${rare.scope}`;
}

/** Of any one of the datasets a run read. */
function datasetComparison(filter: Comparison, tables: RecordTables, dialect: Dialect): Condition {
  if (!("value" in filter)) return sql`(1 = 0)`;
  const { key } = filter.field;
  if (key === "context")
    return sql`(exists (select 1 from tracking_dataset_tags as f where ${ofRecord(tables, "f")} and f.key = 'mlflow.data.context' and ${compared(sql`f.value`, filter, dialect)}))`;
  const column = key === "digest" ? sql`f.digest` : sql`f.name`;
  return sql`(exists (select 1 from tracking_datasets as f where ${ofRecord(tables, "f")} and ${compared(column, filter, dialect)}))`;
}

/** The rows `f` that satisfy a comparison of a metric with a number, in the order of the index by value. */
function metricsThat(filter: Valued, scope: RawBuilder<boolean>, table: string, dialect: Dialect): RawBuilder<unknown> {
  return sql`${sql.table(table)} as f where ${scope} and f.key = ${filter.field.key} and f.is_nan = 0 and ${compared(sql`f.value`, filter, dialect)}`;
}

/** Beyond so many, looking them up by the index costs more than looking at records one by one until a page is full. */
const maxRare = 1000;

/** Which comparisons of metrics few records satisfy; PostgreSQL finds that out by itself. */
export async function rareComparisons(database: SqlDatabase, filter: Filter | undefined, scope: RawBuilder<boolean>, table: string): Promise<RareComparisons> {
  const comparisons = new Set<Comparison>();
  if (database.dialect === "sqlite") {
    for (const comparison of comparisonsOf(filter)) {
      if (comparison.field.kind !== "metric" || !("value" in comparison) || comparison.comparator === "!=") continue;
      const { rows } = await sql<{ count: number }>`select count(*) as count from
        (select 1 from ${metricsThat(comparison, scope, table, database.dialect)} limit ${maxRare + 1})`.execute(database.db);
      if ((rows[0]?.count ?? 0) <= maxRare) comparisons.add(comparison);
    }
  }
  return { comparisons, scope };
}

function comparisonsOf(filter: Filter | undefined): readonly Comparison[] {
  if (filter === undefined) return [];
  if (filter.op === "compare") return [filter];
  return filter.op === "not" ? comparisonsOf(filter.term) : filter.terms.flatMap(comparisonsOf);
}

/** The part `alias` belongs to the record `r`. */
export function ofRecord({ key }: RecordTables, alias: "f" | "s"): Condition {
  const columns = typeof key === "string" ? [key] : key;
  return sql`${sql.join(
    columns.map((column) => sql`${sql.ref(`${alias}.${column}`)} = ${sql.ref(`r.${column}`)}`),
    sql` and `,
  )}`;
}

type Valued = Extract<Comparison, { value: unknown }>;

function compared(column: RawBuilder<unknown>, filter: Valued, dialect: Dialect): Condition {
  switch (filter.comparator) {
    case "IN":
      return sql`${column} in (${sql.join(filter.value)})`;
    case "NOT IN":
      return sql`${column} not in (${sql.join(filter.value)})`;
    case "LIKE":
      // SQLite's LIKE ignores case; its GLOB does not.
      return dialect === "sqlite" ? sql`${column} glob ${globOf(filter.value)}` : sql`${column} like ${filter.value} escape ''`;
    case "ILIKE":
      return dialect === "sqlite" ? sql`${column} like ${filter.value}` : sql`${column} ilike ${filter.value} escape ''`;
    default:
      return sql`${column} ${operators[filter.comparator]} ${filter.value}`;
  }
}

function globOf(like: string): string {
  return like.replaceAll(/[[\]*?%_]/g, (c) => (c === "%" ? "*" : c === "_" ? "?" : c === "]" ? "]" : `[${c}]`));
}

export function attributeOf(tables: RecordTables, key: string): RawBuilder<unknown> {
  return tables.attributes[key] ?? sql`null`;
}
