import { createHash, randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, lstat, mkdir, open, readdir, readFile, realpath, rename, rm, rmdir, unlink } from "node:fs/promises";
import path from "node:path";
import { KarkhanaError } from "../../kernel/error.ts";
import { sha256 } from "../../kernel/hashing.ts";
import { errnoOf } from "../errno.ts";
import { syncFolder } from "../sync-folder.ts";
import { processIsAlive } from "../process-identity.ts";
import { parseBlobPath, TEMPORARY_FOLDER } from "./path.ts";
import type { BlobEntry, BlobInfo, BlobStore, ByteRange } from "./port.ts";

const STREAM_CHUNK_BYTES = 256 * 1024;

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

  /** Absolute path of a blob whose existing ancestors, symlinks resolved, all lie in the root. */
  const locate = async (blob: string, segments: readonly string[]): Promise<string> => {
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
          return path.join(home, ...segments);
        }
        throw error;
      }
      if (real !== home && !real.startsWith(home + path.sep)) throw refused(blob, "it leads out of the blob folder through a symbolic link");
      at = real;
    }
    return at;
  };

  const openBlob = async (blob: string): Promise<FileHandle> => {
    try {
      const handle = await open(await locate(blob, parseBlobPath(blob)), constants.O_RDONLY | constants.O_NOFOLLOW);
      if ((await handle.stat()).isFile()) return handle;
      await handle.close();
    } catch (error) {
      if (!isAbsent(error)) throw error;
    }
    throw new KarkhanaError("BLOB_NOT_FOUND", { path: blob });
  };

  const put = async (blob: string, data: Uint8Array | AsyncIterable<Uint8Array>): Promise<BlobInfo> => {
    const segments = parseBlobPath(blob);
    await locate(blob, segments);
    const file = path.join(temporary, `${process.pid}-${randomUUID()}`);
    try {
      const written = await writeWhole(file, data);
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
      const handle = await openBlob(blob);
      try {
        return await readFile(handle);
      } finally {
        await handle.close();
      }
    },
    stream: async (blob, range) => {
      // Opened now, so that an absent blob is told at once; opened again by the iteration, which may never begin.
      await (await openBlob(blob)).close();
      return readChunks(() => openBlob(blob), range);
    },
    stat: async (blob) => {
      try {
        const handle = await openBlob(blob);
        try {
          return { path: blob, sizeBytes: (await handle.stat()).size };
        } finally {
          await handle.close();
        }
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

async function writeWhole(file: string, data: Uint8Array | AsyncIterable<Uint8Array>): Promise<{ sizeBytes: number; sha256: string }> {
  const handle = await open(file, "w");
  try {
    if (data instanceof Uint8Array) {
      await handle.writeFile(data);
      await handle.sync();
      return { sizeBytes: data.length, sha256: sha256(data) };
    }
    const hash = createHash("sha256");
    let sizeBytes = 0;
    for await (const chunk of data) {
      await handle.writeFile(chunk);
      hash.update(chunk);
      sizeBytes += chunk.length;
    }
    await handle.sync();
    return { sizeBytes, sha256: hash.digest("hex") };
  } finally {
    await handle.close();
  }
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
