import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import type { CompiledQuery, QueryResult } from "kysely";
import { KarkhanaError } from "../../kernel/error.ts";

const MAX_PREPARED = 256;
// Primary result codes, https://www.sqlite.org/rescode.html
const SQLITE_BUSY = 5;
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_NOTADB = 26;

/** One `node:sqlite` connection with its prepared statements; says our error codes where SQLite's mean trouble with the file. */
export class SqliteConnection {
  readonly #file: string;
  readonly #database: DatabaseSync;
  readonly #prepared: Map<string, Prepared> = new Map();

  constructor(file: string, use: "read" | "write") {
    this.#file = file;
    this.#database = translate(file, () => new DatabaseSync(file, { timeout: 5, enableForeignKeyConstraints: true }));
    try {
      this.exec("pragma journal_mode = wal");
      this.exec("pragma synchronous = full");
      // kB; the default of 2 MB is read over and over by a search through some thousand runs.
      this.exec("pragma cache_size = -32000");
      // Pages. What the log holds is brought into the file by whoever commits next; less often, since most of it is the same pages again.
      this.exec("pragma wal_autocheckpoint = 4000");
      if (use === "read") this.exec("pragma query_only = on");
      // What a statement of many rows would take back if its last one failed: of a writer some pages, which need no file.
      else this.exec("pragma temp_store = memory");
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  get inTransaction(): boolean {
    return this.#database.isTransaction;
  }

  exec(sql: string): void {
    translate(this.#file, () => this.#database.exec(sql));
  }

  execute<R>(query: Pick<CompiledQuery, "sql" | "parameters">): QueryResult<R> {
    const parameters = query.parameters.map(toSqlite);
    return translate(this.#file, () => {
      const prepared = this.#prepare(query.sql);
      const { statement } = prepared;
      if (prepared.columns.length > 0) return { rows: rowsOf(prepared, parameters) as R[] };
      const { changes, lastInsertRowid } = statement.run(...parameters);
      return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) };
    });
  }

  close(): void {
    this.#prepared.clear();
    this.#database.close();
  }

  #prepare(sql: string): Prepared {
    const known = this.#prepared.get(sql);
    if (known !== undefined) return known;
    if (this.#prepared.size >= MAX_PREPARED) this.#prepared.clear();
    const statement = this.#database.prepare(sql);
    const fresh = { statement, columns: columnsOf(statement) };
    if (fresh.columns.length > 0) statement.setReturnArrays(true);
    // A statement's columns may change with the schema; only data statements are worth keeping anyway.
    if (/^\s*(select|insert|update|delete|with)\b/i.test(sql)) this.#prepared.set(sql, fresh);
    return fresh;
  }
}

interface Prepared {
  readonly statement: StatementSync;
  /** Of its rows; none: it returns no rows. */
  columns: readonly string[];
}

/** Rows as arrays made into plain objects, as PostgreSQL's are: node:sqlite's own objects have no prototype, and a copy of each took two thirds of a read. */
function rowsOf(prepared: Prepared, parameters: readonly SQLInputValue[]): Record<string, unknown>[] {
  const rows = prepared.statement.all(...parameters) as unknown as readonly (readonly unknown[])[];
  // SQLite prepares a statement anew where the schema has changed since.
  if (rows[0] !== undefined && rows[0].length !== prepared.columns.length) prepared.columns = columnsOf(prepared.statement);
  const { columns } = prepared;
  return rows.map((values) => {
    const row: Record<string, unknown> = {};
    for (let i = 0; i < columns.length; i++) row[columns[i]!] = values[i];
    return row;
  });
}

function columnsOf(statement: StatementSync): string[] {
  return statement.columns().map(({ name }) => name);
}

export function isBusy(error: unknown): boolean {
  return primaryCode(error) === SQLITE_BUSY;
}

/** Whole numbers are bound as integers: bound as doubles they would read "5.0" in a text column and divide as floats. */
function toSqlite(value: unknown, index: number): SQLInputValue {
  if (typeof value === "number") {
    if (Number.isNaN(value))
      throw new KarkhanaError("INVALID_ARGUMENT", { field: `SQL parameter ${index + 1}`, problem: "NaN would be stored as null", value: "NaN" });
    return Number.isSafeInteger(value) ? BigInt(value) : value;
  }
  return value as SQLInputValue;
}

function translate<T>(file: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    const code = primaryCode(error);
    if (code === SQLITE_FULL) throw new KarkhanaError("DISK_FULL", { path: file }, { cause: error });
    if (code === SQLITE_CORRUPT || code === SQLITE_NOTADB) {
      throw new KarkhanaError(
        "STORAGE_CORRUPT",
        { path: file, store: "a SQLite database", problem: error instanceof Error ? error.message : String(error) },
        { cause: error },
      );
    }
    throw error;
  }
}

function primaryCode(error: unknown): number | undefined {
  if (typeof error !== "object" || error === null || !("errcode" in error)) return undefined;
  const { errcode } = error;
  return typeof errcode === "number" ? errcode & 0xff : undefined;
}
