import { createHash } from "node:crypto";
import type { KeyPart, KeyType } from "../key-part.ts";
import { maxTupleBytes } from "../view-plan.ts";

/**
 * Keys of the online store, all under "f":
 *   f h <view> <tuple>          head of a key: its index and open block
 *   f b <view> <tuple> <id>     sealed block
 *   f e <view> <tuple> <id>     vector of some row of the key (`vector-ids.ts`)
 *   f r <view>                  vectors put since replaced ones were looked for (`release-vectors.ts`)
 *   f p <source> <producer>     last batch applied of a producer
 *   f l <source>                how far the log of pushed rows is applied
 *   f t <id>                    text too long for a number
 *   f v <source> <id>           versions of a fact
 *   f c <source>                counters of a source
 *   f q <source> <n>            row set aside
 *   f w <source> [<n>]          number of batches written; that the n-th was
 *   f m <view>                  how far the view has been materialized
 *   f x <source> <n>            keys that the n-th batch changed, of views with embeddings
 *   f s <view> <writer> <day>   what a process's lookups of a day gave
 * <view> is 8 bytes of the view's hash. A tuple is its parts, each tagged and with its length, so no two tuples look alike.
 */
const [
  spaceByte,
  headByte,
  blockByte,
  producerByte,
  textByte,
  versionByte,
  countersByte,
  quarantineByte,
  writesByte,
  markByte,
  profileByte,
  changesByte,
  logByte,
  vectorByte,
  vectorCountByte,
] = [0x66, 0x68, 0x62, 0x70, 0x74, 0x76, 0x63, 0x71, 0x77, 0x6d, 0x73, 0x78, 0x6c, 0x65, 0x72] as const;
/** Where a head key's tuple begins: before it, keys of one view are alike. */
export const tupleOffset = 10;
const scratch = Buffer.allocUnsafe(4096);

/** A value's part of a tuple, or undefined if it can match no row (null, or of another type than the key). */
export type KeyValuePart = KeyPart | null | undefined;

/** Makes head keys of one view; undefined where a part is null or of the wrong type, which matches nothing. */
export function headKeyMaker(viewHash: string, types: readonly KeyType[]): (parts: readonly KeyValuePart[]) => Buffer | undefined {
  const view = Buffer.from(viewHash.slice(0, 16), "hex");
  return (parts) => {
    let at = tupleOffset;
    for (let i = 0; i < types.length; i++) {
      const part = parts[i];
      if (types[i] === "string") {
        if (typeof part !== "string") return undefined;
        if (part.length > 1000) at = writeDigest(Buffer.from(part), at);
        else {
          const length = scratch.write(part, at + 3, "utf8");
          if (at + length > scratch.length - 512 || length > maxTupleBytes) at = writeDigest(Buffer.from(part), at);
          else {
            scratch[at] = 1;
            scratch.writeUInt16BE(length, at + 1);
            at += 3 + length;
          }
        }
      } else if (types[i] === "boolean") {
        if (typeof part !== "boolean") return undefined;
        scratch[at] = 4;
        scratch[at + 1] = Number(part);
        at += 2;
      } else {
        if (typeof part !== "number" || Number.isNaN(part)) return undefined;
        scratch[at] = 2;
        scratch.writeDoubleBE(part + 0, at + 1);
        at += 9;
      }
    }
    if (at - tupleOffset > maxTupleBytes) at = writeDigest(Buffer.from(scratch.subarray(tupleOffset, at)), tupleOffset);
    scratch[0] = spaceByte;
    scratch[1] = headByte;
    view.copy(scratch, 2);
    const key = Buffer.allocUnsafe(at);
    scratch.copy(key, 0, 0, at);
    return key;
  };
}

/** A text or tuple too long for a key, by its SHA-256. */
function writeDigest(bytes: Uint8Array, at: number): number {
  scratch[at] = 3;
  createHash("sha256")
    .update(bytes)
    .digest()
    .copy(scratch, at + 1);
  return at + 33;
}

/** Parts of a head key's tuple; undefined where one is kept by its digest only. */
export function tupleOf(headKey: Uint8Array): KeyPart[] | undefined {
  const bytes = Buffer.from(headKey.buffer, headKey.byteOffset, headKey.byteLength);
  const parts: KeyPart[] = [];
  let at = tupleOffset;
  while (at < bytes.length) {
    const tag = bytes[at];
    if (tag === 1) {
      const length = bytes.readUInt16BE(at + 1);
      parts.push(bytes.toString("utf8", at + 3, at + 3 + length));
      at += 3 + length;
    } else if (tag === 2) {
      parts.push(bytes.readDoubleBE(at + 1));
      at += 9;
    } else if (tag === 4) {
      parts.push(bytes[at + 1] === 1);
      at += 2;
    } else return undefined;
  }
  return parts;
}

export function hasDigest(headKey: Uint8Array): boolean {
  return tupleOf(headKey) === undefined;
}

