/**
 * Artifacts by path, such as "runs/<runId>/model.json".
 * Promises: `put` is whole or absent (temporary file, fsync, rename, fsync of the folder); a reader never sees half a blob.
 * Paths are relative, "/"-separated; absolute ones, "..", "\", NUL, empty and encoded segments are refused with BLOB_PATH_REFUSED,
 * and symlinks that leave the root are not followed.
 */
export interface BlobStore {
  readonly kind: "files" | "s3";
  /** Pieces may be held for a while: whoever gives them does not fill them again. @param options `hash: false` spares the hash where nobody reads it */
  put(path: string, data: Uint8Array | AsyncIterable<Uint8Array>, options?: { readonly hash?: boolean }): Promise<BlobInfo>;
  /** @throws BLOB_NOT_FOUND */
  get(path: string): Promise<Uint8Array>;
  /** The whole of it, or the bytes of a range. @throws BLOB_NOT_FOUND */
  stream(path: string, range?: ByteRange): Promise<AsyncIterable<Uint8Array>>;
  /** For readers with a buffer of their own; whoever opens closes. @throws BLOB_NOT_FOUND */
  open(path: string): Promise<OpenBlob>;
  stat(path: string): Promise<BlobInfo | undefined>;
  /** Direct children of a folder, by name; empty if there is none. */
  list(folder: string): Promise<BlobEntry[]>;
  delete(path: string): Promise<void>;
}

export interface OpenBlob {
  readonly sizeBytes: number;
  /** Bytes from `at` on into the beginning of `into`. @returns how many; 0 at the end */
  read(into: Uint8Array, at: number): Promise<number>;
  close(): Promise<void>;
}

/** Both ends belong to it; what lies beyond the end of the blob is not there. */
export interface ByteRange {
  readonly from: number;
  readonly to: number;
}

export interface BlobInfo {
  readonly path: string;
  readonly sizeBytes: number;
  /** SHA-256 of the content; present on what `put` returns, unless it was spared. */
  readonly sha256?: string;
}

export interface BlobEntry {
  readonly path: string;
  readonly isFolder: boolean;
  readonly sizeBytes: number;
}
