import { mkdirSync } from "node:fs";
import path from "node:path";
import { Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from "kysely";
import { KarkhanaError } from "../../kernel/error.ts";
import type { SqlDatabase, SqlHandle } from "./port.ts";
import { SqliteApart } from "./sqlite-apart.ts";
import { SqliteDriver } from "./sqlite-driver.ts";

/**
 * Opens (creates) a SQLite file in WAL mode with synchronous=FULL: a commit is on disk when it resolves.
 * Any number of processes may open the same file; writers wait for each other.
 * @throws STORAGE_CORRUPT if the file is not a database, STORAGE_BUSY if it stays locked, INVALID_ARGUMENT for ":memory:"
 */
export async function openSqlite(file: string): Promise<SqlDatabase> {
  if (file === "" || file.startsWith(":")) {
    throw new KarkhanaError("INVALID_ARGUMENT", { field: "path", problem: "a file is needed, since reads and writes use two connections", value: file });
  }
  mkdirSync(path.dirname(file), { recursive: true });
  const driver = new SqliteDriver(file);
  await driver.open();
  const db: SqlHandle = new Kysely({
    dialect: {
      createDriver: () => driver,
      createAdapter: () => new SqliteAdapter(),
      createQueryCompiler: () => new SqliteQueryCompiler(),
      createIntrospector: (k) => new SqliteIntrospector(k),
    },
  });
  const apart = new SqliteApart(file);
  return {
    dialect: "sqlite",
    db,
    transaction: (work) => driver.refuseNesting(() => db.transaction().execute(work)),
    readApart: (query) => apart.read(query.compile(db)),
    close: async () => {
      await apart.close();
      await db.destroy();
      // Kysely closes only a driver it has used.
      await driver.destroy();
    },
  };
}
