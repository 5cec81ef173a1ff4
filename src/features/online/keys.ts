import { createHash } from "node:crypto";
import type { KeyType } from "../view-plan.ts";

/**
 * Keys of the online store, all under "f":
 *   f h <view> <tuple>          head of a key: its index and open block
 *   f b <view> <tuple> <id>     sealed block
 *   f p <source> <producer>     last batch applied of a producer
 * <view> is 8 bytes of the view's hash. A tuple is its parts, each tagged and with its length, so no two tuples look alike.
 */
const maxTupleBytes = 400;
const [spaceByte, headByte, blockByte, producerByte] = [0x66, 0x68, 0x62, 0x70] as const;
const tupleOffset = 10;
const scratch = Buffer.allocUnsafe(4096);

/** A value's part of a tuple, or undefined if it can match no row (null, or of another type than the key). */
export type KeyValuePart = string | number | boolean | null | undefined;

/** Makes head keys of one view; undefined where a part is null or of the wrong type, which matches nothing. */
export function headKeyMaker(viewHash: string, types: readonly KeyType[]): (parts: readonly KeyValuePart[]) => Uint8Array | undefined {
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
    return Uint8Array.prototype.slice.call(scratch, 0, at);
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

/** Key of a sealed block of the key whose head key is given. */
export function blockKey(headKey: Uint8Array, id: number): Uint8Array {
  const key = Buffer.allocUnsafe(headKey.length + 8);
  key.set(headKey);
  key[1] = blockByte;
  key.writeDoubleBE(id, headKey.length);
  return key;
}

export function producerKey(source: string, producer: string): Uint8Array {
  const digest = createHash("sha256")
    .update(JSON.stringify([source, producer]))
    .digest();
  return Buffer.concat([Uint8Array.of(spaceByte, producerByte), digest]);
}
