import { tables } from "../../../src/storage/sql/tables.ts";
import { openSql } from "../sql-fixture.ts";

// Adds one to a counter so many times, each in a transaction that reads first; says the number each commit reached.
const [address, id, times] = process.argv.slice(2);
const database = await openSql(address!);
for (let i = 0; i < Number(times); i++) {
  const reached = await database.transaction(async (trx) => {
    const counters = tables<{ counter: { id: string; n: number } }>(trx);
    const { n } = await counters.selectFrom("counter").select("n").where("id", "=", id!).executeTakeFirstOrThrow();
    await counters
      .updateTable("counter")
      .set({ n: n + 1 })
      .where("id", "=", id!)
      .execute();
    return n + 1;
  });
  process.stdout.write(`${reached}\n`);
}
await database.close();
