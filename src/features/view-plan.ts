import type { Node } from "../data/expression-ast.ts";
import { parseExpression, parseExpressionOf, toFunction, toSql, type Expression } from "../data/expression.ts";
import type { Schema } from "../data/source.ts";
import { KarkhanaError } from "../kernel/error.ts";
import { featureViewHash, type FeatureViewDefinition } from "./definition.ts";

/** Fractions are summed as whole millionths: integer sums do not depend on order, so both engines agree to the bit. */
export const fractionScale = 1_000_000;

/** A sum beyond this is no longer exact in a double; rows that would reach it are refused. */
export const sumLimit: number = 2 ** 53;

/** An expression summed by one or more aggregates of a view; as a whole number, or null. */
export interface Measure {
  readonly text: string;
  /** What the whole number is divided by to give the measure's own unit: 1 or `fractionScale`. */
  readonly scale: number;
  /** DOUBLE holding a whole number, or NULL. */
  readonly sql: string;
  readonly valueOf: (row: Readonly<Record<string, string | number | boolean | null>>) => number | null;
}

export interface PlannedFeature {
  readonly name: string;
  readonly aggregate: "count" | "sum" | "mean" | "share";
  /** Position in `windowsUs`. */
  readonly window: number;
  /** Position in `measures`; -1 for count. */
  readonly measure: number;
}

/** Text, or whole numbers (timestamps are microseconds). */
export type KeyType = "string" | "number";

/** What both engines compile from: a view's distinct windows and measures, and how each feature is made of them. */
export interface ViewPlan {
  readonly view: FeatureViewDefinition;
  readonly hash: string;
  /** Source columns of the entity's keys, in the entity's order, and how they compare. */
  readonly keyColumns: readonly string[];
  readonly keyTypes: readonly KeyType[];
  /** Distinct, ascending. */
  readonly windowsUs: readonly number[];
  readonly measures: readonly Measure[];
  readonly features: readonly PlannedFeature[];
}

/** @throws EXPRESSION_INVALID, INVALID_ARGUMENT naming the view's field */
export function planView(view: FeatureViewDefinition): ViewPlan {
  const where = `view ${view.name}`;
  const { schema } = view.source;
  const windowsUs = [...new Set(Object.values(view.features).map((f) => f.windowUs))].sort((a, b) => a - b);
  if (windowsUs.length === 0) throw new KarkhanaError("INVALID_ARGUMENT", { field: where, problem: "a view needs at least one feature", value: 0 });
  if (view.entity.keys.length === 0)
    throw new KarkhanaError("INVALID_ARGUMENT", { field: `${where}, entity`, problem: "needs at least one key", value: view.entity.name });
  const measures: Measure[] = [];
  const positions = new Map<string, number>();
  const features = Object.entries(view.features).map(([name, feature]): PlannedFeature => {
    const window = windowsUs.indexOf(feature.windowUs);
    if (feature.aggregate === "count") return { name, aggregate: "count", window, measure: -1 };
    if (feature.measure === undefined)
      throw new KarkhanaError("INVALID_ARGUMENT", { field: `${where}, feature ${name}`, problem: `${feature.aggregate} needs a measure`, value: null });
    const key = `${feature.aggregate === "share" ? "share" : "number"} ${feature.measure}`;
    let measure = positions.get(key);
    if (measure === undefined) {
      measure = measures.push(planMeasure(feature.measure, feature.aggregate === "share", schema, `${where}, feature ${name}`)) - 1;
      positions.set(key, measure);
    }
    return { name, aggregate: feature.aggregate, window, measure };
  });
  const keyColumns = view.entity.keys.map((key) => keyColumn(view, key, where));
  const keyTypes = keyColumns.map((column) => keyType(schema, column, where));
  return { view, hash: featureViewHash(view), keyColumns, keyTypes, windowsUs, measures, features };
}

function planMeasure(text: string, isShare: boolean, schema: Schema, field: string): Measure {
  const expression = isShare ? parseExpressionOf("boolean", text, schema, field) : parseExpression(text, schema, field);
  if (expression.type === "boolean") return conditionMeasure(expression);
  if (expression.type !== "number")
    throw new KarkhanaError("INVALID_ARGUMENT", { field, problem: `a measure is a number or a condition, this is a ${expression.type}`, value: text });
  const value = toFunction(expression);
  const scale = isWhole(expression.ast, schema) ? 1 : fractionScale;
  const sql = toSql(expression);
  const whole = scale === 1 ? sql : `floor(${sql} * ${scale}e0 + 0.5e0)`;
  return {
    text,
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

function conditionMeasure(expression: Expression): Measure {
  const value = toFunction(expression);
  return {
    text: expression.text,
    scale: 1,
    sql: `CASE WHEN ${toSql(expression)} THEN 1e0 WHEN NOT ${toSql(expression)} THEN 0e0 END`,
    valueOf: (row) => {
      const holds = value(row);
      return holds === true ? 1 : holds === false ? 0 : null;
    },
  };
}

/** True if the expression gives a whole number for whatever its columns hold. */
function isWhole(node: Node, schema: Schema): boolean {
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

function keyColumn(view: FeatureViewDefinition, key: string, where: string): string {
  const column = Object.hasOwn(view.on, key) ? view.on[key] : undefined;
  if (column === undefined)
    throw new KarkhanaError("INVALID_ARGUMENT", { field: `${where}, on`, problem: "names no source column for an entity key", value: key });
  return column;
}

function keyType(schema: Schema, column: string, where: string): KeyType {
  const type = Object.hasOwn(schema, column) ? schema[column] : undefined;
  if (type === "string") return "string";
  if (type === "int64" || type === "timestamp") return "number";
  throw new KarkhanaError("INVALID_ARGUMENT", {
    field: `${where}, on`,
    problem: type === undefined ? "there is no such source column" : `a key cannot be ${type}`,
    value: column,
  });
}
