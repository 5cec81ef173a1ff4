import { parseExpression } from "../data/expression.ts";
import type { Schema } from "../data/source.ts";
import type { ViewFeature } from "./definition.ts";

/** What a feature gives: numbers (timestamps are microseconds, conditions 0 and 1) or text; a list of up to `length` of them, or one. */
export interface FeatureOutput {
  readonly type: "number" | "text";
  readonly length?: number;
  /** Whether models read it; default they do. */
  readonly isInput?: boolean;
}

const valued = new Set(["latest", "first", "last", "lastN", "topK"]);

/** @throws EXPRESSION_INVALID */
export function outputOf(feature: ViewFeature, schema: Schema): FeatureOutput {
  if (feature.embedding !== undefined)
    return { type: "number", length: feature.embedding.dimensions, ...(feature.embedding.asModelInput === true ? {} : { isInput: false }) };
  if (!valued.has(feature.aggregate) || feature.measure === undefined) return { type: "number" };
  const type = parseExpression(feature.measure, schema, feature.aggregate).type === "string" ? "text" : "number";
  return feature.n === undefined ? { type } : { type, length: feature.n };
}
