import { refuse, refuseType } from "../../tracking/mlflow/message.ts";
import type { ModelCatalog } from "../catalog.ts";
import type { RegistryCall } from "./call.ts";
import { catalogQuery, checkedTags, checkTag, descriptionOf, modelNameOf, stageNamed, versionOf } from "./checks.ts";
import { pageJson, versionJson } from "./entities.ts";
import { done } from "./model-calls.ts";
import { resolveSource, type ModelSources } from "./source.ts";

/** What the stock client gives prompts for a source: they have no files. */
const promptSources = ["dummy-source", "prompt-template"];
const promptTag = "mlflow.prompt.is_prompt";

export function versionCalls(catalog: ModelCatalog, sources: ModelSources): readonly RegistryCall[] {
  const search: RegistryCall["answer"] = async (message) =>
    pageJson("model_versions", await catalog.searchVersions(catalogQuery(message, { defaultLimit: 10_000, maxLimit: 200_000 })), versionJson);
  return [
    {
      method: "POST",
      path: "model-versions/create",
      answer: async (message) => {
        const model = modelNameOf(message);
        const tags = checkedTags(message);
        const request = { source: message.requiredText("source"), runId: message.text("run_id") || undefined, modelId: message.text("model_id") || undefined };
        const resolved =
          tags[promptTag]?.toLowerCase() === "true" ? promptSource(request.source, request.runId) : await resolveSource(request, sources, catalog);
        const runLink = message.text("run_link") || undefined;
        const version = await catalog.createVersion({ ...resolved, model, tags, runLink, description: descriptionOf(message) ?? "" });
        if (version.modelId !== undefined) await sources.versionMade(version.modelId, version);
        return { model_version: versionJson(version) };
      },
    },
    {
      method: "GET",
      path: "model-versions/get",
      answer: async (message) => ({ model_version: versionJson(await catalog.getVersion(modelNameOf(message), versionOf(message))) }),
    },
    {
      method: "PATCH",
      path: "model-versions/update",
      answer: async (message) => ({
        model_version: versionJson(await catalog.describeVersion(modelNameOf(message), versionOf(message), descriptionOf(message))),
      }),
    },
    {
      method: "POST",
      path: "model-versions/transition-stage",
      answer: async (message) => {
        const archive = message.raw("archive_existing_versions") ?? false;
        if (typeof archive !== "boolean") return refuseType("archive_existing_versions", archive);
        const stage = stageNamed(message.requiredText("stage"));
        if (archive && stage !== "Staging" && stage !== "Production")
          refuse(
            `Model version transition cannot archive existing model versions because '${stage}' is not an Active stage. Valid stages are ['Staging', 'Production']`,
          );
        return { model_version: versionJson(await catalog.setStage(modelNameOf(message), versionOf(message), stage, archive)) };
      },
    },
    { method: "DELETE", path: "model-versions/delete", answer: async (message) => done(catalog.deleteVersion(modelNameOf(message), versionOf(message))) },
    { method: "GET", path: "model-versions/search", answer: search },
    { method: "POST", path: "model-versions/search", answer: search },
    {
      method: "GET",
      path: "model-versions/get-download-uri",
      answer: async (message) => ({ artifact_uri: (await catalog.getVersion(modelNameOf(message), versionOf(message))).downloadUri }),
    },
    {
      method: "POST",
      path: "model-versions/set-tag",
      answer: async (message) => {
        const [key, value] = [message.requiredText("key"), message.text("value") ?? ""];
        checkTag(key, value);
        return done(catalog.setVersionTag(modelNameOf(message), versionOf(message), key, value));
      },
    },
    {
      method: "DELETE",
      path: "model-versions/delete-tag",
      answer: async (message) => done(catalog.deleteVersionTag(modelNameOf(message), versionOf(message), message.requiredText("key"))),
    },
  ];
}

function promptSource(source: string, runId: string | undefined) {
  if (!promptSources.includes(source)) refuse(`Invalid prompt source: '${source.slice(0, 300)}'. Prompt sources must use an MLflow placeholder.`);
  return { source, downloadUri: source, artifactPath: "", runId: runId ?? "", modelId: undefined };
}
