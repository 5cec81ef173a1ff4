import { mkdirSync } from "node:fs";
import { open, type RootDatabase } from "lmdb";
import { KarkhanaError } from "../../kernel/error.ts";
import { checkBatch, successor } from "./key.ts";
import type { KeyValue, KeyValueStore } from "./port.ts";

const RANGE_CHUNK = 1024;

export interface LmdbOptions {
  /** Address space reserved at first; LMDB grows it by itself. */
  readonly mapSizeBytes?: number;
}

/**
 * Opens (creates) an LMDB environment in `folder`; any number of processes may. Reads are synchronous.
 * `write` resolves once its transaction is committed and flushed. Batches handed over while a flush runs share the next one (group
 * commit): many writers at a time cost one flush together, a writer that awaits each batch pays one flush per batch.
 */
export function openLmdb(folder: string, options: LmdbOptions = {}): KeyValueStore {
  const env = openEnvironment(folder, options);
  let closed = false;
  const refuseClosed = (): void => {
    if (closed) throw new KarkhanaError("STORAGE_CLOSED", { store: folder });
  };
  return {
    kind: "lmdb",
    get: (key) => {
      refuseClosed();
      // lmdb keeps one read snapshot per event-loop turn; another process may have committed, and told us, within this one.
      env.resetReadTxn();
      return env.getBinary(key);
    },
    getMany: (keys) => {
      refuseClosed();
      env.resetReadTxn();
      return keys.map((key) => env.getBinary(key));
    },
    write: async (batch) => {
      refuseClosed();
      checkBatch(batch);
      const done = env.batch(() => {
        // The promises of single operations are those of the batch; their failure is reported once, by `done`.
        for (const key of batch.deletes ?? []) ignore(env.remove(key));
        // lmdb reads the value later, on its own thread: a copy lets callers use their buffer again.
        for (const { key, value } of batch.puts) ignore(env.put(key, Buffer.from(value)));
      });
      try {
        await done;
      } catch (error) {
        throw writeFailed(folder, error);
      }
    },
    range: async function* (from, to, limit = Infinity) {
      // Chunk by chunk, so that no snapshot stays open while the caller awaits: a long one would keep LMDB from reusing pages.
      let start = from;
      let left = limit;
      while (left > 0) {
        refuseClosed();
        env.resetReadTxn();
        const chunk = readChunk(env, start, to, Math.min(left, RANGE_CHUNK));
        yield* chunk;
        left -= chunk.length;
        const last = chunk.at(-1);
        if (last === undefined || chunk.length < RANGE_CHUNK) return;
        start = successor(last.key);
      }
    },
    close: async () => {
      if (closed) return;
      closed = true;
      await env.close();
    },
  };
}

function openEnvironment(folder: string, options: LmdbOptions): RootDatabase<Buffer, Uint8Array> {
  try {
    mkdirSync(folder, { recursive: true });
    return open<Buffer, Uint8Array>({
      path: folder,
      // A dot in the folder's name would otherwise make it a file name.
      noSubdir: false,
      encoding: "binary",
      keyEncoding: "binary",
      ...(options.mapSizeBytes === undefined ? {} : { mapSize: options.mapSizeBytes }),
    });
  } catch (error) {
    throw new KarkhanaError(
      "STORAGE_CORRUPT",
      { path: folder, store: "an LMDB environment", problem: error instanceof Error ? error.message : String(error) },
      { cause: error },
    );
  }
}

function readChunk(env: RootDatabase<Buffer, Uint8Array>, start: Uint8Array, end: Uint8Array, limit: number): KeyValue[] {
  if (Buffer.compare(start, end) >= 0) return [];
  const chunk: KeyValue[] = [];
  const bounds = start.length === 0 ? { end, limit } : { start, end, limit };
  for (const { key, value } of env.getRange(bounds)) chunk.push({ key, value });
  return chunk;
}

function ignore(operation: Promise<boolean>): void {
  operation.catch(() => {});
}

function writeFailed(folder: string, error: unknown): KarkhanaError {
  const problem = error instanceof Error ? error.message : String(error);
  if (/No space left|MDB_MAP_FULL/i.test(problem)) return new KarkhanaError("DISK_FULL", { path: folder }, { cause: error });
  return new KarkhanaError("STORAGE_WRITE_FAILED", { path: folder, problem }, { cause: error });
}