/** Key of a sealed block of the key whose head key is given. */
export function blockKey(headKey: Uint8Array, id: number): Uint8Array {
  const key = Buffer.allocUnsafe(headKey.length + 8);
  key.set(headKey);
  key[1] = blockByte;
  key.writeDoubleBE(id, headKey.length);
  return key;
}

/** Key of a vector of the key whose head key is given. @param id as it lies in a row: negative */
export function vectorKey(headKey: Uint8Array, id: number): Uint8Array {
  const key = Buffer.allocUnsafe(headKey.length + 8);
  key.set(headKey);
  key[1] = vectorByte;
  key.writeDoubleBE(-id, headKey.length);
  return key;
}

/** All vectors of a key. */
export function vectorRange(headKey: Uint8Array): { readonly from: Uint8Array; readonly to: Uint8Array } {
  const prefix = Buffer.from(headKey);
  prefix[1] = vectorByte;
  return { from: prefix, to: Buffer.concat([prefix, Buffer.alloc(9, 0xff)]) };
}

/** The id, as it lies in a row, that a vector's key ends with. */
export function vectorIdOf(key: Uint8Array): number {
  return -new DataView(key.buffer, key.byteOffset, key.byteLength).getFloat64(key.length - 8);
}

export function vectorCountKey(viewHash: string): Uint8Array {
  return viewPrefix(vectorCountByte, viewHash);
}

export function producerKey(source: string, producer: string): Uint8Array {
  return digestKey(producerByte, [source, producer]);
}

export function logKey(source: string): Uint8Array {
  return digestKey(logByte, [source]);
}

/** What lies under `logKey`: the offset of the first record that is not applied; 0 where nothing is. */
export function appliedOffsetOf(value: Uint8Array | undefined): number {
  return value === undefined ? 0 : new DataView(value.buffer, value.byteOffset, value.byteLength).getFloat64(0);
}

export function textKey(id: number): Uint8Array {
  const key = Buffer.allocUnsafe(10);
  key[0] = spaceByte;
  key[1] = textByte;
  key.writeDoubleBE(id, 2);
  return key;
}

export function versionsKey(source: string, fact: string | number): Uint8Array {
  return digestKey(versionByte, [source, fact]);
}

/** How many batches were written to a source, or that the n-th was. */
export function writesKey(source: string, n?: number): Uint8Array {
  return n === undefined ? digestKey(writesByte, [source]) : numbered(writesByte, source, n);
}

/** Which keys the n-th batch of a source changed. */
export function changesKey(source: string, n: number): Uint8Array {
  return numbered(changesByte, source, n);
}

/** How far a view has been materialized. */
export function markKey(viewHash: string): Uint8Array {
  return digestKey(markByte, [viewHash]);
}

export function countersKey(source: string): Uint8Array {
  return digestKey(countersByte, [source]);
}

/** Keys of one source lie together, in the order of n. */
export function quarantineKey(source: string, n: number): Uint8Array {
  return numbered(quarantineByte, source, n);
}

/** A day's lookups of a view as one process saw them. Keys of one view lie together. */
export function profileKey(viewHash: string, writer: string, day: number): Uint8Array {
  const place = Buffer.allocUnsafe(8);
  place.writeDoubleBE(day);
  return Buffer.concat([viewPrefix(profileByte, viewHash), createHash("sha256").update(writer).digest().subarray(0, 8), place]);
}

/** Heads of all keys of a view. */
export function headRange(viewHash: string): { readonly from: Uint8Array; readonly to: Uint8Array } {
  const from = viewPrefix(headByte, viewHash);
  return { from, to: Buffer.concat([from, Buffer.alloc(maxTupleBytes + 1, 0xff)]) };
}

export function profileRange(viewHash: string): { readonly from: Uint8Array; readonly to: Uint8Array } {
  const from = viewPrefix(profileByte, viewHash);
  return { from, to: Buffer.concat([from, Buffer.alloc(17, 0xff)]) };
}

function viewPrefix(kind: number, viewHash: string): Buffer {
  return Buffer.concat([Uint8Array.of(spaceByte, kind), Buffer.from(viewHash.slice(0, 16), "hex")]);
}

function numbered(kind: number, source: string, n: number): Uint8Array {
  const place = Buffer.allocUnsafe(8);
  place.writeDoubleBE(n);
  return Buffer.concat([digestKey(kind, [source]), place]);
}

function digestKey(kind: number, parts: readonly (string | number)[]): Buffer {
  return Buffer.concat([Uint8Array.of(spaceByte, kind), createHash("sha256").update(JSON.stringify(parts)).digest()]);
}

/** Whether a head key is one of the view. */
export function isOfView(headKey: Uint8Array, viewHash: string): boolean {
  return Buffer.from(headKey.buffer, headKey.byteOffset + 2, 8).toString("hex") === viewHash.slice(0, 16);
}
