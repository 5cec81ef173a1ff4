/**
 * Recursive descent; lowest binding first:
 *   or; and; not; = <> < <= > >= , is [not] null, [not] in (...); + -; * / %; unary -; literal, column, call, (...).
 * Types are settled while parsing, so SQL and JS are made from a tree that needs no further checks.
 */
import { MICROS_PER_DAY, MICROS_PER_HOUR, MICROS_PER_MINUTE, MICROS_PER_SECOND, parseIso } from "../kernel/time.ts";
import { isNumeric, type Arithmetic, type Comparison, type FunctionName, type Node, type NodeType } from "./expression-ast.ts";
import { tokensOf, type Token } from "./expression-tokens.ts";
import { isVectorType } from "./vector-column.ts";
import type { ScalarColumnType, Schema } from "./source.ts";

/** Raised inside the parser only; `parseExpression` turns it into EXPRESSION_INVALID. */
export class ExpressionProblem extends Error {
  readonly position: number;

  constructor(problem: string, position: number) {
    super(problem);
    this.position = position;
  }
}

/** Keeps both the parser's recursion and DuckDB's (limit 1,000) far from their ends. */
const maxDepth = 100;
/** Bounds long flat chains (a + a + ...), whose trees are as deep as they are long; a list after `in` takes three for each item. */
const maxNodes = 900;

const columnNodeType: Readonly<Record<ScalarColumnType, NodeType>> = {
  int64: "number",
  float64: "number",
  string: "string",
  boolean: "boolean",
  timestamp: "timestamp",
};
const units: Readonly<Record<string, number>> = { seconds: MICROS_PER_SECOND, minutes: MICROS_PER_MINUTE, hours: MICROS_PER_HOUR, days: MICROS_PER_DAY };
const functions = new Set<string>(["abs", "floor", "ceil", "round", "least", "greatest", "coalesce"] satisfies FunctionName[]);
const reserved = new Set(["and", "or", "not", "is", "in", "null", "true", "false"]);
const comparisons = new Set<string>(["=", "<>", "<", "<=", ">", ">="] satisfies Comparison[]);

export class ExpressionParser {
  readonly columns: Set<string> = new Set();
  readonly #schema: Schema;
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;
  #nodes = 0;

  constructor(text: string, schema: Schema) {
    if (text.trim() === "") throw new ExpressionProblem("it is empty", 1);
    if (text.includes("\0") || !text.isWellFormed()) throw new ExpressionProblem("it holds NUL or half a character", 1);
    const tokens = tokensOf(text);
    if (!Array.isArray(tokens)) throw new ExpressionProblem(`unexpected ${text.charAt(tokens.badPosition - 1)}`, tokens.badPosition);
    this.#tokens = tokens;
    this.#schema = schema;
  }

  parse(): Node {
    const node = this.#or();
    const rest = this.#peek();
    if (rest.kind !== "end") throw new ExpressionProblem(`unexpected ${rest.text}${rest.text === "=" ? " (equality is a single =)" : ""}`, rest.position);
    return node;
  }

  #or(): Node {
    let left = this.#and();
    for (let at = this.#peek(); this.#keyword("or"); at = this.#peek()) left = this.#logical("or", left, this.#and(), at);
    return left;
  }

  #and(): Node {
    let left = this.#not();
    for (let at = this.#peek(); this.#keyword("and"); at = this.#peek()) left = this.#logical("and", left, this.#not(), at);
    return left;
  }

