/** `position` counts characters from 1, as people do. */
export interface Token {
  readonly kind: "number" | "string" | "name" | "quotedName" | "symbol" | "end";
  readonly text: string;
  readonly position: number;
}

const pattern =
  /(?<space>\s+)|(?<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)|'(?<string>(?:[^']|'')*)'|"(?<quoted>(?:[^"]|"")+)"|(?<name>[\p{L}_][\p{L}\p{N}_]*)|(?<symbol><=|>=|<>|!=|[-+*/%()=<>,])/uy;

/** Tokens of an expression with an `end` after the last, or the position of the first character that starts none. */
export function tokensOf(text: string): Token[] | { readonly badPosition: number } {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    const groups = match?.groups;
    if (match === null || groups === undefined) return { badPosition: at + 1 };
    const position = at + 1;
    at += match[0].length;
    const { number, string, quoted, name, symbol } = groups;
    if (number !== undefined) tokens.push({ kind: "number", text: number, position });
    else if (string !== undefined) tokens.push({ kind: "string", text: string.replaceAll("''", "'"), position });
    else if (quoted !== undefined) tokens.push({ kind: "quotedName", text: quoted.replaceAll('""', '"'), position });
    else if (name !== undefined) tokens.push({ kind: "name", text: name, position });
    else if (symbol !== undefined) tokens.push({ kind: "symbol", text: symbol === "!=" ? "<>" : symbol, position });
  }
  tokens.push({ kind: "end", text: "", position: text.length + 1 });
  return tokens;
}
