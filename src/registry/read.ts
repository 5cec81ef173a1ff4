import type { Kysely, Selectable } from "kysely";

import type { Deployment, ModelVersion, Proof, RegistryEvent } from "./port.ts";
import type { RegistryTables } from "./tables.ts";

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

export async function readDeployments(db: RegistryQueries, model?: string): Promise<Deployment[]> {
  const all = db.selectFrom("registry_deployments").selectAll().orderBy("model");
  const rows = await (model === undefined ? all : all.where("model", "=", model)).execute();
  return rows.map(toDeployment);
}

export async function deploymentsOf(db: RegistryQueries, models: readonly string[]): Promise<Deployment[]> {
  return (await db.selectFrom("registry_deployments").selectAll().where("model", "in", models).execute()).map(toDeployment);
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

function toDeployment(row: Selectable<RegistryTables["registry_deployments"]>): Deployment {
  return {
    model: row.model,
    revision: row.revision,
    champion: row.champion,
    ...(row.challenger === null ? {} : { challenger: row.challenger }),
    abShare: row.ab_share,
    ...(row.shadow === null ? {} : { shadow: row.shadow }),
    ...(row.previous === null ? {} : { previous: row.previous }),
    reason: row.reason,
    changedUs: row.changed_us,
  };
}
