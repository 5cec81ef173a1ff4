/** Features of any spine as of its own times, for whoever asks outside of a model: a query, a file or rows; as a relation, Parquet or Arrow. */
import { randomUUID } from "node:crypto";
import { rename, rm } from "node:fs/promises";
import { Bool, Field, Float64, Int64, List, Table, tableToIPC, Utf8, vectorFromArray, type DataType } from "apache-arrow";
import { withoutWildcards } from "../../data/relation.ts";
import type { SourceDefinition } from "../../data/source.ts";
import { KarkhanaError } from "../../kernel/error.ts";
import type { DuckDb } from "../../storage/duckdb/duckdb.ts";
import { quoteIdentifier as q, quoteLiteral } from "../../storage/duckdb/quote.ts";
import type { FeatureService } from "../definition.ts";
import { answerSpine, type SpineAnswers } from "./vectors.ts";

/** Where questions come from. Each needs a time: whole microseconds, or a timestamp (UTC where it has no zone). */
export type Spine =
  | { readonly query: string; readonly time: string }
  /** Parquet, CSV or JSON lines by its ending. */
  | { readonly file: string; readonly time: string }
  | { readonly rows: readonly Readonly<Record<string, string | number | boolean | null>>[]; readonly time: string };

export interface HistoricalOptions {
  readonly service: FeatureService;
  readonly spine: Spine;
  readonly relations: (source: SourceDefinition) => string;
}

/** Tables of the answer, kept in the DuckDB instance until dropped: they spill to disk where they outgrow memory. */
export interface HistoricalFeatures {
  /** Every question once and in order, its columns, and one for each feature, "<prefix>.<feature>": numbers, text or lists; null and NaN apart. */
  readonly sql: string;
  readonly numRows: number;
  /** Whole or absent. @throws DISK_FULL, QUERY_FAILED */
  writeParquet(file: string): Promise<void>;
  /** Arrow IPC stream. Holds the whole answer in memory. */
  arrow(): Promise<Uint8Array>;
  drop(): Promise<void>;
}

const rowsAStatement = 5000;
let tables = 0;

/** @throws INVALID_ARGUMENT, QUERY_FAILED, MEASURE_OUT_OF_RANGE */
export async function historicalFeatures(duck: DuckDb, { service, spine, relations }: HistoricalOptions): Promise<HistoricalFeatures> {
  const table = `_spine_${++tables}`;
  let answers: SpineAnswers | undefined;
  try {
    await loadSpine(duck, table, spine);
    answers = await answerSpine(duck, { service, relations, spine: await timedSpine(duck, table, spine.time) });
  } catch (error) {
    await duck.run(`DROP TABLE IF EXISTS ${table}`);
    throw error;
  }
  const made = answers;
  const { featuresSql, numRows } = made;
  const sql = `SELECT * EXCLUDE (_n, _row, _event) FROM (${featuresSql}) ORDER BY _n`;
  return {
    sql,
    numRows,
    writeParquet: async (file) => {
      const unfinished = `${file}.${randomUUID()}.unfinished`;
      try {
        await duck.run(`COPY (${sql}) TO ${quoteLiteral(unfinished)} (FORMAT parquet, COMPRESSION zstd)`);
        await rename(unfinished, file);
      } finally {
        await rm(unfinished, { force: true });
      }
    },
    arrow: async () => arrowOf(await duck.rows(`DESCRIBE ${sql}`), await duck.rows(sql)),
    drop: async () => {
      await made.drop();
      await duck.run(`DROP TABLE IF EXISTS ${table}`);
    },
  };
}

function arrowOf(described: readonly Record<string, unknown>[], rows: readonly Record<string, unknown>[]): Uint8Array {
  const columns = described.map((column) => {
    const name = String(column["column_name"]);
    const type = arrowType(String(column["column_type"]));
    const cell = type instanceof Int64 ? (value: unknown) => (value == null ? null : BigInt(Number(value))) : (value: unknown) => value ?? null;
    return [
      name,
      vectorFromArray(
        rows.map((row) => cell(row[name])),
        type,
      ),
    ] as const;
  });
  return tableToIPC(new Table(Object.fromEntries(columns)), "stream");
}

