/**
 * The small language of times, conditions and measures: `date + minutes(30 + distance / 7.5 + delay)`, `delay >= 15`,
 * `origin in ('ORD', 'JFK') and delay is not null`. One text, two engines: DuckDB SQL offline, a JS function online, equal to the bit.
 *
 * Numbers are IEEE doubles; `/` never truncates; a zero divisor gives null. `seconds(x)`, `minutes(x)`, `hours(x)`, `days(x)` are whole
 * microseconds, floor(x * unit + 0.5); timestamp + duration is a timestamp, timestamp - timestamp a number of microseconds;
 * a timestamp outside 64 bits is null. `round` is half up, floor(x + 0.5). `least` and `greatest` pass over nulls. Text is in single
 * quotes, a column with an odd name in double quotes, a point in time is timestamp '2001-04-01T00:00:00Z'.
 */
import { KarkhanaError } from "../kernel/error.ts";
import { quoteIdentifier } from "../storage/duckdb/quote.ts";
import type { Node } from "./expression-ast.ts";
import { functionOf, type Row, type Value } from "./expression-function.ts";
import { ExpressionParser, ExpressionProblem } from "./expression-parser.ts";
import { sqlOf } from "./expression-sql.ts";
import type { Schema } from "./source.ts";

export type { Row, Value } from "./expression-function.ts";

export type ExpressionType = "number" | "string" | "boolean" | "timestamp";

export interface Expression {
  readonly text: string;
  readonly type: ExpressionType;
  /** Columns it reads, in order of first use. */
  readonly columns: readonly string[];
  readonly ast: Node;
}

const maxTextLength = 10_000;

/** @param field where the text stands, for the message @throws EXPRESSION_INVALID naming field, position (from 1) and problem */
export function parseExpression(text: string, schema: Schema, field: string): Expression {
  try {
    if (text.length > maxTextLength) throw new ExpressionProblem(`it is longer than ${maxTextLength} characters`, maxTextLength);
    const parser = new ExpressionParser(text, schema);
    const ast = parser.parse();
    return { text, type: ast.type === "duration" ? "number" : ast.type, columns: [...parser.columns], ast };
  } catch (error) {
    if (!(error instanceof ExpressionProblem)) throw error;
    throw new KarkhanaError("EXPRESSION_INVALID", { field, problem: error.message, position: error.position, value: shortened(text) });
  }
}

/** As `parseExpression`, and the type must be the one named. @throws EXPRESSION_INVALID */
export function parseExpressionOf(type: ExpressionType, text: string, schema: Schema, field: string): Expression {
  const expression = parseExpression(text, schema, field);
  if (expression.type === type) return expression;
  const hint = type === "timestamp" && expression.type === "number" ? "; of seconds since 1970 it is timestamp '1970-01-01' + seconds(x)" : "";
  const problem = `expected a ${type}, this gives a ${expression.type}${hint}`;
  throw new KarkhanaError("EXPRESSION_INVALID", { field, problem, position: 1, value: shortened(text) });
}

function shortened(text: string): string {
  return text.length <= 200 ? text : `${text.slice(0, 200)}...`;
}

/** DuckDB SQL: DOUBLE, VARCHAR, BOOLEAN or BIGINT microseconds. Timestamp columns must already be BIGINT microseconds, as `relationOf` gives them. */
export function toSql(expression: Expression, column: (name: string) => string = quoteIdentifier): string {
  return sqlOf(expression.ast, column);
}

/** The same as a function of a row, timestamps as microseconds; a column the row lacks is null. Compiled once: keep it. */
export function toFunction(expression: Expression): (row: Row) => Value {
  return functionOf(expression.ast);
}
