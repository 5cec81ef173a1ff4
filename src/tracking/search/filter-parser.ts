/**
 * MLflow's search language and what its users have asked of it for years:
 *
 *   filter     = term { OR term }
 *   term       = factor { AND factor }
 *   factor     = NOT factor | "(" filter ")" | comparison
 *   comparison = field (operator value | [NOT] IN "(" string { "," string } ")" | IS [NOT] NULL)
 *   field      = [ metrics | params | tags | attributes ] "." key | attribute
 *
 * MLflow itself has AND only. A record without the key never satisfies a comparison, `!=` included; NOT turns that around.
 */
import { codeOf } from "../../kernel/error.ts";
import { fieldNamed, refuseFilter, typeOfField } from "./fields.ts";
import type { Comparison, Field, Filter, NumberComparator, SearchScope } from "./filter.ts";
import { tokenize, type FilterToken } from "./filter-tokens.ts";

const maxLength = 100_000;
/** SQLite parses an expression at most 1000 deep; a chain of ANDs counts one each. */
const maxComparisons = 400;
const maxDepth = 50;
const maxListed = 10_000;
const numberComparators: readonly NumberComparator[] = ["=", "!=", "<", "<=", ">", ">="];

/** @returns undefined for an empty filter, which matches everything @throws SEARCH_INVALID */
export function parseFilter(text: string, scope: SearchScope): Filter | undefined {
  if (text.length > maxLength) refuseFilter(`The filter is longer than ${maxLength} characters`);
  const tokens = tokenize(text);
  if (tokens.length === 0) return undefined;
  const parser = new FilterParser(tokens, scope);
  try {
    return parser.parse();
  } catch (error) {
    // Whatever the rule that refused it: the token read last is where a person should look.
    if (codeOf(error) === "SEARCH_INVALID" && error instanceof Error) return refuseFilter(error.message, parser.lastAt(text.length));
    throw error;
  }
}

class FilterParser {
  readonly #tokens: readonly FilterToken[];
  readonly #scope: SearchScope;
  #at = 0;
  #comparisons = 0;
  #depth = 0;

  constructor(tokens: readonly FilterToken[], scope: SearchScope) {
    this.#tokens = tokens;
    this.#scope = scope;
  }

  /** Place of the token taken last; where the text ends too soon, its end. */
  lastAt(end: number): number {
    return this.#tokens[Math.max(0, this.#at - 1)]?.at ?? end;
  }

  parse(): Filter {
    const filter = this.#anyOf();
    const rest = this.#tokens.slice(this.#at++).map((token) => token.text);
    if (rest.length > 0) refuseFilter(`Invalid clause(s) in filter string: '${rest.join(" ").slice(0, 200)}'`);
    return filter;
  }

