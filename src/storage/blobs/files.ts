import { createHash, randomUUID, type Hash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, lstat, mkdir, open, readdir, readFile, realpath, rename, rm, rmdir, unlink } from "node:fs/promises";
import path from "node:path";
import { KarkhanaError } from "../../kernel/error.ts";
import { errnoOf } from "../errno.ts";
import { syncFolder } from "../sync-folder.ts";
import { processIsAlive } from "../process-identity.ts";
import { parseBlobPath, TEMPORARY_FOLDER } from "./path.ts";
import type { BlobEntry, BlobInfo, BlobStore, ByteRange } from "./port.ts";

const STREAM_CHUNK_BYTES = 256 * 1024;
const WRITE_BYTES = 512 * 1024;
/** Linux takes 1024 in one call. */
const WRITE_PIECES = 1000;
/** Brought to disk while the next ones come: the last sync, which the sender waits for, then has little left to do, however long the file. */
const SYNC_AHEAD_BYTES = 4 * 1024 * 1024;

/**
 * Blobs as plain files under `root`, by their path, so that other tools can read them.
 * @throws DATA_DIR_REFUSED if the folder cannot be made
 */
export async function openFileBlobs(root: string): Promise<BlobStore> {
  const temporary = path.join(root, TEMPORARY_FOLDER);
  try {
    await mkdir(temporary, { recursive: true });
  } catch (error) {
    throw new KarkhanaError("DATA_DIR_REFUSED", { path: root, problem: `blobs cannot be kept there (${errnoOf(error) ?? String(error)})` }, { cause: error });
  }
  const home = await realpath(root);
  await removeLeftovers(temporary);

  const isInside = (real: string): boolean => real === home || real.startsWith(home + path.sep);

  /** Absolute path of a blob whose existing ancestors, symlinks resolved, all lie in the root. */
  const locate = async (blob: string, segments: readonly string[]): Promise<string> => {
    const direct = path.join(home, ...segments);
    try {
      // Mostly all of it is there: one look then tells what the steps below would.
      const real = await realpath(direct);
      if (isInside(real)) return real;
    } catch (error) {
      if (!isAbsent(error)) throw error;
    }
    let at = home;
    for (const segment of segments) {
      at = path.join(at, segment);
      let real: string;
      try {
        real = await realpath(at);
      } catch (error) {
        // Absent, or a dangling link: what is below cannot exist either.
        if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ENOTDIR") {
          const link = await lstat(at).catch(() => undefined);
          if (link?.isSymbolicLink()) throw refused(blob, "it leads through a dangling symbolic link");
          return direct;
        }
        throw error;
      }
      if (!isInside(real)) throw refused(blob, "it leads out of the blob folder through a symbolic link");
      at = real;
    }
    return at;
  };

  const openBlob = async (blob: string): Promise<{ handle: FileHandle; sizeBytes: number }> => {
    try {
      const handle = await open(await locate(blob, parseBlobPath(blob)), constants.O_RDONLY | constants.O_NOFOLLOW);
      const stat = await handle.stat();
      if (stat.isFile()) return { handle, sizeBytes: stat.size };
      await handle.close();
    } catch (error) {
      if (!isAbsent(error)) throw error;
    }
    throw new KarkhanaError("BLOB_NOT_FOUND", { path: blob });
  };

  const put: BlobStore["put"] = async (blob, data, { hash = true } = {}) => {
    const segments = parseBlobPath(blob);
    await locate(blob, segments);
    const file = path.join(temporary, `${process.pid}-${randomUUID()}`);
    try {
      const written = await writeWhole(file, data, hash);
      await moveIntoPlace(file, home, segments);
      return { path: blob, ...written };
    } catch (error) {
      await rm(file, { force: true });
      const code = errnoOf(error);
      if (code === "ENOSPC" || code === "EDQUOT") throw new KarkhanaError("DISK_FULL", { path: blob }, { cause: error });
      if (code === "EISDIR" || code === "ENOTEMPTY") throw refused(blob, "a folder of that name exists", error);
      if (code === "ENOTDIR" || code === "EEXIST") throw refused(blob, "a blob lies where a folder would be needed", error);
      throw error;
    }
  };

  return {
    kind: "files",
    put,
    get: async (blob) => {
      const { handle } = await openBlob(blob);
      try {
        return await readFile(handle);
      } finally {
        await handle.close();
      }
    },
    stream: async (blob, range) => {
      // Opened now, so that an absent blob is told at once; opened again by the iteration, which may never begin.
      await (await openBlob(blob)).handle.close();
      return readChunks(async () => (await openBlob(blob)).handle, range);
    },
    open: async (blob) => {
      const { handle, sizeBytes } = await openBlob(blob);
      return { sizeBytes, read: async (into, at) => (await handle.read(into, 0, into.length, at)).bytesRead, close: () => handle.close() };
    },
    stat: async (blob) => {
      try {
        const { handle, sizeBytes } = await openBlob(blob);
        await handle.close();
        return { path: blob, sizeBytes };
      } catch (error) {
        if (error instanceof KarkhanaError && error.code === "BLOB_NOT_FOUND") return undefined;
        throw error;
      }
    },
    list: async (folder) => {
      const segments = parseBlobPath(folder, true);
      const found: BlobEntry[] = [];
      for (const name of await readNames(await locate(folder, segments))) {
        if (segments.length === 0 && name === TEMPORARY_FOLDER) continue;
        const entry = [...segments, name].join("/");
        // A link that leaves the root, or a name no blob can have, is not a blob: left out.
        const stat = await locate(entry, [...segments, name])
          .then((at) => lstat(at))
          .catch(() => undefined);
        if (stat?.isDirectory() || stat?.isFile()) found.push({ path: entry, isFolder: stat.isDirectory(), sizeBytes: stat.isFile() ? stat.size : 0 });
      }
      return found.sort((a, b) => (a.path < b.path ? -1 : 1));
    },
    delete: async (blob) => {
      const segments = parseBlobPath(blob);
      await locate(blob, segments);
      try {
        await unlink(path.join(home, ...segments));
      } catch (error) {
        if (isAbsent(error)) return;
        if (errnoOf(error) === "EISDIR" || errnoOf(error) === "EPERM") return;
        throw error;
      }
      await removeEmptyFolders(home, segments.slice(0, -1));
    },
  };
}

