/**
 * What a view keeps of a row: numbers to be summed, and values to be picked from.
 *
 * Sums are of whole numbers (fractions as millionths): their order does not matter, so both engines agree to the bit. Squares, for standard
 * deviations, are kept as three whole numbers, v^2 = q2 2^60 + q1 2^30 + q0, since a sum of squares outgrows a double: each part stays below
 * 2^33, so sums of a million values of the largest size are exact.
 */
import { hash } from "node:crypto";
import type { Node } from "../data/expression-ast.ts";
import { parseExpression, parseExpressionOf, toFunction, toSql, type Expression } from "../data/expression.ts";
import type { Schema } from "../data/source.ts";
import { decodeVector, dimensionsOf } from "../data/vector-column.ts";
import { quoteIdentifier } from "../storage/duckdb/quote.ts";
import type { EmbeddingMetric, EmbeddingOptions } from "./definition.ts";
import { KarkhanaError } from "../kernel/error.ts";

/** Fractions are summed as whole millionths: integer sums do not depend on order, so both engines agree to the bit. */
const fractionScale = 1_000_000;

/** A sum beyond this is no longer exact in a double; rows that would reach it are refused. */
export const sumLimit: number = 2 ** 53;

/** Beyond it the parts of a square would outgrow what they are added up in. */
const squareLimit = 2 ** 45;

export type SourceValues = Readonly<Record<string, string | number | boolean | null>>;

/** An expression of a view, shared by the features that read it. */
export interface Measure {
  readonly text: string;
  /** `sum`: a whole number that is added up. `value`: a number as it is (NaN is a value, -0 is 0). `text`: text. `vector`: Float32 as base64. */
  readonly kind: "sum" | "value" | "text" | "vector";
  /** What a sum's whole number is divided by to give the measure's own unit: 1 or `fractionScale`. */
  readonly scale: number;
  /** DOUBLE (a whole number for `sum`) or VARCHAR, or NULL; part of a square: of the column `squareOf`, see `squarePartSql`. */
  readonly sql: string;
  /** Position of the measure whose square this is a part of. */
  readonly squareOf?: number;
  readonly valueOf: (row: SourceValues) => number | string | null;
}

/** Numbers, and conditions as 0 and 1, to be added up. @throws EXPRESSION_INVALID, INVALID_ARGUMENT */
export function sumMeasure(text: string, isShare: boolean, schema: Schema, field: string): Measure {
  const expression = isShare ? parseExpressionOf("boolean", text, schema, field) : parseExpression(text, schema, field);
  if (expression.type === "boolean") return { text, kind: "sum", scale: 1, ...conditionAsNumber(expression) };
  if (expression.type !== "number")
    throw new KarkhanaError("INVALID_ARGUMENT", { field, problem: `a measure is a number or a condition, this is a ${expression.type}`, value: text });
  const value = toFunction(expression);
  const scale = isWhole(expression.ast, schema) ? 1 : fractionScale;
  const sql = toSql(expression);
  const whole = scale === 1 ? sql : `floor(${sql} * ${scale}e0 + 0.5e0)`;
  return {
    text,
    kind: "sum",
    scale,
    // NaN and infinities count as null: one of them would spoil every sum it enters and could never be subtracted again.
    sql: `CASE WHEN isfinite(${sql}) THEN ${whole} END`,
    valueOf: (row) => {
      const x = value(row);
      if (typeof x !== "number" || !Number.isFinite(x)) return null;
      return scale === 1 ? x : Math.floor(x * scale + 0.5);
    },
  };
}

/** Part 0, 1 or 2 of the square of a sum measure. */
export function squarePart(of: Measure, squareOf: number, part: number): Measure {
  return {
    text: `${of.text}, squared`,
    kind: "sum",
    scale: 1,
    sql: squarePartSql(`m${squareOf}`, part),
    squareOf,
    valueOf: (row) => {
      const v = of.valueOf(row);
      return typeof v === "number" ? partOfSquare(v, part) : null;
    },
  };
}

