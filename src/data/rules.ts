import { KarkhanaError } from "../kernel/error.ts";
import { quoteIdentifier, quoteLiteral } from "../storage/duckdb/quote.ts";
import { parseExpressionOf, toSql } from "./expression.ts";
import { dimensionsOf, isVectorType, maxDimensions } from "./vector-column.ts";
import type { ColumnRule, ColumnType, Schema, SourceDefinition } from "./source.ts";

export type RuleName = "type" | keyof ColumnRule | "eventTime" | "knownTime";

/** One condition that each row must meet, as SQL over the typed columns of `typedSql` and the raw ones beside them. */
export interface Rule {
  /** The column, or the expression's text for `eventTime` and `knownTime`. */
  readonly column: string;
  readonly rule: RuleName;
  /** True for a row that fails, never null. */
  readonly failsSql: string;
  /** What the row holds, as text. */
  readonly valueSql: string;
}

/** Names that `relationOf` adds to every row. */
const reservedColumns: readonly string[] = ["_row", "_event", "_known"];

/** Columns as they lie in the file, beside the typed ones. A name no schema can have. */
export function rawColumn(index: number): string {
  return `"_raw ${index}"`;
}

/** Everything a row must meet: declared types, then `expect`, then that the times exist for rows that are taken. @throws INVALID_ARGUMENT, EXPRESSION_INVALID */
export function rulesOf(source: SourceDefinition): Rule[] {
  checkSource(source);
  const columns = Object.entries(source.schema);
  for (const [column, type] of columns) {
    if (isVectorType(type) && dimensionsOf(type) === undefined)
      throw new KarkhanaError("INVALID_ARGUMENT", {
        field: `source ${source.name}, column ${column}`,
        problem: `expected float32[n] with n from 1 to ${maxDimensions}`,
        value: type,
      });
  }
  const types = columns.map(([column], index): Rule => {
    const raw = rawColumn(index);
    return { column, rule: "type", failsSql: `(${raw} IS NOT NULL AND ${quoteIdentifier(column)} IS NULL)`, valueSql: `CAST(${raw} AS VARCHAR)` };
  });
  const expected = columns.flatMap(([column, type], index) => columnRules(source, column, type, rawColumn(index)));
  return [...types, ...expected, ...timeRules(source)];
}

function columnRules(source: SourceDefinition, column: string, type: ColumnType, raw: string): Rule[] {
  const expected: ColumnRule = source.expect?.[column] ?? {};
  const value = quoteIdentifier(column);
  const valueSql = `CAST(${raw} AS VARCHAR)`;
  const field = (rule: string): string => `source ${source.name}, expect.${column}.${rule}`;
  const rules: Rule[] = [];
  const add = (rule: keyof ColumnRule, fails: string): void => void rules.push({ column, rule, failsSql: `coalesce(${fails}, false)`, valueSql });
  const limit = (rule: "min" | "max", operator: "<" | ">"): void => {
    const bound = expected[rule];
    if (bound === undefined) return;
    if (type !== "int64" && type !== "float64")
      throw new KarkhanaError("INVALID_ARGUMENT", { field: field(rule), problem: `limits need a numeric column, this is ${type}`, value: bound });
    if (!Number.isFinite(bound)) throw new KarkhanaError("INVALID_ARGUMENT", { field: field(rule), problem: "expected a finite number", value: String(bound) });
    // DuckDB holds NaN above every number: without isnan it would pass any lower limit.
    add(rule, `${value} ${operator} ${quoteLiteral(bound)}${type === "float64" ? ` OR isnan(${value})` : ""}`);
  };
  if (expected.notNull === true) add("notNull", `${raw} IS NULL`);
  limit("min", "<");
  limit("max", ">");
  if (expected.pattern !== undefined) {
    if (type !== "string")
      throw new KarkhanaError("INVALID_ARGUMENT", {
        field: field("pattern"),
        problem: `a pattern needs a text column, this is ${type}`,
        value: expected.pattern,
      });
    add("pattern", `NOT regexp_full_match(${value}, ${quoteLiteral(expected.pattern)})`);
  }
  if (expected.oneOf !== undefined) {
    if (type !== "string")
      throw new KarkhanaError("INVALID_ARGUMENT", {
        field: field("oneOf"),
        problem: `a list of texts needs a text column, this is ${type}`,
        value: expected.oneOf,
      });
    if (expected.oneOf.length === 0)
      throw new KarkhanaError("INVALID_ARGUMENT", { field: field("oneOf"), problem: "the list is empty", value: expected.oneOf });
    add("oneOf", `${value} NOT IN (${expected.oneOf.map(quoteLiteral).join(", ")})`);
  }
  return rules;
}

/** A row without an event time cannot be placed, one without a known time would never be seen or, worse, be seen too early: name them in `where` to leave them out. */
function timeRules(source: SourceDefinition): Rule[] {
  const taken = whereSql(source);
  const rule = (name: "eventTime" | "knownTime", text: string): Rule => ({
    column: text,
    rule: name,
    failsSql: `(${taken} AND ${timeSql(source, name, text)} IS NULL)`,
    valueSql: "CAST(NULL AS VARCHAR)",
  });
  const rules = [rule("eventTime", source.eventTime)];
  if (source.knownTime !== undefined) rules.push(rule("knownTime", source.knownTime));
  return rules;
}

/** True for rows to take, never null. */
export function whereSql(source: SourceDefinition): string {
  if (source.where === undefined) return "true";
  return `coalesce(${toSql(parseExpressionOf("boolean", source.where, source.schema, `source ${source.name}, where`))}, false)`;
}

export function timeSql(source: SourceDefinition, field: "eventTime" | "knownTime", text: string): string {
  return toSql(parseExpressionOf("timestamp", text, source.schema, `source ${source.name}, ${field}`));
}

function checkSource(source: SourceDefinition): void {
  checkSchema(source.name, source.schema);
  for (const column of Object.keys(source.expect ?? {})) {
    if (!Object.hasOwn(source.schema, column)) {
      throw new KarkhanaError("INVALID_ARGUMENT", {
        field: `source ${source.name}, expect`,
        problem: `there is no such column; there are ${Object.keys(source.schema).join(", ")}`,
        value: column,
      });
    }
  }
  const share = source.policy?.maxQuarantinedShare;
  if (share !== undefined && !(share >= 0 && share <= 1)) {
    throw new KarkhanaError("INVALID_ARGUMENT", {
      field: `source ${source.name}, policy.maxQuarantinedShare`,
      problem: "expected a share from 0 to 1",
      value: String(share),
    });
  }
}

function checkSchema(name: string, schema: Schema): void {
  const field = `source ${name}, schema`;
  const seen = new Set<string>(reservedColumns);
  if (Object.keys(schema).length === 0) throw new KarkhanaError("INVALID_ARGUMENT", { field, problem: "it names no column", value: schema });
  for (const column of Object.keys(schema)) {
    // DuckDB does not tell names apart by case.
    const folded = column.toLowerCase();
    if (seen.has(folded))
      throw new KarkhanaError("INVALID_ARGUMENT", {
        field,
        problem: "the name is taken, in this or another case (_row, _event and _known are kept for the platform)",
        value: column,
      });
    if (column === "" || column.includes("\0") || column.startsWith("_raw "))
      throw new KarkhanaError("INVALID_ARGUMENT", { field, problem: "not a usable column name", value: column });
    seen.add(folded);
  }
}
