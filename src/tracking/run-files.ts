import { KarkhanaError } from "../kernel/error.ts";
import type { BlobEntry, BlobStore } from "../storage/blobs/port.ts";

/** Where a run's file lies: ids as they stand in its address, and the path below the run's artifact folder. */
export interface RunFile {
  readonly experimentId: string;
  readonly runId: string;
  readonly path: string;
}

/** A run's files as a stream in and out; every call checks that the run is there and is of that experiment. */
export interface RunFiles {
  /** Whole or absent; a repeated write of one path replaces the file. @throws RUN_NOT_FOUND, RUN_DELETED, BLOB_PATH_REFUSED */
  write(file: RunFile, data: AsyncIterable<Uint8Array>): Promise<void>;
  /** @throws BLOB_NOT_FOUND */
  read(file: RunFile): Promise<{ sizeBytes: number; content: AsyncIterable<Uint8Array> }>;
  /** Direct children, names only. */
  list(folder: RunFile): Promise<{ name: string; isFolder: boolean; sizeBytes: number }[]>;
  /** A file or a whole folder; deleting what is not there is done already. */
  delete(file: RunFile): Promise<void>;
}

export type FolderOfRun = (runId: string) => Promise<{ experimentId: string; artifactPath: string; isDeleted: boolean }>;

export function createRunFiles(blobs: BlobStore, folderOf: FolderOfRun): RunFiles {
  const locate = async ({ experimentId, runId, path }: RunFile, isWrite: boolean): Promise<string> => {
    const folder = await folderOf(runId);
    if (folder.experimentId !== experimentId) throw new KarkhanaError("RUN_NOT_FOUND", { runId });
    if (isWrite && folder.isDeleted) throw new KarkhanaError("RUN_DELETED", { runId });
    return path === "" ? folder.artifactPath : `${folder.artifactPath}/${path}`;
  };
  const requirePath = (file: RunFile): void => {
    if (file.path === "") throw new KarkhanaError("BLOB_PATH_REFUSED", { path: '""', problem: "it names no file" });
  };
  return {
    write: async (file, data) => {
      requirePath(file);
      await blobs.put(await locate(file, true), data);
    },
    read: async (file) => {
      requirePath(file);
      const blob = await locate(file, false);
      const info = await blobs.stat(blob);
      if (info === undefined) throw new KarkhanaError("BLOB_NOT_FOUND", { path: file.path });
      return { sizeBytes: info.sizeBytes, content: await blobs.stream(blob) };
    },
    list: async (folder) => {
      const at = await locate(folder, false);
      return (await blobs.list(at)).map(({ path, isFolder, sizeBytes }) => ({ name: path.slice(at.length + 1), isFolder, sizeBytes }));
    },
    delete: async (file) => {
      const at = await locate(file, true);
      for await (const entry of filesBelow(blobs, at)) await blobs.delete(entry.path);
      if (file.path !== "") await blobs.delete(at);
    },
  };
}

async function* filesBelow(blobs: BlobStore, folder: string): AsyncGenerator<BlobEntry> {
  for (const entry of await blobs.list(folder)) {
    if (entry.isFolder) yield* filesBelow(blobs, entry.path);
    else yield entry;
  }
}
