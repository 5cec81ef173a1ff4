/** Registered models and versions in MLflow's shapes: times in milliseconds, versions as text, fields without a value left out. */
import type { CatalogPage, RegisteredModel, RegisteredVersion } from "../catalog.ts";

type Json = Readonly<Record<string, unknown>>;

const milliseconds = (us: number): number => Math.floor(us / 1000);
const tagsJson = (tags: Readonly<Record<string, string>>): Json => {
  const pairs = Object.entries(tags).map(([key, value]) => ({ key, value }));
  return pairs.length === 0 ? {} : { tags: pairs };
};

export function modelJson(model: RegisteredModel): Json {
  const aliases = Object.entries(model.aliases).map(([alias, version]) => ({ alias, version: String(version) }));
  return {
    name: model.name,
    creation_timestamp: milliseconds(model.createdUs),
    last_updated_timestamp: milliseconds(model.updatedUs),
    ...(model.description === undefined || model.description === "" ? {} : { description: model.description }),
    ...(model.latest.length === 0 ? {} : { latest_versions: model.latest.map(versionJson) }),
    ...tagsJson(model.tags),
    ...(aliases.length === 0 ? {} : { aliases }),
  };
}

export function versionJson(version: RegisteredVersion): Json {
  return {
    name: version.model,
    version: String(version.version),
    creation_timestamp: milliseconds(version.createdUs),
    last_updated_timestamp: milliseconds(version.updatedUs),
    ...(version.userId === undefined ? {} : { user_id: version.userId }),
    current_stage: version.stage,
    ...(version.description === undefined ? {} : { description: version.description }),
    source: version.source,
    run_id: version.runId,
    ...(version.runLink === undefined ? {} : { run_link: version.runLink }),
    ...(version.modelId === undefined ? {} : { model_id: version.modelId }),
    // A version is whole once it is registered: nothing is copied.
    status: "READY",
    ...tagsJson(version.tags),
    ...(version.aliases.length === 0 ? {} : { aliases: version.aliases }),
  };
}

export function pageJson<T>(name: string, page: CatalogPage<T>, toJson: (item: T) => Json): Json {
  return {
    ...(page.items.length === 0 ? {} : { [name]: page.items.map(toJson) }),
    ...(page.nextToken === undefined ? {} : { next_page_token: page.nextToken }),
  };
}
