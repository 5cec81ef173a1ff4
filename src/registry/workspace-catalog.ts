import { KarkhanaError } from "../kernel/error.ts";
import type { ModelCatalog, RegisteredModel, RegisteredVersion } from "./catalog.ts";
import { keyOfExisting, placeOfKey } from "./model-key.ts";

/** A catalogue by key as the one of a workspace: names go in and come out, and no name reaches another workspace's models. */
export function workspaceCatalog(keyed: Omit<ModelCatalog, "inWorkspace">, workspace: string): Omit<ModelCatalog, "inWorkspace"> {
  /** What is refused is told by the name that was asked for. */
  const by = async <T>(name: string, work: (key: string) => Promise<T>): Promise<T> => {
    const key = keyOfExisting(workspace, name);
    try {
      return await work(key);
    } catch (error) {
      if (key !== name && error instanceof KarkhanaError && error.details["model"] === key)
        throw new KarkhanaError(error.code, { ...error.details, model: name }, { cause: error });
      throw error;
    }
  };
  const model = async (found: Promise<RegisteredModel>): Promise<RegisteredModel> => named(await found);
  const version = async (found: Promise<RegisteredVersion>): Promise<RegisteredVersion> => versionNamed(await found);
  return {
    createModel: (input) => by(input.name, (name) => model(keyed.createModel({ ...input, name }))),
    getModel: (name) => by(name, (key) => model(keyed.getModel(key))),
    describeModel: (name, description) => by(name, (key) => model(keyed.describeModel(key, description))),
    renameModel: (name, newName) => by(name, (key) => by(newName, (newKey) => model(keyed.renameModel(key, newKey)))),
    deleteModel: (name) => by(name, (key) => keyed.deleteModel(key)),
    setModelTag: (name, tag, value) => by(name, (key) => keyed.setModelTag(key, tag, value)),
    deleteModelTag: (name, tag) => by(name, (key) => keyed.deleteModelTag(key, tag)),
    searchModels: async (query) => {
      const page = await keyed.searchModels({ ...query, workspace });
      return { ...page, items: page.items.map(named) };
    },

    createVersion: (input) => by(input.model, (key) => version(keyed.createVersion({ ...input, model: key }))),
    getVersion: (name, number) => by(name, (key) => version(keyed.getVersion(key, number))),
    artifactPath: (name, number) => by(name, (key) => keyed.artifactPath(key, number)),
    describeVersion: (name, number, description) => by(name, (key) => version(keyed.describeVersion(key, number, description))),
    setStage: (name, number, stage, archiveOthers) => by(name, (key) => version(keyed.setStage(key, number, stage, archiveOthers))),
    deleteVersion: (name, number) => by(name, (key) => keyed.deleteVersion(key, number)),
    setVersionTag: (name, number, tag, value) => by(name, (key) => keyed.setVersionTag(key, number, tag, value)),
    deleteVersionTag: (name, number, tag) => by(name, (key) => keyed.deleteVersionTag(key, number, tag)),
    searchVersions: async (query) => {
      const page = await keyed.searchVersions({ ...query, workspace });
      return { ...page, items: page.items.map(versionNamed) };
    },

    setAlias: (name, alias, number, asker) => by(name, (key) => keyed.setAlias(key, alias, number, asker)),
    deleteAlias: (name, alias) => by(name, (key) => keyed.deleteAlias(key, alias)),
    versionByAlias: (name, alias) => by(name, (key) => version(keyed.versionByAlias(key, alias))),
  };
}

function named(model: RegisteredModel): RegisteredModel {
  return { ...model, name: placeOfKey(model.name).name, latest: model.latest.map(versionNamed) };
}

function versionNamed(version: RegisteredVersion): RegisteredVersion {
  return { ...version, model: placeOfKey(version.model).name };
}