async function writeWhole(file: string, data: Uint8Array | AsyncIterable<Uint8Array>, isHashed: boolean): Promise<Omit<BlobInfo, "path">> {
  const handle = await open(file, "w");
  try {
    const hash = isHashed ? createHash("sha256") : undefined;
    const sizeBytes = await writePieces(handle, data instanceof Uint8Array ? piecesOf(data) : data, hash);
    // Its size and its bytes; the times of a file nobody has seen are not waited for.
    await handle.datasync();
    return { sizeBytes, ...(hash === undefined ? {} : { sha256: hash.digest("hex") }) };
  } finally {
    await handle.close();
  }
}

/** Pieces are gathered and written many at once, while the next ones come in: each write is a trip to another thread. */
async function writePieces(handle: FileHandle, data: Iterable<Uint8Array> | AsyncIterable<Uint8Array>, hash: Hash | undefined): Promise<number> {
  let gathered: Uint8Array[] = [];
  let [gatheredBytes, sizeBytes] = [0, 0];
  let writing: Promise<void> = Promise.resolve();
  let [unsyncedBytes, ahead] = [0, Promise.resolve()];
  try {
    for await (const piece of data) {
      hash?.update(piece);
      gathered.push(piece);
      gatheredBytes += piece.length;
      sizeBytes += piece.length;
      if (gatheredBytes < WRITE_BYTES && gathered.length < WRITE_PIECES) continue;
      await writing;
      writing = writeAll(handle, gathered, gatheredBytes);
      // Its failure is heard where it is waited for, which may be after the next pieces.
      writing.catch(() => {});
      unsyncedBytes += gatheredBytes;
      if (unsyncedBytes >= SYNC_AHEAD_BYTES && !isSyncingAhead) {
        const written = writing;
        ahead = ahead.then(() => syncAhead(handle, written));
        ahead.catch(() => {});
        unsyncedBytes = 0;
      }
      [gathered, gatheredBytes] = [[], 0];
    }
    await writing;
    if (gatheredBytes > 0) await writeAll(handle, gathered, gatheredBytes);
    // The system tells of a failed write once: a later sync would succeed.
    await ahead;
  } finally {
    // The file is closed after this, and nothing must be under way then.
    await Promise.allSettled([writing, ahead]);
  }
  return sizeBytes;
}

