/**
 * Vectors lie apart from rows, under their key ("f e <view> <tuple> <id>") as Float32, and rows hold their ids: 52 bits of a hash, negative, where
 * those of texts are positive. Where two vectors of a key share a hash the later one takes the next free id. Under their key they can be found
 * again without looking at any other, so those that nobody can ask for any more are removed (`release-vectors.ts`): a row may hold the id of one
 * that is gone, and reads as null there. Rows of stores made earlier hold ids of texts, which stay.
 */
import { createHash } from "node:crypto";
import type { KeyValue } from "../../storage/kv/port.ts";
import { vectorCountKey, vectorKey } from "./keys.ts";
import type { StoreReads } from "./pending-writes.ts";

/** A vector on its way in, as base64. */
export interface WaitingVector {
  readonly headKey: Uint8Array;
  readonly viewHash: string;
  readonly text: string;
  readonly put: (id: number) => void;
}

export function isVectorId(id: number): boolean {
  return id < 0;
}

/** Gives vectors their ids. @returns what to write with the rows that hold them */
export async function giveVectorIds(store: StoreReads, waiting: readonly WaitingVector[]): Promise<KeyValue[]> {
  const puts: KeyValue[] = [];
  const taken = new Map<string, Buffer>();
  const numPut = new Map<string, number>();
  let asking = waiting.map(({ text, ...one }) => {
    const bytes = Buffer.from(text, "base64");
    return { ...one, bytes, id: firstId(bytes) };
  });
  while (asking.length > 0) {
    const keys = asking.map(({ headKey, id }) => vectorKey(headKey, id));
    const found = await store.getMany(keys);
    const again: typeof asking = [];
    for (const [i, one] of asking.entries()) {
      const name = Buffer.from(keys[i]!).toString("latin1");
      const there = taken.get(name) ?? found[i];
      if (there === undefined) {
        taken.set(name, one.bytes);
        puts.push({ key: keys[i]!, value: one.bytes });
        numPut.set(one.viewHash, (numPut.get(one.viewHash) ?? 0) + 1);
      } else if (!one.bytes.equals(there)) {
        again.push({ ...one, id: one.id - 1 });
        continue;
      }
      one.put(one.id);
    }
    asking = again;
  }
  for (const [viewHash, count] of numPut) {
    const { put, kept } = await readVectorCount(store, viewHash);
    puts.push(vectorCountPut(viewHash, { put: put + count, kept }));
  }
  return puts;
}

function firstId(bytes: Uint8Array): number {
  return -1 - Number(`0x${createHash("sha256").update(bytes).digest("hex").slice(0, 13)}`);
}

export interface VectorCount {
  /** Put since replaced ones were looked for last. */
  readonly put: number;
  /** Kept then. */
  readonly kept: number;
}

export async function readVectorCount(store: StoreReads, viewHash: string): Promise<VectorCount> {
  const value = await store.get(vectorCountKey(viewHash));
  if (value === undefined) return { put: 0, kept: 0 };
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  return { put: view.getFloat64(0), kept: view.getFloat64(8) };
}

export function vectorCountPut(viewHash: string, { put, kept }: VectorCount): KeyValue {
  const value = new Uint8Array(16);
  const view = new DataView(value.buffer);
  view.setFloat64(0, put);
  view.setFloat64(8, kept);
  return { key: vectorCountKey(viewHash), value };
}
