import { sql } from "kysely";
import { KarkhanaError } from "../../kernel/error.ts";
import type { Migration, SqlDatabase, SqlHandle, SqlTransaction } from "./port.ts";
import { isUniqueViolation, tables } from "./tables.ts";

interface MigrationTables {
  karkhana_migrations: { id: string; sequence: number };
}

/**
 * Brings the schema up to `migrations`, the whole program's list: each missing one in its own transaction, in the order of the list.
 * Two processes may do this at once: whoever comes second finds it done.
 * @throws DATA_DIR_NEWER if the database knows a migration that the list does not: a newer program has been here
 */
export async function migrate(database: SqlDatabase, migrations: readonly Migration[]): Promise<void> {
  const known = new Set<string>();
  for (const { id } of migrations) {
    if (!/^[a-z]+-\d{4}-[a-z0-9-]+$/.test(id)) throw new KarkhanaError("INTERNAL", { problem: `migration id ${id} is not "<room>-<4 digits>-<slug>"` });
    if (known.has(id)) throw new KarkhanaError("INTERNAL", { problem: `migration ${id} is listed twice` });
    known.add(id);
  }
  await createTable(database);
  for (const migration of migrations) {
    await database.transaction(async (trx) => {
      const applied = await readApplied(trx, database.dialect);
      refuseNewer(applied, known);
      if (applied.has(migration.id)) return;
      await migration.up(trx, database.dialect);
      await tables<MigrationTables>(trx).insertInto("karkhana_migrations").values({ id: migration.id, sequence: applied.size }).execute();
    });
  }
  if (migrations.length === 0) await database.transaction(async (trx) => refuseNewer(await readApplied(trx, database.dialect), known));
}

async function readApplied(trx: SqlTransaction, dialect: SqlDatabase["dialect"]): Promise<Set<string>> {
  // On PostgreSQL a snapshot starts at the first query but not at a LOCK: what is read below is what the process before us committed.
  if (dialect === "postgres") await sql`lock table karkhana_migrations in exclusive mode`.execute(trx);
  const rows = await tables<MigrationTables>(trx).selectFrom("karkhana_migrations").select("id").execute();
  return new Set(rows.map((row) => row.id));
}

function refuseNewer(applied: ReadonlySet<string>, known: ReadonlySet<string>): void {
  for (const id of applied) {
    if (!known.has(id))
      throw new KarkhanaError("DATA_DIR_NEWER", { path: "The metadata database", found: `migration ${id}`, known: `${known.size} migrations, not that one` });
  }
}

async function createTable(database: SqlDatabase): Promise<void> {
  const create = (db: SqlHandle): Promise<void> =>
    db.schema
      .createTable("karkhana_migrations")
      .ifNotExists()
      .addColumn("id", "text", (column) => column.primaryKey())
      .addColumn("sequence", "bigint", (column) => column.notNull())
      .execute();
  try {
    await create(database.db);
  } catch (error) {
    // PostgreSQL's "if not exists" is not atomic: the loser of a race fails on its catalogue's unique index.
    if (!isUniqueViolation(error)) throw error;
    await create(database.db);
  }
}
