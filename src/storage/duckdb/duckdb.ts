import { randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import {
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBInstance,
  DuckDBListValue,
  DuckDBStructValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  type DuckDBConnection,
  type DuckDBResult,
} from "@duckdb/node-api";

import { KarkhanaError, codeOf } from "../../kernel/error.ts";
import { MICROS_PER_DAY } from "../../kernel/time.ts";
import { columnKinds, readNumbers, TextReader, type Column } from "./vectors.ts";

export type { Column } from "./vectors.ts";

export interface DuckDbOptions {
  /** Database file; default in memory. */
  readonly path?: string;
  readonly threads?: number;
  readonly memoryLimitMb?: number;
  /** Where large sorts and joins spill, each instance in a folder of its own in it; without one they fail when memory is full. */
  readonly tempFolder?: string;
}

export interface ColumnTable {
  readonly numRows: number;
  readonly columns: Map<string, Column>;
}

/**
 * DuckDB in this process. Promises: calls of `run`, `rows` and `columns` run one after the other on one connection, in call order, so
 * temporary tables and transactions hold together. `chunks` has a connection of its own for each walk: it sees ordinary tables and what is
 * committed, not temporary tables, and other calls may be made while it is walked. Time zone is UTC; no extension is ever fetched.
 */
export interface DuckDb {
  run(sql: string): Promise<void>;
  /** For small results. BIGINT is a number where it is safe and a bigint otherwise; timestamps are microseconds; NULL is null. */
  rows(sql: string): Promise<Record<string, unknown>[]>;
  /** Whole result by column: numbers (booleans 0 and 1) with NaN for null, or text. @throws QUERY_FAILED for other types: cast them in the query */
  columns(sql: string): Promise<ColumnTable>;
  /** The same piece by piece, up to 2,048 rows each, in the query's order. */
  chunks(sql: string): AsyncIterable<ColumnTable>;
  close(): Promise<void>;
}

export async function openDuckDb(options: DuckDbOptions = {}): Promise<DuckDb> {
  const settings: Record<string, string> = {
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
    // A folder of its own, which DuckDB makes when it spills and removes when closed: two instances that spill into one folder name their
    // files alike, read each other's blocks and end the process.
    temp_directory: options.tempFolder ? path.join(options.tempFolder, randomUUID()) : "",
  };
  if (options.threads !== undefined) settings["threads"] = String(options.threads);
  if (options.memoryLimitMb !== undefined) settings["memory_limit"] = `${options.memoryLimitMb}MiB`;
  return guarded(async () => {
    // DuckDB makes the last folder of a path only.
    if (options.tempFolder) await mkdir(options.tempFolder, { recursive: true });
    const instance = await DuckDBInstance.create(options.path ?? ":memory:", settings);
    const connection = await instance.connect();
    await connection.run("SET GLOBAL TimeZone = 'UTC'");
    return new EmbeddedDuckDb(instance, connection);
  });
}

class EmbeddedDuckDb implements DuckDb {
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;
  #last: Promise<unknown> = Promise.resolve();
  #walks = 0;
  #closed = false;

  constructor(instance: DuckDBInstance, connection: DuckDBConnection) {
    this.#instance = instance;
    this.#connection = connection;
  }

  run(sql: string): Promise<void> {
    return this.#inTurn(async () => {
      await this.#connection.run(sql);
    });
  }

  rows(sql: string): Promise<Record<string, unknown>[]> {
    return this.#inTurn(async () => {
      const result = await this.#connection.run(sql);
      const objects = await result.getRowObjects();
      return objects.map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plain(value)])));
    });
  }

  columns(sql: string): Promise<ColumnTable> {
    return this.#inTurn(async () => gather(await this.#connection.stream(sql)));
  }

  async *chunks(sql: string): AsyncGenerator<ColumnTable> {
    this.#refuseIfClosed();
    this.#walks++;
    let connection: DuckDBConnection | undefined;
    try {
      connection = await guarded(() => this.#instance.connect());
      const open = connection;
      const result = await guarded(() => open.stream(sql));
      const names = result.columnNames();
      const kinds = columnKinds(result);
      const texts = kinds.map(() => new TextReader());
      for (;;) {
        const chunk = await guarded(() => result.fetchChunk());
        if (chunk === null || chunk.rowCount === 0) return;
        const columns = new Map<string, Column>();
        for (const [index, name] of names.entries()) {
          if (kinds[index] === "number") {
            const numbers = new Float64Array(chunk.rowCount);
            readNumbers(chunk, index, numbers, 0);
            columns.set(name, numbers);
          } else {
            const text: (string | null)[] = [];
            texts[index]!.read(chunk, index, text, 0);
            columns.set(name, text);
          }
        }
        yield { numRows: chunk.rowCount, columns };
      }
    } finally {
      connection?.closeSync();
      this.#walks--;
      if (this.#closed && this.#walks === 0) this.#instance.closeSync();
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#last.catch(() => undefined);
    this.#connection.closeSync();
    // An open walk still reads from the instance: the last one closes it.
    if (this.#walks === 0) this.#instance.closeSync();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    this.#refuseIfClosed();
    const result = this.#last.then(() => guarded(work));
    this.#last = result.catch(() => undefined);
    return result;
  }

  #refuseIfClosed(): void {
    if (this.#closed) throw new KarkhanaError("QUERY_FAILED", { problem: "the database is closed" });
  }
}

/** Values are kept in blocks that double until the number of rows is known; at the end one column at a time is held twice, never the whole result. */
const firstBlockRows = 2048;
const largestBlockRows = 65_536;

async function gather(result: DuckDBResult): Promise<ColumnTable> {
  const names = result.columnNames();
  const kinds = columnKinds(result);
  const blocks: Float64Array[][] = names.map(() => []);
  const texts: (string | null)[][] = names.map(() => []);
  const readers = names.map(() => new TextReader());
  let numRows = 0;
  let blockRows = 0;
  let room = 0;
  for (;;) {
    const chunk = await result.fetchChunk();
    if (chunk === null || chunk.rowCount === 0) break;
    // A block is left part-filled when a whole chunk does not fit: it is trimmed to what it holds.
    const fresh = room < chunk.rowCount;
    const held = blockRows - room;
    if (fresh) {
      blockRows = Math.max(chunk.rowCount, Math.min(largestBlockRows, Math.max(firstBlockRows, 2 * blockRows)));
      room = blockRows;
    }
    const at = blockRows - room;
    for (let c = 0; c < names.length; c++) {
      if (kinds[c] === "text") {
        readers[c]!.read(chunk, c, texts[c]!, numRows);
        continue;
      }
      const own = blocks[c]!;
      if (fresh) {
        if (own.length > 0) own.push(own.pop()!.subarray(0, held));
        own.push(new Float64Array(blockRows));
      }
      readNumbers(chunk, c, own.at(-1)!, at);
    }
    room -= chunk.rowCount;
    numRows += chunk.rowCount;
  }
  const columns = new Map<string, Column>();
  for (const [c, name] of names.entries()) {
    if (kinds[c] === "text") columns.set(name, texts[c]!);
    else columns.set(name, joined(blocks[c]!, numRows));
    blocks[c] = [];
  }
  return { numRows, columns };
}

function joined(blocks: readonly Float64Array[], length: number): Float64Array {
  const all = new Float64Array(length);
  let at = 0;
  for (const block of blocks) {
    const part = block.subarray(0, Math.min(block.length, length - at));
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function plain(value: unknown): unknown {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (value instanceof DuckDBTimestampValue || value instanceof DuckDBTimestampTZValue) return Number(value.micros);
  if (value instanceof DuckDBDateValue) return value.days * MICROS_PER_DAY;
  if (value instanceof DuckDBDecimalValue) return value.toDouble();
  if (value instanceof DuckDBListValue) return value.items.map(plain);
  if (value instanceof DuckDBStructValue) return Object.fromEntries(Object.entries(value.entries).map(([name, member]) => [name, plain(member)]));
  return value;
}

async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (codeOf(error) !== undefined) throw error;
    throw asKarkhanaError(error);
  }
}

const unreadable =
  /^IO Error|No magic bytes|too small to be a Parquet|Snappy|TProtocolException|thrift|[Cc]orrupt|Failed to read|CSV Error|sniffing file|Malformed JSON|invalid parquet/i;

/** DuckDB names a dozen of its own settings instead, which nobody can reach here. */
const notCsv =
  "its lines do not all have the same number of values, or its quotes are not closed; expected a line of names, commas between values, double quotes around text that holds commas, quotes or line ends, UTF-8";

/** DuckDB's binding raises plain errors: only the text tells a damaged file from a wrong query. */
function asKarkhanaError(error: unknown): KarkhanaError {
  const problem = (error instanceof Error ? error.message : String(error)).split("\n\nLINE ")[0]!.trim();
  if (/No space left on device|disk quota exceeded|max_temp_directory_size/i.test(problem))
    return new KarkhanaError("DISK_FULL", { path: /"([^"\n]*)"/.exec(problem)?.[1] ?? "the folder of large sorts" }, { cause: error });
  if (!unreadable.test(problem)) return new KarkhanaError("QUERY_FAILED", { problem }, { cause: error });
  const path = /["']([^"'\n]*[/\\.][^"'\n]*)["']/.exec(problem)?.[1] ?? "(unnamed)";
  return new KarkhanaError("SOURCE_UNREADABLE", { path, problem: /sniffing file/.test(problem) ? notCsv : problem }, { cause: error });
}
