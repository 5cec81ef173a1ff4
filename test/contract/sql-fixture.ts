import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

import { sql } from "kysely";

import { migrate } from "../../src/storage/sql/migrate.ts";
import type { Migration, SqlDatabase } from "../../src/storage/sql/port.ts";
import { openPostgres } from "../../src/storage/sql/postgres.ts";
import { openSqlite } from "../../src/storage/sql/sqlite.ts";

/** An empty database of its own with the room's tables, to be opened by as many handles and processes as a test wants. */
export interface SqlFixture {
  readonly database: SqlDatabase;
  /** File or URL: what `openSql` takes, in this process or another. */
  readonly address: string;
  dispose(): Promise<void>;
}

export type MakeSqlFixture = (migrations: readonly Migration[]) => Promise<SqlFixture>;

export function openSql(address: string): Promise<SqlDatabase> {
  return address.startsWith("postgres") ? openPostgres(address) : openSqlite(address);
}

export const sqliteFixture: MakeSqlFixture = async (migrations) => {
  const folder = await mkdtemp(path.join(tmpdir(), "karkhana-sql-"));
  const address = path.join(folder, "meta.db");
  const database = await openSql(address);
  await migrate(database, migrations);
  return {
    database,
    address,
    dispose: async () => {
      await database.close();
      await rm(folder, { recursive: true });
    },
  };
};

/** A schema of its own in the server that KARKHANA_TEST_POSTGRES_URL names; dropped afterwards. */
export const postgresFixture: MakeSqlFixture = async (migrations) => {
  const server = process.env["KARKHANA_TEST_POSTGRES_URL"];
  if (server === undefined) throw new Error("KARKHANA_TEST_POSTGRES_URL is not set: run scripts/test-servers.sh <command>");
  const schema = `test_${process.pid}_${crypto.randomUUID().slice(0, 8)}`;
  const admin = await openPostgres(server);
  await sql`create schema ${sql.id(schema)}`.execute(admin.db);
  const url = new URL(server);
  url.searchParams.set("options", `-c search_path=${schema}`);
  const database = await openPostgres(url.href);
  await migrate(database, migrations);
  return {
    database,
    address: url.href,
    dispose: async () => {
      await database.close();
      await sql`drop schema ${sql.id(schema)} cascade`.execute(admin.db);
      await admin.close();
    },
  };
};
