import { Redis, type ChainableCommander } from "ioredis";
import { KarkhanaError } from "../../kernel/error.ts";
import { checkBatch, successor } from "./key.ts";
import type { KeyValue, KeyValueStore, WriteBatch } from "./port.ts";

const RANGE_CHUNK = 512;
// Arguments of one command; Redis refuses more than about a million.
const COMMAND_CHUNK = 5000;
// Any write to the store ends a watch, not only one to the key compared.
const maxWatchAttempts = 50;

export interface RedisOptions {
  /** Names this store's two keys, so that several may share a server. */
  readonly prefix: string;
}

/**
 * Store on a Redis server: a hash of the values, and a sorted set of the keys (all of score 0, so ordered by their bytes) for `range`.
 * A batch is one MULTI: applied whole or not at all, in call order. How much a power cut may lose is the server's `appendfsync`.
 * @throws STORAGE_UNREACHABLE
 */
export async function openRedis(url: string, options: RedisOptions): Promise<KeyValueStore> {
  const redis = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: 3 });
  // Unheard, a lost connection would end the process; commands report it themselves.
  redis.on("error", () => {});
  try {
    await redis.connect();
  } catch (error) {
    redis.disconnect();
    throw unreachable(url, error);
  }
  // The braces keep both keys on one node of a Redis cluster.
  const values = `{${options.prefix}}:values`;
  const keys = `{${options.prefix}}:keys`;
  const ask = async <T>(command: () => Promise<T>): Promise<T> => {
    if (redis.status === "end") throw new KarkhanaError("STORAGE_CLOSED", { store: `Redis store ${options.prefix}` });
    try {
      return await command();
    } catch (error) {
      throw translate(url, options.prefix, error);
    }
  };
  const getMany = async (wanted: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> => {
    if (wanted.length === 0) return [];
    const found = await ask(() => redis.hmgetBuffer(values, ...wanted.map(asBuffer)));
    return found.map((value) => value ?? undefined);
  };
  const transactionOf = (on: Redis, batch: WriteBatch): ChainableCommander => {
    const transaction = on.multi();
    for (const part of chunks(batch.deletes ?? [])) {
      const names = part.map(asBuffer);
      transaction.hdel(values, ...names).zrem(keys, ...names);
    }
    for (const part of chunks(batch.puts)) {
      transaction.hset(values, ...part.flatMap(({ key, value }) => [asBuffer(key), asBuffer(value)]));
      transaction.zadd(keys, ...part.flatMap(({ key }) => [0, asBuffer(key)]));
    }
    return transaction;
  };
  // What a connection watches is forgotten at its next EXEC: conditional writes have one of their own, one at a time.
  let watching: Redis | undefined;
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = async (work: () => Promise<void>): Promise<void> => {
    const done = last.then(work);
    last = done.catch(() => undefined);
    return done;
  };
  const writeClaiming = async (batch: WriteBatch, claim: Uint8Array): Promise<void> => {
    const on = (watching ??= redis.duplicate());
    on.on("error", () => {});
    for (let attempt = 0; attempt < maxWatchAttempts; attempt++) {
      const done = await ask(async () => {
        await on.watch(values);
        if ((await on.hexists(values, asBuffer(claim))) === 1) {
          await on.unwatch();
          throw new KarkhanaError("WRITE_CONFLICT", { store: `Redis store ${options.prefix}` });
        }
        return execute(transactionOf(on, batch));
      });
      if (done) return;
    }
    throw new KarkhanaError("WRITE_CONFLICT", { store: `Redis store ${options.prefix}` });
  };
  return {
    kind: "redis",
    get: async (key) => (await getMany([key]))[0],
    getMany,
    write: async (batch) => {
      checkBatch(batch);
      const { claim } = batch;
      if (claim !== undefined) {
        await inTurn(() => writeClaiming({ ...batch, puts: [...batch.puts, { key: claim, value: new Uint8Array(0) }] }, claim));
        return;
      }
      await ask(() => execute(transactionOf(redis, batch)));
    },
    range: async function* (from, to, limit = Infinity) {
      let start = from;
      let left = limit;
      while (left > 0 && Buffer.compare(start, to) < 0) {
        const wanted = Math.min(left, RANGE_CHUNK);
        const bounds = [bound("[", start), bound("(", to)] as const;
        const names = await ask(() => redis.zrangebylexBuffer(keys, ...bounds, "LIMIT", 0, wanted));
        for (const [i, value] of (await getMany(names)).entries()) {
          // Deleted between the two commands.
          if (value === undefined) continue;
          left--;
          yield { key: names[i]!, value } satisfies KeyValue;
        }
        const last = names.at(-1);
        if (last === undefined || names.length < wanted) return;
        start = successor(last);
      }
    },
    close: async () => {
      watching?.disconnect();
      if (redis.status === "end") return;
      try {
        await redis.quit();
      } catch {
        redis.disconnect();
      }
    },
  };
}

/** @returns false if what is watched has changed: nothing was applied */
async function execute(transaction: ChainableCommander): Promise<boolean> {
  const results = await transaction.exec();
  // Under MULTI a command may fail alone (a key of another type); that is a failed batch.
  for (const [error] of results ?? []) if (error) throw error;
  return results !== null;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

function bound(kind: "[" | "(", key: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(kind), key]);
}

function* chunks<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let i = 0; i < items.length; i += COMMAND_CHUNK) yield items.slice(i, i + COMMAND_CHUNK);
}

function translate(url: string, prefix: string, error: unknown): unknown {
  const problem = error instanceof Error ? error.message : String(error);
  if (/OOM|MISCONF/.test(problem)) return new KarkhanaError("STORAGE_WRITE_FAILED", { path: `Redis store ${prefix}`, problem }, { cause: error });
  if (/Connection is closed|max retries|ECONN|EPIPE|ETIMEDOUT/i.test(problem)) return unreachable(url, error);
  return error;
}

function unreachable(url: string, error: unknown): KarkhanaError {
  const parsed = URL.parse(url);
  // Never the password.
  const address = parsed === null ? "the given URL" : `${parsed.protocol}//${parsed.host}`;
  return new KarkhanaError(
    "STORAGE_UNREACHABLE",
    { store: "Redis", address, problem: error instanceof Error ? error.message : String(error) },
    { cause: error },
  );
}