/** Of all files together: a sync holds one of the four threads that read and write them. */
let isSyncingAhead = false;

async function syncAhead(handle: FileHandle, written: Promise<void>): Promise<void> {
  isSyncingAhead = true;
  try {
    await written;
    await handle.datasync();
  } finally {
    isSyncingAhead = false;
  }
}

/** One write of many megabytes costs several times what small ones do. */
function* piecesOf(data: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < data.length; at += WRITE_BYTES) yield data.subarray(at, at + WRITE_BYTES);
}

async function writeAll(handle: FileHandle, pieces: readonly Uint8Array[], bytes: number): Promise<void> {
  const { bytesWritten } = await handle.writev(pieces);
  // A disk that is nearly full takes a part, and says so only when asked for the rest.
  if (bytesWritten < bytes) await handle.writeFile(Buffer.concat(pieces).subarray(bytesWritten));
}

async function moveIntoPlace(file: string, home: string, segments: readonly string[]): Promise<void> {
  const folder = path.join(home, ...segments.slice(0, -1));
  for (let attempt = 1; ; attempt++) {
    const created = await mkdir(folder, { recursive: true });
    try {
      await rename(file, path.join(home, ...segments));
    } catch (error) {
      // A delete beside us found the new folder still empty and removed it.
      if (errnoOf(error) === "ENOENT" && attempt < 5) continue;
      throw error;
    }
    await syncFolder(folder);
    // New folders are on disk only once their parents are.
    if (created === undefined) return;
    for (let made = folder; made.length >= created.length; made = path.dirname(made)) await syncFolder(path.dirname(made));
    return;
  }
}

async function* readChunks(openBlob: () => Promise<FileHandle>, range: ByteRange = { from: 0, to: Infinity }): AsyncGenerator<Uint8Array> {
  const handle = await openBlob();
  try {
    for (let at = range.from; at <= range.to;) {
      const wanted = Math.min(STREAM_CHUNK_BYTES, range.to - at + 1);
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(wanted), 0, wanted, at);
      if (bytesRead === 0) return;
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}

async function readNames(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}

/** A folder is there as long as a blob is in it, as in an object store. */
async function removeEmptyFolders(home: string, segments: readonly string[]): Promise<void> {
  for (let depth = segments.length; depth > 0; depth--) {
    try {
      await rmdir(path.join(home, ...segments.slice(0, depth)));
    } catch {
      await syncFolder(path.join(home, ...segments.slice(0, depth))).catch(() => {});
      return;
    }
  }
  await syncFolder(home);
}

/** Unfinished blobs of processes that died while writing. */
async function removeLeftovers(temporary: string): Promise<void> {
  for (const name of await readdir(temporary)) {
    const pid = Number(name.split("-")[0]);
    if (!processIsAlive(pid)) await rm(path.join(temporary, name), { force: true });
  }
}

function isAbsent(error: unknown): boolean {
  const code = errnoOf(error);
  return code === "ENOENT" || code === "ENOTDIR" || code === "ELOOP";
}

function refused(blob: string, problem: string, cause?: unknown): KarkhanaError {
  return new KarkhanaError("BLOB_PATH_REFUSED", { path: JSON.stringify(blob), problem }, { cause });
}
