import { KarkhanaError } from "../../kernel/error.ts";
import type { MlflowCall } from "./call.ts";
import { parseProxyPath, runArtifactUri } from "./artifact-uri.ts";
import { refuse } from "./message.ts";

/** `artifacts/list` of a run; the proxy's own listing is `listProxied`. */
export const artifactCalls: readonly MlflowCall[] = [
  {
    method: "GET",
    path: "artifacts/list",
    answer: async (message, tracking) => {
      const record = await tracking.runs.get(message.runId());
      if (record.artifactUri !== undefined) refuse(`The artifacts of this run are kept at ${record.artifactUri}, which this server does not read.`);
      const path = (message.text("path") ?? "").replace(/\/+$/, "");
      const { experimentId, runId } = record.run;
      const files = await tracking.files.list({ experimentId, runId, path });
      return { root_uri: runArtifactUri(record), ...filesJson(files, path === "" ? "" : `${path}/`) };
    },
  },
];

/** The answer to GET mlflow-artifacts/artifacts?path=: base names only. */
export const listProxied: MlflowCall["answer"] = async (message, tracking) => {
  const path = message.text("path") ?? "";
  if (path === "") throw new KarkhanaError("BLOB_PATH_REFUSED", { path: '""', problem: "it is not below the artifacts of a run" });
  return filesJson(await tracking.files.list(parseProxyPath(path)), "");
};

/** A folder has no size. */
function filesJson(files: readonly { name: string; isFolder: boolean; sizeBytes: number }[], prefix: string): object {
  if (files.length === 0) return {};
  return {
    files: files.map(({ name, isFolder, sizeBytes }) => ({ path: `${prefix}${name}`, is_dir: isFolder, ...(isFolder ? {} : { file_size: sizeBytes }) })),
  };
}
