import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import path from "node:path";
import { KarkhanaError } from "../kernel/error.ts";
import { createVault, keyBytes, type Vault } from "../registry/webhooks/sealed.ts";
import { errnoOf } from "../storage/errno.ts";

/** Where the keys of a data folder's secrets lie. */
export function secretKeyFile(dataFolder: string): string {
  return path.join(dataFolder, "secret.key");
}

/**
 * The keys that secrets in the database are sealed with, one a line, newest first: from configuration if it names them, else from a file of
 * the data folder that only its owner reads, made with the first secret. What was sealed with a key that is not there does not open, and says so.
 * @param configured keys with commas between
 */
export function openVault(dataFolder: string, configured: string | undefined): Vault {
  if (configured !== undefined) return createVault(keysIn(configured.split(","), "KARKHANA_SECRET_KEYS"), "KARKHANA_SECRET_KEYS");
  const file = secretKeyFile(dataFolder);
  const read = (): Vault => createVault(readKeys(file), file);
  return {
    seal: (secret, owner) => {
      const held = read();
      if (readKeys(file).length > 0) return held.seal(secret, owner);
      makeKeyFile(file);
      return read().seal(secret, owner);
    },
    open: (kept, owner) => read().open(kept, owner),
    isCurrent: (kept) => read().isCurrent(kept),
  };
}

/** @throws INVALID_CONFIG */
export function keysIn(lines: readonly string[], where: string): Buffer[] {
  return lines
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .map((line) => {
      const key = Buffer.from(line, "base64url");
      if (key.length === keyBytes && /^[\w+/-]+=*$/.test(line)) return key;
      throw new KarkhanaError("INVALID_CONFIG", { field: where, problem: `must be keys of ${keyBytes} bytes in base64`, value: "(hidden)" });
    });
}

function readKeys(file: string): Buffer[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw new KarkhanaError("SECRET_KEY_MISSING", { place: file, keyId: "any" }, { cause: error });
  }
  return keysIn(text.split("\n"), file);
}

/** A new key that seals from now on; what older ones sealed is still opened. @returns the file */
export function addSecretKey(dataFolder: string): string {
  const file = secretKeyFile(dataFolder);
  const older = readKeys(file);
  if (older.length === 0) makeKeyFile(file);
  else {
    const temporary = writeKeys(file, [randomBytes(keyBytes), ...older]);
    renameSync(temporary, file);
    syncFolderOf(file);
  }
  return file;
}

/** Whole or absent, and on disk before anything is sealed with it; whoever comes second uses the first one's. */
function makeKeyFile(file: string): void {
  const temporary = writeKeys(file, [randomBytes(keyBytes)]);
  try {
    linkSync(temporary, file);
    syncFolderOf(file);
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") throw error;
  } finally {
    rmSync(temporary);
  }
}

function writeKeys(file: string, keys: readonly Buffer[]): string {
  const temporary = `${file}.${process.pid}.${randomBytes(4).toString("hex")}`;
  const handle = openSync(temporary, "wx", 0o600);
  try {
    writeSync(handle, `${keys.map((key) => key.toString("base64url")).join("\n")}\n`);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  return temporary;
}

function syncFolderOf(file: string): void {
  const folder = openSync(path.dirname(file), "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
