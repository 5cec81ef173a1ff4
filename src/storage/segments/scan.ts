import type { FileHandle } from "node:fs/promises";
import { corrupt } from "./folder.ts";
import { HEADER_BYTES, holdsRecord, MAX_PAYLOAD_BYTES, recordAt } from "./record.ts";

const CHUNK_BYTES = 1024 * 1024;
// How far past a damaged place to look for whole records: beyond the longest record and the one after it.
const SEARCH_BYTES = 2 * (HEADER_BYTES + MAX_PAYLOAD_BYTES);

/**
 * Walks the whole records of one segment file from a position between two records, one read per MiB.
 * `next` gives payloads as views of the chunk read: chunks are not reused, so a view stays what it was.
 */
export class SegmentScan {
  readonly #file: string;
  readonly #handle: FileHandle;
  /** Byte in the file of the next record. */
  #position: number;
  #chunk: Buffer = Buffer.alloc(0);
  /** Byte in the file of the chunk's first. */
  #chunkStart = 0;

  constructor(file: string, handle: FileHandle, position = 0) {
    this.#file = file;
    this.#handle = handle;
    this.#position = position;
  }

  get position(): number {
    return this.#position;
  }

  /** Payload of the next record if it lies whole in the chunk at hand: the quick way, to be tried before `next`. */
  take(): Buffer | undefined {
    const at = this.#position - this.#chunkStart;
    const found = recordAt(this.#chunk, at, this.#chunk.length);
    if (found.kind !== "whole") return undefined;
    this.#position = this.#chunkStart + found.end;
    return this.#chunk.subarray(at + HEADER_BYTES, found.end);
  }

  /**
   * Payload of the next record; undefined at the end of the whole records, be it the end of the file or a torn tail.
   * @throws SEGMENT_CORRUPT if whole records follow a damaged place
   */
  async next(): Promise<Buffer | undefined> {
    let wanted = HEADER_BYTES;
    for (;;) {
      const { size } = await this.#handle.stat();
      const left = size - this.#position;
      if (left < wanted) {
        // A torn tail, unless the length itself is what is damaged and hides whole records.
        if (wanted > HEADER_BYTES) await this.#refuseIfRecordsFollow(size, "a record whose length reaches past the end, with whole ones behind it");
        return undefined;
      }
      // Always from the file: a writer that ran out of space may have cut off and rewritten what an earlier chunk saw of the tail.
      await this.#fill(Math.min(Math.max(wanted, CHUNK_BYTES), left));
      const found = recordAt(this.#chunk, 0, this.#chunk.length);
      if (found.kind === "whole") return this.take();
      if (found.kind === "damaged") {
        await this.#refuseIfRecordsFollow(size, "a record with a wrong length or checksum, with whole ones behind it");
        return undefined;
      }
      wanted = found.end;
    }
  }

  async #refuseIfRecordsFollow(size: number, problem: string): Promise<void> {
    const from = this.#position + 1;
    const bytes = Buffer.alloc(Math.max(0, Math.min(size - from, SEARCH_BYTES)));
    const { bytesRead } = await this.#handle.read(bytes, 0, bytes.length, from);
    if (holdsRecord(bytes, 0, bytesRead)) throw corrupt(this.#file, this.#position, problem);
  }

  async #fill(length: number): Promise<void> {
    const chunk = Buffer.allocUnsafe(length);
    const { bytesRead } = await this.#handle.read(chunk, 0, length, this.#position);
    this.#chunk = chunk.subarray(0, bytesRead);
    this.#chunkStart = this.#position;
  }
}
