import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { expect, test } from "vitest";
import { copyTable } from "../../src/data/copy-table.ts";
import { relationOf } from "../../src/data/relation.ts";
import { postgresTable } from "../../src/data/source.ts";
import { entity, featureService, featureView, window } from "../../src/features/definition.ts";
import { historicalFeatures } from "../../src/features/offline/historical.ts";
import { openDuckDb } from "../../src/storage/duckdb/duckdb.ts";

const schema = { id: "int64", at: "timestamp", zone: "string", fare: "float64", ok: "boolean" } as const;

test("a PostgreSQL table's rows come through the cursor as they are, more than one batch of them, and again as the table has grown", async () => {
  const url = process.env["KARKHANA_TEST_POSTGRES_URL"]!;
  const folder = mkdtempSync(path.join(tmpdir(), "karkhana-postgres-"));
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const duck = await openDuckDb({ threads: 1 });
  try {
    await client.query('DROP TABLE IF EXISTS "my rides"');
    await client.query('CREATE TABLE "my rides" (id bigint, at timestamptz, zone text, fare double precision, ok boolean)');
    await client.query(`INSERT INTO "my rides" SELECT i, timestamptz '2001-01-01 00:00:00+00' + i * interval '1 second', 'z' || (i % 7), i / 3.0, i % 2 = 0
      FROM generate_series(25000, 1, -1) i`);
    await client.query(
      `INSERT INTO "my rides" VALUES (25001, '2001-03-01 01:02:03.000004+01', E'a "quoted"\\nname', 'NaN', null), (25002, '2001-03-02', null, null, true)`,
    );
    const source = postgresTable("rides", { path: "rides.parquet", schema, table: "my rides", orderBy: "id", urlVariable: "SHOP_URL", eventTime: "at" });
    const context = { duck, projectFolder: folder, environment: { SHOP_URL: url } };
    await copyTable(source, context);
    const foundTypes = { id: "BIGINT", at: "TIMESTAMP", zone: "VARCHAR", fare: "DOUBLE", ok: "BOOLEAN" };
    const relation = relationOf(source, { numQuarantined: 0, foundTypes }, folder);
    const [summary] = await duck.rows(
      `SELECT count(*) AS n, sum(id) AS ids, min(_event) AS first, count(DISTINCT zone) AS zones FROM ${relation} WHERE _row = id - 1`,
    );
    expect(summary).toEqual({ n: 25_002, ids: (25_002 * 25_003) / 2, first: 978_307_201_000_000, zones: 8 });
    expect(await duck.rows(`SELECT "at", zone, fare, ok FROM ${relation} WHERE id > 25000 ORDER BY id`)).toEqual([
      { at: 983_404_923_000_004, zone: 'a "quoted"\nname', fare: Number.NaN, ok: null },
      { at: 983_491_200_000_000, zone: null, fare: null, ok: true },
    ]);
    const view = featureView("by_ok", { entity: entity("ok", { keys: ["ok"] }), source, on: { ok: "ok" }, features: { rides: window("lifetime").count() } });
    const found = await historicalFeatures(duck, {
      service: featureService("rides", [view.at({ ok: "ok" })]),
      spine: { rows: [true, false, null].map((ok) => ({ ok, t: 990_000_000_000_000 })), time: "t" },
      relations: () => relation,
    });
    expect((await duck.rows(found.sql)).map((row) => row["by_ok.rides"])).toEqual([12_501, 12_500, 0]);
    await found.drop();
    await client.query(`INSERT INTO "my rides" VALUES (25003, '2001-03-03', 'z', 1, false)`);
    await copyTable(source, context);
    expect(await duck.rows(`SELECT _row FROM ${relation} WHERE id = 25003`)).toEqual([{ _row: 25_002 }]);
    await expect(copyTable(source, { ...context, environment: {} })).rejects.toThrow("is not set in the environment");
    await client.query('DROP TABLE "my rides"');
    await expect(copyTable(source, context)).rejects.toThrow(/my rides/);
    expect(readdirSync(folder)).toEqual(["rides.parquet"]);
  } finally {
    await client.end();
    await duck.close();
    rmSync(folder, { recursive: true });
  }
});
