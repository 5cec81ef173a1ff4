import { sql, type Selectable } from "kysely";

import type { SqlTransaction } from "../storage/sql/port.ts";
import { tables } from "../storage/sql/tables.ts";
import type { RegisteredModel, RegisteredVersion, Stage } from "./catalog.ts";
import { stages } from "./catalog.ts";
import { aliasesOf } from "./guarded-aliases.ts";
import { deploymentsOf, type RegistryQueries } from "./read.ts";
import type { RegistryTables } from "./tables.ts";

export type ModelRow = Selectable<RegistryTables["registry_models"]>;
export type VersionRow = Selectable<RegistryTables["registry_versions"]>;

/** Values in one statement: both databases take more, but not without limit. */
const chunk = 500;

export async function readModels(db: RegistryQueries, rows: readonly ModelRow[], artifactRoot: string): Promise<RegisteredModel[]> {
  const found: RegisteredModel[] = [];
  for (let from = 0; from < rows.length; from += chunk) {
    const part = rows.slice(from, from + chunk);
    const names = part.map((row) => row.model);
    const tags = Map.groupBy(await db.selectFrom("registry_model_tags").selectAll().where("model", "in", names).orderBy("key").execute(), (t) => t.model);
    const aliases = await readAliases(db, names);
    const latest = Map.groupBy(await toVersions(db, await latestRows(db, names), aliases, artifactRoot), (v) => v.model);
    for (const row of part) {
      found.push({
        name: row.model,
        ...(row.description === null ? {} : { description: row.description }),
        createdUs: row.created_us,
        updatedUs: row.updated_us ?? row.created_us,
        tags: Object.fromEntries((tags.get(row.model) ?? []).map(({ key, value }) => [key, value])),
        aliases: aliases.get(row.model) ?? {},
        latest: latest.get(row.model) ?? [],
      });
    }
  }
  return found;
}

export async function readRegisteredVersions(db: RegistryQueries, rows: readonly VersionRow[], artifactRoot: string): Promise<RegisteredVersion[]> {
  const found: RegisteredVersion[] = [];
  for (let from = 0; from < rows.length; from += chunk) {
    const part = rows.slice(from, from + chunk);
    found.push(...(await toVersions(db, part, await readAliases(db, [...new Set(part.map((row) => row.model))]), artifactRoot)));
  }
  return found;
}

async function readAliases(db: RegistryQueries, models: readonly string[]): Promise<Map<string, Record<string, number>>> {
  if (models.length === 0) return new Map();
  const set = Map.groupBy(await db.selectFrom("registry_aliases").selectAll().where("model", "in", models).execute(), (a) => a.model);
  const deployments = new Map((await deploymentsOf(db, models)).map((d) => [d.model, d]));
  return new Map(models.map((model) => [model, aliasesOf(set.get(model) ?? [], deployments.get(model))]));
}

/** The newest version of each stage, in the order of the stages. */
async function latestRows(db: RegistryQueries, models: readonly string[]): Promise<VersionRow[]> {
  const newest = await db
    .selectFrom("registry_versions")
    .select(["model", sql<number>`max(version)`.as("version")])
    .where("model", "in", models)
    .where("deleted_us", "is", null)
    .groupBy(["model", "stage"])
    .execute();
  if (newest.length === 0) return [];
  const rows: VersionRow[] = [];
  for (let from = 0; from < newest.length; from += chunk) {
    const part = newest.slice(from, from + chunk);
    rows.push(
      ...(await db
        .selectFrom("registry_versions")
        .selectAll()
        .where((eb) => eb.or(part.map(({ model, version }) => eb.and({ model, version }))))
        .execute()),
    );
  }
  return rows.sort((a, b) => stages.indexOf(stageOf(a.stage)) - stages.indexOf(stageOf(b.stage)));
}

async function toVersions(
  db: RegistryQueries,
  rows: readonly VersionRow[],
  aliases: ReadonlyMap<string, Readonly<Record<string, number>>>,
  artifactRoot: string,
): Promise<RegisteredVersion[]> {
  if (rows.length === 0) return [];
  const wanted = new Set(rows.map((row) => `${row.version} ${row.model}`));
  const tagRows = await db
    .selectFrom("registry_version_tags")
    .selectAll()
    .where("model", "in", [...new Set(rows.map((row) => row.model))])
    .where("version", "in", [...new Set(rows.map((row) => row.version))])
    .orderBy("key")
    .execute();
  const tags = Map.groupBy(
    tagRows.filter((t) => wanted.has(`${t.version} ${t.model}`)),
    (t) => `${t.version} ${t.model}`,
  );
  return rows.map((row) => {
    // What the project trained lies among its run's artifacts.
    const source = row.source ?? `${artifactRoot}/${row.artifact_path}`;
    return {
      model: row.model,
      version: row.version,
      state: row.state,
      stage: stageOf(row.stage),
      runId: row.run_id,
      source,
      downloadUri: row.download_uri ?? source,
      ...(row.model_id === null ? {} : { modelId: row.model_id }),
      ...(row.run_link === null ? {} : { runLink: row.run_link }),
      ...(row.user_id === null ? {} : { userId: row.user_id }),
      ...(row.description === null ? {} : { description: row.description }),
      createdUs: row.created_us,
      updatedUs: row.updated_us ?? row.created_us,
      tags: Object.fromEntries((tags.get(`${row.version} ${row.model}`) ?? []).map(({ key, value }) => [key, value])),
      aliases: Object.entries(aliases.get(row.model) ?? {}).flatMap(([alias, version]) => (version === row.version ? [alias] : [])),
    };
  });
}

function stageOf(stored: string): Stage {
  return stages.find((stage) => stage === stored) ?? "None";
}

/** A version whose files lie in a folder of the blob store or below it, as a person would call it. */
export async function versionUsing(trx: SqlTransaction, folder: string): Promise<string | undefined> {
  const db = tables<RegistryTables>(trx);
  const row = await db
    .selectFrom("registry_versions")
    .select(["model", "version"])
    .where("deleted_us", "is", null)
    .where(sql<boolean>`(artifact_path = ${folder} or substr(artifact_path, 1, ${folder.length + 1}) = ${`${folder}/`})`)
    .executeTakeFirst();
  return row === undefined ? undefined : `version ${row.version} of model ${row.model}`;
}
