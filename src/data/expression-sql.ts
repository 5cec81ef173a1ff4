/**
 * DuckDB SQL of an expression. Numbers are DOUBLE throughout (whole-number columns are cast), timestamps BIGINT microseconds:
 * so every operation has one meaning, that of IEEE doubles, and JS repeats it bit for bit.
 */
import { quoteLiteral } from "../storage/duckdb/quote.ts";
import type { Node } from "./expression-ast.ts";

export function sqlOf(node: Node, column: (name: string) => string): string {
  const sql = (of: Node): string => sqlOf(of, column);
  switch (node.kind) {
    case "literal":
      return node.type === "timestamp" ? `CAST(${node.value} AS BIGINT)` : quoteLiteral(node.value);
    case "column":
      return node.type === "number" ? `CAST(${column(node.name)} AS DOUBLE)` : column(node.name);
    case "negate":
      return `(-(${sql(node.of)}))`;
    case "arithmetic": {
      // A zero divisor gives null, as in SQL: infinities would otherwise travel into sums.
      const right = node.operator === "/" || node.operator === "%" ? `nullif(${sql(node.right)}, 0e0)` : asDouble(node.right, sql);
      const result = `(${asDouble(node.left, sql)} ${node.operator} ${right})`;
      return node.type === "timestamp" ? `TRY_CAST(${result} AS BIGINT)` : result;
    }
    case "comparison":
      return `(${sql(node.left)} ${node.operator} ${sql(node.right)})`;
    case "and":
    case "or":
      return `(${sql(node.left)} ${node.kind} ${sql(node.right)})`;
    case "not":
      return `(not ${sql(node.of)})`;
    case "isNull":
      return `(${sql(node.of)} is ${node.negated ? "not " : ""}null)`;
    case "duration":
      return `floor(${sql(node.of)} * ${quoteLiteral(node.unitUs)} + 0.5e0)`;
    default:
      // Half up: floor(x + 0.5). DuckDB's own round goes away from zero, and by another algorithm.
      if (node.name === "round") return `floor(${node.args.map(sql).join("")} + 0.5e0)`;
      return `${node.name}(${node.args.map(sql).join(", ")})`;
  }
}

function asDouble(node: Node, sql: (of: Node) => string): string {
  return node.type === "timestamp" ? `CAST(${sql(node)} AS DOUBLE)` : sql(node);
}
