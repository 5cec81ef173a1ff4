import type { DatasetVersion } from "../data/store.ts";
import { featureViewHash } from "../features/definition.ts";
import { codeOf } from "../kernel/error.ts";
import { definitionHash } from "../kernel/hashing.ts";
import { sourcesOf, viewsOf } from "../project/definition.ts";
import type { ModelVersion } from "../registry/port.ts";
import type { RunRecord } from "../tracking/records.ts";
import type { Lineage } from "./api-registry.ts";
import type { RouteContext } from "./control-rooms.ts";

/** A version's dataset hash is over one version of each source; more combinations than this are not tried. */
const maxCombinations = 5000;

/** From a version back to the run that made it, the data it was trained on and the views that made its features. */
export async function lineageOf(context: RouteContext, version: ModelVersion): Promise<Lineage> {
  const record = version.runId === "" ? undefined : await runOf(context, version.runId);
  const model = context.project.models.find((m) => m.name === version.model);
  const isThis = model?.service.hash === version.serviceHash;
  const views = model !== undefined && isThis ? viewsOf(model.service) : [];
  return {
    datasets: await datasetsOf(context, version, record),
    views: views.map((v) => ({ name: v.name, hash: featureViewHash(v), features: Object.keys(v.features).length })),
    viewsAreThose: version.serviceHash === "" ? null : isThis,
    run:
      record === undefined
        ? null
        : {
            runId: record.run.runId,
            name: record.run.name,
            experimentId: record.run.experimentId,
            experiment: (await context.tracking.experiments.get(record.run.experimentId)).name,
            status: record.run.status,
          },
  };
}

/** A client may name a run that is not here. */
async function runOf({ tracking }: RouteContext, runId: string): Promise<RunRecord | undefined> {
  try {
    return await tracking.runs.get(runId);
  } catch (error) {
    if (codeOf(error) === "RUN_NOT_FOUND") return undefined;
    throw error;
  }
}

async function datasetsOf({ datasets, project }: RouteContext, { datasetHash }: ModelVersion, record: RunRecord | undefined): Promise<Lineage["datasets"]> {
  const known = await datasets.listVersions();
  const behind = combinationWith(
    sourcesOf(project).map((s) => known.filter((v) => v.sourceName === s.name)),
    datasetHash,
    known,
  );
  const named = (record?.datasets ?? []).map(({ name, digest }) => ({ name, digest, hash: known.find((v) => v.hash.startsWith(digest))?.hash ?? null }));
  return [...behind.map((v) => ({ name: v.sourceName, digest: v.hash, hash: v.hash })), ...named];
}

/** The versions, one of each source, whose hashes together are the one that is kept. */
function combinationWith(bySource: readonly (readonly DatasetVersion[])[], datasetHash: string, known: readonly DatasetVersion[]): readonly DatasetVersion[] {
  if (datasetHash === "") return [];
  const alone = known.find((v) => v.hash === datasetHash);
  if (alone !== undefined) return [alone];
  let combinations: (readonly DatasetVersion[])[] = [[]];
  for (const versions of bySource) {
    combinations = combinations.flatMap((chosen) => versions.map((v) => [...chosen, v]));
    if (combinations.length > maxCombinations) return [];
  }
  return combinations.find((chosen) => definitionHash(chosen.map((v) => v.hash)) === datasetHash) ?? [];
}
