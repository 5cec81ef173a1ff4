import type { BlobEntry, BlobInfo, BlobStore } from "../storage/blobs/port.ts";

/** Files of a run. The blob store confines the path and keeps "whole or absent"; a repeated put of the same path replaces the file. */
export interface RunArtifacts {
  /** @throws RUN_NOT_FOUND, BLOB_PATH_REFUSED */
  logArtifact(runId: string, path: string, data: Uint8Array | AsyncIterable<Uint8Array>): Promise<BlobInfo>;
  /** Direct children of a folder of the run, paths as in the blob store. */
  listArtifacts(runId: string, folder?: string): Promise<BlobEntry[]>;
  /** @throws BLOB_NOT_FOUND */
  getArtifact(runId: string, path: string): Promise<Uint8Array>;
}

export function createRunArtifacts(blobs: BlobStore, folderOf: (runId: string) => Promise<string>): RunArtifacts {
  return {
    logArtifact: async (runId, path, data) => blobs.put(`${await folderOf(runId)}/${path}`, data),
    listArtifacts: async (runId, folder) => blobs.list(folder === undefined || folder === "" ? await folderOf(runId) : `${await folderOf(runId)}/${folder}`),
    getArtifact: async (runId, path) => blobs.get(`${await folderOf(runId)}/${path}`),
  };
}
