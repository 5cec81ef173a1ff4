/** What DuckDB finds in a source's file: its columns' types, and the rows that fail the contract. */
import { KarkhanaError } from "../kernel/error.ts";
import type { DuckDb } from "../storage/duckdb/duckdb.ts";
import { quoteLiteral } from "../storage/duckdb/quote.ts";
import { csvSql, holdsTypes, scanSql, sourcePath, typedSql, withoutWildcards } from "./relation.ts";
import { maxListedRows, type FailingRow, type RuleFailures } from "./report.ts";
import { whereSql, type Rule } from "./rules.ts";
import type { SourceDefinition } from "./source.ts";

/** DuckDB types of the declared columns. @throws DATASET_SCHEMA_MISMATCH for a column that is missing or of another kind */
export async function findTypes(duck: DuckDb, source: SourceDefinition, projectFolder: string): Promise<Record<string, string>> {
  // A JSON file has the keys of all its lines; reading them with declared columns would give null for a key it lacks.
  const scan =
    source.format === "json"
      ? `read_json(${quoteLiteral(withoutWildcards(sourcePath(source, projectFolder)))}, format = 'newline_delimited', sample_size = -1)`
      : scanSql(source, projectFolder);
  const described = await duck.rows(`DESCRIBE SELECT * FROM ${scan}`);
  const found = new Map(described.map((row) => [String(row["column_name"]), holdsTypes(source) ? String(row["column_type"]) : "VARCHAR"]));
  if (source.format === "parquet") found.delete("file_row_number");
  if (source.format === "csv") await refuseTwins(duck, source, projectFolder, found);
  const separator = source.format === "csv" && found.size > 0 ? /[;\t|]/.exec([...found.keys()].join("")) : null;
  const hint = separator === null ? "" : `; values must be separated by commas, these seem to be by ${JSON.stringify(separator[0])}`;
  const types: Record<string, string> = {};
  for (const [column, declared] of Object.entries(source.schema)) {
    const type = found.get(column);
    // Compared with case, unlike DuckDB: a definition that relies on its leniency breaks elsewhere.
    if (type === undefined)
      throw new KarkhanaError("DATASET_SCHEMA_MISMATCH", {
        source: source.name,
        column,
        declared,
        found: `no such column; there are ${[...found.keys()].join(", ")}${hint}`,
      });
    types[column] = type;
  }
  typedSql(source, types, projectFolder);
  return types;
}

/** Of two columns of one name DuckDB calls the second `name_1`, and nobody would see which of them is read. */
async function refuseTwins(duck: DuckDb, source: SourceDefinition, projectFolder: string, found: ReadonlyMap<string, string>): Promise<void> {
  const suspects = Object.keys(source.schema).filter((name) => found.has(name) && found.has(`${name}_1`));
  if (suspects.length === 0) return;
  const file = quoteLiteral(withoutWildcards(sourcePath(source, projectFolder)));
  const [header = {}] = await duck.rows(`SELECT * FROM ${csvSql(file, false)} LIMIT 1`);
  const names = Object.values(header).map(String);
  const twice = suspects.find((name) => names.indexOf(name) !== names.lastIndexOf(name));
  if (twice === undefined) return;
  const declared = source.schema[twice]!;
  throw new KarkhanaError("DATASET_SCHEMA_MISMATCH", { source: source.name, column: twice, declared, found: "two columns of this name" });
}

export interface RuleCounts {
  readonly numRows: number;
  readonly numTaken: number;
  readonly numFailingRows: number;
  readonly numFailingTaken: number;
  readonly failures: readonly RuleFailures[];
  readonly failed: readonly Rule[];
}

/** One pass over the file. */
export async function countFailures(duck: DuckDb, source: SourceDefinition, typed: string, rules: readonly Rule[]): Promise<RuleCounts> {
  const taken = whereSql(source);
  const any = anyFails(rules);
  const counts = rules.map((rule, index) => `count(*) FILTER (WHERE ${rule.failsSql}) AS f${index}`);
  const [row = {}] = await duck.rows(
    `SELECT count(*) AS rows, count(*) FILTER (WHERE ${taken}) AS taken, count(*) FILTER (WHERE ${any}) AS failing, count(*) FILTER (WHERE ${taken} AND ${any}) AS failing_taken, ${counts.join(", ")} FROM ${typed}`,
  );
  const number = (name: string): number => Number(row[name]);
  const failed = rules.filter((_, index) => number(`f${index}`) > 0);
  const failures = failed.map((rule) => ({ column: rule.column, rule: rule.rule, count: number(`f${rules.indexOf(rule)}`) }));
  return { numRows: number("rows"), numTaken: number("taken"), numFailingRows: number("failing"), numFailingTaken: number("failing_taken"), failures, failed };
}

export function anyFails(rules: readonly Rule[]): string {
  return `(${rules.map((rule) => rule.failsSql).join(" OR ")})`;
}

/** The first failing rows, in the file's order. */
export async function listFailures(duck: DuckDb, typed: string, failed: readonly Rule[]): Promise<FailingRow[]> {
  const each = failed.map((rule, index) => `SELECT _row, ${index} AS rule, left(${rule.valueSql}, 200) AS value FROM ${typed} WHERE ${rule.failsSql}`);
  if (each.length === 0) return [];
  const rows = await duck.rows(`SELECT * FROM (${each.join(" UNION ALL ")}) ORDER BY _row, rule LIMIT ${maxListedRows}`);
  return rows.flatMap((row) => {
    const rule = failed[Number(row["rule"])];
    return rule === undefined
      ? []
      : [{ row: Number(row["_row"]), column: rule.column, rule: rule.rule, value: typeof row["value"] === "string" ? row["value"] : null }];
  });
}