function partOfSquare(v: number, part: number): number {
  const size = Math.abs(v);
  if (size >= squareLimit) return sumLimit;
  const a = Math.floor(size / 2 ** 30);
  const rest = size - a * 2 ** 30;
  const b = Math.floor(rest / 2 ** 15);
  const c = rest - b * 2 ** 15;
  if (part === 0) return c * c + ((2 * b * c) % 2 ** 15) * 2 ** 15;
  if (part === 1) return Math.floor((2 * b * c) / 2 ** 15) + b * b + 2 * a * c + ((2 * a * b) % 2 ** 15) * 2 ** 15;
  return a * a + Math.floor((2 * a * b) / 2 ** 15);
}

/** The same in SQL; doubles hold every step exactly. A value too large gives `sumLimit`, which is refused. */
function squarePartSql(m: string, part: number): string {
  const [a, c] = [`floor(abs(${m}) / 1073741824e0)`, `(abs(${m}) % 32768e0)`];
  const b = `floor((abs(${m}) % 1073741824e0) / 32768e0)`;
  const [ab, bc] = [`(2e0 * ${a} * ${b})`, `(2e0 * ${b} * ${c})`];
  const value =
    part === 0
      ? `${c} * ${c} + (${bc} % 32768e0) * 32768e0`
      : part === 1
        ? `floor(${bc} / 32768e0) + ${b} * ${b} + 2e0 * ${a} * ${c} + (${ab} % 32768e0) * 32768e0`
        : `${a} * ${a} + floor(${ab} / 32768e0)`;
  return `CASE WHEN abs(${m}) >= ${squareLimit}e0 THEN ${sumLimit}e0 ELSE ${value} END`;
}

/** Rows for which a condition holds, as 1; others null. */
export function conditionMeasure(condition: string, schema: Schema, field: string): Measure {
  const expression = parseExpressionOf("boolean", condition, schema, field);
  const holds = toFunction(expression);
  return {
    text: condition,
    kind: "sum",
    scale: 1,
    sql: `CASE WHEN ${toSql(expression)} THEN 1e0 END`,
    valueOf: (row) => (holds(row) === true ? 1 : null),
  };
}

/** Values as they are. @throws EXPRESSION_INVALID */
export function valueMeasure(text: string, schema: Schema, field: string): Measure {
  const expression = parseExpression(text, schema, field);
  if (expression.type === "string") {
    const value = toFunction(expression);
    return {
      text,
      kind: "text",
      scale: 1,
      sql: toSql(expression),
      valueOf: (row) => {
        const x = value(row);
        return typeof x === "string" ? x : null;
      },
    };
  }
  if (expression.type === "boolean") return { text, kind: "value", scale: 1, ...conditionAsNumber(expression) };
  const value = toFunction(expression);
  return {
    text,
    kind: "value",
    scale: 1,
    // Zero is one value: adding 0 turns -0 into 0.
    sql: `CAST(${toSql(expression)} AS DOUBLE) + 0e0`,
    valueOf: (row) => {
      const x = value(row);
      return typeof x === "number" ? x + 0 : null;
    },
  };
}

/**
 * A vector column as it is; `valueOf` throws for one that cannot be an embedding, and `validSql` is false for it, so that both engines leave its
 * row out. @throws INVALID_ARGUMENT
 */
