/**
 * Append-only log of binary records in numbered segment files: `<folder>/<base offset, 20 digits>.seg`.
 * Record layout: length u32 LE, CRC-32 of payload u32 LE, payload of 1 byte to 16 MiB. Offsets count records from 0 and never change.
 *
 * Promises: when `append` resolves the records are with the operating system (they survive `kill -9` of the process);
 * they are on disk after the next fsync, at most `fsyncIntervalMs` later (power-loss window; 0 = fsync before resolving).
 * Appends of one event-loop turn are written together (group commit). One writer a folder, guarded by a lock file that a dead owner's
 * successor takes over; readers in any process. A torn tail (crash mid-write) is cut off on open by the writer and skipped by readers;
 * damage before the tail is refused with SEGMENT_CORRUPT naming file and position.
 */
export interface SegmentWriter {
  /** Offset that the next record will get. */
  readonly nextOffset: number;
  /**
   * Resolves with the offset of the first of the appended records, which are copied before the call returns.
   * @throws DISK_FULL (nothing acknowledged, nothing half-kept), INVALID_ARGUMENT for a payload of a refused size, STORAGE_WRITE_FAILED
   */
  append(records: readonly Uint8Array[]): Promise<number>;
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface SegmentRecord {
  readonly offset: number;
  readonly payload: Uint8Array;
}

export interface SegmentReader {
  /** Whole records with `offset >= from`, in order, up to `limit` of them; fewer at the end of the log. Safe while a writer appends. */
  read(from: number, limit: number): Promise<SegmentRecord[]>;
  /** Offset one past the last whole record. */
  endOffset(): Promise<number>;
  close(): Promise<void>;
}

export interface SegmentWriterOptions {
  readonly maxSegmentBytes?: number;
  readonly fsyncIntervalMs?: number;
}
