import { KarkhanaError } from "../../kernel/error.ts";
import type { WriteBatch } from "./port.ts";

const MAX_KEY_BYTES = 511;

/** Refuses a batch before any of it is written. @throws INVALID_ARGUMENT for a key of 0 or more than 511 bytes (LMDB's limits) */
export function checkBatch(batch: WriteBatch): void {
  for (const { key } of batch.puts) checkKey(key);
  for (const key of batch.deletes ?? []) checkKey(key);
  if (batch.claim !== undefined) checkKey(batch.claim);
}

function checkKey(key: Uint8Array): void {
  if (key.length === 0 || key.length > MAX_KEY_BYTES) {
    throw new KarkhanaError("INVALID_ARGUMENT", { field: "key", problem: `keys have 1 to ${MAX_KEY_BYTES} bytes`, value: `${key.length} bytes` });
  }
}

/** The smallest key after `key` in unsigned byte order. */
export function successor(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
}
