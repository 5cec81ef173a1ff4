import { sql, type RawBuilder } from "kysely";
import type { SqlDatabase } from "../../storage/sql/port.ts";
import { refuseFilter, typeOfField } from "./fields.ts";
import type { SearchScope } from "./filter.ts";
import { attributeOf, ofRecord, type RecordTables } from "./filter-sql.ts";
import type { Order } from "./order-by.ts";

/** One column of the order, never null, so that a page's last row is a place to go on from. */
export interface SortKey {
  readonly expression: RawBuilder<unknown>;
  readonly type: "number" | "text";
  readonly descending: boolean;
}

/** Numbers first, NaN after them, what is missing last, whichever the direction. */
export function sortKeysOf(order: Order, scope: SearchScope, tables: RecordTables, dialect: SqlDatabase["dialect"]): SortKey[] {
  const { field, descending } = order;
  const type = typeOfField(scope, field);
  if (field.kind === "attribute") return nullsLast(attributeOf(tables, field.key), type, descending, dialect);
  // A record may name several.
  if (field.kind === "dataset") return refuseFilter(`Invalid order_by entity type 'dataset' with key '${field.key}'`);
  const table = tables.parts[field.kind] ?? "";
  const part = (what: RawBuilder<unknown>): RawBuilder<unknown> =>
    sql`(select ${what} from ${sql.table(table)} as s where ${ofRecord(tables, "s")} and s.key = ${field.key})`;
  const rank = field.kind === "metric" ? part(sql`s.is_nan`) : part(sql`0`);
  return [place(sql`coalesce(${rank}, 2)`), { expression: filled(part(sql`s.value`), type, dialect), type, descending }];
}

export function nullsLast(column: RawBuilder<unknown>, type: SortKey["type"], descending: boolean, dialect: SqlDatabase["dialect"]): SortKey[] {
  return [place(sql`case when ${column} is null then 1 else 0 end`), { expression: filled(column, type, dialect), type, descending }];
}

function place(expression: RawBuilder<unknown>): SortKey {
  return { expression, type: "number", descending: false };
}

function filled(value: RawBuilder<unknown>, type: SortKey["type"], dialect: SqlDatabase["dialect"]): RawBuilder<unknown> {
  if (type === "number") return sql`coalesce(${value}, 0)`;
  return textKey(sql`coalesce(${value}, '')`, dialect);
}

/** Text in the order of its bytes on both databases. */
export function textKey(value: RawBuilder<unknown>, dialect: SqlDatabase["dialect"]): RawBuilder<unknown> {
  return dialect === "postgres" ? sql`(${value}) collate "C"` : value;
}