export function vectorMeasure(
  column: string,
  { dimensions, metric }: EmbeddingOptions,
  schema: Schema,
  field: string,
): Measure & { readonly validSql: string } {
  const type = Object.hasOwn(schema, column) ? schema[column] : undefined;
  if (dimensionsOf(type) !== dimensions)
    throw new KarkhanaError("INVALID_ARGUMENT", {
      field,
      problem: `an embedding of ${dimensions} dimensions needs a column of type float32[${dimensions}]; ${column} is ${type ?? "not there"}`,
      value: dimensions,
    });
  const list = `TRY_CAST(${quoteIdentifier(column)} AS FLOAT[])`;
  const isSound = `len(list_filter(${list}, lambda x: isfinite(x))) = ${dimensions} AND len(${list}) = ${dimensions}`;
  const isPointing = metric === "cosine" ? ` AND len(list_filter(${list}, lambda x: x <> 0)) > 0` : "";
  return {
    text: column,
    kind: "vector",
    scale: 1,
    sql: list,
    validSql: `(${quoteIdentifier(column)} IS NULL OR coalesce(${isSound}${isPointing}, false))`,
    valueOf: (row) => {
      const value = row[column];
      if (typeof value !== "string") return null;
      const problem = embeddingProblem(decodeVector(value), dimensions, metric);
      if (problem !== undefined) throw new KarkhanaError("EMBEDDING_INVALID", { field: column, problem });
      return value;
    },
  };
}

/** Why a vector cannot be an embedding; undefined if it can. */
export function embeddingProblem(vector: Float32Array, dimensions: number, metric: EmbeddingMetric): string | undefined {
  if (vector.length !== dimensions) return `expected ${dimensions} numbers, got ${vector.length}`;
  const odd = vector.findIndex((x) => !Number.isFinite(x));
  if (odd >= 0) return `number ${odd} is not finite`;
  return metric === "cosine" && vector.every((x) => x === 0) ? "a vector of zeros points nowhere, so it has no cosine" : undefined;
}

/** A fingerprint of 52 bits of text or a whole number, the same in both engines; evenly spread. @throws INVALID_ARGUMENT */
export function hashMeasure(text: string, schema: Schema, field: string): Measure {
  const expression = parseExpression(text, schema, field);
  const isWholeNumber = (expression.type === "number" || expression.type === "timestamp") && isWhole(expression.ast, schema);
  if (expression.type !== "string" && !isWholeNumber)
    throw new KarkhanaError("INVALID_ARGUMENT", { field, problem: "is of text or whole numbers only", value: text });
  const value = toFunction(expression);
  const sql = expression.type === "string" ? toSql(expression) : `CAST(CAST(${toSql(expression)} AS BIGINT) AS VARCHAR)`;
  return {
    text: `hash of ${text}`,
    kind: "value",
    scale: 1,
    sql: `CAST(CAST('0x' || substr(md5(${sql}), 1, 13) AS BIGINT) AS DOUBLE)`,
    valueOf: (row) => {
      const x = value(row);
      return x === null ? null : Number(`0x${hash("md5", String(x), "hex").slice(0, 13)}`);
    },
  };
}

/** Only values of rows for which the condition holds; null for the others. */
export function filtered(measure: Measure, condition: Measure): Measure {
  return {
    ...measure,
    text: `${measure.text} where ${condition.text}`,
    sql: `CASE WHEN ${condition.sql} IS NOT NULL THEN ${measure.sql} END`,
    valueOf: (row) => (condition.valueOf(row) === null ? null : measure.valueOf(row)),
  };
}

function conditionAsNumber(expression: Expression): Pick<Measure, "sql" | "valueOf"> {
  const value = toFunction(expression);
  return {
    sql: `CASE WHEN ${toSql(expression)} THEN 1e0 WHEN NOT ${toSql(expression)} THEN 0e0 END`,
    valueOf: (row) => {
      const holds = value(row);
      return holds === true ? 1 : holds === false ? 0 : null;
    },
  };
}

/** True if the expression gives a whole number for whatever its columns hold. */
export function isWhole(node: Node, schema: Schema): boolean {
  switch (node.kind) {
    case "literal":
      return typeof node.value === "number" && Number.isInteger(node.value);
    case "column":
      return schema[node.name] === "int64" || schema[node.name] === "timestamp";
    case "negate":
      return isWhole(node.of, schema);
    case "arithmetic":
      return node.operator !== "/" && isWhole(node.left, schema) && isWhole(node.right, schema);
    case "duration":
      return true;
    case "call":
      return node.name === "floor" || node.name === "ceil" || node.name === "round" || node.args.every((arg) => isWhole(arg, schema));
    default:
      return false;
  }
}
