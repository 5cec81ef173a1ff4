import type { Kysely, Selectable } from "kysely";

import { countBuckets, numBuckets } from "../math/buckets.ts";
import type { Challenger, Deployment, ModelVersion, Proof, RegistryEvent } from "./port.ts";
import type { RegistryTables } from "./tables.ts";
import { parseBuckets } from "./traffic.ts";

export type RegistryQueries = Kysely<RegistryTables>;

/** Versions of a model in order, or only the one asked for. */
export async function readVersions(db: RegistryQueries, model: string, version?: number): Promise<ModelVersion[]> {
  const asked = version === undefined ? { model } : { model, version };
  const rows = await db
    .selectFrom("registry_versions")
    .selectAll()
    .where((eb) => eb.and(asked))
    .where("deleted_us", "is", null)
    .orderBy("version")
    .execute();
  const proofs = await db
    .selectFrom("registry_proofs")
    .selectAll()
    .where((eb) => eb.and(asked))
    .orderBy("sequence")
    .execute();
  const waivers = await db
    .selectFrom("registry_waivers")
    .selectAll()
    .where((eb) => eb.and(asked))
    .execute();
  const proofsOf = Map.groupBy(proofs, (p) => p.version);
  const waiversOf = Map.groupBy(waivers, (w) => w.version);
  return rows.map((row) => ({
    model: row.model,
    version: row.version,
    state: row.state,
    runId: row.run_id,
    artifactPath: row.artifact_path,
    definitionHash: row.definition_hash,
    serviceHash: row.service_hash,
    datasetHash: row.dataset_hash,
    ...(row.source === null ? {} : { source: row.source }),
    createdUs: row.created_us,
    proofs: (proofsOf.get(row.version) ?? []).map(toProof),
    waivers: Object.fromEntries((waiversOf.get(row.version) ?? []).map((w) => [w.kind, w.reason])),
  }));
}

export function readDeployments(db: RegistryQueries, model?: string): Promise<Deployment[]> {
  return deploymentsOf(db, model === undefined ? undefined : [model]);
}

/**
 * One statement, so that a deployment and its places are of one moment whatever the isolation.
 * @param models undefined: all
 */
export async function deploymentsOf(db: RegistryQueries, models: readonly string[] | undefined): Promise<Deployment[]> {
  const all = db
    .selectFrom("registry_deployments as d")
    .leftJoin("registry_places as p", "p.model", "d.model")
    .select(["d.model", "d.revision", "d.champion", "d.salt", "d.previous", "d.reason", "d.changed_us"])
    .select(["p.version as place_version", "p.place", "p.buckets"])
    .orderBy("d.model")
    .orderBy("p.position");
  const rows = await (models === undefined ? all : all.where("d.model", "in", models)).execute();
  return [...Map.groupBy(rows, (row) => row.model).values()].map((own) => toDeployment(own[0]!, own));
}

export async function readEvents(db: RegistryQueries, model: string, afterSequence: number): Promise<RegistryEvent[]> {
  const rows = await db
    .selectFrom("registry_events")
    .selectAll()
    .where("model", "=", model)
    .where("sequence", ">", afterSequence)
    .orderBy("sequence")
    .execute();
  return rows.map((row) => ({
    sequence: row.sequence,
    model: row.model,
    ...(row.version === null ? {} : { version: row.version }),
    kind: row.kind,
    reason: row.reason,
    atUs: row.at_us,
  }));
}

function toProof(row: Selectable<RegistryTables["registry_proofs"]>): Proof {
  const details: Readonly<Record<string, unknown>> = JSON.parse(row.details);
  return { kind: row.kind, passed: row.passed === 1, summary: row.summary, details, recordedUs: row.recorded_us, hash: row.hash };
}

interface PlaceRow {
  readonly place_version: number | null;
  readonly place: "challenger" | "shadow" | null;
  readonly buckets: string | null;
}

function toDeployment(row: Selectable<RegistryTables["registry_deployments"]>, places: readonly PlaceRow[]): Deployment {
  const challengers = places.flatMap(({ place, place_version: version, buckets: text }): Challenger[] => {
    if (place !== "challenger" || version === null) return [];
    const buckets = parseBuckets(text ?? "[]");
    return [{ version, share: countBuckets(buckets) / numBuckets, buckets }];
  });
  return {
    model: row.model,
    revision: row.revision,
    champion: row.champion,
    challengers,
    shadows: places.flatMap(({ place, place_version: version }) => (place === "shadow" && version !== null ? [version] : [])),
    salt: row.salt,
    ...(row.previous === null ? {} : { previous: row.previous }),
    reason: row.reason,
    changedUs: row.changed_us,
  };
}
