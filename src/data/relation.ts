import path from "node:path";

import { KarkhanaError } from "../kernel/error.ts";
import { quoteIdentifier, quoteLiteral } from "../storage/duckdb/quote.ts";
import { castSql, castTextSql, numbersAsTimes } from "./declared-type.ts";
import { rawColumn, rulesOf, timeSql, whereSql } from "./rules.ts";
import { placeColumn, pushedScanSql } from "./pushed-copy.ts";
import type { SourceDefinition } from "./source.ts";
import { isVersioned, versionsSql } from "./versions.ts";

/** What a reader must know of a version: a registered `DatasetVersion` is one. */
export interface ReadableVersion {
  readonly numQuarantined: number;
  /** DuckDB type of each declared column as found in the file; text for CSV and JSON. */
  readonly foundTypes: Readonly<Record<string, string>>;
}

/**
 * Where a source's file lies. A relative path starts at the project's folder and may climb out of it, as `../../node_modules/...` does; an
 * absolute one is taken as it is. Both are the project's own code speaking, which can read any file anyway: the path is no boundary. It
 * always names one local file: a URL is resolved as a relative path (and not found), wildcards stand for themselves.
 * @throws INVALID_ARGUMENT
 */
export function sourcePath(source: SourceDefinition, projectFolder: string): string {
  if (source.path === "" || source.path.includes("\0")) {
    throw new KarkhanaError("INVALID_ARGUMENT", {
      field: `source ${source.name}, path`,
      problem: "expected a file path without NUL",
      value: source.path.replaceAll("\0", "\\0"),
    });
  }
  return path.resolve(projectFolder, source.path);
}

/**
 * The rows of a version as a subquery in parentheses: the declared columns (timestamps as BIGINT microseconds), `_row` (0-based row number
 * in the file, of a pushed source its place in the log; the ingest sequence), `_event` and `_known` (BIGINT microseconds); rows outside `where` and quarantined rows left out.
 * A source with an `id` has a column `_until` as well: when the version was replaced, or null.
 * The same rows whatever the number of threads; give an ORDER BY where their order matters.
 * Quarantined rows are recognised by their contract again rather than by a list: the contract is part of the version's identity.
 */
export function relationOf(source: SourceDefinition, version: ReadableVersion, projectFolder: string): string {
  const columns = Object.keys(source.schema).map(quoteIdentifier).join(", ");
  const event = timeSql(source, "eventTime", source.eventTime);
  const known = source.knownTime === undefined ? event : timeSql(source, "knownTime", source.knownTime);
  const conditions = isVersioned(source) ? [] : [whereSql(source)];
  if (version.numQuarantined > 0)
    conditions.push(
      `NOT (${rulesOf(source)
        .map((rule) => rule.failsSql)
        .join(" OR ")})`,
    );
  const taken = conditions.length === 0 ? "" : ` WHERE ${conditions.join(" AND ")}`;
  const rows = `(SELECT ${columns}, _row, ${event} AS _event, ${known} AS _known FROM ${typedSql(source, version.foundTypes, projectFolder)}${taken})`;
  return isVersioned(source) ? versionsSql(source, rows, whereSql(source)) : rows;
}

/** All rows of the file: typed columns under their names, raw ones under `rawColumn(index)`, and `_row`. @throws DATASET_SCHEMA_MISMATCH */
export function typedSql(source: SourceDefinition, foundTypes: Readonly<Record<string, string>>, projectFolder: string): string {
  const names = Object.entries(source.schema);
  const raws = names.map(([name], index) => `${quoteIdentifier(name)} AS ${rawColumn(index)}`);
  const typed = names.map(([name, declared], index) => {
    const found = foundTypes[name];
    if (found === undefined) throw new KarkhanaError("DATASET_SCHEMA_MISMATCH", { source: source.name, column: name, declared, found: "no such column" });
    const cast = holdsTypes(source) ? castSql(declared, found, rawColumn(index)) : castTextSql(declared, rawColumn(index));
    if (cast === undefined)
      throw new KarkhanaError("DATASET_SCHEMA_MISMATCH", {
        source: source.name,
        column: name,
        declared,
        found: `${found}${numbersAsTimes(declared, found, name)}`,
      });
    return `${cast} AS ${quoteIdentifier(name)}`;
  });
  const row = source.format === "parquet" ? "file_row_number" : source.format === "pushed" ? placeColumn : "row_number() OVER () - 1";
  const scan = `SELECT ${raws.join(", ")}, ${row} AS _row FROM ${scanSql(source, projectFolder)}`;
  return `(SELECT ${names.map((_, index) => rawColumn(index)).join(", ")}, _row, ${typed.join(", ")} FROM (${scan}))`;
}

/** The file as a DuckDB table function. CSV and JSON values are read as text, so that a wrong one fails its row and not the file. */
export function scanSql(source: SourceDefinition, projectFolder: string): string {
  if (source.format === "pushed") return pushedScanSql(source, sourcePath(source, projectFolder));
  const file = quoteLiteral(withoutWildcards(sourcePath(source, projectFolder)));
  if (source.format === "parquet") return `read_parquet(${file}, file_row_number = true)`;
  if (source.format === "csv") return csvSql(file, true);
  const columns = Object.keys(source.schema).map((name) => `${quoteLiteral(name)}: 'VARCHAR'`);
  return `read_json(${file}, format = 'newline_delimited', columns = {${columns.join(", ")}})`;
}

/** @param file quoted @param hasHeader false: the line of names is a row like the others */
export function csvSql(file: string, hasHeader: boolean): string {
  return `read_csv(${file}, header = ${hasHeader}, all_varchar = true, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false)`;
}

/** Whether the file's columns have types, not text. */
export function holdsTypes({ format }: SourceDefinition): boolean {
  return format === "parquet" || format === "pushed";
}

/** DuckDB reads `*`, `?` and `[` in a path as wildcards; in brackets each stands for itself. */
export function withoutWildcards(file: string): string {
  return file.replaceAll(/[[*?]/g, "[$&]");
}
