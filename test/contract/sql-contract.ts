import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RowInsert } from "../../src/storage/sql/insert-rows.ts";
import { migrate } from "../../src/storage/sql/migrate.ts";
import type { Migration, SqlDatabase } from "../../src/storage/sql/port.ts";
import { isUniqueViolation, tables } from "../../src/storage/sql/tables.ts";
import { startChild } from "./child.ts";
import { openSql, type MakeSqlFixture, type SqlFixture } from "./sql-fixture.ts";

interface Tables {
  item: { id: string; n: number | null; x: number | null };
  counter: { id: string; n: number };
}

const migrations: readonly Migration[] = [
  {
    id: "test-0001-item",
    up: async (trx) => {
      await trx.schema
        .createTable("item")
        .addColumn("id", "text", (column) => column.primaryKey())
        .addColumn("n", "bigint")
        .addColumn("x", "double precision")
        .execute();
    },
  },
  {
    id: "test-0002-counter",
    up: async (trx) => {
      await trx.schema
        .createTable("counter")
        .addColumn("id", "text", (column) => column.primaryKey())
        .addColumn("n", "bigint", (column) => column.notNull())
        .execute();
    },
  },
];

/** What every relational database promises. */
export function sqlContract(name: string, make: MakeSqlFixture): void {
  describe(`sql: ${name}`, () => {
    let fixture: SqlFixture;
    let database: SqlDatabase;
    let fresh = 0;
    const id = (): string => `id-${fresh++}`;
    beforeAll(async () => {
      fixture = await make(migrations);
      database = fixture.database;
    });
    afterAll(async () => {
      await fixture.dispose();
    });
    const db = (): ReturnType<typeof tables<Tables>> => tables<Tables>(database.db);
    const find = async (which: string): Promise<Tables["item"] | undefined> => db().selectFrom("item").selectAll().where("id", "=", which).executeTakeFirst();

    it("a read apart sees what is committed and nothing else, fails as a read does, and leaves this thread free", async () => {
      const which = id();
      const count = (): Promise<{ n: number }[]> =>
        database.readApart(sql<{ n: number }>`select count(*) as n from item where id = ${which} and n = ${Number.MAX_SAFE_INTEGER}`);
      await database.transaction(async (trx) => {
        await tables<Tables>(trx).insertInto("item").values({ id: which, n: Number.MAX_SAFE_INTEGER, x: null }).execute();
        expect(await count()).toEqual([{ n: 0 }]);
      });
      expect(await Promise.all([count(), count(), count()])).toEqual([[{ n: 1 }], [{ n: 1 }], [{ n: 1 }]]);
      await expect(database.readApart(sql`select * from no_such_table`)).rejects.toThrow(/no_such_table/);
      await expect(database.readApart(sql`select nothing from item`)).rejects.toThrow(/nothing/);
      expect(await count()).toEqual([{ n: 1 }]);
    });

    it.each([0, 1, 9, 10, 111, 1234])("%i rows at once go in as they are, are read back so, and again change nothing", async (count) => {
      const insert = new RowInsert<Tables["item"] & { id: string }>("item", { id: "text", n: "bigint", x: "double precision" }, "on conflict (id) do nothing");
      const odd = [Infinity, -Infinity, Number.MIN_VALUE, 0.1, Number.MAX_VALUE, 3];
      const prefix = `${id()}-é,{}"'\\ null`;
      const rows = Array.from({ length: count }, (_, i) => ({
        id: `${prefix} ${i}`,
        n: i % 3 === 0 ? null : Number.MAX_SAFE_INTEGER - i,
        x: odd[i % odd.length]!,
      }));
      await database.transaction((trx) => insert.into(trx, rows));
      await database.transaction((trx) =>
        insert.into(
          trx,
          rows.map((row) => ({ ...row, n: 0, x: 0 })),
        ),
      );
      const found = await db()
        .selectFrom("item")
        .selectAll()
        .where("id", "in", [...rows.map((row) => row.id), "none"])
        .execute();
      expect(new Map(found.map((row) => [row.id, row]))).toEqual(new Map(rows.map((row) => [row.id, row])));
    });

    it("rows at once of which one is refused leave the transaction to fail whole", async () => {
      const insert = new RowInsert<Tables["counter"]>("counter", { id: "text", n: "bigint" }, "");
      const rows = Array.from({ length: 150 }, (_, i) => ({ id: `refused-${i % 149}`, n: i }));
      await expect(database.transaction((trx) => insert.into(trx, rows))).rejects.toSatisfy(isUniqueViolation);
      expect(await db().selectFrom("counter").selectAll().where("id", "like", "refused-%").execute()).toEqual([]);
    });

    it("integers of 53 bits, doubles, text and nulls come back as they went in, as JS numbers and plain objects", async () => {
      const rows = [
        { id: id(), n: Number.MAX_SAFE_INTEGER, x: 0.1 },
        { id: id(), n: -1_800_000_000_000_000, x: 5 },
        { id: id(), n: 0, x: Number.MIN_VALUE },
        { id: `${id()}-é😀'"\\`, n: null, x: null },
        { id: id(), n: 1, x: -Infinity },
      ];
      await db().insertInto("item").values(rows).execute();
      for (const row of rows) expect(await find(row.id)).toStrictEqual(row);
    });

    it("counts and sums are numbers", async () => {
      const [a, b] = [id(), id()];
      await db()
        .insertInto("item")
        .values([
          { id: a, n: 3, x: null },
          { id: b, n: 4, x: null },
        ])
        .execute();
      const { count, sum } = await db()
        .selectFrom("item")
        .where("id", "in", [a, b])
        .select((e) => [e.fn.countAll<number>().as("count"), e.fn.sum<number>("n").as("sum")])
        .executeTakeFirstOrThrow();
      expect([count, sum]).toStrictEqual([2, 7]);
    });

    it("insert, update and delete say how many rows they touched, and give them back when asked", async () => {
      const one = id();
      const inserted = await db().insertInto("item").values({ id: one, n: 1, x: null }).returning("n").executeTakeFirst();
      expect(inserted).toStrictEqual({ n: 1 });
      const updated = await db().updateTable("item").set({ n: 2 }).where("id", "=", one).executeTakeFirst();
      expect(updated.numUpdatedRows).toBe(1n);
      const deleted = await db().deleteFrom("item").where("id", "=", one).executeTakeFirst();
      expect(deleted.numDeletedRows).toBe(1n);
      const again = await db().deleteFrom("item").where("id", "=", one).executeTakeFirst();
      expect(again.numDeletedRows).toBe(0n);
    });

    it("a second row of the same key is told apart from other failures", async () => {
      const one = id();
      const insert = (): Promise<unknown> => db().insertInto("item").values({ id: one, n: 1, x: null }).execute();
      await insert();
      const error = await insert().catch((thrown: unknown) => thrown);
      expect(isUniqueViolation(error)).toBe(true);
      const other = await sql`select * from no_such_table`.execute(database.db).catch((thrown: unknown) => thrown);
      expect(isUniqueViolation(other)).toBe(false);
    });

    it("a transaction that throws leaves nothing, and the next one works", async () => {
      const one = id();
      const thrown = database.transaction(async (trx) => {
        await tables<Tables>(trx).insertInto("item").values({ id: one, n: 1, x: null }).execute();
        throw new Error("stop");
      });
      await expect(thrown).rejects.toThrow("stop");
      expect(await find(one)).toBeUndefined();
      const value = await database.transaction(async (trx) => {
        await tables<Tables>(trx).insertInto("item").values({ id: one, n: 2, x: null }).execute();
        return "kept";
      });
      expect(value).toBe("kept");
      expect((await find(one))?.n).toBe(2);
    });

    it("a read outside neither sees nor joins an open transaction", async () => {
      const one = id();
      await database.transaction(async (trx) => {
        await tables<Tables>(trx).insertInto("item").values({ id: one, n: 1, x: null }).execute();
        expect(await find(one)).toBeUndefined();
        expect(await tables<Tables>(trx).selectFrom("item").selectAll().where("id", "=", one).execute()).toHaveLength(1);
      });
      expect((await find(one))?.n).toBe(1);
    });

    it("async writers of one process never interleave: 40 read-then-write increments count 40", async () => {
      const one = id();
      await db().insertInto("counter").values({ id: one, n: 0 }).execute();
      await Promise.all(Array.from({ length: 40 }, () => database.transaction((trx) => increment(trx, one))));
      const { n } = await db().selectFrom("counter").select("n").where("id", "=", one).executeTakeFirstOrThrow();
      expect(n).toBe(40);
    });

    it("a write outside a transaction waits for the one that is open", async () => {
      const one = id();
      await db().insertInto("counter").values({ id: one, n: 0 }).execute();
      const { promise: opened, resolve: isOpen } = Promise.withResolvers<void>();
      const transaction = database.transaction(async (trx) => {
        await tables<Tables>(trx).updateTable("counter").set({ n: 1 }).where("id", "=", one).execute();
        // PostgreSQL holds off others from the first write on, not from the start of the transaction.
        isOpen();
        for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
        await tables<Tables>(trx).updateTable("counter").set({ n: 2 }).where("id", "=", one).execute();
      });
      await opened;
      const outside = db()
        .updateTable("counter")
        .set((e) => ({ n: e("n", "+", 10) }))
        .where("id", "=", one)
        .execute();
      await Promise.all([transaction, outside]);
      const { n } = await db().selectFrom("counter").select("n").where("id", "=", one).executeTakeFirstOrThrow();
      expect(n).toBe(12);
    });

    it("two handles in one process on the same database wait for each other", async () => {
      const other = await openSql(fixture.address);
      const one = id();
      await db().insertInto("counter").values({ id: one, n: 0 }).execute();
      const each = [database, other].flatMap((handle) => Array.from({ length: 10 }, () => handle.transaction((trx) => increment(trx, one))));
      await Promise.all(each);
      await other.close();
      const { n } = await db().selectFrom("counter").select("n").where("id", "=", one).executeTakeFirstOrThrow();
      expect(n).toBe(20);
    });

    it("two processes writing at once lose nothing", async () => {
      const one = id();
      await db().insertInto("counter").values({ id: one, n: 0 }).execute();
      const children = [1, 2].map(() => startChild("sql-writer.ts", [fixture.address, one, "30"]));
      const mine = Array.from({ length: 10 }, () => database.transaction((trx) => increment(trx, one)));
      const ends = await Promise.all(children.map((child) => child.exit()));
      await Promise.all(mine);
      expect(ends.map((end) => [end.code, end.errors])).toEqual([
        [0, ""],
        [0, ""],
      ]);
      const { n } = await db().selectFrom("counter").select("n").where("id", "=", one).executeTakeFirstOrThrow();
      expect(n).toBe(70);
    });

    it("kill -9 of a writer: every transaction it acknowledged is there, none is half there", async () => {
      const one = id();
      await db().insertInto("counter").values({ id: one, n: 0 }).execute();
      const child = startChild("sql-writer.ts", [fixture.address, one, "1000000"]);
      await child.lines(25);
      const acknowledged = Number((await child.kill()).at(-1));
      const { n } = await db().selectFrom("counter").select("n").where("id", "=", one).executeTakeFirstOrThrow();
      expect(n).toBeGreaterThanOrEqual(acknowledged);
      expect(n).toBeLessThanOrEqual(acknowledged + 1);
      await database.transaction((trx) => increment(trx, one));
    });

    it("migrations apply once, in order, whether run again or by two handles at once", async () => {
      const log: string[] = [];
      const more: Migration[] = [3, 4, 5].map((number) => ({
        id: `test-000${number}-more`,
        up: async (trx) => {
          await trx.schema.createTable(`more_${number}`).addColumn("id", "text").execute();
          log.push(`${number}`);
        },
      }));
      const other = await openSql(fixture.address);
      const all = [...migrations, ...more];
      await Promise.all([migrate(database, all), migrate(other, all)]);
      await migrate(other, all);
      await other.close();
      // A migration that met a conflict runs again, after its first try was rolled back; each table could be made only once.
      expect([...new Set(log)]).toEqual(["3", "4", "5"]);
      const rows = await sql<{ id: string }>`select id from karkhana_migrations order by sequence`.execute(database.db);
      expect(rows.rows.map((row) => row.id)).toEqual(all.map((migration) => migration.id));
    });

    it("a migration this program does not know is refused as a newer program's", async () => {
      await expect(migrate(database, migrations)).rejects.toMatchObject({ code: "DATA_DIR_NEWER" });
      await expect(migrate(database, [])).rejects.toMatchObject({ code: "DATA_DIR_NEWER" });
    });

    it("a migration that fails leaves nothing and is tried again", async () => {
      const empty = await make([]);
      let fail = true;
      const failing: Migration = {
        id: "test-0001-failing",
        up: async (trx) => {
          await trx.schema.createTable("half").addColumn("id", "text").execute();
          if (fail) throw new Error("half-way");
        },
      };
      await expect(migrate(empty.database, [failing])).rejects.toThrow("half-way");
      fail = false;
      await migrate(empty.database, [failing]);
      expect((await sql`select * from half`.execute(empty.database.db)).rows).toEqual([]);
      await empty.dispose();
    });

    it("migration ids of another shape, or listed twice, are refused before anything runs", async () => {
      const up = async (): Promise<void> => {};
      await expect(migrate(database, [{ id: "Item", up }])).rejects.toMatchObject({ code: "INTERNAL" });
      await expect(
        migrate(database, [
          { id: "test-0001-a", up },
          { id: "test-0001-a", up },
        ]),
      ).rejects.toMatchObject({ code: "INTERNAL" });
    });

    it("a closed database refuses work and closes again without complaint", async () => {
      const other = await openSql(fixture.address);
      await other.close();
      await other.close();
      await expect(other.transaction(async () => 1)).rejects.toThrow(/closed|destroyed|end/);
    });
  });
}

async function increment(trx: Parameters<Parameters<SqlDatabase["transaction"]>[0]>[0], id: string): Promise<number> {
  const { n } = await tables<Tables>(trx).selectFrom("counter").select("n").where("id", "=", id).executeTakeFirstOrThrow();
  // Gives others their chance to slip in between.
  await new Promise((resolve) => setImmediate(resolve));
  await tables<Tables>(trx)
    .updateTable("counter")
    .set({ n: n + 1 })
    .where("id", "=", id)
    .execute();
  return n + 1;
}
