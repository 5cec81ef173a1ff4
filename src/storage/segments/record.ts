import { crc32 } from "node:zlib";

/** Length u32 LE, CRC-32 of the payload u32 LE, payload. */
export const HEADER_BYTES = 8;
/** An empty payload is refused: eight zero bytes, which a power cut may leave in a file, would read as one. */
export const MIN_PAYLOAD_BYTES = 1;
export const MAX_PAYLOAD_BYTES: number = 16 * 1024 * 1024;

/** Writes one record at `position` of `target`, which has room for it; returns the position after it. */
export function encodeRecord(target: Buffer, position: number, payload: Uint8Array): number {
  target.writeUInt32LE(payload.length, position);
  target.writeUInt32LE(crc32(payload), position + 4);
  target.set(payload, position + HEADER_BYTES);
  return position + HEADER_BYTES + payload.length;
}

/** What lies at a position of a file: a whole record, fewer bytes than a record needs, or no record. */
export type RecordAt = { readonly kind: "whole"; readonly end: number } | { readonly kind: "short"; readonly end: number } | { readonly kind: "damaged" };

const DAMAGED: RecordAt = { kind: "damaged" };

/** Looks at `[position, end)` of `bytes`. For "short", `end` is where the record would end by its own header (or the header itself would). */
export function recordAt(bytes: Buffer, position: number, end: number): RecordAt {
  if (position + HEADER_BYTES > end) return { kind: "short", end: position + HEADER_BYTES };
  const length = bytes.readUInt32LE(position);
  if (length < MIN_PAYLOAD_BYTES || length > MAX_PAYLOAD_BYTES) return DAMAGED;
  const next = position + HEADER_BYTES + length;
  if (next > end) return { kind: "short", end: next };
  return crc32(bytes.subarray(position + HEADER_BYTES, next)) === bytes.readUInt32LE(position + 4) ? { kind: "whole", end: next } : DAMAGED;
}

/**
 * Whether a whole record starts anywhere in `[from, end)`: if so, what lies before it is damage in the middle of a log and not its
 * torn end. Bytewise, since a damaged length says nothing of where the next record starts.
 */
export function holdsRecord(bytes: Buffer, from: number, end: number): boolean {
  for (let position = from; position + HEADER_BYTES < end; position++) {
    if (recordAt(bytes, position, end).kind === "whole") return true;
  }
  return false;
}
