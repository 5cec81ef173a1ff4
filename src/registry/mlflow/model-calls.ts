import { refuse } from "../../tracking/mlflow/message.ts";
import type { ModelCatalog } from "../catalog.ts";
import type { RegistryCall } from "./call.ts";
import { catalogQuery, checkAlias, checkedTags, checkModelName, checkNewAlias, checkTag, descriptionOf, modelNameOf, stageNamed, versionOf } from "./checks.ts";
import { modelJson, pageJson, versionJson } from "./entities.ts";

export function modelCalls(catalog: ModelCatalog): readonly RegistryCall[] {
  const search: RegistryCall["answer"] = async (message) =>
    pageJson("registered_models", await catalog.searchModels(catalogQuery(message, { defaultLimit: 100, maxLimit: 1000 })), modelJson);
  const latest: RegistryCall["answer"] = async (message) => {
    const stages = message.texts("stages").map(stageNamed);
    const { latest: newest } = await catalog.getModel(modelNameOf(message));
    const wanted = newest.filter(({ stage }) => stages.length === 0 || stages.includes(stage));
    return wanted.length === 0 ? {} : { model_versions: wanted.map(versionJson) };
  };
  return [
    {
      method: "POST",
      path: "registered-models/create",
      answer: async (message) => ({
        registered_model: modelJson(await catalog.createModel({ name: modelNameOf(message), tags: checkedTags(message), description: descriptionOf(message) })),
      }),
    },
    {
      method: "GET",
      path: "registered-models/get",
      answer: async (message) => ({ registered_model: modelJson(await catalog.getModel(modelNameOf(message))) }),
    },
    {
      method: "PATCH",
      path: "registered-models/update",
      answer: async (message) => ({ registered_model: modelJson(await catalog.describeModel(modelNameOf(message), descriptionOf(message) ?? "")) }),
    },
    {
      method: "POST",
      path: "registered-models/rename",
      answer: async (message) => ({
        registered_model: modelJson(await catalog.renameModel(modelNameOf(message), checkModelName(message.requiredText("new_name"), "new_name"))),
      }),
    },
    { method: "DELETE", path: "registered-models/delete", answer: async (message) => done(catalog.deleteModel(modelNameOf(message))) },
    { method: "GET", path: "registered-models/search", answer: search },
    { method: "POST", path: "registered-models/search", answer: search },
    { method: "GET", path: "registered-models/get-latest-versions", answer: latest },
    { method: "POST", path: "registered-models/get-latest-versions", answer: latest },
    {
      method: "POST",
      path: "registered-models/set-tag",
      answer: async (message) => {
        const [name, key, value] = [modelNameOf(message), message.requiredText("key"), message.text("value") ?? ""];
        checkTag(key, value);
        return done(catalog.setModelTag(name, key, value));
      },
    },
    {
      method: "DELETE",
      path: "registered-models/delete-tag",
      answer: async (message) => done(catalog.deleteModelTag(modelNameOf(message), message.requiredText("key"))),
    },
    {
      method: "POST",
      path: "registered-models/alias",
      answer: async (message, asker) => done(catalog.setAlias(modelNameOf(message), checkNewAlias(message.requiredText("alias")), versionOf(message), asker)),
    },
    {
      method: "DELETE",
      path: "registered-models/alias",
      answer: async (message) => done(catalog.deleteAlias(modelNameOf(message), checkAlias(message.requiredText("alias")))),
    },
    {
      method: "GET",
      path: "registered-models/alias",
      answer: async (message) => {
        const [name, alias] = [modelNameOf(message), checkAlias(message.requiredText("alias"))];
        if (alias.toLowerCase() !== "latest") return { model_version: versionJson(await catalog.versionByAlias(name, alias)) };
        const newest = [...(await catalog.getModel(name)).latest].sort((a, b) => b.version - a.version)[0];
        return newest === undefined ? refuse(`Latest version not found for model ${name}.`) : { model_version: versionJson(newest) };
      },
    },
  ];
}

export async function done(work: Promise<void>): Promise<object> {
  await work;
  return {};
}