/** Times come as whole microseconds. */
function arrowType(type: string): DataType {
  if (type.endsWith("[]")) return new List(new Field("item", arrowType(type.slice(0, -2)), true));
  if (type === "VARCHAR") return new Utf8();
  if (type === "BOOLEAN") return new Bool();
  return /INT|TIMESTAMP|DATE/.test(type) ? new Int64() : new Float64();
}

async function loadSpine(duck: DuckDb, table: string, spine: Spine): Promise<void> {
  if ("query" in spine) return duck.run(`CREATE TABLE ${table} AS SELECT row_number() OVER () - 1 AS _row, * FROM (${spine.query})`);
  if ("file" in spine) {
    const file = quoteLiteral(withoutWildcards(spine.file));
    const scan = spine.file.endsWith(".parquet")
      ? `read_parquet(${file})`
      : spine.file.endsWith(".csv")
        ? `read_csv(${file}, header = true)`
        : `read_json(${file})`;
    return duck.run(`CREATE TABLE ${table} AS SELECT row_number() OVER () - 1 AS _row, * FROM ${scan}`);
  }
  const [first] = spine.rows;
  if (first === undefined) throw new KarkhanaError("INVALID_ARGUMENT", { field: "spine", problem: "has no rows", value: 0 });
  const names = Object.keys(first);
  const isText = names.map((name) => spine.rows.some((row) => typeof row[name] === "string"));
  const isWhole = names.map((name) => spine.rows.every((row) => row[name] == null || Number.isSafeInteger(row[name])));
  const isTruth = names.map((name) => spine.rows.some((row) => typeof row[name] === "boolean"));
  for (const [i, name] of names.entries())
    if (isTruth[i]! && spine.rows.some((row) => row[name] != null && typeof row[name] !== "boolean"))
      throw new KarkhanaError("INVALID_ARGUMENT", {
        field: `spine, ${name}`,
        problem: "is true or false in some rows and something else in others",
        value: name,
      });
  const types = names.map((name, i) => `${q(name)} ${isTruth[i]! ? "BOOLEAN" : isText[i]! ? "VARCHAR" : isWhole[i]! ? "BIGINT" : "DOUBLE"}`);
  await duck.run(`CREATE TABLE ${table} (_row BIGINT, ${types.join(", ")})`);
  for (let from = 0; from < spine.rows.length; from += rowsAStatement) {
    const tuples = spine.rows
      .slice(from, from + rowsAStatement)
      .map((row, i) => `(${[from + i, ...names.map((name) => literal(row[name] ?? null))].join(",")})`);
    await duck.run(`INSERT INTO ${table} VALUES ${tuples.join(",")}`);
  }
}

function literal(value: string | number | boolean | null): string {
  return typeof value === "number" && Number.isSafeInteger(value) ? String(value) : quoteLiteral(value);
}

async function timedSpine(duck: DuckDb, table: string, time: string): Promise<string> {
  const columns = await duck.rows(`DESCRIBE ${table}`);
  const type = columns.find((column) => column["column_name"] === time)?.["column_type"];
  const name = q(time);
  const isWhole = type === "BIGINT" || type === "INTEGER";
  if (!isWhole && !(typeof type === "string" && /^(TIMESTAMP|DATE|VARCHAR)/.test(type)))
    throw new KarkhanaError("INVALID_ARGUMENT", {
      field: "spine, time",
      problem: `must be a column of times; it is ${typeof type === "string" ? type : "not there"}`,
      value: time,
    });
  const event = isWhole ? `CAST(${name} AS BIGINT)` : `epoch_us(CAST(${name} AS TIMESTAMPTZ))`;
  const [lacking] = await duck.rows(`SELECT count(*) AS n FROM ${table} WHERE ${name} IS NULL`);
  if (Number(lacking?.["n"]) > 0)
    throw new KarkhanaError("INVALID_ARGUMENT", { field: "spine, time", problem: "is null in some rows", value: Number(lacking?.["n"]) });
  return `SELECT *, ${event} AS _event FROM ${table}`;
}
