import { randomUUID } from "node:crypto";
import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import path from "node:path";
import { placeColumn, pushedTypes, type PushedPart } from "../../data/pushed-copy.ts";
import { sha256OfFile } from "../../data/source-file.ts";
import type { ColumnType, SourceDefinition } from "../../data/source.ts";
import { decodeVector, isVectorType } from "../../data/vector-column.ts";
import { KarkhanaError, toErrorRecord } from "../../kernel/error.ts";
import type { DuckDb } from "../../storage/duckdb/duckdb.ts";
import { quoteIdentifier as q, quoteLiteral } from "../../storage/duckdb/quote.ts";
import { rowInLog, type LoggedBatch } from "../online/push-log.ts";
import { columnValue, rowReader, type SourceRow, type Value } from "../online/source-rows.ts";
import type { ViewPlan } from "../view-plan.ts";

/** Rows of a file of the copy: what one step holds on disk as text before it is Parquet. */
export const rowsAPart = 500_000;
const bytesAPart = 256 * 1024 * 1024;
const flushBytes = 1 << 20;

/** Rows on their way from the log to a file of the copy, as JSON lines. */
export class PartText {
  rows = 0;
  setAside = 0;
  from = -1;
  end = -1;
  newestArrivedUs = 0;
  readonly #source: SourceDefinition;
  readonly #unfinished: string;

  private constructor(source: SourceDefinition, folder: string) {
    this.#source = source;
    this.#unfinished = path.join(folder, `${randomUUID()}.unfinished`);
  }

  /** @returns undefined if there is nothing to be copied */
  static async write(source: SourceDefinition, plans: readonly ViewPlan[], folder: string, batches: AsyncIterable<LoggedBatch>): Promise<PartText | undefined> {
    const text = new PartText(source, folder);
    const taken = new Lines(`${text.#unfinished}.rows`);
    const aside = new Lines(`${text.#unfinished}.aside`);
    const lineOf = lineWriter(source, plans);
    try {
      for await (const batch of batches) {
        if (text.from < 0) text.from = batch.offset;
        text.end = batch.end;
        text.newestArrivedUs = Math.max(text.newestArrivedUs, batch.arrivedUs);
        for (const [i, row] of batch.rows.entries()) {
          const { line, reason } = lineOf(row, batch, i);
          if (reason === undefined) taken.add(line);
          else aside.add(line);
        }
        text.rows = taken.count;
        text.setAside = aside.count;
        if (taken.count + aside.count >= rowsAPart || taken.bytes + aside.bytes >= bytesAPart) break;
      }
    } finally {
      taken.close();
      aside.close();
    }
    if (text.from >= 0) return text;
    await text.#removeText();
    return undefined;
  }

  async toParquet(duck: DuckDb, before: PushedPart | undefined, folder: string): Promise<PushedPart> {
    const from = before?.from ?? this.from;
    const name = `${String(from).padStart(20, "0")}-${String(this.end).padStart(20, "0")}`;
    const file = `${name}.parquet`;
    const asideFile = this.setAside + (before?.setAside ?? 0) > 0 ? `${name}.aside.parquet` : null;
    const at = (each: string): string => path.join(folder, each);
    try {
      await copyTo(duck, before === undefined ? undefined : at(before.file), typedLines(this.#source, `${this.#unfinished}.rows`), at(file), placeColumn);
      if (asideFile !== null)
        await copyTo(
          duck,
          typeof before?.asideFile === "string" ? at(before.asideFile) : undefined,
          asideLines(`${this.#unfinished}.aside`),
          at(asideFile),
          placeColumn,
        );
    } finally {
      await this.#removeText();
    }
    return {
      file,
      asideFile,
      from,
      end: this.end,
      rows: this.rows + (before?.rows ?? 0),
      setAside: this.setAside + (before?.setAside ?? 0),
      sha256: await sha256OfFile(at(file)),
      newestArrivedUs: Math.max(this.newestArrivedUs, before?.newestArrivedUs ?? 0),
    };
  }

  async #removeText(): Promise<void> {
    await rm(`${this.#unfinished}.rows`, { force: true });
    await rm(`${this.#unfinished}.aside`, { force: true });
  }
}

/** Lines gathered and written a megabyte at a time. */
class Lines {
  count = 0;
  bytes = 0;
  readonly #fd: number;
  #waiting = "";

