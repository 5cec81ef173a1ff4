/** A value now (embedded stores) or later (servers). Await it; embedded stores cost nothing for it. */
export type MaybePromise<T> = T | Promise<T>;

export interface KeyValue {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** Deletes are applied before puts; of two puts with one key the later counts. */
export interface WriteBatch {
  /**
   * A key that must not be there, and is put with the batch (empty): of two writers that claim the same, one is refused with WRITE_CONFLICT and
   * changes nothing. Looked at in the transaction that writes.
   */
  readonly claim?: Uint8Array;
  readonly puts: readonly KeyValue[];
  readonly deletes?: readonly Uint8Array[];
  /** The caller leaves keys and values as they are until `write` settles, so a store that reads them later need not copy them. */
  readonly isStill?: boolean;
}

/**
 * Ordered binary key-value store: LMDB, Redis, memory.
 * Promises: a batch is applied whole or not at all; once `write` resolves, every later read, here or in another process, sees it,
 * and it survives `kill -9` of this process (LMDB, Redis; power loss as the store is configured). Batches of one writer apply in call order.
 * `range` walks keys in unsigned byte order. Keys have 1 to 511 bytes (LMDB's limits): others are refused with INVALID_ARGUMENT.
 * A returned value may alias the store's memory and is valid until the next await or write: copy what you keep.
 */
export interface KeyValueStore {
  readonly kind: "lmdb" | "redis" | "memory";
  get(key: Uint8Array): MaybePromise<Uint8Array | undefined>;
  /** One answer per key, in order. */
  getMany(keys: readonly Uint8Array[]): MaybePromise<(Uint8Array | undefined)[]>;
  write(batch: WriteBatch): Promise<void>;
  /** Keys with `from <= key < to`, ascending. */
  range(from: Uint8Array, to: Uint8Array, limit?: number): AsyncIterable<KeyValue>;
  close(): Promise<void>;
}