  #anyOf(): Filter {
    const terms = [this.#allOf()];
    while (this.#takeWord("OR")) terms.push(this.#allOf());
    return terms.length === 1 ? terms[0]! : { op: "or", terms };
  }

  #allOf(): Filter {
    const terms = [this.#factor()];
    while (this.#takeWord("AND")) terms.push(this.#factor());
    return terms.length === 1 ? terms[0]! : { op: "and", terms };
  }

  #factor(): Filter {
    if (++this.#depth > maxDepth) refuseFilter(`The filter is nested more than ${maxDepth} deep`);
    try {
      if (this.#takeWord("NOT")) return { op: "not", term: this.#factor() };
      if (!this.#takePunctuation("(")) return this.#comparison();
      const inner = this.#anyOf();
      if (!this.#takePunctuation(")")) refuseFilter("Invalid clause(s) in filter string: a parenthesis is not closed");
      return inner;
    } finally {
      this.#depth--;
    }
  }

  #comparison(): Comparison {
    if (++this.#comparisons > maxComparisons) refuseFilter(`The filter has more than ${maxComparisons} comparisons`);
    const left = this.#next("a field");
    if (left.kind !== "name" && !(left.kind === "string" && left.text.startsWith('"')))
      refuseFilter(`Invalid comparison clause. Expected 'Identifier' found '${left.text}'`);
    const field = left.kind === "name" ? fieldNamed(this.#scope, left.prefix, left.key) : fieldNamed(this.#scope, undefined, left.value);
    const comparator = this.#comparator();
    if (comparator === "IS NULL" || comparator === "IS NOT NULL") {
      if (field.kind !== "tag" && field.kind !== "param")
        refuseFilter(`IS NULL / IS NOT NULL is only supported for tags and params, not for '${field.kind}' '${field.key}'`);
      return { op: "compare", field, comparator };
    }
    return typeOfField(this.#scope, field) === "number" ? this.#numeric(field, comparator) : this.#textual(field, comparator);
  }

  #comparator(): string {
    const token = this.#next("a comparator");
    if (token.kind === "operator") return token.text;
    const word = token.kind === "name" && token.prefix === undefined ? token.key.toUpperCase() : "";
    if (word === "LIKE" || word === "ILIKE" || word === "IN") return word;
    if (word === "NOT" && this.#takeWord("IN")) return "NOT IN";
    if (word === "IS") {
      const isNot = this.#takeWord("NOT");
      if (this.#takeWord("NULL")) return isNot ? "IS NOT NULL" : "IS NULL";
    }
    return refuseFilter(`Invalid comparison clause. Expected comparison found '${token.text}'`);
  }

  #numeric(field: Field, comparator: string): Comparison {
    const known = numberComparators.find((c) => c === comparator);
    if (known === undefined) refuseFilter(`Invalid comparator '${comparator}' not one of '${numberComparators.join(", ")}'`);
    const token = this.#next("a number");
    if (token.kind !== "number")
      refuseFilter(`Expected numeric value type for ${field.kind === "metric" ? "metric" : `numeric attribute: ${field.key}`}. Found ${token.text}`);
    return { op: "compare", field, comparator: known, value: token.value };
  }

  #textual(field: Field, comparator: string): Comparison {
    if (comparator === "IN" || comparator === "NOT IN") {
      const { listed } = this.#scope;
      if (listed !== "all" && field.kind !== "dataset" && (field.kind !== "attribute" || !listed.includes(field.key)))
        refuseFilter(`Only ${listed.join(", ")} attributes support comparison with a list of quoted string values.`);
      return { op: "compare", field, comparator, value: this.#list() };
    }
    if (comparator !== "=" && comparator !== "!=" && comparator !== "LIKE" && comparator !== "ILIKE")
      refuseFilter(`Invalid comparator '${comparator}' not one of '=, !=, LIKE, ILIKE, IN, NOT IN'`);
    const token = this.#next("a quoted string");
    if (token.kind !== "string")
      refuseFilter(`Expected a quoted string value for ${field.kind === "param" ? "parameter" : field.kind} (e.g. 'my-value'). Got value ${token.text}`);
    return { op: "compare", field, comparator, value: token.value };
  }

  #list(): string[] {
    const values: string[] = [];
    const refuse = (): never => refuseFilter("While parsing a list in the query, expected a non-empty list of string values in parentheses");
    if (!this.#takePunctuation("(")) refuse();
    do {
      const token = this.#next("a quoted string");
      if (token.kind !== "string") return refuse();
      if (values.push(token.value) > maxListed) refuseFilter(`A list in the filter has more than ${maxListed} values`);
    } while (this.#takePunctuation(","));
    if (!this.#takePunctuation(")")) refuse();
    return values;
  }

  #next(expected: string): FilterToken {
    const token = this.#tokens[this.#at++];
    return token ?? refuseFilter(`Invalid clause(s) in filter string: it ends where ${expected} is expected`);
  }

  #takeWord(word: string): boolean {
    const token = this.#tokens[this.#at];
    if (token?.kind !== "name" || token.prefix !== undefined || token.text.toUpperCase() !== word) return false;
    this.#at++;
    return true;
  }

  #takePunctuation(text: string): boolean {
    const token = this.#tokens[this.#at];
    if (token?.kind !== "punctuation" || token.text !== text) return false;
    this.#at++;
    return true;
  }
}
