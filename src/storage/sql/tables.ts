import type { Kysely, Transaction } from "kysely";
import type { SqlHandle, SqlTransaction } from "./port.ts";

/**
 * The shared handle, seen with a room's own tables: `tables<MyTables>(database.db)` or `tables<MyTables>(trx)`.
 *
 * Portable column types, the only ones rooms use:
 *   "text"             string
 *   "bigint"           integer of up to 53 bits, a JS number both ways ("integer" is 32 bits on PostgreSQL: too small for microseconds)
 *   "double precision" number; NaN is refused (SQLite would store it as null), infinities are kept
 * Where the dialects differ: SQLite compares text by bytes, PostgreSQL by the database's collation (order by `collate "C"` where it matters);
 * SQLite has no boolean (use bigint 0 or 1); a failed statement ends a PostgreSQL transaction, SQLite goes on (let it throw on both);
 * SQLite does not enforce column types, so parse what you read back where another program may have written.
 */
export function tables<T>(handle: SqlTransaction): Transaction<T>;
export function tables<T>(handle: SqlHandle): Kysely<T>;
export function tables<T>(handle: SqlHandle): Kysely<T> {
  return handle as unknown as Kysely<T>;
}

/** True if a statement failed because a row with that key already exists, whatever the dialect. */
export function isUniqueViolation(error: unknown): boolean {
  if (typeof error !== "object" || error === null) return false;
  const { code, errcode } = error as { code?: unknown; errcode?: unknown };
  // SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_UNIQUE; PostgreSQL unique_violation
  return errcode === 1555 || errcode === 2067 || code === "23505";
}
