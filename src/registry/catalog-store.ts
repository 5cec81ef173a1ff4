import { sql } from "kysely";

import type { Clock } from "../kernel/clock.ts";
import { KarkhanaError } from "../kernel/error.ts";
import { defaultWorkspace } from "../kernel/workspace.ts";
import { holdWorkspace } from "../tracking/workspaces.ts";
import type { NewId } from "../kernel/ids.ts";
import type { SqlDatabase, SqlTransaction } from "../storage/sql/port.ts";
import { isUniqueViolation, tables } from "../storage/sql/tables.ts";
import type { ModelCatalog, NewRegisteredVersion, RegisteredModel, RegisteredVersion } from "./catalog.ts";
import { readModels, readRegisteredVersions, type ModelRow, type VersionRow } from "./catalog-read.ts";
import { searchModels, searchVersions } from "./catalog-search.ts";
import { guardedAlias, holderOf, placeIn } from "./guarded-aliases.ts";
import { Ledger } from "./ledger.ts";
import { announceNothing, type Announce } from "./notice.ts";
import { placeOfKey } from "./model-key.ts";
import type { Registry } from "./port.ts";
import { workspaceCatalog } from "./workspace-catalog.ts";
import { deploymentsOf, type RegistryQueries } from "./read.ts";
import { moveModel, removeModel } from "./rename.ts";
import type { RegistryTables } from "./tables.ts";

export interface CatalogParts {
  readonly database: SqlDatabase;
  readonly clock: Clock;
  readonly newId: NewId;
  /** Who decides about what is deployed. */
  readonly registry: Pick<Registry, "promote">;
  readonly announce?: Announce;
  /** What stands before a blob's path in addresses that clients read; default: the proxy. */
  readonly artifactRoot?: string;
}

/** The models of `default`. */
export function createModelCatalog(parts: CatalogParts): ModelCatalog {
  const keyed = keyedCatalog(parts);
  const inWorkspace = (workspace: string): ModelCatalog => ({ ...workspaceCatalog(keyed, workspace), inWorkspace });
  return inWorkspace(defaultWorkspace);
}

