import { KarkhanaError } from "../../kernel/error.ts";
import { checkBatch } from "./key.ts";
import type { KeyValueStore } from "./port.ts";

/** Store of one process's memory, for tests and dry runs: nothing survives the process. */
export function openMemoryStore(): KeyValueStore {
  // Keys as latin1 text: its code-unit order is the bytes' unsigned order.
  const values = new Map<string, Uint8Array>();
  let sorted: string[] | undefined;
  let closed = false;
  const refuseClosed = (): void => {
    if (closed) throw new KarkhanaError("STORAGE_CLOSED", { store: "memory store" });
  };
  const get = (key: Uint8Array): Uint8Array | undefined => {
    refuseClosed();
    return values.get(text(key));
  };
  return {
    kind: "memory",
    get,
    getMany: (keys) => keys.map(get),
    write: async (batch) => {
      refuseClosed();
      checkBatch(batch);
      const { claim } = batch;
      if (claim !== undefined && values.has(text(claim))) throw new KarkhanaError("WRITE_CONFLICT", { store: "memory store" });
      for (const key of batch.deletes ?? []) if (values.delete(text(key))) sorted = undefined;
      const claimed = claim === undefined ? [] : [{ key: claim, value: new Uint8Array(0) }];
      for (const { key, value } of [...batch.puts, ...claimed]) {
        const name = text(key);
        if (!values.has(name)) sorted = undefined;
        // A copy: `slice` of a Buffer would be a view.
        values.set(name, new Uint8Array(value));
      }
    },
    range: async function* (from, to, limit = Infinity) {
      refuseClosed();
      sorted ??= [...values.keys()].sort();
      const keys = sorted;
      const end = text(to);
      let left = limit;
      for (let i = lowerBound(keys, text(from)); i < keys.length && left > 0 && keys[i]! < end; i++) {
        const value = values.get(keys[i]!);
        if (value === undefined) continue;
        left--;
        yield { key: Buffer.from(keys[i]!, "latin1"), value };
      }
    },
    close: async () => {
      closed = true;
    },
  };
}

function text(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString("latin1");
}

function lowerBound(keys: readonly string[], from: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[middle]! < from) low = middle + 1;
    else high = middle;
  }
  return low;
}
