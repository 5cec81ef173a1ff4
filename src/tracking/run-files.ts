import { KarkhanaError } from "../kernel/error.ts";
import { parseBlobPath } from "../storage/blobs/path.ts";
import type { BlobEntry, BlobStore, OpenBlob } from "../storage/blobs/port.ts";
import type { LoggedModel } from "./logged-model.ts";

/** Where a run's file lies: ids as they stand in its address, and the path below the run's artifact folder. */
export interface RunFile {
  readonly experimentId: string;
  readonly runId: string;
  readonly path: string;
}

/** The same of a logged model. */
export interface ModelFile {
  readonly experimentId: string;
  readonly modelId: string;
  readonly path: string;
}

/** Files as a stream in and out; every call checks that their owner is there and is of that experiment. */
export interface ArtifactFiles<File extends { readonly path: string }> {
  /** Whole or absent; a repeated write of one path replaces the file. @throws RUN_NOT_FOUND, RUN_DELETED, LOGGED_MODEL_NOT_FOUND, BLOB_PATH_REFUSED */
  write(file: File, data: AsyncIterable<Uint8Array>): Promise<void>;
  /** @throws as `write` would before it takes a byte */
  requireWritable(file: File): Promise<void>;
  /** @throws BLOB_NOT_FOUND */
  read(file: File): Promise<FileContent>;
  /** For readers with a buffer of their own; whoever opens closes. @throws BLOB_NOT_FOUND */
  open(file: File): Promise<OpenBlob>;
  /** Direct children, names only. */
  list(folder: File): Promise<{ name: string; isFolder: boolean; sizeBytes: number }[]>;
  /** A file or a whole folder; deleting what is not there is done already. */
  delete(file: File): Promise<void>;
}

export interface FileContent {
  /** Of the whole file. */
  readonly sizeBytes: number;
  readonly content: AsyncIterable<Uint8Array>;
}

export type RunFiles = ArtifactFiles<RunFile>;
export type ModelFiles = ArtifactFiles<ModelFile>;

export type FolderOfRun = (runId: string) => Promise<{ experimentId: string; artifactPath: string; isDeleted: boolean }>;

export function createRunFiles(blobs: BlobStore, folderOf: FolderOfRun): RunFiles {
  return createFiles(blobs, async ({ experimentId, runId }, isWrite) => {
    const folder = await folderOf(runId);
    if (folder.experimentId !== experimentId) throw new KarkhanaError("RUN_NOT_FOUND", { runId });
    if (isWrite && folder.isDeleted) throw new KarkhanaError("RUN_DELETED", { runId });
    return folder.artifactPath;
  });
}

export function createModelFiles(blobs: BlobStore, modelOf: (modelId: string) => Promise<LoggedModel>): ModelFiles {
  return createFiles(blobs, async ({ experimentId, modelId }, isWrite) => {
    const model = await modelOf(modelId);
    if (model.artifactPath === undefined || model.experimentId !== experimentId || (isWrite && model.stage === "deleted"))
      throw new KarkhanaError("LOGGED_MODEL_NOT_FOUND", { modelId });
    return model.artifactPath;
  });
}

/** @param folderOf the blob folder of a file's owner, which must be there and, for a write, not deleted */
function createFiles<File extends { readonly path: string }>(
  blobs: BlobStore,
  folderOf: (file: File, isWrite: boolean) => Promise<string>,
): ArtifactFiles<File> {
  const locate = async (file: File, isWrite: boolean): Promise<string> => {
    const folder = await folderOf(file, isWrite);
    return file.path === "" ? folder : `${folder}/${file.path}`;
  };
  const requirePath = (file: File): void => {
    if (file.path === "") throw new KarkhanaError("BLOB_PATH_REFUSED", { path: '""', problem: "it names no file" });
  };
  return {
    write: async (file, data) => {
      requirePath(file);
      // Nobody asks for the hash of what clients put here.
      await blobs.put(await locate(file, true), data, { hash: false });
    },
    requireWritable: async (file) => {
      requirePath(file);
      parseBlobPath(await locate(file, true));
    },
    read: async (file) => {
      requirePath(file);
      const blob = await locate(file, false);
      const info = await blobs.stat(blob);
      if (info === undefined) throw new KarkhanaError("BLOB_NOT_FOUND", { path: file.path });
      return { sizeBytes: info.sizeBytes, content: await blobs.stream(blob) };
    },
    open: async (file) => {
      requirePath(file);
      return blobs.open(await locate(file, false));
    },
    list: async (folder) => {
      const at = await locate(folder, false);
      return (await blobs.list(at)).map(({ path, isFolder, sizeBytes }) => ({ name: path.slice(at.length + 1), isFolder, sizeBytes }));
    },
    delete: async (file) => {
      const at = await locate(file, true);
      await deleteFilesBelow(blobs, at);
      if (file.path !== "") await blobs.delete(at);
    },
  };
}

export async function deleteFilesBelow(blobs: BlobStore, folder: string): Promise<void> {
  for await (const entry of filesBelow(blobs, folder)) await blobs.delete(entry.path);
}

export async function* filesBelow(blobs: BlobStore, folder: string): AsyncGenerator<BlobEntry> {
  for (const entry of await blobs.list(folder)) {
    if (entry.isFolder) yield* filesBelow(blobs, entry.path);
    else yield entry;
  }
}
