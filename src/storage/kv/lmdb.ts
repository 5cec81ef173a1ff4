import { mkdirSync, statfsSync } from "node:fs";
import { open, type RootDatabase } from "lmdb";
import { KarkhanaError } from "../../kernel/error.ts";
import { checkBatch, successor } from "./key.ts";
import type { KeyValue, KeyValueStore, WriteBatch } from "./port.ts";

const RANGE_CHUNK = 1024;
const slabBytes = 1 << 20;
const keptSlabs = 8;

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
  const lent = new LentMemory();
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
      return keys.map((key) => lent.copy(env.getBinaryFast(key)));
    },
    write: async (batch) => {
      refuseClosed();
      checkBatch(batch);
      refuseFullDisk(folder, batch);
      const values = batch.isStill === true ? batch.puts.map(({ value }) => value) : copied(batch.puts);
      // The promises of single operations are those of the batch, mostly one and the same; their failure is reported once, by `done`.
      let ignored: Promise<boolean> | undefined;
      const ignore = (operation: Promise<boolean>): void => {
        if (operation !== ignored) (ignored = operation).catch(() => {});
      };
      const change = (): void => {
        for (const key of batch.deletes ?? []) ignore(env.remove(key));
        for (let i = 0; i < values.length; i++) ignore(env.put(batch.puts[i]!.key, values[i]!));
      };
      const { claim } = batch;
      const claiming = (): void => {
        ignore(env.put(claim!, Buffer.alloc(0)));
        change();
      };
      try {
        // Both leave the work to lmdb's own thread; a transaction with a callback would do it on this one.
        if (claim === undefined) await env.batch(change);
        else if (!(await env.ifNoExists(claim, claiming))) throw new KarkhanaError("WRITE_CONFLICT", { store: folder });
      } catch (error) {
        throw error instanceof KarkhanaError ? error : writeFailed(folder, error);
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

/**
 * Memory that values are lent in, taken back when the turn of the event loop ends: the port promises less (until the caller's next await
 * after it has the value). An ArrayBuffer of its own for each value of a feature lookup (about ten, 47 kB in all) costs more than finding
 * them: 45 against 19 microseconds of CPU a lookup, most of it garbage collection.
 */
class LentMemory {
  /** Kept for the next turn up to `keptSlabs`; a turn that reads more gets more, for itself. */
  readonly #slabs: Buffer[] = [Buffer.allocUnsafeSlow(slabBytes)];
  #slab: Buffer = this.#slabs[0]!;
  #next = 1;
  #used = 0;
  #returning = false;

  /** @param value lmdb's own buffer, which its next read overwrites */
  copy(value: Buffer | undefined): Uint8Array | undefined {
    if (value === undefined) return undefined;
    const size = value.length;
    if (this.#used + size > this.#slab.length) this.#takeSlab(size);
    if (!this.#returning) {
      this.#returning = true;
      setImmediate(this.#takeBack);
    }
    const at = this.#used;
    // Whole words, so that a reader may look at a value as float64 where it lies.
    this.#used += (size + 7) & ~7;
    value.copy(this.#slab, at, 0, size);
    return new Uint8Array(this.#slab.buffer, at, size);
  }

  #takeSlab(size: number): void {
    this.#used = 0;
    if (size > slabBytes) {
      this.#slab = Buffer.allocUnsafeSlow(size);
      return;
    }
    this.#slab = this.#slabs[this.#next] ?? Buffer.allocUnsafeSlow(slabBytes);
    if (this.#next < keptSlabs) this.#slabs[this.#next++] = this.#slab;
  }

  readonly #takeBack = (): void => {
    this.#slab = this.#slabs[0]!;
    this.#next = 1;
    this.#used = 0;
    this.#returning = false;
  };
}

function openEnvironment(folder: string, options: LmdbOptions): RootDatabase<Uint8Array, Uint8Array> {
  try {
    mkdirSync(folder, { recursive: true });
    refuseFullDisk(folder);
    return open<Uint8Array, Uint8Array>({
      path: folder,
      // A dot in the folder's name would otherwise make it a file name.
      noSubdir: false,
      encoding: "binary",
      keyEncoding: "binary",
      ...(options.mapSizeBytes === undefined ? {} : { mapSize: options.mapSizeBytes }),
    });
  } catch (error) {
    if (error instanceof KarkhanaError) throw error;
    throw new KarkhanaError(
      "STORAGE_CORRUPT",
      { path: folder, store: "an LMDB environment", problem: error instanceof Error ? error.message : String(error) },
      { cause: error },
    );
  }
}

const spareBytes = 1 << 20;
/** A changed entry writes anew the pages on its way down the tree. */
const bytesAnEntry = 16_384;

/**
 * Looked at beforehand, since afterwards is too late. LMDB maps its lock file and writes to it: where the disk cannot give the page, that is no
 * error but the end of the process (SIGBUS). And a commit that fails in lmdb's thread rejects promises of lmdb's own that nobody can listen to,
 * which ends the process too (seen with lmdb 3 on a full tmpfs).
 */
function refuseFullDisk(folder: string, { puts, deletes = [] }: WriteBatch = { puts: [] }): void {
  const { blocks, bavail, bsize } = statfsSync(folder);
  const needed = puts.reduce((sum, { value }) => sum + value.length, spareBytes + bytesAnEntry * (puts.length + deletes.length));
  // Some file systems do not count.
  if (blocks > 0 && bavail * bsize < needed) throw new KarkhanaError("DISK_FULL", { path: folder });
}

function readChunk(env: RootDatabase<Uint8Array, Uint8Array>, start: Uint8Array, end: Uint8Array, limit: number): KeyValue[] {
  if (Buffer.compare(start, end) >= 0) return [];
  const chunk: KeyValue[] = [];
  const bounds = start.length === 0 ? { end, limit } : { start, end, limit };
  for (const { key, value } of env.getRange(bounds)) chunk.push({ key, value });
  return chunk;
}

/**
 * lmdb reads a value later, on its own thread: a copy lets callers use their buffer again. Many share a slab: an ArrayBuffer for each costs more
 * than writing it, most of it garbage collection.
 */
function copied(puts: readonly KeyValue[]): Uint8Array[] {
  let left = puts.reduce((sum, { value }) => sum + value.length, 0);
  let slab = Buffer.alloc(0);
  let used = 0;
  return puts.map(({ value }) => {
    const size = value.length;
    if (used + size > slab.length) {
      slab = Buffer.allocUnsafeSlow(Math.max(size, Math.min(slabBytes, left)));
      used = 0;
    }
    left -= size;
    const copy = slab.subarray(used, (used += size));
    copy.set(value);
    return copy;
  });
}

function writeFailed(folder: string, error: unknown): KarkhanaError {
  const problem = error instanceof Error ? error.message : String(error);
  if (/No space left|MDB_MAP_FULL/i.test(problem)) return new KarkhanaError("DISK_FULL", { path: folder }, { cause: error });
  return new KarkhanaError("STORAGE_WRITE_FAILED", { path: folder, problem }, { cause: error });
}
