import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { codeOf } from "../../kernel/error.ts";
import { openDuckDb, type ColumnTable, type DuckDb } from "./duckdb.ts";
import { quoteIdentifier, quoteLiteral } from "./quote.ts";

const codeFrom = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => "no error",
    (error: unknown) => codeOf(error),
  );

describe("an open DuckDB", () => {
  let duck: DuckDb;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "karkhana-duckdb-"));
    duck = await openDuckDb({ threads: 2, memoryLimitMb: 1024, tempFolder: folder });
  });
  afterAll(async () => {
    await duck.close();
    rmSync(folder, { recursive: true });
  });

  test("gives small results as rows, whole numbers as numbers only where they are safe", async () => {
    const rows = await duck.rows(
      "SELECT 9007199254740991::BIGINT AS safe, 9007199254740993::BIGINT AS wide, NULL AS none, TIMESTAMP '1970-01-01 00:00:01' AS time, 1.25 AS decimal, [1, 2] AS list, {'a': 3::BIGINT} AS struct",
    );
    expect(rows).toEqual([
      { safe: 9_007_199_254_740_991, wide: 9_007_199_254_740_993n, none: null, time: 1_000_000, decimal: 1.25, list: [1, 2], struct: { a: 3 } },
    ]);
  });

  test("gives every kind of number as doubles, NaN for null", async () => {
    const { numRows, columns } = await duck.columns(
      "SELECT true AS b, -5::TINYINT AS i8, 200::UTINYINT AS u8, -300::SMALLINT AS i16, 60000::USMALLINT AS u16, -3000000000::BIGINT AS i64, 18446744073709551615::UBIGINT AS u64, sum(7::BIGINT) AS huge, 0.5::FLOAT AS f32, 0.1::DOUBLE AS f64, NULL::BIGINT AS missing",
    );
    expect(numRows).toBe(1);
    expect(Object.fromEntries([...columns].map(([name, values]) => [name, values[0]]))).toEqual({
      b: 1,
      i8: -5,
      u8: 200,
      i16: -300,
      u16: 60_000,
      i64: -3_000_000_000,
      u64: 2 ** 64,
      huge: 7,
      f32: 0.5,
      f64: 0.1,
      missing: Number.NaN,
    });
  });

  test("reads whole numbers as Number(bigint) does, whatever their size and gaps", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.option(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })), { minLength: 1, maxLength: 100 }), async (values) => {
        const list = values.map((value, i) => `(${i}, ${value === null ? "NULL" : `'${value}'`}::BIGINT)`).join(", ");
        const { columns } = await duck.columns(`SELECT v FROM (VALUES ${list}) AS t(i, v) ORDER BY i`);
        expect([...(columns.get("v") ?? [])]).toEqual(values.map((value) => (value === null ? Number.NaN : Number(value))));
      }),
      { numRuns: 100 },
    );
  });

  test("gives text of every length as it is, null apart from empty", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.option(fc.string({ unit: "grapheme", maxLength: 20 }).map((text) => text.replaceAll("\0", "").toWellFormed())), {
          minLength: 1,
          maxLength: 50,
        }),
        async (values) => {
          const list = values.map((value, i) => `(${i}, CAST(${quoteLiteral(value)} AS VARCHAR))`).join(", ");
          const { columns } = await duck.columns(`SELECT v FROM (VALUES ${list}) AS t(i, v) ORDER BY i`);
          expect(columns.get("v")).toEqual(values);
        },
      ),
      { numRuns: 100 },
    );
  });

  test("keeps a byte order mark that a text begins with, inlined or not: with it and without it are two keys", async () => {
    const texts = ["\ufeff", "\ufeffabc", "\ufeffabcd", "\ufeff\ufeffx", `\ufeff${"x".repeat(40)}`, "a\ufeffb", "abc", "\ufefeabc"];
    const { columns } = await duck.columns(`SELECT unnest([${texts.map(quoteLiteral).join(", ")}]) AS t`);
    expect(columns.get("t")).toEqual(texts);
  });

  test("keeps rows in order across chunks and blocks, and chunks give the same as columns", async () => {
    const sql = "SELECT range AS n, CASE WHEN range % 7 = 0 THEN NULL ELSE range / 4 END AS quarter, 'k' || (range % 1000) AS key FROM range(150001)";
    const whole = await duck.columns(sql);
    const n = whole.columns.get("n") ?? [];
    expect([whole.numRows, n.length]).toEqual([150_001, 150_001]);
    expect(n.every((value: unknown, index: number) => value === index)).toBe(true);
    const pieces: ColumnTable[] = [];
    for await (const piece of duck.chunks(sql)) pieces.push(piece);
    expect(pieces.length).toBeGreaterThan(1);
    for (const name of ["n", "quarter", "key"])
      expect(pieces.flatMap((piece) => [...(piece.columns.get(name) ?? [])])).toEqual([...(whole.columns.get(name) ?? [])]);
  });

  test("joins chunks of uneven length", async () => {
    const { numRows, columns } = await duck.columns("SELECT range AS n, CAST(range AS VARCHAR) AS text FROM range(1000000) WHERE hash(range) % 3 <> 0");
    const n = columns.get("n") ?? [];
    const text = columns.get("text") ?? [];
    expect([n.length, text.length]).toEqual([numRows, numRows]);
    expect(n.every((value, index) => index === 0 || Number(value) > Number(n[index - 1]))).toBe(true);
    expect(text.every((value, index) => value === String(n[index]))).toBe(true);
    expect(await duck.rows("SELECT count(*) AS rows, sum(range) AS total FROM range(1000000) WHERE hash(range) % 3 <> 0")).toEqual([
      { rows: numRows, total: (n as Float64Array).reduce((a: number, b: number) => a + b, 0) },
    ]);
  });

  test("answers other calls while chunks are walked, and a walk may be left early", async () => {
    let seen = 0;
    for await (const piece of duck.chunks("SELECT range AS n FROM range(100000)")) {
      seen += piece.numRows;
      expect(await duck.rows("SELECT 1 AS one")).toEqual([{ one: 1 }]);
      if (seen > 5000) break;
    }
    expect(seen).toBeGreaterThan(5000);
  });

  test("runs calls made together one after the other", async () => {
    await duck.run("CREATE TABLE counted (n INTEGER)");
    const work = Array.from({ length: 20 }, (_, i) => duck.run(`INSERT INTO counted SELECT ${i} WHERE (SELECT count(*) FROM counted) = ${i}`));
    await Promise.all([...work, duck.columns("SELECT range FROM range(10000)")]);
    expect(await duck.rows("SELECT count(*) AS n FROM counted")).toEqual([{ n: 20 }]);
  });

  test("goes on after a refused query, which names the problem", async () => {
    await expect(duck.rows("SELECT nothing FROM nowhere")).rejects.toMatchObject({ code: "QUERY_FAILED", message: expect.stringContaining("nowhere") });
    await expect(duck.columns("SELECT INTERVAL 1 DAY AS gap")).rejects.toMatchObject({
      code: "QUERY_FAILED",
      message: expect.stringContaining("column gap has type INTERVAL"),
    });
    expect(await duck.rows("SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  test("tells a damaged or missing file from a wrong query", async () => {
    const file = path.join(folder, "damaged.parquet");
    await duck.run(`COPY (SELECT range FROM range(10000)) TO ${quoteLiteral(file)} (FORMAT parquet)`);
    writeFileSync(path.join(folder, "text.parquet"), "this is not a Parquet file, though long enough to be one");
    expect(await codeFrom(duck.rows(`SELECT * FROM ${quoteLiteral(path.join(folder, "text.parquet"))}`))).toBe("SOURCE_UNREADABLE");
    await expect(duck.rows(`SELECT * FROM ${quoteLiteral(path.join(folder, "absent.parquet"))}`)).rejects.toMatchObject({
      code: "SOURCE_UNREADABLE",
      details: { path: path.join(folder, "absent.parquet") },
    });
  });

  test.runIf(existsSync("/dev/full"))("tells a full disk as that, with the file it wrote", async () => {
    await expect(duck.run("COPY (SELECT range AS x FROM range(0, 100000)) TO '/dev/full' (FORMAT csv)")).rejects.toMatchObject({
      code: "DISK_FULL",
      details: { path: "/dev/full" },
    });
  });

  test("takes any name and any text as itself", async () => {
    const name = `a "quoted" name; DROP TABLE x --`;
    const text = `it's "so"; --`;
    expect(await duck.rows(`SELECT ${quoteLiteral(text)} AS ${quoteIdentifier(name)}`)).toEqual([{ [name]: text }]);
  });
});

