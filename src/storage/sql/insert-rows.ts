import { CompiledQuery, SqliteAdapter, type Kysely, type QueryResult } from "kysely";

/** Of the portable column types. */
type ColumnType = "text" | "bigint" | "double precision";

/**
 * Many rows into one table, by statements whose text depends on nothing but the table: as a statement of its own for each number of rows it would
 * be built, parsed and kept anew each time.
 * SQLite: groups of a hundred, of ten, and single rows. PostgreSQL: one statement, an array for each column.
 */
export class RowInsert<Row extends Readonly<Record<string, unknown>>> {
  readonly #columns: readonly string[];
  readonly #groups: ReadonlyMap<number, string>;
  readonly #arrays: string;

  /** @param end what follows the rows, an "on conflict" clause; table, columns and end are the program's own text, never a user's */
  constructor(table: string, columns: Readonly<Record<keyof Row & string, ColumnType>>, end: string) {
    const typed = Object.entries<ColumnType>(columns);
    this.#columns = typed.map(([name]) => name);
    const head = `insert into ${table} (${this.#columns.join(", ")})`;
    const row = `(${this.#columns.map(() => "?").join(", ")})`;
    this.#groups = new Map([100, 10, 1].map((size) => [size, `${head} values ${Array.from({ length: size }, () => row).join(", ")} ${end}`]));
    const arrays = typed.map(([, type], i) => `$${i + 1}::${type}[]`);
    this.#arrays = `${head} select * from unnest(${arrays.join(", ")}) ${end}`;
  }

  async into<Tables>(db: Kysely<Tables>, rows: readonly Row[]): Promise<void> {
    if (rows.length === 0) return;
    if (!(db.getExecutor().adapter instanceof SqliteAdapter)) {
      await run(
        db,
        this.#arrays,
        this.#columns.map((column) => rows.map((row) => row[column])),
      );
      return;
    }
    let from = 0;
    for (const [size, text] of this.#groups)
      for (; rows.length - from >= size; from += size)
        await run(
          db,
          text,
          rows.slice(from, from + size).flatMap((row) => this.#columns.map((column) => row[column])),
        );
  }
}

function run<Tables>(db: Kysely<Tables>, text: string, parameters: readonly unknown[]): Promise<QueryResult<unknown>> {
  return db.executeQuery(CompiledQuery.raw(text, [...parameters]));
}
