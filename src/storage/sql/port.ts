import type { Kysely, RawBuilder, Transaction } from "kysely";

/** The open handle knows no tables. Each room names its own; a store casts the shared handle to its own table types once, with `tables<MyTables>(db)`. */
type NoTables = Readonly<Record<string, never>>;
export type SqlHandle = Kysely<NoTables>;
export type SqlTransaction = Transaction<NoTables>;

/**
 * One relational database: SQLite (node:sqlite, WAL, synchronous=FULL) or PostgreSQL.
 * Promises: a transaction that resolved is durable; two writers wait for each other (SQLite: BEGIN IMMEDIATE with a busy timeout), none is lost.
 */
export interface SqlDatabase {
  readonly dialect: "sqlite" | "postgres";
  readonly db: SqlHandle;
  /** Serialised write transaction; retried on serialisation failure, so `work` may run again. */
  transaction<T>(work: (trx: SqlTransaction) => Promise<T>): Promise<T>;
  /**
   * A read that may take long, away from the thread that answers requests: SQLite on a thread of its own, PostgreSQL as any query.
   * Sees what is committed. Such reads of one process wait for each other.
   */
  readApart<R>(query: RawBuilder<R>): Promise<R[]>;
  close(): Promise<void>;
}

/** A forward step of the schema. Ids are "<room>-<4 digits>-<slug>", applied in the order of the list, each in one transaction, once. */
export interface Migration {
  readonly id: string;
  readonly up: (trx: SqlTransaction, dialect: SqlDatabase["dialect"]) => Promise<void>;
}
