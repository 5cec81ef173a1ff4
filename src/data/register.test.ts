import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { ManualClock } from "../kernel/clock.ts";
import { codeOf, KarkhanaError } from "../kernel/error.ts";
import { parseIso } from "../kernel/time.ts";
import { openFileBlobs } from "../storage/blobs/files.ts";
import type { BlobStore } from "../storage/blobs/port.ts";
import { openDuckDb, type DuckDb } from "../storage/duckdb/duckdb.ts";
import { quoteLiteral } from "../storage/duckdb/quote.ts";
import { migrate } from "../storage/sql/migrate.ts";
import type { SqlDatabase } from "../storage/sql/port.ts";
import { openSqlite } from "../storage/sql/sqlite.ts";
import { registerDataset, verifyUnchanged, type RegisterContext } from "./register.ts";
import { relationOf } from "./relation.ts";
import type { FailingRow, QualityReport } from "./report.ts";
import { csv, jsonLines, parquet, type SourceDefinition, type SourceOptions } from "./source.ts";
import { createDatasets, dataMigrations, type Datasets } from "./store.ts";

const flights3m = fileURLToPath(new URL("../../node_modules/vega-datasets/data/flights-3m.parquet", import.meta.url));

const schema = { date: "timestamp", delay: "int64", distance: "int64", origin: "string", destination: "string" } as const;
const options: SourceOptions<typeof schema> = {
  path: "flights.parquet",
  schema,
  eventTime: "date",
  knownTime: "date + minutes(30 + distance / 7.5 + delay)",
  expect: {
    origin: { notNull: true, pattern: "[A-Z]{3}" },
    destination: { notNull: true, pattern: "[A-Z]{3}" },
    delay: { notNull: true },
    distance: { min: 10, max: 6000 },
  },
};
const flights = (more: Partial<SourceOptions<typeof schema>> = {}): SourceDefinition => parquet("flights", { ...options, ...more });

/** The first 2,000 flights of 2001 as they are. */
const slice = `SELECT * FROM read_parquet(${quoteLiteral(flights3m)}) LIMIT 2000`;
const numbered = `SELECT *, row_number() OVER () - 1 AS n FROM (${slice})`;

let shared: DuckDb;
let folder: string;
let database: SqlDatabase;
let blobs: BlobStore;
let datasets: Datasets;
let context: RegisterContext;

beforeAll(async () => {
  shared = await openDuckDb({ threads: 2 });
});
afterAll(() => shared.close());

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "karkhana-data-"));
  mkdirSync(path.join(folder, "project"));
  database = await openSqlite(path.join(folder, "meta.db"));
  await migrate(database, dataMigrations);
  blobs = await openFileBlobs(path.join(folder, "blobs"));
  datasets = createDatasets({ database, blobs });
  context = { projectFolder: path.join(folder, "project"), duck: shared, blobs, database, clock: new ManualClock(parseIso("2001-07-01")) };
});
afterEach(async () => {
  await database.close();
  rmSync(folder, { recursive: true });
});

const inProject = (name: string): string => path.join(folder, "project", name);
const write = (sql: string, name = "flights.parquet", format = "parquet"): Promise<void> =>
  shared.run(`COPY (${sql}) TO ${quoteLiteral(inProject(name))} (FORMAT ${format})`);

async function refused(source: SourceDefinition, by: RegisterContext = context): Promise<KarkhanaError> {
  try {
    await registerDataset(source, by);
  } catch (error) {
    if (error instanceof KarkhanaError) return error;
    throw error;
  }
  throw new Error("the file was accepted");
}

async function refusedReport(source: SourceDefinition): Promise<QualityReport> {
  const error = await refused(source);
  expect(codeOf(error)).toBe("DATASET_REFUSED");
  return datasets.report(String(error.details["version"]));
}

const rowsOf = (report: QualityReport): [number, string, string, string | null][] =>
  report.failingRows.map(({ row, column, rule, value }: FailingRow) => [row, column, rule, value]);

async function nothingKept(): Promise<void> {
  expect(await datasets.listVersions()).toEqual([]);
  expect(existsSync(path.join(folder, "blobs", "datasets"))).toBe(false);
}

