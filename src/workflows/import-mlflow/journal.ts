import type { Migration, SqlDatabase } from "../../storage/sql/port.ts";
import { tables } from "../../storage/sql/tables.ts";

interface JournalTables {
  import_journal: { source: string; item: string; fingerprint: string; detail: string };
}

export const importMigrations: readonly Migration[] = [
  {
    id: "imports-0001-journal",
    up: async ({ schema }) => {
      await schema
        .createTable("import_journal")
        .addColumn("source", "text", (c) => c.notNull())
        .addColumn("item", "text", (c) => c.notNull())
        .addColumn("fingerprint", "text", (c) => c.notNull())
        .addColumn("detail", "text", (c) => c.notNull())
        .addPrimaryKeyConstraint("import_journal_key", ["source", "item"])
        .execute();
    },
  },
];

/** What of a source has come across and was found whole here. Written after the fact: what it does not name is brought again. */
export interface ImportJournal {
  /** The detail noted for the item, if it was noted for this very fingerprint. */
  get(item: string, fingerprint: string): Promise<unknown>;
  put(item: string, fingerprint: string, detail: unknown): Promise<void>;
}

export function importJournal(database: SqlDatabase, source: string): ImportJournal {
  const db = tables<JournalTables>(database.db);
  return {
    get: async (item, fingerprint) => {
      const row = await db.selectFrom("import_journal").selectAll().where("source", "=", source).where("item", "=", item).executeTakeFirst();
      return row?.fingerprint === fingerprint ? JSON.parse(row.detail) : undefined;
    },
    put: async (item, fingerprint, detail) => {
      const noted = { fingerprint, detail: JSON.stringify(detail) };
      await db
        .insertInto("import_journal")
        .values({ source, item, ...noted })
        .onConflict((c) => c.columns(["source", "item"]).doUpdateSet(noted))
        .execute();
    },
  };
}
