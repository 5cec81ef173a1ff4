import { refuseFilter } from "./fields.ts";

/** `at` is the place of its first character. */
export type FilterToken = { readonly at: number } & Lexeme;

type Lexeme =
  | { readonly kind: "name"; readonly text: string; readonly prefix: string | undefined; readonly key: string }
  | { readonly kind: "string"; readonly text: string; readonly value: string }
  | { readonly kind: "number"; readonly text: string; readonly value: number }
  | { readonly kind: "operator" | "punctuation"; readonly text: string };

/** Keys with other characters stand in backticks or double quotes: metrics.`val loss`, params."lr (max)". */
const name = /(`[^`]+`|[\p{L}_][\p{L}\p{N}_]*)(?:\.(`[^`]+`|"[^"]+"|[\p{L}\p{N}_][\p{L}\p{N}_.\-/:]*))?/uy;
const text = /'([^']*)'|"([^"]*)"/uy;
const number = /[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?(?![\p{L}\p{N}_.])/uy;
const operator = /[<>=!~]+/uy;
const space = /\s*/uy;

/** @throws SEARCH_INVALID naming what is not part of the language */
export function tokenize(filter: string): FilterToken[] {
  const tokens: FilterToken[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(filter);
    if (match !== null) at = pattern.lastIndex;
    return match;
  };
  for (;;) {
    take(space);
    if (at >= filter.length) return tokens;
    const start = at;
    const token = takeToken(take);
    if (token === undefined) {
      const character = filter[at]!;
      if (!"(),".includes(character)) refuseFilter(`Invalid clause(s) in filter string: '${filter.slice(at, at + 40)}'`, at);
      tokens.push({ kind: "punctuation", text: character, at });
      at++;
    } else tokens.push({ ...token, at: start });
  }
}

function takeToken(take: (pattern: RegExp) => RegExpExecArray | null): Lexeme | undefined {
  const digits = take(number);
  if (digits !== null) return { kind: "number", text: digits[0], value: Number(digits[0]) };
  const quoted = take(text);
  if (quoted !== null) return { kind: "string", text: quoted[0], value: quoted[1] ?? quoted[2] ?? "" };
  const named = take(name);
  if (named !== null) {
    const [first, second] = [bare(named[1]!), named[2]];
    return second === undefined
      ? { kind: "name", text: named[0], prefix: undefined, key: first }
      : { kind: "name", text: named[0], prefix: first, key: bare(second) };
  }
  const sign = take(operator);
  return sign === null ? undefined : { kind: "operator", text: sign[0] };
}

function bare(part: string): string {
  return /^[`"]/.test(part) ? part.slice(1, -1) : part;
}
