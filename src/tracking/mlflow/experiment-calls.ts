import { codeOf, KarkhanaError } from "../../kernel/error.ts";
import { defaultWorkspace } from "../../kernel/workspace.ts";
import type { MlflowCall } from "./call.ts";
import { checkArtifactLocation, checkExperimentName, checkExperimentTag } from "./checks.ts";
import { experimentJson } from "./entities.ts";
import { refuse, type Message } from "./message.ts";
import { readQuery } from "./search-request.ts";

const search: MlflowCall["answer"] = async (message, { experiments }) => {
  const { items, nextToken } = await experiments.search(readQuery(message, { view: "view_type", defaultLimit: undefined }));
  return { ...(items.length === 0 ? {} : { experiments: items.map(experimentJson) }), ...(nextToken === undefined ? {} : { next_page_token: nextToken }) };
};

export const experimentCalls: readonly MlflowCall[] = [
  {
    method: "POST",
    path: "experiments/create",
    answer: async (message, { experiments, artifactRoot, workspace }) => {
      const name = checkExperimentName(message.requiredText("name"));
      const location = message.text("artifact_location") || undefined;
      // As MLflow, which refuses it in `default` too once it has workspaces; there it keeps working here.
      if (location !== undefined && workspace !== defaultWorkspace) refuse("artifact_location cannot be specified when workspaces are enabled");
      const tags = tagsOf(message);
      for (const [key, value] of Object.entries(tags)) checkExperimentTag(key, value);
      return {
        experiment_id: await experiments.create({
          name,
          tags,
          artifactLocation: location === undefined ? undefined : checkArtifactLocation(location, artifactRoot),
        }),
      };
    },
  },
  {
    method: "GET",
    path: "experiments/get",
    answer: async (message, { experiments }) => ({ experiment: experimentJson(await experiments.get(message.experimentId())) }),
  },
  {
    method: "GET",
    path: "experiments/get-by-name",
    answer: async (message, { experiments }) => {
      const name = message.requiredText("experiment_name");
      const found = await experiments.named(name);
      if (found === undefined) throw new KarkhanaError("EXPERIMENT_NAME_NOT_FOUND", { name });
      return { experiment: experimentJson(found) };
    },
  },
  { method: "POST", path: "experiments/search", answer: search },
  { method: "GET", path: "experiments/search", answer: search },
  {
    method: "POST",
    path: "experiments/update",
    answer: async (message, { experiments }) => {
      const experimentId = message.experimentId();
      const name = checkExperimentName(message.requiredText("new_name"));
      try {
        await experiments.rename(experimentId, name);
      } catch (error) {
        // To MLflow this one is a wrong state, where other writes to a deleted experiment are a wrong parameter.
        if (codeOf(error) === "EXPERIMENT_DELETED") throw new KarkhanaError("EXPERIMENT_RENAME_REFUSED", { experimentId }, { cause: error });
        throw error;
      }
      return {};
    },
  },
  {
    method: "POST",
    path: "experiments/delete",
    answer: async (message, { experiments }) => {
      await experiments.setStage(message.experimentId(), "deleted");
      return {};
    },
  },
  {
    method: "POST",
    path: "experiments/restore",
    answer: async (message, { experiments }) => {
      await experiments.setStage(message.experimentId(), "active");
      return {};
    },
  },
  // Ours: deleted for good, with runs, models and files; the name is free.
  {
    method: "POST",
    path: "experiments/purge",
    answer: async (message, { purging }) => {
      await purging.purgeExperiment(message.experimentId());
      return {};
    },
  },
  {
    method: "POST",
    path: "experiments/set-experiment-tag",
    answer: async (message, { experiments }) => {
      const [experimentId, key, value] = [message.experimentId(), message.requiredText("key"), message.text("value") ?? ""];
      checkExperimentTag(key, value);
      await experiments.setTag(experimentId, key, value);
      return {};
    },
  },
  {
    method: "POST",
    path: "experiments/delete-experiment-tag",
    answer: async (message, { experiments }) => {
      await experiments.deleteTag(message.experimentId(), message.requiredText("key"));
      return {};
    },
  },
];

/** The last of two values for one key wins. */
export function tagsOf(message: Message): Record<string, string> {
  return Object.fromEntries(
    message
      .items("tags")
      .map(({ path, message: tag }) => [tag.text("key") || refuse(`Missing value for required parameter '${path}.key'.`), tag.text("value") ?? ""]),
  );
}