describe("a whole file of real flights", () => {
  test("becomes a version that readers see completely, with times in microseconds", async () => {
    await write(slice);
    const version = await registerDataset(flights(), context);
    expect(version).toMatchObject({
      status: "accepted",
      sourceName: "flights",
      numRows: 2000,
      numReadable: 2000,
      numQuarantined: 0,
      quarantinePath: null,
      createdUs: parseIso("2001-07-01"),
    });
    const [first] = await shared.rows(`SELECT * FROM ${relationOf(flights(), version, context.projectFolder)} ORDER BY _row LIMIT 1`);
    const date = parseIso("2001-01-01T00:01:00Z");
    expect(first).toEqual({
      date,
      delay: 33,
      distance: 2176,
      origin: "LAS",
      destination: "PHL",
      _row: 0,
      _event: date,
      _known: date + Math.floor((30 + 2176 / 7.5 + 33) * 60_000_000 + 0.5),
    });
  });

  test("is profiled column by column", async () => {
    await write(slice);
    const version = await registerDataset(flights(), context);
    const report = await datasets.report(version.hash);
    const [facts] = await shared.rows(
      `SELECT min(delay) AS low, max(delay) AS high, avg(delay) AS mean, quantile_disc(delay, 0.5) AS median, mode(origin) AS busiest FROM (${slice})`,
    );
    const delay = report.columns.find((profile) => profile.column === "delay");
    const origin = report.columns.find((profile) => profile.column === "origin");
    if (delay?.kind !== "number" || origin?.kind !== "text") throw new Error("wrong kinds of profile");
    expect(delay).toMatchObject({ numRows: 2000, numNulls: 0, min: facts?.["low"], max: facts?.["high"], mean: facts?.["mean"] });
    expect(delay.quantiles.find(({ share }) => share === 0.5)?.value).toBe(facts?.["median"]);
    expect(delay.histogram?.counts).toHaveLength(30);
    expect(delay.histogram?.counts.reduce((a, b) => a + b, 0)).toBe(2000);
    expect(origin.top).toHaveLength(20);
    expect(origin.top[0]?.value).toBe(facts?.["busiest"]);
  });

  test("is checked once: the same content and definition give what is kept", async () => {
    await write(slice);
    const version = await registerDataset(flights(), context);
    const reads: string[] = [];
    const watched: DuckDb = { ...delegate(shared), rows: (sql) => (reads.push(sql), shared.rows(sql)) };
    expect(await registerDataset(flights(), { ...context, duck: watched, clock: new ManualClock(0) })).toEqual(version);
    expect(reads).toEqual([]);
  });

  test("under another name is the same version, under another contract another one", async () => {
    await write(slice);
    const version = await registerDataset(flights(), context);
    copyFileSync(inProject("flights.parquet"), inProject("copy.parquet"));
    expect((await registerDataset(flights({ path: "copy.parquet" }), context)).hash).toBe(version.hash);
    const other = await registerDataset(flights({ expect: {} }), { ...context, clock: new ManualClock(parseIso("2001-07-02")) });
    expect(other.hash).not.toBe(version.hash);
    expect((await datasets.listVersions("flights")).map(({ hash }) => hash)).toEqual([other.hash, version.hash]);
    expect((await datasets.latest("flights"))?.hash).toBe(other.hash);
  });

  test("is read through where, keeping the file's row numbers", async () => {
    await write(slice);
    const source = flights({ where: "origin in ('ORD', 'JFK') and delay >= 15" });
    const version = await registerDataset(source, context);
    const read = await shared.rows(`SELECT _row, origin FROM ${relationOf(source, version, context.projectFolder)} ORDER BY _row`);
    const expected = await shared.rows(`SELECT n AS _row, origin FROM (${numbered}) WHERE origin IN ('ORD', 'JFK') AND delay >= 15 ORDER BY n`);
    expect(read).toEqual(expected);
    expect(version.numReadable).toBe(expected.length);
    expect(expected.length).toBeGreaterThan(10);
  });

  test("registered twice at once is one version", async () => {
    await write(slice);
    const [a, b] = await Promise.all([registerDataset(flights(), context), registerDataset(flights(), context)]);
    expect(a).toEqual(b);
    expect(await datasets.listVersions()).toHaveLength(1);
  });
});

