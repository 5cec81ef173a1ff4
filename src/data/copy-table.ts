import { randomUUID } from "node:crypto";
import { mkdir, open, rename, rm } from "node:fs/promises";
import path from "node:path";
import { KarkhanaError } from "../kernel/error.ts";
import type { DuckDb } from "../storage/duckdb/duckdb.ts";
import { quoteIdentifier as q, quoteLiteral } from "../storage/duckdb/quote.ts";
import { errnoOf } from "../storage/errno.ts";
import { postgresRows } from "../storage/sql/postgres-rows.ts";
import { castTextSql } from "./declared-type.ts";
import { sourcePath } from "./relation.ts";
import type { SourceDefinition, TableOrigin } from "./source.ts";

export interface CopyContext {
  readonly duck: DuckDb;
  readonly projectFolder: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * Takes a table's rows anew into the source's Parquet file, in the order of its `orderBy`; the file there is replaced once the new one is whole.
 * Values that do not have the declared type become null, as in a CSV file. A source without a table stays as it is.
 * @throws INVALID_ARGUMENT, STORAGE_UNREACHABLE, QUERY_FAILED, DISK_FULL: the file stays as it was
 */
export async function copyTable(source: SourceDefinition, context: CopyContext): Promise<void> {
  const { origin } = source;
  if (origin === undefined) return;
  const file = sourcePath(source, context.projectFolder);
  const unfinished = `${file}.${randomUUID()}.unfinished`;
  await mkdir(path.dirname(file), { recursive: true });
  try {
    if (origin.kind === "duckdb") await copyDuckDb(source, origin, unfinished, context);
    else await copyPostgres(source, origin, unfinished, context);
    await rename(unfinished, file);
  } finally {
    await rm(unfinished, { force: true });
    await rm(`${unfinished}.jsonl`, { force: true });
  }
}

async function copyDuckDb(source: SourceDefinition, origin: TableOrigin & { kind: "duckdb" }, to: string, { duck, projectFolder }: CopyContext): Promise<void> {
  const alias = `copied_${randomUUID().replaceAll("-", "")}`;
  await duck.run(`ATTACH ${quoteLiteral(path.resolve(projectFolder, origin.database))} AS ${alias} (READ_ONLY)`);
  try {
    await duck.run(`COPY (${queryOf(source, origin, `${alias}.`)}) TO ${quoteLiteral(to)} (FORMAT parquet, COMPRESSION zstd)`);
  } finally {
    await duck.run(`DETACH ${alias}`);
  }
}

/** Rows go through a file of JSON lines: DuckDB's own reader of PostgreSQL is an extension that would have to be downloaded. */
async function copyPostgres(
  source: SourceDefinition,
  origin: TableOrigin & { kind: "postgres" },
  to: string,
  { duck, environment }: CopyContext,
): Promise<void> {
  const url = environment[origin.urlVariable];
  if (url === undefined || url === "")
    throw new KarkhanaError("INVALID_ARGUMENT", {
      field: `source ${source.name}, urlVariable`,
      problem: "is not set in the environment",
      value: origin.urlVariable,
    });
  const lines = `${to}.jsonl`;
  const handle = await open(lines, "w");
  try {
    for await (const rows of postgresRows(url, queryOf(source, origin, ""))) await handle.write(`${rows.join("\n")}\n`);
  } catch (error) {
    if (errnoOf(error) === "ENOSPC") throw new KarkhanaError("DISK_FULL", { path: lines }, { cause: error });
    throw error;
  } finally {
    await handle.close();
  }
  const names = Object.entries(source.schema);
  const raw = names.map(([name]) => `${quoteLiteral(name)}: 'VARCHAR'`).join(", ");
  const typed = names.map(([name, type]) => {
    const cast = castTextSql(type, q(name));
    return `${type === "timestamp" ? `make_timestamp(${cast})` : cast} AS ${q(name)}`;
  });
  await duck.run(
    `COPY (SELECT ${typed.join(", ")} FROM read_json(${quoteLiteral(lines)}, format = 'newline_delimited', columns = {${raw}})) TO ${quoteLiteral(to)} (FORMAT parquet, COMPRESSION zstd)`,
  );
}

function queryOf({ schema }: SourceDefinition, { table, orderBy }: TableOrigin, prefix: string): string {
  const from = table.split(".").map(q).join(".");
  return `SELECT ${Object.keys(schema).map(q).join(", ")} FROM ${prefix}${from} ORDER BY ${q(orderBy)}`;
}