  #logical(kind: "and" | "or", left: Node, right: Node, at: Token): Node {
    expectCondition(left, `left of ${kind}`, at);
    expectCondition(right, `right of ${kind}`, at);
    return this.#node({ kind, type: "boolean", left, right });
  }

  #not(): Node {
    const at = this.#peek();
    if (!this.#keyword("not")) return this.#comparison();
    const of = this.#deeper(() => this.#not());
    expectCondition(of, "after not", at);
    return this.#node({ kind: "not", type: "boolean", of });
  }

  #comparison(): Node {
    const left = this.#additive();
    const operator = this.#peek();
    if (operator.kind === "symbol" && isComparison(operator.text)) {
      this.#at++;
      return this.#compare(operator.text, left, this.#additive(), operator);
    }
    if (this.#keyword("is")) {
      const negated = this.#keyword("not");
      if (!this.#keyword("null")) throw this.#problem("expected null or not null after is");
      return this.#node({ kind: "isNull", type: "boolean", of: left, negated });
    }
    const negated = this.#isKeyword(this.#peek(), "not") && this.#isKeyword(this.#tokens[this.#at + 1], "in");
    if (negated) this.#at++;
    const word = this.#peek();
    if (!this.#keyword("in")) return left;
    const among = this.#args().map((item) => this.#compare("=", left, item, word));
    const any = among.reduce((a, b) => this.#node({ kind: "or", type: "boolean", left: a, right: b }));
    return negated ? this.#node({ kind: "not", type: "boolean", of: any }) : any;
  }

  #compare(operator: Comparison, left: Node, right: Node, at: Token): Node {
    if (left.type !== right.type && !(isNumeric(left.type) && isNumeric(right.type))) {
      const hint = left.type === "timestamp" || right.type === "timestamp" ? "; write a point in time as timestamp '2001-04-01T00:00:00Z'" : "";
      throw new ExpressionProblem(`cannot compare a ${left.type} with a ${right.type}${hint}`, at.position);
    }
    if (left.type === "boolean" && operator !== "=" && operator !== "<>")
      throw new ExpressionProblem("conditions have no order: only = and <> compare them", at.position);
    return this.#node({ kind: "comparison", type: "boolean", operator, left, right });
  }

  #additive(): Node {
    let left = this.#multiplicative();
    for (let token = this.#symbol("+", "-"); token !== undefined; token = this.#symbol("+", "-")) {
      left = this.#arithmetic(token.text === "+" ? "+" : "-", left, this.#multiplicative(), token);
    }
    return left;
  }

  #multiplicative(): Node {
    let left = this.#unary();
    for (let token = this.#symbol("*", "/", "%"); token !== undefined; token = this.#symbol("*", "/", "%")) {
      left = this.#arithmetic(token.text === "*" ? "*" : token.text === "/" ? "/" : "%", left, this.#unary(), token);
    }
    return left;
  }

  #arithmetic(operator: Arithmetic, left: Node, right: Node, at: Token): Node {
    return this.#node({ kind: "arithmetic", type: arithmeticType(operator, left.type, right.type, at.position), operator, left, right });
  }

  #unary(): Node {
    const minus = this.#symbol("-");
    if (minus === undefined) return this.#primary();
    const of = this.#deeper(() => this.#unary());
    if (!isNumeric(of.type)) throw new ExpressionProblem(`cannot negate a ${of.type}`, minus.position);
    return this.#node({ kind: "negate", type: of.type, of });
  }

  #primary(): Node {
    const token = this.#peek();
    this.#at++;
    if (token.kind === "number") {
      const value = Number(token.text);
      if (!Number.isFinite(value)) throw new ExpressionProblem(`${token.text} is beyond the range of a double`, token.position);
      return this.#node({ kind: "literal", type: "number", value });
    }
    if (token.kind === "string") return this.#node({ kind: "literal", type: "string", value: token.text });
    if (token.kind === "quotedName") return this.#column(token);
    if (token.kind === "symbol" && token.text === "(") {
      const inner = this.#deeper(() => this.#or());
      this.#close();
      return inner;
    }
    if (token.kind === "name") return this.#named(token);
    this.#at--;
    throw this.#problem(token.kind === "end" ? "it ends too early" : `unexpected ${token.text}`);
  }

  #named(token: Token): Node {
    const word = token.text.toLowerCase();
    const next = this.#peek();
    if (word === "true" || word === "false") return this.#node({ kind: "literal", type: "boolean", value: word === "true" });
    if (word === "timestamp" && next.kind === "string") return this.#timestamp(next);
    if (next.kind === "symbol" && next.text === "(" && !reserved.has(word)) return this.#call(word, token);
    if (word === "null") throw new ExpressionProblem("null can only stand after is: write `x is null`", token.position);
    if (reserved.has(word)) throw new ExpressionProblem(`unexpected ${token.text}`, token.position);
    return this.#column(token);
  }

  #timestamp(token: Token): Node {
    this.#at++;
    let value: number;
    try {
      value = parseIso(token.text);
    } catch {
      throw new ExpressionProblem(`'${token.text}' is not an ISO 8601 time, such as 2001-04-01T00:00:00Z`, token.position);
    }
    return this.#node({ kind: "literal", type: "timestamp", value });
  }

  #column(token: Token): Node {
    const columnType = Object.hasOwn(this.#schema, token.text) ? this.#schema[token.text] : undefined;
    if (columnType === undefined)
      throw new ExpressionProblem(`there is no column ${token.text}; there are ${Object.keys(this.#schema).join(", ")}`, token.position);
    if (isVectorType(columnType)) throw new ExpressionProblem(`${token.text} is a list of numbers, which only embedding(...) reads`, token.position);
    this.columns.add(token.text);
    return this.#node({ kind: "column", type: columnNodeType[columnType], name: token.text });
  }

  #call(name: string, token: Token): Node {
    const args = this.#args();
    const unitUs = Object.hasOwn(units, name) ? units[name] : undefined;
    const known = unitUs !== undefined || functions.has(name);
    if (!known)
      throw new ExpressionProblem(`there is no function ${token.text}; there are ${[...functions, ...Object.keys(units)].join(", ")}`, token.position);
    if (isFunctionName(name) && (name === "least" || name === "greatest" || name === "coalesce")) {
      return this.#node({ kind: "call", type: commonType(args, name, token.position), name, args });
    }
    const [of] = args;
    if (args.length !== 1 || of === undefined || !isNumeric(of.type)) throw new ExpressionProblem(`${name} takes one number`, token.position);
    if (unitUs !== undefined) return this.#node({ kind: "duration", type: "duration", of, unitUs });
    if (!isFunctionName(name)) throw new ExpressionProblem(`there is no function ${token.text}`, token.position);
    return this.#node({ kind: "call", type: of.type, name, args });
  }

  #args(): Node[] {
    if (this.#symbol("(") === undefined) throw this.#problem("expected (");
    const args: Node[] = [];
    do args.push(this.#deeper(() => this.#or()));
    while (this.#symbol(",") !== undefined);
    this.#close();
    return args;
  }

  #close(): void {
    if (this.#symbol(")") === undefined) throw this.#problem("expected )");
  }

  #deeper(parse: () => Node): Node {
    if (++this.#depth > maxDepth) throw this.#problem(`it nests deeper than ${maxDepth}`);
    const node = parse();
    this.#depth--;
    return node;
  }

  #node(node: Node): Node {
    if (++this.#nodes > maxNodes) throw this.#problem(`it has more than ${maxNodes} parts`);
    return node;
  }

  #peek(): Token {
    return this.#tokens[this.#at] ?? { kind: "end", text: "", position: 1 };
  }

  #isKeyword(token: Token | undefined, word: string): boolean {
    return token !== undefined && token.kind === "name" && token.text.toLowerCase() === word;
  }

  #keyword(word: string): boolean {
    if (!this.#isKeyword(this.#peek(), word)) return false;
    this.#at++;
    return true;
  }

  #symbol(...texts: readonly string[]): Token | undefined {
    const token = this.#peek();
    if (token.kind !== "symbol" || !texts.includes(token.text)) return undefined;
    this.#at++;
    return token;
  }

  #problem(problem: string): ExpressionProblem {
    return new ExpressionProblem(problem, this.#peek().position);
  }
}