  constructor(file: string) {
    this.#fd = openSync(file, "wx");
  }

  add(line: string): void {
    this.count++;
    this.bytes += line.length;
    this.#waiting += `${line}\n`;
    if (this.#waiting.length >= flushBytes) this.#flush();
  }

  close(): void {
    try {
      this.#flush();
    } finally {
      closeSync(this.#fd);
    }
  }

  #flush(): void {
    const bytes = Buffer.from(this.#waiting);
    this.#waiting = "";
    for (let done = 0; done < bytes.length;) done += writeSync(this.#fd, bytes, done);
  }
}

/** A row's values as text, or why it is set aside: the same reading as online. */
function lineWriter(
  source: SourceDefinition,
  plans: readonly ViewPlan[],
): (row: SourceRow, batch: LoggedBatch, i: number) => { line: string; reason?: string } {
  const read = rowReader(source, plans);
  const columns = Object.entries(source.schema);
  return (raw, { places, arrivedUs, sequence }, i) => {
    const place = places[i]!;
    const row = rowInLog(source, raw, place, arrivedUs);
    try {
      if (read(row, sequence, i).fate === "ahead")
        throw new KarkhanaError("ROW_REFUSED", { field: "eventTime", problem: `lies further ahead than ${source.ahead ?? ""}`, value: null });
      return { line: JSON.stringify([String(place), ...columns.map(([name, type]) => textOf(columnValue(row, name, type), type))]) };
    } catch (error) {
      const { code, message } = toErrorRecord(error);
      if (code !== "ROW_REFUSED" && code !== "MEASURE_OUT_OF_RANGE") throw error;
      return { line: JSON.stringify([String(place), String(arrivedUs), code, message, shown(raw)]), reason: code };
    }
  };
}

function textOf(value: Value, type: ColumnType): string | null {
  if (value === null) return null;
  return isVectorType(type) ? `[${decodeVector(String(value)).join(", ")}]` : String(value);
}

function shown(row: SourceRow): string {
  return JSON.stringify(row, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value));
}

/** Each line is a list of texts: no name of a column can be a trap, and NaN has a word. */
function listLines(file: string): string {
  return `(SELECT json AS v FROM read_json_objects(${quoteLiteral(file)}, format = 'newline_delimited', maximum_object_size = 33554432))`;
}

function typedLines(source: SourceDefinition, file: string): string {
  const types = pushedTypes(source);
  const columns = Object.entries(source.schema).map(([name, type], i) => {
    const text = `(v ->> ${i + 1})`;
    return `${type === "timestamp" ? `make_timestamp(CAST(${text} AS BIGINT))` : `CAST(${text} AS ${types[name]!})`} AS ${q(name)}`;
  });
  return `SELECT ${columns.join(", ")}, CAST((v ->> 0) AS BIGINT) AS ${placeColumn} FROM ${listLines(file)}`;
}

function asideLines(file: string): string {
  return `SELECT make_timestamp(CAST((v ->> 1) AS BIGINT)) AS arrived, (v ->> 2) AS code, (v ->> 3) AS message, (v ->> 4) AS "row", CAST((v ->> 0) AS BIGINT) AS ${placeColumn} FROM ${listLines(file)}`;
}

/** Whole or not at all, and on disk before it is named. */
async function copyTo(duck: DuckDb, before: string | undefined, rows: string, to: string, order: string): Promise<void> {
  const unfinished = `${to}.${randomUUID()}.unfinished`;
  const all = before === undefined ? rows : `SELECT * FROM read_parquet([${quoteLiteral(before.replaceAll(/[[*?]/g, "[$&]"))}]) UNION ALL BY NAME ${rows}`;
  try {
    await duck.run(`COPY (SELECT * FROM (${all}) ORDER BY ${order}) TO ${quoteLiteral(unfinished)} (FORMAT parquet, COMPRESSION zstd)`);
    const fd = openSync(unfinished, "r");
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    await rename(unfinished, to);
  } finally {
    await rm(unfinished, { force: true });
  }
}