/** All workspaces' models, by their keys. */
function keyedCatalog(parts: CatalogParts): Omit<ModelCatalog, "inWorkspace"> {
  const { database, clock, registry } = parts;
  const announce = parts.announce ?? announceNothing;
  const artifactRoot = parts.artifactRoot ?? "mlflow-artifacts:";
  const db = tables<RegistryTables>(database.db);
  const write = <T>(work: (trx: SqlTransaction, queries: RegistryQueries) => Promise<T>): Promise<T> =>
    database.transaction((trx) => work(trx, tables<RegistryTables>(trx)));
  const touch = (queries: RegistryQueries, model: string): Promise<unknown> =>
    queries.updateTable("registry_models").set({ updated_us: clock.nowUs() }).where("model", "=", model).execute();
  /** Of one version's own columns. */
  const change = (queries: RegistryQueries, model: string, version: number, set: Partial<Omit<VersionRow, "model" | "version">>): Promise<unknown> =>
    queries
      .updateTable("registry_versions")
      .set({ ...set, updated_us: clock.nowUs() })
      .where("model", "=", model)
      .where("version", "=", version)
      .execute();

  return {
    createModel: ({ name, description, tags }) =>
      write(async (trx, queries) => {
        const { workspace } = placeOfKey(name);
        if (workspace !== defaultWorkspace) await holdWorkspace(trx, database.dialect, workspace);
        const row = { model: name, workspace, last_version: 0, last_event: 0, created_us: clock.nowUs(), description: description ?? null };
        try {
          await queries.insertInto("registry_models").values(row).execute();
        } catch (error) {
          if (isUniqueViolation(error)) throw new KarkhanaError("REGISTERED_MODEL_EXISTS", { model: name }, { cause: error });
          throw error;
        }
        for (const [key, value] of Object.entries(tags)) await queries.insertInto("registry_model_tags").values({ model: name, key, value }).execute();
        await announce(trx, { event: "registered_model.created", data: { name, tags, description: description ?? null } });
        return modelOf(queries, name, artifactRoot);
      }),
    getModel: (name) => modelOf(db, name, artifactRoot),
    describeModel: (name, description) =>
      write(async (_trx, queries) => {
        await rowOf(queries, name);
        await queries.updateTable("registry_models").set({ description, updated_us: clock.nowUs() }).where("model", "=", name).execute();
        return modelOf(queries, name, artifactRoot);
      }),
    renameModel: (name, newName) =>
      write(async (trx, queries) => {
        await lockModels(trx, database.dialect);
        await rowOf(queries, name);
        await refuseInUse(queries, name, "renamed");
        if (newName !== name) {
          const taken = await queries.selectFrom("registry_models").select("model").where("model", "=", newName).executeTakeFirst();
          if (taken !== undefined) throw new KarkhanaError("REGISTERED_MODEL_EXISTS", { model: newName });
          await moveModel(queries, name, newName, clock.nowUs());
        }
        return modelOf(queries, newName, artifactRoot);
      }),
    deleteModel: (name) =>
      write(async (trx, queries) => {
        await lockModels(trx, database.dialect);
        await rowOf(queries, name);
        await refuseInUse(queries, name, "deleted");
        await removeModel(queries, name);
      }),
    setModelTag: (name, key, value) =>
      write(async (trx, queries) => {
        await rowOf(queries, name);
        await queries
          .insertInto("registry_model_tags")
          .values({ model: name, key, value })
          .onConflict((c) => c.columns(["model", "key"]).doUpdateSet({ value }))
          .execute();
        await announce(trx, { event: "registered_model_tag.set", data: { name, key, value } });
      }),
    deleteModelTag: (name, key) =>
      write(async (trx, queries) => {
        await rowOf(queries, name);
        await announce(trx, { event: "registered_model_tag.deleted", data: { name, key } });
        await queries.deleteFrom("registry_model_tags").where("model", "=", name).where("key", "=", key).execute();
      }),
    searchModels: (query) => searchModels(database, query, artifactRoot),

    createVersion: (input) =>
      write(async (trx) => {
        const ledger = await Ledger.open({ trx, dialect: database.dialect, announce }, input.model, clock.nowUs());
        if (ledger === undefined) throw new KarkhanaError("REGISTERED_MODEL_NOT_FOUND", { model: input.model });
        return insertVersion(ledger, input, parts.newId(), artifactRoot);
      }),
    getVersion: (model, version) => versionOf(db, model, version, artifactRoot),
    artifactPath: async (model, version) => (await versionRow(db, model, version)).artifact_path,
    describeVersion: (model, version, description) =>
      write(async (_trx, queries) => {
        await versionRow(queries, model, version);
        await change(queries, model, version, { description: description ?? null });
        return versionOf(queries, model, version, artifactRoot);
      }),
    setStage: (model, version, stage, archiveOthers) =>
      write(async (trx, queries) => {
        await lockModels(trx, database.dialect);
        await versionRow(queries, model, version);
        if (archiveOthers) {
          await queries
            .updateTable("registry_versions")
            .set({ stage: "Archived", updated_us: clock.nowUs() })
            .where("model", "=", model)
            .where("version", "<>", version)
            .where("stage", "=", stage)
            .where("deleted_us", "is", null)
            .execute();
        }
        await change(queries, model, version, { stage });
        await touch(queries, model);
        return versionOf(queries, model, version, artifactRoot);
      }),
    deleteVersion: (model, version) =>
      write(async (trx, queries) => {
        await lockModels(trx, database.dialect);
        await versionRow(queries, model, version);
        const [now] = await deploymentsOf(queries, [model]);
        const place = placeIn(now, version);
        if (place !== undefined)
          throw new KarkhanaError("MODEL_IN_USE", { model: `${model} version ${version}`, change: "deleted", problem: `it is the deployment's ${place}` });
        await queries.deleteFrom("registry_aliases").where("model", "=", model).where("version", "=", version).execute();
        await queries.deleteFrom("registry_version_tags").where("model", "=", model).where("version", "=", version).execute();
        // As in MLflow, nothing that points at anything outlives the version; its number and its proofs do.
        const gone = { description: null, user_id: null, run_link: null, model_id: null, source: "", download_uri: "", deleted_us: clock.nowUs() };
        await change(queries, model, version, gone);
        await touch(queries, model);
      }),
    setVersionTag: (model, version, key, value) =>
      write(async (trx, queries) => {
        await versionRow(queries, model, version);
        await queries
          .insertInto("registry_version_tags")
          .values({ model, version, key, value })
          .onConflict((c) => c.columns(["model", "version", "key"]).doUpdateSet({ value }))
          .execute();
        await announce(trx, { event: "model_version_tag.set", data: { name: model, version: String(version), key, value } });
      }),
    deleteVersionTag: (model, version, key) =>
      write(async (trx, queries) => {
        await versionRow(queries, model, version);
        await queries.deleteFrom("registry_version_tags").where("model", "=", model).where("version", "=", version).where("key", "=", key).execute();
        await announce(trx, { event: "model_version_tag.deleted", data: { name: model, version: String(version), key } });
      }),
    searchVersions: (query) => searchVersions(database, query, artifactRoot),

    setAlias: (model, alias, version, by) =>
      write(async (trx, queries) => {
        await lockModels(trx, database.dialect);
        await versionRow(queries, model, version);
        const guarded = guardedAlias(alias);
        const [now] = guarded === undefined ? [] : await deploymentsOf(queries, [model]);
        if (guarded !== undefined && now !== undefined) {
          if (alias === guarded && holderOf(guarded, now) === version) return;
          if (alias !== "champion") throw new KarkhanaError("MODEL_ALIAS_GUARDED", { model, alias, change: "set" });
          if (by?.mayDeploy === false) throw new KarkhanaError("ACCESS_DENIED", { user: by.user, role: by.role, needed: "admin" });
          await registry.promote(model, version, `alias champion was set${by === undefined ? "" : ` by ${by.user}`} through MLflow's API`, trx);
          return;
        }
        await queries
          .insertInto("registry_aliases")
          .values({ model, alias, version })
          .onConflict((c) => c.columns(["model", "alias"]).doUpdateSet({ version }))
          .execute();
        await announce(trx, { event: "model_version_alias.created", data: { name: model, alias, version: String(version) } });
      }),
    deleteAlias: (model, alias) =>
      write(async (trx, queries) => {
        await lockModels(trx, database.dialect);
        await rowOf(queries, model);
        const guarded = guardedAlias(alias);
        const [now] = guarded === undefined ? [] : await deploymentsOf(queries, [model]);
        if (guarded !== undefined && holderOf(guarded, now) !== undefined) throw new KarkhanaError("MODEL_ALIAS_GUARDED", { model, alias, change: "deleted" });
        await queries.deleteFrom("registry_aliases").where("model", "=", model).where("alias", "=", alias).execute();
        await announce(trx, { event: "model_version_alias.deleted", data: { name: model, alias } });
      }),
    versionByAlias: async (model, alias) => {
      const found = await modelOf(db, model, artifactRoot);
      const version = Object.hasOwn(found.aliases, alias) ? found.aliases[alias] : undefined;
      if (version === undefined) throw new KarkhanaError("MODEL_ALIAS_NOT_FOUND", { model, alias });
      return versionOf(db, model, version, artifactRoot);
    },
  };
}

