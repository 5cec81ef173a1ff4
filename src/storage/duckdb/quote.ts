/** A name as DuckDB SQL takes it, whatever characters it holds. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Text or a number as a DuckDB literal; text with a NUL, for which there is no escape, as an expression in parentheses. Numbers are DOUBLE: the exponent keeps DuckDB from reading a DECIMAL, which rounds differently. */
export function quoteLiteral(value: string | number | boolean | null): string {
  if (value === null) return "NULL";
  if (typeof value === "string") {
    const parts = value.split("\0").map((part) => `'${part.replaceAll("'", "''")}'`);
    return parts.length === 1 ? parts[0]! : `(${parts.join(" || chr(0) || ")})`;
  }
  if (typeof value === "boolean") return value ? "true" : "false";
  if (!Number.isFinite(value)) return `CAST('${value}' AS DOUBLE)`;
  const text = String(value);
  return text.includes("e") ? text : `${text}e0`;
}
