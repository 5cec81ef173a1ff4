import { sql, SqliteAdapter, type Kysely, type RawBuilder } from "kysely";

/** True where the column is one of the texts: one parameter however many there are, so that the statement is always the same. */
export function isOneOf<Tables>(db: Kysely<Tables>, column: string, texts: readonly string[]): RawBuilder<boolean> {
  return db.getExecutor().adapter instanceof SqliteAdapter
    ? sql`${sql.ref(column)} in (select value from json_each(${JSON.stringify(texts)}))`
    : sql`${sql.ref(column)} = any(${texts}::text[])`;
}
