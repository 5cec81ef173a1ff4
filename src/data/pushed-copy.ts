/**
 * The offline copy of a pushed source: Parquet files named by a manifest, which is what the source's `path` says once it is located. A file
 * never changes; the manifest is replaced whole. `features/offline/pushed-rows.ts` writes both.
 */
import { readFileSync } from "node:fs";
import path from "node:path";
import { KarkhanaError } from "../kernel/error.ts";
import { errnoOf } from "../storage/errno.ts";
import { quoteIdentifier, quoteLiteral } from "../storage/duckdb/quote.ts";
import { isVectorType } from "./vector-column.ts";
import type { ScalarColumnType, SourceDefinition } from "./source.ts";

/** A row's place in the log. */
export const placeColumn = "_place";

export interface PushedPart {
  /** Beside the manifest. */
  readonly file: string;
  /** File of the rows set aside, with their reasons; null if there are none. */
  readonly asideFile: string | null;
  /** Offsets of the log, [from, end). */
  readonly from: number;
  readonly end: number;
  readonly rows: number;
  readonly setAside: number;
  readonly sha256: string;
  readonly newestArrivedUs: number;
}

export interface PushedManifest {
  readonly format: 1;
  readonly source: string;
  /** How far the log is copied. */
  readonly nextOffset: number;
  readonly parts: readonly PushedPart[];
  /** Files that readers of an older manifest may still read, and since when they are not of this one. */
  readonly left: readonly { readonly file: string; readonly sinceUs: number }[];
}

const duckTypes: Readonly<Record<ScalarColumnType, string>> = {
  int64: "BIGINT",
  float64: "DOUBLE",
  string: "VARCHAR",
  boolean: "BOOLEAN",
  timestamp: "TIMESTAMP",
};

/** What the copy's files hold each column as. */
export function pushedTypes({ schema }: SourceDefinition): Record<string, string> {
  return Object.fromEntries(Object.entries(schema).map(([name, type]) => [name, isVectorType(type) ? "FLOAT[]" : duckTypes[type]]));
}

/** @throws STORAGE_CORRUPT, SOURCE_UNREADABLE */
export function readPushedManifest(file: string): PushedManifest | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw new KarkhanaError("SOURCE_UNREADABLE", { path: file, problem: error instanceof Error ? error.message : String(error) }, { cause: error });
  }
  try {
    const manifest = JSON.parse(text) as PushedManifest;
    if (manifest.format === 1 && Array.isArray(manifest.parts)) return manifest;
  } catch {
    // Told below.
  }
  throw new KarkhanaError("STORAGE_CORRUPT", { path: file, store: "the list of a pushed source's files", problem: "expected the JSON this program writes" });
}

/** The copy as a DuckDB table function, or an empty table while nothing is copied. */
export function pushedScanSql(source: SourceDefinition, file: string): string {
  const parts = readPushedManifest(file)?.parts ?? [];
  if (parts.length > 0)
    return `read_parquet([${parts.map((part) => quoteLiteral(path.join(path.dirname(file), part.file).replaceAll(/[[*?]/g, "[$&]"))).join(", ")}])`;
  const columns = Object.entries(pushedTypes(source)).map(([name, type]) => `CAST(NULL AS ${type}) AS ${quoteIdentifier(name)}`);
  return `(SELECT ${columns.join(", ")}, CAST(NULL AS BIGINT) AS ${placeColumn} WHERE false)`;
}