function arithmeticType(operator: Arithmetic, left: NodeType, right: NodeType, position: number): NodeType {
  const additive = operator === "+" || operator === "-";
  if (isNumeric(left) && isNumeric(right)) return additive && left === "duration" && right === "duration" ? "duration" : "number";
  if (additive && left === "timestamp" && right === "duration") return "timestamp";
  if (operator === "+" && left === "duration" && right === "timestamp") return "timestamp";
  if (operator === "-" && left === "timestamp" && right === "timestamp") return "duration";
  const hint = left === "timestamp" || right === "timestamp" ? "; give the unit: seconds(x), minutes(x), hours(x) or days(x)" : "";
  throw new ExpressionProblem(`cannot compute ${left} ${operator} ${right}${hint}`, position);
}

function expectCondition(node: Node, where: string, at: Token): void {
  if (node.type !== "boolean") throw new ExpressionProblem(`expected a condition ${where}, found a ${node.type}`, at.position);
}

function commonType(args: readonly Node[], name: string, position: number): NodeType {
  const types = new Set(args.map((arg) => arg.type));
  const [first] = types;
  const type = types.size === 1 ? first : [...types].every(isNumeric) ? "number" : undefined;
  if (type === undefined) throw new ExpressionProblem(`${name} takes values of one type, found ${[...types].join(", ")}`, position);
  if (type === "boolean" && name !== "coalesce") throw new ExpressionProblem(`${name} does not take conditions, which have no order`, position);
  return type;
}

function isComparison(text: string): text is Comparison {
  return comparisons.has(text);
}

function isFunctionName(name: string): name is FunctionName {
  return functions.has(name);
}
