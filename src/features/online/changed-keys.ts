/** Keys that a batch changed, in the store beside what it changed: whoever keeps something derived reads them, and starts anew where they are gone. */
import type { KeyValueStore } from "../../storage/kv/port.ts";
import { changesKey, writesKey } from "./keys.ts";

/** Batches whose changes are kept: a reader further behind reads everything. */
export const changesKept = 4096;

export function encodeKeys(keys: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(
    keys.flatMap((key) => {
      const length = Buffer.allocUnsafe(2);
      length.writeUInt16BE(key.length);
      return [length, key];
    }),
  );
}

function decodeKeys(bytes: Uint8Array): Buffer[] {
  // The store's memory is on loan.
  const own = Buffer.from(bytes);
  const keys: Buffer[] = [];
  for (let at = 0; at + 2 <= own.length;) {
    const length = own.readUInt16BE(at);
    keys.push(own.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return keys;
}

/** Batches written to a source so far. */
export async function batchesWritten(store: KeyValueStore, source: string): Promise<number> {
  const value = await store.get(writesKey(source));
  return value === undefined ? 0 : new DataView(value.buffer, value.byteOffset, value.byteLength).getFloat64(0);
}

/** Keys that batches after the `from`-th up to the `to`-th changed; undefined if some of it is not known any more. */
export async function keysChanged(store: KeyValueStore, source: string, from: number, to: number): Promise<Buffer[] | undefined> {
  if (to < from || to - from >= changesKept) return undefined;
  if (to === from) return [];
  const found = await store.getMany(Array.from({ length: to - from }, (_, i) => changesKey(source, from + 1 + i)));
  const keys: Buffer[] = [];
  for (const one of found) {
    if (one === undefined) return undefined;
    keys.push(...decodeKeys(one));
  }
  return keys;
}
