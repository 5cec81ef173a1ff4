import { openLmdb } from "../../storage/kv/lmdb.ts";
import type { KeyValueStore } from "../../storage/kv/port.ts";
import { openRedis } from "../../storage/kv/redis.ts";

/** Where online features live: a folder for LMDB, or a Redis server. */
export type OnlineStoreLocation =
  | { readonly kind: "lmdb"; readonly folder: string }
  | { readonly kind: "redis"; readonly url: string; readonly prefix: string };

export async function openOnlineStore(location: OnlineStoreLocation): Promise<KeyValueStore> {
  return location.kind === "lmdb" ? openLmdb(location.folder) : openRedis(location.url, { prefix: location.prefix });
}
