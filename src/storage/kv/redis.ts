import { Redis, type ChainableCommander } from "ioredis";
import { KarkhanaError } from "../../kernel/error.ts";
import { checkBatch, successor } from "./key.ts";
import type { KeyValue, KeyValueStore, WriteBatch } from "./port.ts";

const RANGE_CHUNK = 512;
// Arguments of one command; Redis refuses more than about a million.
const COMMAND_CHUNK = 5000;
/** A command gives up after four of these, about a second, well before the answer it is for does; and the server is found soon after it is back. */
const retryStrategy = (times: number): number => Math.min(50 * times, 250);

/**
 * A conditional batch: written whole, unless its claim is there. One script and not WATCH with MULTI: a connection that breaks and comes back
 * between the two forgets what it watched, and a script that is sent again after its reply was lost finds its own claim.
 * KEYS: values, keys. ARGV: claim, number of deletes, the deletes, then keys and values in turn.
 */
const claimScript = `
if redis.call("HEXISTS", KEYS[1], ARGV[1]) == 1 then return 0 end
local at = 3
for n = 1, tonumber(ARGV[2]) do
  redis.call("HDEL", KEYS[1], ARGV[at])
  redis.call("ZREM", KEYS[2], ARGV[at])
  at = at + 1
end
while at < #ARGV do
  redis.call("HSET", KEYS[1], ARGV[at], ARGV[at + 1])
  redis.call("ZADD", KEYS[2], 0, ARGV[at])
  at = at + 2
end
return 1`;

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
  const redis = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: 3, retryStrategy });
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
  const transactionOf = (batch: WriteBatch): ChainableCommander => {
    const transaction = redis.multi();
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
  const claimAndWrite = async (batch: WriteBatch, claim: Uint8Array): Promise<void> => {
    const deletes = (batch.deletes ?? []).map(asBuffer);
    const puts = batch.puts.flatMap(({ key, value }) => [asBuffer(key), asBuffer(value)]);
    const done = await ask(() => redis.eval(claimScript, 2, values, keys, asBuffer(claim), deletes.length, ...deletes, ...puts));
    if (done !== 1) throw new KarkhanaError("WRITE_CONFLICT", { store: `Redis store ${options.prefix}` });
  };
  return {
    kind: "redis",
    get: async (key) => (await getMany([key]))[0],
    getMany,
    write: async (batch) => {
      checkBatch(batch);
      const { claim } = batch;
      if (claim !== undefined) {
        await claimAndWrite({ ...batch, puts: [...batch.puts, { key: claim, value: new Uint8Array(0) }] }, claim);
        return;
      }
      await ask(() => execute(transactionOf(batch)));
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
      if (redis.status === "end") return;
      try {
        await redis.quit();
      } catch {
        redis.disconnect();
      }
    },
  };
}

async function execute(transaction: ChainableCommander): Promise<void> {
  // Under MULTI a command may fail alone (a key of another type); that is a failed batch.
  for (const [error] of (await transaction.exec()) ?? []) if (error) throw error;
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
