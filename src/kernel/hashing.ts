import { hash } from "node:crypto";

/** Anything JSON can say. Functions are hashed by their source text. */
export type Canonical = string | number | boolean | null | readonly Canonical[] | { readonly [key: string]: Canonical | undefined };

/** SHA-256 as 64 lowercase hex digits. */
export function sha256(data: string | Uint8Array): string {
  return hash("sha256", data, "hex");
}

/**
 * JSON with keys in code-unit order and no spaces: equal values give equal text. `undefined` members are left out.
 * @see RFC 8785 (JSON canonicalisation); numbers are printed by ECMAScript, as there
 */
export function canonicalJson(value: Canonical): string {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (isList(value)) return `[${value.map(canonicalJson).join(",")}]`;
  const members: string[] = [];
  for (const key of Object.keys(value).sort()) {
    const member = value[key];
    if (member !== undefined) members.push(`${JSON.stringify(key)}:${canonicalJson(member)}`);
  }
  return `{${members.join(",")}}`;
}

/** Identity of a definition: the hash of its canonical JSON. */
export function definitionHash(value: Canonical): string {
  return sha256(canonicalJson(value));
}

function isList(value: object): value is readonly Canonical[] {
  return Array.isArray(value);
}
