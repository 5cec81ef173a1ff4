import { writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { openSqlite } from "../../src/storage/sql/sqlite.ts";
import { scratchFolder } from "./scratch-folder.ts";
import { sqlContract } from "./sql-contract.ts";
import { sqliteFixture } from "./sql-fixture.ts";

sqlContract("SQLite", sqliteFixture);

describe("SQLite alone", () => {
  const scratch = scratchFolder();

  it("a file that is no database is refused, and left as it is", async () => {
    const file = path.join(scratch, "text.db");
    writeFileSync(file, "this is not a database, however long the text may go on for a page or so".repeat(40));
    await expect(openSqlite(file)).rejects.toMatchObject({ code: "STORAGE_CORRUPT" });
  });

  it("a memory database is refused: its two connections would not share it", async () => {
    await expect(openSqlite(":memory:")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  it("NaN is refused, not stored as null", async () => {
    const database = await openSqlite(path.join(scratch, "nan.db"));
    await database.db.schema.createTable("t").addColumn("x", "double precision").execute();
    const { tables } = await import("../../src/storage/sql/tables.ts");
    const insert = tables<{ t: { x: number } }>(database.db).insertInto("t").values({ x: Number.NaN });
    await expect(insert.execute()).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await database.close();
  });

  it("a transaction or a write inside a transaction's work is refused at once, where it would wait for ever", async () => {
    const database = await openSqlite(path.join(scratch, "nested.db"));
    await database.db.schema.createTable("t").addColumn("x", "bigint").execute();
    await expect(database.transaction(() => database.transaction(async () => 1))).rejects.toMatchObject({ code: "INTERNAL" });
    await expect(database.transaction(() => database.db.schema.dropTable("t").execute())).rejects.toMatchObject({ code: "INTERNAL" });
    // What a finished transaction started may write later.
    let later: Promise<unknown> | undefined;
    const gate = Promise.withResolvers<void>();
    await database.transaction(async () => {
      later = gate.promise.then(() => database.db.schema.dropTable("t").execute());
    });
    gate.resolve();
    await later;
    await database.close();
  });
});
