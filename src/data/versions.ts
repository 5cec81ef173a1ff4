import { KarkhanaError } from "../kernel/error.ts";
import { quoteIdentifier as q } from "../storage/duckdb/quote.ts";
import { parseExpressionOf, toSql } from "./expression.ts";
import type { SourceDefinition } from "./source.ts";
import { timelySql } from "./timing.ts";

/** SQL condition: this version says that its fact is no more. @throws EXPRESSION_INVALID, INVALID_ARGUMENT */
export function deletedSql(source: SourceDefinition): string | undefined {
  if (source.deleted === undefined) return undefined;
  if (source.id === undefined)
    throw new KarkhanaError("INVALID_ARGUMENT", { field: `source ${source.name}, deleted`, problem: "needs an id: of which fact?", value: source.deleted });
  return `coalesce(${toSql(parseExpressionOf("boolean", source.deleted, source.schema, `source ${source.name}, deleted`))}, false)`;
}

/** A source whose rows are versions of facts. */
export function isVersioned(source: SourceDefinition): source is SourceDefinition & { readonly id: string } {
  return source.id !== undefined;
}

/** The source as it arrives: every version, whatever became of it. What fills an online store. */
export function asStream(source: SourceDefinition): SourceDefinition {
  if (!isVersioned(source)) return source;
  const { id: _id, deleted: _deleted, where: _where, ...stream } = source;
  return stream;
}

/**
 * Versions of facts, each with `_until`: the known time of the version that replaces it, or null. Versions that come too late count for nothing. What is deleted or outside of `where` is
 * left out afterwards, so that a correction that moves a fact out of it ends the version before.
 * @param versions relation with the source's columns, `_row`, `_event` and `_known`, in parentheses
 * @param where condition of the source
 * @param apart columns by which versions are told apart before all else: those of one never end those of another
 */
export function versionsSql(source: SourceDefinition & { readonly id: string }, versions: string, where: string, apart: readonly string[] = []): string {
  const id = q(source.id);
  const deleted = deletedSql(source);
  return `(SELECT * FROM (SELECT *, lead(_known) OVER (PARTITION BY ${apart.map((column) => `${column}, `).join("")}${id}, CASE WHEN ${id} IS NULL THEN _row END ORDER BY _known, _row) AS _until
    FROM ${versions} WHERE _known IS NOT NULL AND ${timelySql(source)}) WHERE ${where}${deleted === undefined ? "" : ` AND NOT ${deleted}`})`;
}
