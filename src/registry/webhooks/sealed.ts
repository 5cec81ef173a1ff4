/**
 * Secrets at rest: AES-256-GCM, so that a copy of the database signs for nobody. A signature needs the secret as it was given, so hashing it
 * is no way. The sealed text names its key: keys are changed by adding one, and what an older one sealed is still opened.
 *
 *   sealed.v1.<key id>.<nonce>.<ciphertext and tag>     base64url
 *
 * The nonce is random: 96 bits, far from repeating at some thousand secrets a key. The record's id is authenticated with it, so that a sealed
 * secret that is moved to another record does not open.
 * @see NIST SP 800-38D, 8.2.2
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";
import { KarkhanaError } from "../../kernel/error.ts";

/** Opens and seals, with the keys of one place. */
export interface Vault {
  /** @param owner id of the record it is kept in */
  seal(secret: string, owner: string): string;
  /** What was never sealed comes back as it is. @throws SECRET_KEY_MISSING, SECRET_DAMAGED */
  open(kept: string, owner: string): string;
  /** False: it is to be sealed (anew), since it is plain text or an older key's. */
  isCurrent(kept: string): boolean;
}

const prefix = "sealed.v1.";
const nonceBytes = 12;
const tagBytes = 16;
export const keyBytes = 32;

interface Key {
  readonly id: string;
  readonly bytes: Buffer;
}

/**
 * @param keys newest first: it seals, all open
 * @param place where they come from, as a person would look for it
 */
export function createVault(keys: readonly Buffer[], place: string): Vault {
  const known = keys.map((bytes): Key => ({ id: idOf(bytes), bytes }));
  const [newest] = known;
  return {
    seal: (secret, owner) => {
      if (newest === undefined) throw new KarkhanaError("SECRET_KEY_MISSING", { place, keyId: "any" });
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv("aes-256-gcm", newest.bytes, nonce).setAAD(Buffer.from(owner));
      const sealed = Buffer.concat([cipher.update(secret, "utf8"), cipher.final(), cipher.getAuthTag()]);
      return `${prefix}${newest.id}.${nonce.toString("base64url")}.${sealed.toString("base64url")}`;
    },
    open: (kept, owner) => {
      if (!kept.startsWith(prefix)) return kept;
      const [keyId = "", nonce = "", text = ""] = kept.slice(prefix.length).split(".");
      const key = known.find(({ id }) => id === keyId);
      if (key === undefined) throw new KarkhanaError("SECRET_KEY_MISSING", { place, keyId });
      const sealed = Buffer.from(text, "base64url");
      try {
        const decipher = createDecipheriv("aes-256-gcm", key.bytes, Buffer.from(nonce, "base64url"), { authTagLength: tagBytes });
        decipher.setAAD(Buffer.from(owner)).setAuthTag(sealed.subarray(-tagBytes));
        return Buffer.concat([decipher.update(sealed.subarray(0, -tagBytes)), decipher.final()]).toString("utf8");
      } catch (cause) {
        throw new KarkhanaError("SECRET_DAMAGED", { owner }, { cause });
      }
    },
    isCurrent: (kept) => newest !== undefined && kept.startsWith(`${prefix}${newest.id}.`),
  };
}

/** Says which key without saying anything of it. */
function idOf(key: Buffer): string {
  return createHash("sha256").update("karkhana webhook key").update(key).digest("hex").slice(0, 16);
}