describe("a damaged file is refused with the rows and reasons", () => {
  test("nulls in origin", async () => {
    await write(`SELECT date, delay, distance, CASE WHEN n IN (7, 1234) THEN NULL ELSE origin END AS origin, destination FROM (${numbered})`);
    const report = await refusedReport(flights());
    expect(rowsOf(report)).toEqual([
      [7, "origin", "notNull", null],
      [1234, "origin", "notNull", null],
    ]);
    expect(report).toMatchObject({ status: "refused", numFailingRows: 2, failures: [{ column: "origin", rule: "notNull", count: 2 }] });
    expect(report.problem).toBe("2 of 2000 rows fail: origin notNull 2 (first in row 7: null)");
  });

  test("impossible distances", async () => {
    await write(
      `SELECT date, delay, CASE n WHEN 3 THEN 0 WHEN 4 THEN -5 WHEN 1999 THEN 99999 ELSE distance END AS distance, origin, destination FROM (${numbered})`,
    );
    expect(rowsOf(await refusedReport(flights()))).toEqual([
      [3, "distance", "min", "0"],
      [4, "distance", "min", "-5"],
      [1999, "distance", "max", "99999"],
    ]);
  });

  test("origins that are no airport codes, and a row that breaks two rules", async () => {
    await write(
      `SELECT date, delay, CASE n WHEN 8 THEN 1 ELSE distance END AS distance, CASE n WHEN 8 THEN 'ord' WHEN 9 THEN 'O''RD' ELSE origin END AS origin, destination FROM (${numbered})`,
    );
    const report = await refusedReport(flights());
    expect(rowsOf(report)).toEqual([
      [8, "distance", "min", "1"],
      [8, "origin", "pattern", "ord"],
      [9, "origin", "pattern", "O'RD"],
    ]);
    expect(report.numFailingRows).toBe(2);
  });

  test("rows that have no event or known time, unless where leaves them out", async () => {
    await write(
      `SELECT CASE n WHEN 5 THEN NULL ELSE date END AS date, CASE n WHEN 6 THEN NULL ELSE delay END AS delay, distance, origin, destination FROM (${numbered})`,
    );
    expect(rowsOf(await refusedReport(flights({ expect: {} })))).toEqual([
      [5, "date", "eventTime", null],
      [5, "date + minutes(30 + distance / 7.5 + delay)", "knownTime", null],
      [6, "date + minutes(30 + distance / 7.5 + delay)", "knownTime", null],
    ]);
    expect((await registerDataset(flights({ expect: {}, where: "date is not null and delay is not null" }), context)).numReadable).toBe(1998);
  });

  test("more failing rows than are listed: all are counted", async () => {
    await write(`SELECT date, delay, 1 AS distance, origin, destination FROM (${numbered})`);
    const report = await refusedReport(flights());
    expect([report.failures, report.failingRows.length, report.failingRows.at(-1)?.row]).toEqual([
      [{ column: "distance", rule: "min", count: 2000 }],
      1000,
      999,
    ]);
    const error = await refused(flights());
    expect(error.details["failingRows"]).toHaveLength(20);
  });

  test("again with what was kept, without reading it anew", async () => {
    await write(`SELECT date, delay, 1 AS distance, origin, destination FROM (${numbered})`);
    const first = await refused(flights());
    const noReads: DuckDb = { ...delegate(shared), rows: () => Promise.reject(new Error("read again")) };
    const second = await refused(flights(), { ...context, duck: noReads });
    expect(second.details).toEqual(JSON.parse(JSON.stringify(first.details)));
    expect(await datasets.latest("flights")).toBeUndefined();
    expect((await datasets.listVersions("flights")).map(({ status, numReadable }) => [status, numReadable])).toEqual([["refused", 0]]);
  });

  test("no rows, or none that where takes", async () => {
    await write(`SELECT * FROM (${slice}) LIMIT 0`);
    expect((await refusedReport(flights())).problem).toBe("the file has no rows");
    await write(slice);
    expect((await refusedReport(flights({ where: "delay > 100000" }))).problem).toBe("where takes none of its rows");
  });
});

