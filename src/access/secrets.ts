/** Passwords and tokens at rest: salted and slow to try, so that a copied database gives none away. */
import { createHash, randomBytes, scrypt, timingSafeEqual } from "node:crypto";

/** 2^15 rounds of 8 blocks: 32 MiB and some 80 ms a try. @see OWASP Password Storage Cheat Sheet; RFC 7914 */
const cost = { N: 32_768, r: 8, p: 1 } as const;
const keyLength = 32;
const maxSecretLength = 1024;

/** Each try costs memory: more at once would be a way to exhaust it. */
const maxAtOnce = 4;
const maxWaiting = 64;

export async function hashSecret(secret: string): Promise<string> {
  const salt = randomBytes(16);
  const key = await derive(secret, salt, cost);
  return ["scrypt", cost.N, cost.r, cost.p, salt.toString("base64url"), key.toString("base64url")].join("$");
}

/** @returns undefined if too many are being tried to try another */
export async function isSecret(secret: string, hash: string): Promise<boolean | undefined> {
  const [kind, N, r, p, salt, key] = hash.split("$");
  if (kind !== "scrypt" || salt === undefined || key === undefined || secret.length > maxSecretLength) return false;
  if (waiting.length >= maxWaiting) return undefined;
  await enter();
  try {
    const expected = Buffer.from(key, "base64url");
    const actual = await derive(secret, Buffer.from(salt, "base64url"), { N: Number(N), r: Number(r), p: Number(p) });
    return expected.length === actual.length && timingSafeEqual(expected, actual);
  } finally {
    leave();
  }
}

let underWay = 0;
const waiting: (() => void)[] = [];

async function enter(): Promise<void> {
  if (underWay >= maxAtOnce) await new Promise<void>((resolve) => waiting.push(resolve));
  else underWay++;
}

/** The place goes to whoever waits longest. */
function leave(): void {
  const next = waiting.shift();
  if (next === undefined) underWay--;
  else next();
}

/** What an unknown user's password is tried against, so that the time it takes tells nothing. */
export const nobodysHash: string = [
  "scrypt",
  cost.N,
  cost.r,
  cost.p,
  Buffer.alloc(16).toString("base64url"),
  Buffer.alloc(keyLength).toString("base64url"),
].join("$");

function derive(secret: string, salt: Buffer, { N, r, p }: { N: number; r: number; p: number }): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  scrypt(secret.normalize("NFC"), salt, keyLength, { N, r, p, maxmem: 256 * N * r }, (error, key) => {
    if (error === null) resolve(key);
    else reject(error);
  });
  return promise;
}

/** Of something that cannot be guessed anyway; also what a credential is remembered under. */
export function digestOf(secret: string): string {
  return createHash("sha256").update(secret).digest("base64url");
}

export function newSecret(): string {
  return randomBytes(32).toString("base64url");
}

/** A token names its own row, so that one try is enough: kk_<id>_<secret>. */
export function tokenText(id: string, secret: string): string {
  return `kk_${id}_${secret}`;
}

export function parseToken(token: string): { id: string; secret: string } | undefined {
  const match = /^kk_([0-9a-f]{16})_([\w-]{43})$/.exec(token);
  return match === null ? undefined : { id: match[1]!, secret: match[2]! };
}

export function newTokenId(): string {
  return randomBytes(8).toString("hex");
}