async function insertVersion(ledger: Ledger, input: NewRegisteredVersion, requestId: string, artifactRoot: string): Promise<RegisteredVersion> {
  const { model, source, downloadUri, artifactPath, runId, tags } = input;
  const version = await ledger.nextVersion();
  await ledger.db
    .insertInto("registry_versions")
    .values({
      model,
      workspace: placeOfKey(model).workspace,
      version,
      request_id: requestId,
      run_id: runId,
      artifact_path: artifactPath,
      definition_hash: "",
      service_hash: "",
      dataset_hash: "",
      state: "registered",
      created_us: ledger.nowUs,
      source,
      download_uri: downloadUri,
      description: input.description ?? null,
      run_link: input.runLink ?? null,
      model_id: input.modelId ?? null,
      user_id: input.userId ?? null,
    })
    .execute();
  for (const [key, value] of Object.entries(tags)) await ledger.db.insertInto("registry_version_tags").values({ model, version, key, value }).execute();
  await ledger.event("registered", version, `registered from ${source}`);
  const data = { name: model, version: String(version), source, run_id: runId || null, tags, description: input.description ?? null };
  await ledger.announce({ event: "model_version.created", data });
  return versionOf(ledger.db, model, version, artifactRoot);
}

/** Writers queue before their snapshot is taken: see `Ledger`. SQLite's write transaction holds the whole database already. */
async function lockModels(trx: SqlTransaction, dialect: SqlDatabase["dialect"]): Promise<void> {
  if (dialect === "postgres") await sql`lock table registry_models in exclusive mode`.execute(trx);
}

async function rowOf(db: RegistryQueries, name: string): Promise<ModelRow> {
  const row = await db.selectFrom("registry_models").selectAll().where("model", "=", name).executeTakeFirst();
  if (row === undefined) throw new KarkhanaError("REGISTERED_MODEL_NOT_FOUND", { model: name });
  return row;
}

async function modelOf(db: RegistryQueries, name: string, artifactRoot: string): Promise<RegisteredModel> {
  const [model] = await readModels(db, [await rowOf(db, name)], artifactRoot);
  if (model === undefined) throw new KarkhanaError("REGISTERED_MODEL_NOT_FOUND", { model: name });
  return model;
}

async function versionRow(db: RegistryQueries, model: string, version: number): Promise<VersionRow> {
  const row = await db
    .selectFrom("registry_versions")
    .selectAll()
    .where("model", "=", model)
    .where("version", "=", version)
    .where("deleted_us", "is", null)
    .executeTakeFirst();
  if (row === undefined) throw new KarkhanaError("VERSION_NOT_FOUND", { model, version });
  return row;
}

async function versionOf(db: RegistryQueries, model: string, version: number, artifactRoot: string): Promise<RegisteredVersion> {
  const [found] = await readRegisteredVersions(db, [await versionRow(db, model, version)], artifactRoot);
  if (found === undefined) throw new KarkhanaError("VERSION_NOT_FOUND", { model, version });
  return found;
}

async function refuseInUse(db: RegistryQueries, model: string, change: string): Promise<void> {
  const [deployment] = await deploymentsOf(db, [model]);
  if (deployment !== undefined) throw new KarkhanaError("MODEL_IN_USE", { model, change, problem: `version ${deployment.champion} of it is deployed` });
  const trained = await db.selectFrom("registry_versions").select("version").where("model", "=", model).where("source", "is", null).executeTakeFirst();
  if (trained !== undefined) throw new KarkhanaError("MODEL_IN_USE", { model, change, problem: `the project trained version ${trained.version} of it` });
}