test("two that spill into one folder at once keep apart, and leave nothing there", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "karkhana-spill-"));
  const tempFolder = path.join(folder, "not there yet", "temp");
  const largest: number[] = [];
  const sorted = async (seed: number): Promise<Record<string, unknown>[]> => {
    const duck = await openDuckDb({ threads: 1, memoryLimitMb: 50, tempFolder });
    try {
      await duck.run(`CREATE TABLE t AS SELECT hash(i + ${seed}) AS h, i, repeat('${"ab"[seed]}', 40) || i AS s FROM range(0, 800000) t(i)`);
      largest.push(readdirSync(tempFolder).length);
      return await duck.rows(`SELECT count(*) AS n, sum(i) AS total, count(*) FILTER (WHERE h <> hash(i + ${seed}) OR s <> repeat('${"ab"[seed]}', 40) || i) AS wrong
        FROM (SELECT * FROM t ORDER BY h)`);
    } finally {
      await duck.close();
    }
  };
  try {
    const right = { n: 800_000, total: (800_000 * 799_999) / 2, wrong: 0 };
    expect(await Promise.all([sorted(0), sorted(1)])).toEqual([[right], [right]]);
    // Both did spill.
    expect(Math.max(...largest)).toBe(2);
    expect(readdirSync(tempFolder)).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a closed DuckDB refuses further calls, and closing twice is no harm", async () => {
  const duck = await openDuckDb({ threads: 1 });
  const before = duck.rows("SELECT 1 AS one");
  await duck.close();
  await duck.close();
  expect(await before).toEqual([{ one: 1 }]);
  expect(await codeFrom(Promise.resolve().then(() => duck.rows("SELECT 1")))).toBe("QUERY_FAILED");
});

test("times without a zone are UTC, whatever the machine's zone", async () => {
  const duck = await openDuckDb({ threads: 1 });
  expect(await duck.rows("SELECT epoch_us(CAST('2001-07-01 00:00:00' AS TIMESTAMPTZ)) AS t")).toEqual([{ t: 993_945_600_000_000 }]);
  const zones: unknown[] = [];
  for await (const piece of duck.chunks("SELECT current_setting('TimeZone') AS zone")) zones.push(piece.columns.get("zone"));
  expect(zones).toEqual([["UTC"]]);
  await duck.close();
});
