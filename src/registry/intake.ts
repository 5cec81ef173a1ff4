import { KarkhanaError } from "../kernel/error.ts";
import { defaultWorkspace } from "../kernel/workspace.ts";
import type { SqlDatabase } from "../storage/sql/port.ts";
import { tables } from "../storage/sql/tables.ts";
import { holdWorkspace } from "../tracking/workspaces.ts";
import { stages, type Stage } from "./catalog.ts";
import { modelKey } from "./model-key.ts";
import type { RegistryQueries } from "./read.ts";
import type { RegistryTables } from "./tables.ts";

type Texts = Readonly<Record<string, string>>;

export interface IntakeVersion {
  readonly version: number;
  readonly createdUs: number;
  readonly updatedUs: number;
  readonly description: string | null;
  readonly userId: string | null;
  readonly stage: string;
  readonly source: string;
  readonly downloadUri: string;
  /** Blob folder; empty if its files are not kept here. */
  readonly artifactPath: string;
  readonly runId: string;
  readonly modelId: string | null;
  readonly runLink: string | null;
  readonly tags: Texts;
}

export interface IntakeModel {
  readonly name: string;
  readonly createdUs: number;
  readonly updatedUs: number;
  readonly description: string | null;
  readonly tags: Texts;
  readonly aliases: Readonly<Record<string, number>>;
  readonly versions: readonly IntakeVersion[];
}

/** Where it comes from, and the workspace it goes to. */
interface IntakeFrom {
  readonly identity: string;
  readonly workspace?: string;
}

/** Which source a version came from; another's version of that number is not overwritten. */
const requestOf = (identity: string, version: number): string => `import:${identity}#${version}`;

/**
 * Takes in a registered model that was made elsewhere, with the version numbers and times it has there. May be repeated: what is here is
 * then brought to what is given. A model that this program deploys, or whose versions were made here, is left alone.
 * @throws REGISTERED_MODEL_EXISTS if a model of that name is here with versions of its own
 */
export async function takeInModel(database: SqlDatabase, { identity, workspace = defaultWorkspace }: IntakeFrom, model: IntakeModel): Promise<void> {
  requireModel(model);
  await database.transaction(async (t) => {
    const trx = tables<RegistryTables>(t);
    const { createdUs, updatedUs, description } = model;
    const name = modelKey(workspace, model.name);
    if (workspace !== defaultWorkspace) await holdWorkspace(t, database.dialect, workspace);
    const last = Math.max(0, ...model.versions.map((v) => v.version));
    const held = await trx.selectFrom("registry_models").select(["last_version"]).where("model", "=", name).executeTakeFirst();
    if (held === undefined)
      await trx
        .insertInto("registry_models")
        .values({ model: name, workspace, last_version: last, last_event: 0, created_us: createdUs, updated_us: updatedUs, description })
        .execute();
    else {
      await refuseOthers(trx, identity, name, model.name);
      await trx
        .updateTable("registry_models")
        .set({ last_version: Math.max(last, held.last_version), updated_us: updatedUs, description })
        .where("model", "=", name)
        .execute();
    }
    for (const [key, value] of Object.entries(model.tags))
      await trx
        .insertInto("registry_model_tags")
        .values({ model: name, key, value })
        .onConflict((c) => c.columns(["model", "key"]).doUpdateSet({ value }))
        .execute();
    for (const version of model.versions) await takeVersion(trx, { identity, workspace }, name, version);
    for (const [alias, version] of Object.entries(model.aliases))
      await trx
        .insertInto("registry_aliases")
        .values({ model: name, alias, version })
        .onConflict((c) => c.columns(["model", "alias"]).doUpdateSet({ version }))
        .execute();
  });
}

async function refuseOthers(trx: RegistryQueries, identity: string, model: string, name: string): Promise<void> {
  const deployed = await trx.selectFrom("registry_deployments").select("model").where("model", "=", model).executeTakeFirst();
  const versions = await trx.selectFrom("registry_versions").select(["version", "request_id"]).where("model", "=", model).execute();
  if (deployed !== undefined || versions.some((v) => v.request_id !== requestOf(identity, v.version)))
    throw new KarkhanaError("REGISTERED_MODEL_EXISTS", { model: name });
}

async function takeVersion(trx: RegistryQueries, { identity, workspace }: Required<IntakeFrom>, model: string, v: IntakeVersion): Promise<void> {
  const own = {
    run_id: v.runId,
    artifact_path: v.artifactPath,
    source: v.source,
    download_uri: v.downloadUri,
    description: v.description,
    run_link: v.runLink,
    model_id: v.modelId,
    user_id: v.userId,
    stage: stages.find((s) => s === v.stage) ?? ("None" satisfies Stage),
    updated_us: v.updatedUs,
  };
  await trx
    .insertInto("registry_versions")
    .values({
      model,
      workspace,
      version: v.version,
      request_id: requestOf(identity, v.version),
      definition_hash: "",
      service_hash: "",
      dataset_hash: "",
      state: "registered",
      created_us: v.createdUs,
      ...own,
    })
    .onConflict((c) => c.columns(["model", "version"]).doUpdateSet(own))
    .execute();
  for (const [key, value] of Object.entries(v.tags))
    await trx
      .insertInto("registry_version_tags")
      .values({ model, version: v.version, key, value })
      .onConflict((c) => c.columns(["model", "version", "key"]).doUpdateSet({ value }))
      .execute();
}

function requireModel({ name, versions, aliases }: IntakeModel): void {
  const refuse = (problem: string): never => {
    throw new KarkhanaError("INVALID_ARGUMENT", { field: "registered model", problem, value: name.slice(0, 100) });
  };
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (name.trim() === "" || name.length > 256 || /[/:\\\u0000-\u001f\u007f]/.test(name) || name === "." || name === "..") refuse("its name cannot be one here");
  const known = new Set(versions.map((v) => v.version));
  if (known.size !== versions.length || versions.some((v) => !Number.isSafeInteger(v.version) || v.version < 1))
    refuse("its versions are not numbered from 1, each once");
  if (Object.values(aliases).some((version) => !known.has(version))) refuse("an alias names a version that is not there");
}
