/**
 * `duration` is a number of whole microseconds that may be added to a timestamp; to the outside it is a number.
 * Keeping it apart refuses `date + 30`, where nobody can tell the unit.
 */
export type NodeType = "number" | "duration" | "string" | "boolean" | "timestamp";

export type Arithmetic = "+" | "-" | "*" | "/" | "%";
export type Comparison = "=" | "<>" | "<" | "<=" | ">" | ">=";
export type FunctionName = "abs" | "floor" | "ceil" | "round" | "least" | "greatest" | "coalesce";

export type Node = { readonly type: NodeType } & (
  | { readonly kind: "literal"; readonly value: string | number | boolean }
  | { readonly kind: "column"; readonly name: string }
  | { readonly kind: "negate"; readonly of: Node }
  | { readonly kind: "arithmetic"; readonly operator: Arithmetic; readonly left: Node; readonly right: Node }
  | { readonly kind: "comparison"; readonly operator: Comparison; readonly left: Node; readonly right: Node }
  | { readonly kind: "and" | "or"; readonly left: Node; readonly right: Node }
  | { readonly kind: "not"; readonly of: Node }
  | { readonly kind: "isNull"; readonly of: Node; readonly negated: boolean }
  /** floor(of * unitUs + 0.5) microseconds. */
  | { readonly kind: "duration"; readonly of: Node; readonly unitUs: number }
  | { readonly kind: "call"; readonly name: FunctionName; readonly args: readonly Node[] }
);

export const isNumeric = (type: NodeType): boolean => type === "number" || type === "duration";
