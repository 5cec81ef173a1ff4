/** Artifacts as clients address them: below the proxy, by experiment and run or logged model, or below a place the experiment names. */
import { codeOf, KarkhanaError } from "../../kernel/error.ts";
import type { ModelFile, RunFile } from "../run-files.ts";
import type { MlflowTracking } from "./call.ts";
import { refuse } from "./message.ts";

const scheme = "mlflow-artifacts:/";

export type ProxiedFile = { readonly kind: "run"; readonly file: RunFile } | { readonly kind: "model"; readonly file: ModelFile };

/**
 * The file a path below the proxy names. Nothing but the folders of runs and logged models is reachable, whatever else lies in the blob
 * store; a path by an experiment's own location reaches the same file as the one by ids. @throws BLOB_PATH_REFUSED, RUN_NOT_FOUND, LOGGED_MODEL_NOT_FOUND
 */
export async function proxiedFile(tracking: Pick<MlflowTracking, "runs" | "loggedModels" | "workspace">, address: string): Promise<ProxiedFile> {
  try {
    return await fileAt(tracking, address);
  } catch (error) {
    // In MLflow's words: such a path is another workspace's whatever it names.
    const asked = /^workspaces\/([^/]+)\//.exec(address)?.[1];
    if (asked !== undefined && asked !== tracking.workspace && (codeOf(error) === "RUN_NOT_FOUND" || codeOf(error) === "LOGGED_MODEL_NOT_FOUND"))
      refuse(`Artifact path targets workspace '${asked.slice(0, 100)}' but the workspace specified in the request is '${tracking.workspace}'.`);
    throw error;
  }
}

async function fileAt(tracking: Pick<MlflowTracking, "runs" | "loggedModels">, address: string): Promise<ProxiedFile> {
  const match = /^(.+?)\/(?:([0-9a-f]{32})|models\/(m-[0-9a-f]{32}))\/artifacts(?:\/(.*))?$/s.exec(address.replace(/\/+$/, ""));
  if (match === null) return refusePath(address);
  const [, place = "", runId, modelId = "", path = ""] = match;
  if (runId !== undefined) {
    if (/^\d{1,10}$/.test(place)) return { kind: "run", file: { experimentId: place, runId, path } };
    const { run, artifactUri } = await tracking.runs.get(runId);
    const folder = `${place}/${runId}/artifacts`;
    if (artifactUri !== `${scheme}${folder}` && run.artifactPath !== folder) throw new KarkhanaError("RUN_NOT_FOUND", { runId });
    return { kind: "run", file: { experimentId: run.experimentId, runId, path } };
  }
  if (/^\d{1,10}$/.test(place)) return { kind: "model", file: { experimentId: place, modelId, path } };
  const model = await tracking.loggedModels.get(modelId, { allowDeleted: true });
  const folder = `${place}/models/${modelId}/artifacts`;
  if (model.artifactUri !== `${scheme}${folder}` && model.artifactPath !== folder) throw new KarkhanaError("LOGGED_MODEL_NOT_FOUND", { modelId });
  return { kind: "model", file: { experimentId: model.experimentId, modelId, path } };
}

function refusePath(address: string): never {
  throw new KarkhanaError("BLOB_PATH_REFUSED", {
    path: JSON.stringify(address.slice(0, 200)),
    problem: "it is not below the artifacts of a run or a logged model",
  });
}
