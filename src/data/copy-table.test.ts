import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { openDuckDb } from "../storage/duckdb/duckdb.ts";
import { copyTable } from "./copy-table.ts";
import { relationOf } from "./relation.ts";
import { duckdbTable } from "./source.ts";

const schema = { id: "int64", at: "timestamp", zone: "string" } as const;

test("a table of a DuckDB file is a source: copied in its order, and the copy stays when the table cannot be read", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "karkhana-table-"));
  const duck = await openDuckDb({ threads: 1 });
  try {
    const other = await openDuckDb({ path: path.join(folder, "shop.duckdb"), threads: 1 });
    await other.run(
      "CREATE SCHEMA s; CREATE TABLE s.rides AS SELECT i AS id, TIMESTAMP '2001-01-01' + to_seconds(i) AS at, 'z' || i AS zone FROM range(10, 0, -1) t(i)",
    );
    await other.close();
    const source = duckdbTable("rides", { path: "copies/rides.parquet", schema, table: "s.rides", orderBy: "id", database: "shop.duckdb", eventTime: "at" });
    const context = { duck, projectFolder: folder, environment: {} };
    await copyTable(source, context);
    const foundTypes = { id: "BIGINT", at: "TIMESTAMP", zone: "VARCHAR" };
    const relation = relationOf(source, { numQuarantined: 0, foundTypes }, folder);
    const rows = await duck.rows(`SELECT _row, id, zone FROM ${relation} ORDER BY _row`);
    expect(rows).toEqual(Array.from({ length: 10 }, (_, i) => ({ _row: i, id: i + 1, zone: `z${i + 1}` })));
    rmSync(path.join(folder, "shop.duckdb"));
    await expect(copyTable(source, context)).rejects.toMatchObject({ code: "SOURCE_UNREADABLE" });
    expect(await duck.rows(`SELECT count(*) AS n FROM ${relation}`)).toEqual([{ n: 10 }]);
    expect(readdirSync(path.join(folder, "copies"))).toEqual(["rides.parquet"]);
  } finally {
    await duck.close();
    rmSync(folder, { recursive: true });
  }
});