describe("a file that is not what it should be is refused, and nothing is kept", () => {
  test("text in the delay column of a Parquet file", async () => {
    await write(`SELECT date, CAST(delay AS VARCHAR) AS delay, distance, origin, destination FROM (${slice})`);
    expect(await refused(flights())).toMatchObject({ code: "DATASET_SCHEMA_MISMATCH", details: { column: "delay", declared: "int64", found: "VARCHAR" } });
    await nothingKept();
  });

  test("a missing column, also one that differs in case only", async () => {
    await write(`SELECT date, delay, distance, origin AS "Origin", destination FROM (${slice})`);
    const error = await refused(flights());
    expect(error).toMatchObject({
      code: "DATASET_SCHEMA_MISMATCH",
      details: { column: "origin", found: "no such column; there are date, delay, distance, Origin, destination" },
    });
    await nothingKept();
  });

  test.each([
    ["truncated", (file: string) => truncateSync(file, 9000)],
    ["cut to a few bytes", (file: string) => truncateSync(file, 6)],
    ["empty", (file: string) => writeFileSync(file, "")],
    ["not Parquet", (file: string) => writeFileSync(file, "date,delay\n2001-01-01,5\n".repeat(100))],
    ["damaged in the middle", (file: string) => writeFileSync(file, flipped(readFileSync(file)))],
    ["gone", (file: string) => rmSync(file)],
    ["a folder", (file: string) => (rmSync(file), mkdirSync(file))],
  ])("a Parquet file that is %s", async (_what, damage) => {
    await write(slice);
    damage(inProject("flights.parquet"));
    const error = await refused(flights());
    expect(error).toMatchObject({ code: "SOURCE_UNREADABLE", details: { path: inProject("flights.parquet") } });
    await nothingKept();
  });

  test("one that changes while it is read", async () => {
    await write(slice);
    const meddling: DuckDb = {
      ...delegate(shared),
      rows: async (sql) => {
        utimesSync(inProject("flights.parquet"), 1, 1);
        return shared.rows(sql);
      },
    };
    expect(await refused(flights(), { ...context, duck: meddling })).toMatchObject({ code: "SOURCE_CHANGED", retryable: true });
    await nothingKept();
  });

  test("one that was registered and then changed is noticed before it is read again", async () => {
    await write(slice);
    const version = await registerDataset(flights(), context);
    await verifyUnchanged(flights(), version, context.projectFolder);
    await write(`SELECT * FROM (${slice}) LIMIT 1999`);
    await expect(verifyUnchanged(flights(), version, context.projectFolder)).rejects.toMatchObject({ code: "SOURCE_CHANGED" });
  });
});

describe("times that do not come as times", () => {
  test("as text: read as a CSV file's are", async () => {
    await write(`SELECT strftime(date, '%Y-%m-%dT%H:%M:%S+01:00') AS date, delay, distance, origin, destination FROM (${slice})`);
    const version = await registerDataset(flights(), context);
    const [first] = await shared.rows(`SELECT date FROM ${relationOf(flights(), version, context.projectFolder)} ORDER BY _row LIMIT 1`);
    expect(first).toEqual({ date: parseIso("2001-01-01T00:01:00+01:00") });
    await write(`SELECT 'yesterday' AS date, delay, distance, origin, destination FROM (${slice})`);
    expect((await refusedReport(flights())).problem).toMatch(/date type 2000 \(first in row 0: yesterday\)/);
  });

  test("as numbers: the error says how they are declared, and so declared they are the same times", async () => {
    await write(`SELECT epoch_ms(date) + 7 AS date, delay, distance, origin, destination FROM (${slice})`);
    const advice = "timestamp '1970-01-01' + seconds(date / 1000)";
    const error = await refused(flights());
    expect(error).toMatchObject({ code: "DATASET_SCHEMA_MISMATCH", details: { column: "date", found: expect.stringContaining("BIGINT; declare it int64") } });
    expect(error.message).toContain("seconds(date / 1000)");
    const counted = { schema: { ...schema, date: "int64" } as never, knownTime: advice };
    expect((await refused(flights({ ...counted, eventTime: "date" }))).message).toContain("timestamp '1970-01-01' + seconds(x)");
    const declared = flights({ ...counted, eventTime: advice });
    const relation = relationOf(declared, await registerDataset(declared, context), context.projectFolder);
    expect(await shared.rows(`SELECT count(*) AS n FROM ${relation} WHERE _event = date * 1000`)).toEqual([{ n: 2000 }]);
  });
});

