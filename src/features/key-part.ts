import { quoteIdentifier, quoteLiteral } from "../storage/duckdb/quote.ts";

/** Text, whole numbers (timestamps are microseconds), or true and false. A value of one type is never equal to one of another. */
export type KeyType = "string" | "number" | "boolean";

/** One part of an entity's key. */
export type KeyPart = string | number | boolean;

interface KeyKind {
  /** For people. */
  readonly expected: string;
  readonly sqlType: string;
  /** SQL of the bytes that a column's value takes in the online store's keys. */
  readonly bytesSql: (column: string) => string;
  readonly ofText: (text: string) => KeyPart | undefined;
}

export const keyKinds: Readonly<Record<KeyType, KeyKind>> = {
  string: { expected: "text", sqlType: "VARCHAR", bytesSql: (column) => `3 + strlen(${quoteIdentifier(column)})`, ofText: (text) => text },
  number: {
    expected: `a whole number up to ${Number.MAX_SAFE_INTEGER}`,
    sqlType: "BIGINT",
    bytesSql: () => "9",
    ofText: (text) => (text.trim() === "" ? undefined : Number(text)),
  },
  boolean: {
    expected: "true or false",
    sqlType: "BOOLEAN",
    bytesSql: () => "2",
    ofText: (text) => (text === "true" ? true : text === "false" ? false : undefined),
  },
};

export function isKeyPart(value: unknown, type: KeyType): value is KeyPart {
  return typeof value === type && (type !== "number" || Number.isSafeInteger(value));
}

/** The part as it is written in an address; undefined if the text is none. */
export function partOfText(text: string, type: KeyType): KeyPart | undefined {
  const part = keyKinds[type].ofText(text);
  return isKeyPart(part, type) ? part : undefined;
}

export function keyLiteral(part: KeyPart): string {
  return typeof part === "number" ? `CAST(${part} AS BIGINT)` : quoteLiteral(part);
}

/** The part that a request field carries. Fields, as columns of numbers, have 1 and 0 for true and false. */
export function partOfField<T extends string | number | null | undefined>(field: T, type: KeyType): T | boolean {
  return type === "boolean" && (field === 1 || field === 0) ? field === 1 : field;
}

export function fieldOfPart(part: KeyPart): string | number {
  return typeof part === "boolean" ? Number(part) : part;
}
