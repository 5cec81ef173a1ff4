import { codeOf } from "../../kernel/error.ts";
import type { TrackingStore } from "../../tracking/store.ts";

interface Here {
  readonly tracking: Pick<TrackingStore, "runs">;
  /** Folder of the experiment here of each logged model that came across. */
  readonly homes: ReadonlyMap<string, string>;
}

/**
 * The blob folder a version's files have here now, from where they lay in the source: below a run's artifacts or a logged model's, whatever
 * stands before. Undefined if they did not come across.
 */
export async function storedPlace(storage: string, { source }: { readonly source: string }, here: Here): Promise<string | undefined> {
  for (const location of [storage, source]) {
    const model = /(?:^models:\/|\/models\/)(m-[0-9a-f]{32})(?:\/artifacts)?(\/.*)?$/.exec(location);
    const home = model === null ? undefined : here.homes.get(model[1]!);
    if (model !== null && home !== undefined) return `${home}/models/${model[1]}/artifacts${tail(model[2])}`;
    const run = /^runs:\/+([0-9a-f]{32})(\/.*)?$/.exec(location) ?? /\/([0-9a-f]{32})\/artifacts(\/.*)?$/.exec(location);
    const folder = run === null ? undefined : await folderOf(run[1]!, here);
    if (run !== null && folder !== undefined) return `${folder}${tail(run[2])}`;
  }
  return undefined;
}

function tail(path: string | undefined): string {
  const parts = (path ?? "").split("/").filter((p) => p !== "");
  return parts.some((p) => p === "." || p === "..") || parts.length === 0 ? "" : `/${parts.join("/")}`;
}

async function folderOf(runId: string, { tracking }: Here): Promise<string | undefined> {
  try {
    return (await tracking.runs.get(runId)).run.artifactPath;
  } catch (error) {
    if (codeOf(error) === "RUN_NOT_FOUND") return undefined;
    throw error;
  }
}
