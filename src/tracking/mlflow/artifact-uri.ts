/** Artifacts as clients address them: below the proxy, by experiment and run, unless the experiment names another place. */
import { KarkhanaError } from "../../kernel/error.ts";
import type { ExperimentRecord, RunRecord } from "../records.ts";

export function experimentArtifactUri(record: Pick<ExperimentRecord, "experimentId" | "artifactLocation">): string {
  return record.artifactLocation ?? `mlflow-artifacts:/${record.experimentId}`;
}

export function runArtifactUri({ run, artifactUri }: RunRecord): string {
  return artifactUri ?? `mlflow-artifacts:/${run.artifactPath}`;
}

export interface ProxyPath {
  readonly experimentId: string;
  readonly runId: string;
  /** Below the run's artifact folder; empty for the folder itself. */
  readonly path: string;
}

/** Nothing but run folders is reachable through the proxy, whatever else lies in the blob store. @throws BLOB_PATH_REFUSED */
export function parseProxyPath(path: string): ProxyPath {
  const match = /^(\d{1,10})\/([0-9a-f]{32})\/artifacts(?:\/(.*))?$/s.exec(path.replace(/\/+$/, ""));
  if (match === null)
    throw new KarkhanaError("BLOB_PATH_REFUSED", { path: JSON.stringify(path.slice(0, 200)), problem: "it is not below the artifacts of a run" });
  return { experimentId: match[1]!, runId: match[2]!, path: match[3] ?? "" };
}