describe("quarantine", () => {
  const damaged = `SELECT date, CASE n WHEN 12 THEN NULL ELSE delay END AS delay, CASE n WHEN 3 THEN 0 WHEN 12 THEN -5 ELSE distance END AS distance, origin, destination FROM (${numbered})`;
  const source = flights({ policy: { onFailure: "quarantine", maxQuarantinedShare: 0.001 } });

  test("sets failing rows aside and keeps them from every later read", async () => {
    await write(damaged);
    const version = await registerDataset(source, context);
    expect(version).toMatchObject({ status: "accepted", numRows: 2000, numReadable: 1998, numQuarantined: 2 });
    const read = await shared.rows(`SELECT _row FROM ${relationOf(source, version, context.projectFolder)} ORDER BY _row`);
    expect(read.map((row) => row["_row"])).toEqual(Array.from({ length: 2000 }, (_, row) => row).filter((row) => row !== 3 && row !== 12));
    const file = path.join(folder, "quarantined.parquet");
    writeFileSync(file, await blobs.get(version.quarantinePath ?? ""));
    expect(await shared.rows(`SELECT _row, delay, distance, _reasons FROM ${quoteLiteral(file)}`)).toEqual([
      { _row: 3, delay: expect.any(Number), distance: 0, _reasons: "distance min" },
      { _row: 12, delay: null, distance: -5, _reasons: "delay notNull; distance min; date + minutes(30 + distance / 7.5 + delay) knownTime" },
    ]);
  });

  test("over its share is a refusal with nothing set aside", async () => {
    await write(`SELECT date, delay, CASE WHEN n < 3 THEN 0 ELSE distance END AS distance, origin, destination FROM (${numbered})`);
    const report = await refusedReport(source);
    expect(report.problem).toMatch(/^more than the allowed share of 0.001: 3 of 2000 rows fail: distance min 3/);
    expect(report.numQuarantined).toBe(0);
    expect(readdirSync(path.join(folder, "blobs", "datasets", report.version))).toEqual(["report.json"]);
  });
});

describe("CSV that is none, or says a thing twice", () => {
  const source = csv("flights", { ...options, path: "flights.csv" });
  const found = async (text: string): Promise<KarkhanaError> => {
    writeFileSync(inProject("flights.csv"), text);
    return refused(source);
  };

  test("two columns of one name: nobody could say which is meant", async () => {
    const row = "2001-01-01T00:01:00Z,33,2176,LAS,PHL";
    const twins = await found(`date,delay,distance,origin,destination,delay\n${row},34\n`);
    expect(twins).toMatchObject({ code: "DATASET_SCHEMA_MISMATCH", details: { column: "delay", found: "two columns of this name" } });
    // A column may well be called what DuckDB would call the second of two.
    writeFileSync(inProject("flights.csv"), `date,delay,distance,origin,destination,delay_1\n${row},34\n`);
    expect((await registerDataset(source, context)).numRows).toBe(1);
  });

  test("another separator, or lines of different lengths: the error says what was expected, not what DuckDB could be set to", async () => {
    const semicolons = await found("date;delay;distance;origin;destination\n2001-01-01T00:01:00Z;33;2176;LAS;PHL\n");
    expect(semicolons).toMatchObject({ code: "DATASET_SCHEMA_MISMATCH", message: expect.stringContaining('separated by commas, these seem to be by ";"') });
    const ragged = await found("date,delay,distance,origin,destination\n2001-01-01T00:01:00Z,33,2176,LAS,PHL\n2001,5\n");
    expect(ragged).toMatchObject({ code: "SOURCE_UNREADABLE", message: expect.stringContaining("same number of values") });
    expect(ragged.message).not.toContain("null_padding");
  });
});

