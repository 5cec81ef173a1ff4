/**
 * Column names within an expression's text, at compile time: a misspelt column is an error in the user's editor, not at the first start.
 * Only names are looked at, and the type of an expression that is one column alone; the rest of the grammar is checked when the project is
 * loaded (`data/expression.ts`). Text that is not a literal type passes.
 */
import type { ScalarColumnType, Schema, VectorType } from "../data/source.ts";

type Space = " " | "\n" | "\t" | "\r";
type Symbol = Space | "+" | "-" | "*" | "/" | "%" | "(" | ")" | "=" | "<" | ">" | "," | "!";
type Digit = "0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9" | ".";
type Word =
  | "and"
  | "or"
  | "not"
  | "is"
  | "in"
  | "null"
  | "true"
  | "false"
  | "abs"
  | "floor"
  | "ceil"
  | "round"
  | "least"
  | "greatest"
  | "coalesce"
  | "seconds"
  | "minutes"
  | "hours"
  | "days"
  | "timestamp";

type Named<W extends string> = W extends "" ? never : W extends `${Digit}${string}` ? never : Lowercase<W> extends Word ? never : W;

/** @example NamesIn<"delay >= 15 and origin = 'ORD'"> is "delay" | "origin" */
export type NamesIn<Text extends string, W extends string = "", Found extends string = never> = Text extends `'${string}'${infer Rest}`
  ? NamesIn<Rest, "", Found | Named<W>>
  : Text extends `"${infer Quoted}"${infer Rest}`
    ? NamesIn<Rest, "", Found | Named<W> | Quoted>
    : Text extends `${infer C}${infer Rest}`
      ? C extends Symbol
        ? NamesIn<Rest, "", Found | Named<W>>
        : NamesIn<Rest, `${W}${C}`, Found>
      : Found | Named<W>;

/** What an aggregate may be taken of, where its measure is a column alone. */
interface Accepted {
  readonly count: ScalarColumnType;
  readonly sum: "int64" | "float64" | "boolean";
  readonly mean: "int64" | "float64" | "boolean";
  readonly std: "int64" | "float64";
  readonly variance: "int64" | "float64";
  readonly share: "boolean";
  readonly min: "int64" | "float64" | "timestamp";
  readonly max: "int64" | "float64" | "timestamp";
  readonly percentile: "int64" | "float64" | "timestamp";
  readonly latest: ScalarColumnType;
  readonly first: ScalarColumnType;
  readonly last: ScalarColumnType;
  readonly lastN: ScalarColumnType;
  readonly distinct: ScalarColumnType;
  readonly approxDistinct: "int64" | "string" | "timestamp";
  readonly topK: "int64" | "string" | "boolean" | "timestamp";
}

export type AggregateName = keyof Accepted;

type Unknown<S extends Schema, Text extends string> = Exclude<NamesIn<Text>, keyof S>;

/** `unknown` if the expression fits; otherwise a text that says why not, which nothing can be assigned to. */
export type ExpressionProblem<S extends Schema, A extends AggregateName, Text extends string> = [Text] extends [never]
  ? unknown
  : [Unknown<S, Text>] extends [never]
    ? Text extends keyof S
      ? [Extract<S[Text], Accepted[A]>] extends [never]
        ? `${A} cannot be taken of ${Text}, which is ${S[Text]}`
        : unknown
      : unknown
    : `the source has no column ${Unknown<S, Text>}`;

/** `unknown` if the column holds lists of so many numbers; otherwise a text that says why not. */
export type VectorProblem<S extends Schema, Column extends string, D extends number> = Column extends keyof S
  ? S[Column] extends VectorType
    ? number extends D
      ? unknown
      : S[Column] extends `float32[${D}]`
        ? unknown
        : `embedding of ${D} dimensions cannot be taken of ${Column}, which is ${S[Column]}`
    : `embedding cannot be taken of ${Column}, which is ${S[Column]}`
  : `the source has no column ${Column}`;

/** Columns that may carry an entity's key. */
export type KeyColumn<S extends Schema> = { readonly [C in keyof S & string]: S[C] extends "float64" | VectorType ? never : C }[keyof S & string];
