import { KarkhanaError } from "../../kernel/error.ts";
import { parseBlobPath } from "../../storage/blobs/path.ts";
import type { OpenBlob } from "../../storage/blobs/port.ts";
import type { MlflowCall, MlflowTracking } from "./call.ts";
import { proxiedFile, type ProxiedFile } from "./artifact-uri.ts";
import { refuse } from "./message.ts";
import { decodable } from "./readable-address.ts";

type Listed = readonly { name: string; isFolder: boolean; sizeBytes: number }[];

/** Listings of a run's and a logged model's files; the proxy's own is `listProxied`. */
export const artifactCalls: readonly MlflowCall[] = [
  {
    method: "GET",
    path: "artifacts/list",
    answer: async (message, tracking) => {
      const { run, artifactUri, artifactsAreHere } = await tracking.runs.get(message.runId());
      if (!artifactsAreHere) refuse(`The artifacts of this run are kept at ${artifactUri}, which this server does not read.`);
      const path = relativePath(message.text("path"));
      const files = await tracking.files.list({ experimentId: run.experimentId, runId: run.runId, path });
      return { root_uri: artifactUri, ...filesJson(files, path) };
    },
  },
  {
    method: "GET",
    path: "logged-models/:model_id/artifacts/directories",
    answer: async (message, tracking) => {
      const { modelId, experimentId, artifactUri, artifactPath } = await tracking.loggedModels.get(message.requiredText("model_id"));
      if (artifactPath === undefined) refuse(`The files of this model are kept at ${artifactUri}, which this server does not read.`);
      const path = relativePath(message.text("artifact_directory_path"));
      return { root_uri: artifactUri, ...filesJson(await tracking.modelFiles.list({ experimentId, modelId, path }), path) };
    },
  },
];

/** The answer to GET mlflow-artifacts/artifacts?path=: base names only. */
export const listProxied: MlflowCall["answer"] = async (message, tracking) => {
  const path = message.text("path") ?? "";
  if (path === "") throw new KarkhanaError("BLOB_PATH_REFUSED", { path: '""', problem: "it is not below the artifacts of a run" });
  // Such a name the client sends as it is to put the file, where it is decoded, and encoded here: nothing is called so.
  if (/%[0-9a-f]{2}/i.test(path)) {
    const decoded = decodeURIComponent(decodable(path));
    parseBlobPath(decoded);
    // With more segments than it shows it is refused as whatever else hides one.
    if (decoded.split("/").length === path.split("/").length) return {};
  }
  return filesJson(await listFile(tracking, await proxiedFile(tracking, path)), "");
};

export function openFile(tracking: MlflowTracking, { kind, file }: ProxiedFile): Promise<OpenBlob> {
  return kind === "run" ? tracking.files.open(file) : tracking.modelFiles.open(file);
}

export function writeFile(tracking: MlflowTracking, { kind, file }: ProxiedFile, data: AsyncIterable<Uint8Array>): Promise<void> {
  return kind === "run" ? tracking.files.write(file, data) : tracking.modelFiles.write(file, data);
}

export function deleteFile(tracking: MlflowTracking, { kind, file }: ProxiedFile): Promise<void> {
  return kind === "run" ? tracking.files.delete(file) : tracking.modelFiles.delete(file);
}

function listFile(tracking: MlflowTracking, { kind, file }: ProxiedFile): Promise<Listed> {
  return kind === "run" ? tracking.files.list(file) : tracking.modelFiles.list(file);
}

/** "." is the folder itself, as clients ask for it. */
function relativePath(path: string | undefined): string {
  const trimmed = (path ?? "").replace(/\/+$/, "");
  return trimmed === "." ? "" : trimmed;
}

/** A folder has no size. */
function filesJson(files: Listed, folder: string): object {
  if (files.length === 0) return {};
  const prefix = folder === "" ? "" : `${folder}/`;
  return {
    files: files.map(({ name, isFolder, sizeBytes }) => ({ path: `${prefix}${name}`, is_dir: isFolder, ...(isFolder ? {} : { file_size: sizeBytes }) })),
  };
}
