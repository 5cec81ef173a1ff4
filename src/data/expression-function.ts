/**
 * An expression as a JS function: closures built once, no code from text. Follows DuckDB: three-valued logic, NaN equal to itself and
 * above every other number, text ordered by code point (its UTF-8 bytes).
 */
import type { Comparison, Node } from "./expression-ast.ts";

export type Value = string | number | boolean | null;
export type Row = Readonly<Record<string, Value>>;
type Compiled<T extends Value = Value> = (row: Row) => T;

const bigintLimit = 2 ** 63;

export function functionOf(node: Node): Compiled {
  switch (node.kind) {
    case "literal": {
      const { value } = node;
      return () => value;
    }
    case "column": {
      const { name } = node;
      // A row from JSON inherits `constructor` and its like from Object.
      if (name in Object.prototype) return (row) => (Object.hasOwn(row, name) ? (row[name] ?? null) : null);
      return (row) => row[name] ?? null;
    }
    case "and":
    case "or":
      return logical(node.kind === "and", functionOf(node.left), functionOf(node.right));
    case "not": {
      const of = functionOf(node.of);
      return (row) => {
        const value = of(row);
        return value === null ? null : value === false;
      };
    }
    case "isNull": {
      const of = functionOf(node.of);
      const { negated } = node;
      return (row) => (of(row) === null) !== negated;
    }
    case "comparison":
      return comparison(node.operator, functionOf(node.left), functionOf(node.right));
    case "call":
      if (node.name === "coalesce") return coalesce(node.args.map(functionOf));
      if (node.name === "least" || node.name === "greatest") return extreme(node.name === "least", node.args.map(functionOf));
      return numberOf(node);
    default:
      return numberOf(node);
  }
}

function numberOf(node: Node): Compiled<number | null> {
  switch (node.kind) {
    case "negate":
      return mapNumber(numberOf(node.of), (x) => -x);
    case "duration": {
      const { unitUs } = node;
      return mapNumber(numberOf(node.of), (x) => Math.floor(x * unitUs + 0.5));
    }
    case "arithmetic": {
      const result = arithmetic(node.operator, numberOf(node.left), numberOf(node.right));
      return node.type === "timestamp" ? mapNumber(result, (x) => (x >= -bigintLimit && x < bigintLimit ? x : null)) : result;
    }
    case "call":
      if (node.name === "abs") return mapNumber(numberOf(firstOf(node.args)), Math.abs);
      if (node.name === "floor") return mapNumber(numberOf(firstOf(node.args)), Math.floor);
      if (node.name === "ceil") return mapNumber(numberOf(firstOf(node.args)), Math.ceil);
      if (node.name === "round") return mapNumber(numberOf(firstOf(node.args)), (x) => Math.floor(x + 0.5));
      break;
    default:
  }
  const value = functionOf(node);
  return (row) => {
    const x = value(row);
    return typeof x === "number" ? x : null;
  };
}

function firstOf(args: readonly Node[]): Node {
  return args[0]!;
}

function mapNumber(of: Compiled<number | null>, apply: (x: number) => number | null): Compiled<number | null> {
  return (row) => {
    const x = of(row);
    return x === null ? null : apply(x);
  };
}

function arithmetic(operator: "+" | "-" | "*" | "/" | "%", left: Compiled<number | null>, right: Compiled<number | null>): Compiled<number | null> {
  const apply = operations[operator];
  return (row) => {
    const a = left(row);
    const b = right(row);
    return a === null || b === null ? null : apply(a, b);
  };
}

const operations: Readonly<Record<"+" | "-" | "*" | "/" | "%", (a: number, b: number) => number | null>> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => (b === 0 ? null : a / b),
  "%": (a, b) => (b === 0 ? null : a % b),
};

function logical(isAnd: boolean, left: Compiled, right: Compiled): Compiled<boolean | null> {
  // `false` decides an and, `true` decides an or; a null on either side leaves the rest unknown.
  return (row) => {
    const a = left(row);
    if (a === !isAnd) return !isAnd;
    const b = right(row);
    if (b === !isAnd) return !isAnd;
    return a === null || b === null ? null : isAnd;
  };
}

function comparison(operator: Comparison, left: Compiled, right: Compiled): Compiled<boolean | null> {
  const holds = verdicts[operator];
  return (row) => {
    const a = left(row);
    const b = right(row);
    return a === null || b === null ? null : holds(order(a, b));
  };
}

const verdicts: Readonly<Record<Comparison, (order: number) => boolean>> = {
  "=": (o) => o === 0,
  "<>": (o) => o !== 0,
  "<": (o) => o < 0,
  "<=": (o) => o <= 0,
  ">": (o) => o > 0,
  ">=": (o) => o >= 0,
};

function coalesce(args: readonly Compiled[]): Compiled {
  return (row) => {
    for (const arg of args) {
      const value = arg(row);
      if (value !== null) return value;
    }
    return null;
  };
}

/** Nulls are passed over, as in DuckDB; of equal values (0 and -0) the first stays. */
function extreme(least: boolean, args: readonly Compiled[]): Compiled {
  return (row) => {
    let best: Value = null;
    for (const arg of args) {
      const value = arg(row);
      if (value === null) continue;
      if (best === null || (least ? order(value, best) < 0 : order(value, best) > 0)) best = value;
    }
    return best;
  };
}

/** Negative, 0 or positive, in DuckDB's total order. */
export function order(a: Exclude<Value, null>, b: Exclude<Value, null>): number {
  if (typeof a === "string" && typeof b === "string") return a === b ? 0 : orderOfText(a, b);
  if (a < b) return -1;
  if (a > b) return 1;
  if (a === b) return 0;
  return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
}

/** UTF-16 order differs from code-point order only where a surrogate meets U+E000 to U+FFFF. */
function orderOfText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    const xIsSurrogate = x >= 0xd800 && x <= 0xdfff;
    const yIsSurrogate = y >= 0xd800 && y <= 0xdfff;
    return xIsSurrogate === yIsSurrogate ? x - y : xIsSurrogate ? 1 : -1;
  }
  return a.length - b.length;
}
