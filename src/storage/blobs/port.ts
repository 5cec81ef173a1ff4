/**
 * Artifacts by path, such as "runs/<runId>/model.json".
 * Promises: `put` is whole or absent (temporary file, fsync, rename, fsync of the folder); a reader never sees half a blob.
 * Paths are relative, "/"-separated; absolute ones, "..", "\", NUL, empty and encoded segments are refused with BLOB_PATH_REFUSED,
 * and symlinks that leave the root are not followed.
 */
export interface BlobStore {
  readonly kind: "files" | "s3";
  put(path: string, data: Uint8Array | AsyncIterable<Uint8Array>): Promise<BlobInfo>;
  /** @throws BLOB_NOT_FOUND */
  get(path: string): Promise<Uint8Array>;
  /** The whole of it, or the bytes of a range. @throws BLOB_NOT_FOUND */
  stream(path: string, range?: ByteRange): Promise<AsyncIterable<Uint8Array>>;
  stat(path: string): Promise<BlobInfo | undefined>;
  /** Direct children of a folder, by name; empty if there is none. */
  list(folder: string): Promise<BlobEntry[]>;
  delete(path: string): Promise<void>;
}

/** Both ends belong to it; what lies beyond the end of the blob is not there. */
export interface ByteRange {
  readonly from: number;
  readonly to: number;
}

export interface BlobInfo {
  readonly path: string;
  readonly sizeBytes: number;
  /** SHA-256 of the content; present on what `put` returns. */
  readonly sha256?: string;
}

export interface BlobEntry {
  readonly path: string;
  readonly isFolder: boolean;
  readonly sizeBytes: number;
}
