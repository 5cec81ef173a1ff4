import type { KeyValue, KeyValueStore, MaybePromise } from "../../storage/kv/port.ts";
import type { KeyRows, Writes } from "./key-rows.ts";

export type StoreReads = Pick<KeyValueStore, "get" | "getMany">;

/**
 * A store as it will be once the batches that are about to be written together are: each is put together from what those before it leave, so
 * what is written is what they would have written one after the other, only that of a key's values the last alone is. Heads are
 * kept with their keys.
 */
export class PendingWrites implements StoreReads {
  readonly #store: KeyValueStore;
  /** By key as latin1; undefined: to be deleted. */
  readonly #changed = new Map<string, { readonly key: Uint8Array; readonly value: Uint8Array | undefined }>();

  constructor(store: KeyValueStore) {
    this.#store = store;
  }

  /** Keys with a head that is not written. */
  readonly heads: KeyRows[] = [];

  clear(): void {
    this.#changed.clear();
    for (const keyRows of this.heads) keyRows.release();
    this.heads.length = 0;
  }

  headPuts(): KeyValue[] {
    return this.heads.map(({ headKey, pendingHead }) => ({ key: headKey, value: pendingHead! }));
  }

  /** Deletes come before puts. */
  add({ puts, deletes }: Writes): void {
    for (const key of deletes) this.#changed.set(nameOf(key), { key, value: undefined });
    for (const put of puts) this.#changed.set(nameOf(put.key), put);
  }

  writes(): Writes {
    const puts: KeyValue[] = [];
    const deletes: Uint8Array[] = [];
    for (const { key, value } of this.#changed.values())
      if (value === undefined) deletes.push(key);
      else puts.push({ key, value });
    return { puts, deletes };
  }

  /** As the store's, and what is pending as long as it is. */
  get(key: Uint8Array): MaybePromise<Uint8Array | undefined> {
    const changed = this.#changed.size === 0 ? undefined : this.#changed.get(nameOf(key));
    return changed === undefined ? this.#store.get(key) : changed.value;
  }

  getMany(keys: readonly Uint8Array[]): MaybePromise<(Uint8Array | undefined)[]> {
    if (this.#changed.size === 0) return this.#store.getMany(keys);
    const changed = keys.map((key) => this.#changed.get(nameOf(key)));
    const asked = keys.filter((_, i) => changed[i] === undefined);
    if (asked.length === 0) return changed.map((one) => one?.value);
    const merge = (found: readonly (Uint8Array | undefined)[]): (Uint8Array | undefined)[] => {
      let next = 0;
      return changed.map((one) => (one === undefined ? found[next++] : one.value));
    };
    const found = this.#store.getMany(asked);
    return found instanceof Promise ? found.then(merge) : merge(found);
  }
}

function nameOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString("latin1");
}
