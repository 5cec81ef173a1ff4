import { AsyncLocalStorage } from "node:async_hooks";
import { setTimeout as wait } from "node:timers/promises";
import { type CompiledQuery, type DatabaseConnection, type Driver, type QueryResult, SelectQueryNode } from "kysely";
import { KarkhanaError } from "../../kernel/error.ts";
import { SqliteConnection, isBusy } from "./sqlite-connection.ts";

// A synchronous wait blocks the whole event loop, and a transaction of this very process could then never end. So SQLite itself waits
// only briefly and the rest of the waiting is asynchronous: 20 ms steps, together about 30 s.
const BUSY_STEP_MS = 20;
const BUSY_STEPS = 1500;

/**
 * Kysely driver over two `node:sqlite` connections.
 * Invariants: (1) only the holder of `#writerQueue` touches the write connection, so two async writers never interleave on it;
 * (2) statements outside a transaction that only read use the read connection, so they neither see nor join an open transaction;
 * (3) every statement runs to its end synchronously, so the read connection holds no snapshot between two calls.
 */
export class SqliteDriver implements Driver {
  readonly #file: string;
  #writer: SqliteConnection | undefined;
  #reader: SqliteConnection | undefined;
  #writerQueue: Promise<void> = Promise.resolve();
  // What runs inside a transaction and asks for the writer again would wait for ever for a lock its own caller holds.
  readonly #inside: AsyncLocalStorage<{ open: boolean }> = new AsyncLocalStorage();

  constructor(file: string) {
    this.#file = file;
  }

  async open(): Promise<void> {
    // Turning WAL on needs the file for itself for a moment; two programs that start at once take turns here.
    this.#writer = await retryBusy(() => new SqliteConnection(this.#file, "write"));
    try {
      this.#reader = await retryBusy(() => new SqliteConnection(this.#file, "read"));
    } catch (error) {
      this.#writer.close();
      throw error;
    }
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    return new RoutedConnection(this);
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    const routed = asRouted(connection);
    const release = await this.#lockWriter();
    try {
      await retryBusy(() => this.writer().exec("begin immediate"));
    } catch (error) {
      release();
      throw error;
    }
    routed.endTransaction = release;
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    // A failed commit leaves the lock with us: Kysely answers it with rollbackTransaction, which lets go.
    await retryBusy(() => this.writer().exec("commit"));
    asRouted(connection).endTransaction?.();
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    try {
      // SQLite may have rolled back by itself (disk full, I/O error); a second rollback would hide the cause.
      if (this.writer().inTransaction) this.writer().exec("rollback");
    } finally {
      asRouted(connection).endTransaction?.();
    }
  }

  async releaseConnection(): Promise<void> {}

  async destroy(): Promise<void> {
    const release = await this.#lockWriter();
    this.#reader?.close();
    this.#writer?.close();
    this.#reader = undefined;
    this.#writer = undefined;
    release();
  }

  /** Runs `work`, a transaction; while it is open, writing around it or opening another one inside it is refused. */
  async refuseNesting<T>(work: () => Promise<T>): Promise<T> {
    this.#checkNesting();
    const scope = { open: true };
    try {
      return await this.#inside.run(scope, work);
    } finally {
      scope.open = false;
    }
  }

  #checkNesting(): void {
    if (this.#inside.getStore()?.open)
      throw new KarkhanaError("INTERNAL", { problem: "a write outside the transaction it runs in would never start; use its trx" });
  }

  /** One statement outside any transaction. */
  async execute<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    if (onlyReads(query)) return this.reader().execute<R>(query);
    this.#checkNesting();
    const release = await this.#lockWriter();
    try {
      return await retryBusy(() => this.writer().execute<R>(query));
    } finally {
      release();
    }
  }

  writer(): SqliteConnection {
    if (this.#writer === undefined) throw new KarkhanaError("STORAGE_CLOSED", { store: this.#file });
    return this.#writer;
  }

  reader(): SqliteConnection {
    if (this.#reader === undefined) throw new KarkhanaError("STORAGE_CLOSED", { store: this.#file });
    return this.#reader;
  }

  async #lockWriter(): Promise<() => void> {
    const before = this.#writerQueue;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#writerQueue = promise;
    await before;
    return resolve;
  }
}

class RoutedConnection implements DatabaseConnection {
  readonly #driver: SqliteDriver;
  #release: (() => void) | undefined;

  constructor(driver: SqliteDriver) {
    this.#driver = driver;
  }

  /** Present while this connection's transaction is open; ends it and lets the next writer in, once. */
  get endTransaction(): (() => void) | undefined {
    return this.#release;
  }

  set endTransaction(release: () => void) {
    this.#release = () => {
      this.#release = undefined;
      release();
    };
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    return this.#release === undefined ? this.#driver.execute<R>(query) : this.#driver.writer().execute<R>(query);
  }

  // All rows at once: a cursor left open between two chunks would pin the read connection to an old snapshot.
  async *streamQuery<R>(query: CompiledQuery): AsyncIterableIterator<QueryResult<R>> {
    yield await this.executeQuery<R>(query);
  }
}

function asRouted(connection: DatabaseConnection): RoutedConnection {
  if (connection instanceof RoutedConnection) return connection;
  throw new KarkhanaError("INTERNAL", { problem: "a connection of another driver" });
}

function onlyReads(query: CompiledQuery): boolean {
  return SelectQueryNode.is(query.query) || (query.query.kind === "RawNode" && /^\s*(select|values|explain)\b/i.test(query.sql));
}

async function retryBusy<T>(action: () => T): Promise<T> {
  for (let step = 0; ; step++) {
    try {
      return action();
    } catch (error) {
      if (!isBusy(error)) throw error;
      if (step >= BUSY_STEPS) throw new KarkhanaError("STORAGE_BUSY", { store: "SQLite", waitedMs: BUSY_STEPS * BUSY_STEP_MS }, { cause: error });
      await wait(BUSY_STEP_MS);
    }
  }
}