describe("CSV and JSON lines", () => {
  const lines = [
    "date,delay,distance,origin,destination",
    "2001-01-01 00:01:00,33,2176,LAS,PHL",
    "2001-01-01T00:02:00Z,-5.0,373,ATL,CVG",
    '2001-01-01T05:33:00+05:30,0,500,"ORD",JFK',
  ];

  test("a CSV file is read like a Parquet file", async () => {
    writeFileSync(inProject("flights.csv"), `${lines.join("\n")}\n`);
    const source = csv("flights", { ...options, path: "flights.csv" });
    const version = await registerDataset(source, context);
    const read = await shared.rows(`SELECT _row, _event, delay, origin FROM ${relationOf(source, version, context.projectFolder)} ORDER BY _row`);
    expect(read).toEqual([
      { _row: 0, _event: parseIso("2001-01-01T00:01:00Z"), delay: 33, origin: "LAS" },
      { _row: 1, _event: parseIso("2001-01-01T00:02:00Z"), delay: -5, origin: "ATL" },
      { _row: 2, _event: parseIso("2001-01-01T00:03:00Z"), delay: 0, origin: "ORD" },
    ]);
  });

  test("a value of the wrong type in a CSV file fails its row and shows itself", async () => {
    writeFileSync(
      inProject("flights.csv"),
      [
        ...lines,
        "2001-01-01 00:04:00,late,500,ORD,JFK",
        "2001-01-01 00:05:00,15.5,500,ORD,JFK",
        "yesterday,1,9007199254740993,ORD,JFK",
        "2001-01-01 00:06:00,,500,,JFK",
      ].join("\n"),
    );
    const source = csv("flights", { ...options, path: "flights.csv", knownTime: "date" });
    expect(rowsOf(await refusedReport(source))).toEqual([
      [3, "delay", "type", "late"],
      [4, "delay", "type", "15.5"],
      [5, "date", "type", "yesterday"],
      [5, "distance", "type", "9007199254740993"],
      [5, "date", "eventTime", null],
      [5, "date", "knownTime", null],
      [6, "delay", "notNull", null],
      [6, "origin", "notNull", null],
    ]);
  });

  test("a CSV line with too few values is refused", async () => {
    writeFileSync(inProject("flights.csv"), [...lines, "2001-01-01 00:04:00,5"].join("\n"));
    const source = csv("flights", { ...options, path: "flights.csv" });
    expect(codeOf(await refused(source))).toBe("SOURCE_UNREADABLE");
    await nothingKept();
  });

  test("JSON lines are read like a Parquet file, and a broken line is refused", async () => {
    await write(`SELECT * FROM (${slice}) LIMIT 50`, "flights.jsonl", "json");
    const source = jsonLines("flights", { ...options, path: "flights.jsonl" });
    const version = await registerDataset(source, context);
    const read = await shared.rows(
      `SELECT date, delay, distance, origin, destination FROM ${relationOf(source, version, context.projectFolder)} ORDER BY _row`,
    );
    expect(read).toEqual(await shared.rows(`SELECT * FROM (${slice}) LIMIT 50`));
    writeFileSync(inProject("flights.jsonl"), `${readFileSync(inProject("flights.jsonl"), "utf8")}{"date": "2001-01-01", "delay"\n`);
    expect(codeOf(await refused(source))).toBe("SOURCE_UNREADABLE");
  });
});

describe("a wrong definition is refused before the file is opened", () => {
  test.each([
    ["an unknown column in expect", { expect: { orign: { notNull: true } } as never }, "INVALID_ARGUMENT", "orign"],
    ["a limit on text", { expect: { origin: { min: 1 } } }, "INVALID_ARGUMENT", "limits need a numeric column"],
    ["a pattern that is none", { expect: { origin: { pattern: "[A-Z" } } }, "INVALID_ARGUMENT", "not a regular expression"],
    ["a share above one", { policy: { onFailure: "quarantine", maxQuarantinedShare: 2 } as const }, "INVALID_ARGUMENT", "share from 0 to 1"],
    ["an event time that is a number", { eventTime: "delay" }, "EXPRESSION_INVALID", "expected a timestamp"],
    ["a condition with a misspelt column", { where: "dealy > 1" }, "EXPRESSION_INVALID", "there is no column dealy"],
    ["a path with NUL", { path: "a\0.parquet" }, "INVALID_ARGUMENT", "without NUL"],
    ["a reserved column", { schema: { ...schema, _row: "int64" } as never }, "INVALID_ARGUMENT", "the name is taken"],
  ])("%s", async (_what, more: Partial<SourceOptions<typeof schema>>, code, text) => {
    await write(slice);
    expect(await refused(flights(more))).toMatchObject({ code, message: expect.stringContaining(text) });
    await nothingKept();
  });
});

test("a path stands for itself: wildcards and quotes are no pattern, a URL is no address", async () => {
  await write(slice, "a*b[1]'.parquet");
  await write(`${slice} OFFSET 5000`, "aXb1'.parquet");
  expect((await registerDataset(flights({ path: "a*b[1]'.parquet" }), context)).numRows).toBe(2000);
  expect(await refused(flights({ path: "https://127.0.0.1/x.parquet" }))).toMatchObject({
    code: "SOURCE_UNREADABLE",
    details: { problem: "there is no such file" },
  });
});

function delegate(duck: DuckDb): DuckDb {
  return {
    run: (sql) => duck.run(sql),
    rows: (sql) => duck.rows(sql),
    columns: (sql) => duck.columns(sql),
    chunks: (sql) => duck.chunks(sql),
    close: () => duck.close(),
  };
}

/** A run of bytes inverted in the first half, where a small Parquet file keeps its pages. */
function flipped(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  for (let i = 100; i < Math.min(copy.length / 2, 4000); i++) copy[i] = 255 - (copy[i] ?? 0);
  return copy;
}
