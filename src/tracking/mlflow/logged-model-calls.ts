import type { DatasetChoice, LoggedModelOrder, LoggedModelStatus } from "../logged-model.ts";
import type { MlflowCall } from "./call.ts";
import { loggedModelJson } from "./entities.ts";
import { experimentIdOf, invalidValue, refuse, refuseMissing, type Message } from "./message.ts";

/** By the number each has in MLflow's protocol. */
const statuses: readonly (readonly [name: string, status: LoggedModelStatus])[] = [
  ["LOGGED_MODEL_STATUS_UNSPECIFIED", "UNSPECIFIED"],
  ["LOGGED_MODEL_PENDING", "PENDING"],
  ["LOGGED_MODEL_READY", "READY"],
  ["LOGGED_MODEL_UPLOAD_FAILED", "FAILED"],
];
const defaultResults = 50;
const maxResults = 1000;

export const loggedModelCalls: readonly MlflowCall[] = [
  {
    method: "POST",
    path: "logged-models",
    answer: async (message, { loggedModels }) => {
      const model = await loggedModels.create({
        experimentId: message.experimentId(),
        name: checkName(message.text("name") || undefined),
        modelType: message.text("model_type") || undefined,
        sourceRunId: message.text("source_run_id") || undefined,
        params: textsOf(message, "params"),
        tags: textsOf(message, "tags"),
      });
      return { model: loggedModelJson(model) };
    },
  },
  {
    method: "GET",
    path: "logged-models/:model_id",
    answer: async (message, { loggedModels }) => {
      const allowDeleted = String(message.raw("allow_deleted")).toLowerCase() === "true";
      return { model: loggedModelJson(await loggedModels.get(modelIdOf(message), { allowDeleted })) };
    },
  },
  {
    method: "PATCH",
    path: "logged-models/:model_id",
    answer: async (message, { loggedModels }) => ({ model: loggedModelJson(await loggedModels.setStatus(modelIdOf(message), statusOf(message))) }),
  },
  {
    method: "DELETE",
    path: "logged-models/:model_id",
    answer: async (message, { loggedModels }) => {
      await loggedModels.delete(modelIdOf(message));
      return {};
    },
  },
  {
    method: "POST",
    path: "logged-models/:model_id/params",
    answer: async (message, { loggedModels }) => {
      await loggedModels.logParams(modelIdOf(message), textsOf(message, "params"));
      return {};
    },
  },
  {
    method: "PATCH",
    path: "logged-models/:model_id/tags",
    answer: async (message, { loggedModels }) => {
      await loggedModels.setTags(modelIdOf(message), textsOf(message, "tags"));
      return {};
    },
  },
  {
    method: "DELETE",
    path: "logged-models/:model_id/tags/:tag_key",
    answer: async (message, { loggedModels }) => {
      await loggedModels.deleteTag(modelIdOf(message), message.requiredText("tag_key"));
      return {};
    },
  },
  {
    method: "POST",
    path: "logged-models/search",
    answer: async (message, { loggedModels }) => {
      if (message.raw("experiment_ids") === undefined) refuseMissing("experiment_ids");
      const experimentIds = message.texts("experiment_ids").map(experimentIdOf);
      if (experimentIds.length === 0) return {};
      const { items, nextToken } = await loggedModels.search({
        experimentIds,
        filter: message.text("filter"),
        datasets: message.items("datasets").map(({ message: dataset }) => datasetOf(dataset)),
        orderBy: message.items("order_by").map(({ path, message: order }) => orderOf(path, order)),
        limit: limitOf(message),
        token: message.text("page_token") || undefined,
      });
      return { ...(items.length === 0 ? {} : { models: items.map(loggedModelJson) }), ...(nextToken === undefined ? {} : { next_page_token: nextToken }) };
    },
  },
];

function modelIdOf(message: Message): string {
  return message.requiredText("model_id");
}

function checkName(name: string | undefined): string | undefined {
  if (name !== undefined && /[/:.%"']/.test(name)) {
    refuse(
      `Invalid model name ('${name}') provided. Model name must be a non-empty string and cannot contain the following characters: ('/', ':', '.', '%', '"', "'")`,
    );
  }
  return name;
}

function statusOf(message: Message): LoggedModelStatus {
  const raw = message.raw("status") ?? refuseMissing("status");
  const found = typeof raw === "number" ? statuses[raw] : statuses.find(([name]) => name === raw);
  return found?.[1] ?? refuse(invalidValue("status", raw));
}

/** The last of two values for one key wins. */
function textsOf(message: Message, field: string): Record<string, string> {
  return Object.fromEntries(
    message.items(field).map(({ path, message: item }) => [item.text("key") || refuseMissing(`${path}.key`), item.text("value") ?? ""]),
  );
}

function datasetOf(message: Message): DatasetChoice {
  const name = message.text("dataset_name") || refuse("`dataset_name` in the `datasets` clause must be specified.");
  return { name, digest: message.text("dataset_digest") || undefined };
}

function orderOf(path: string, message: Message): LoggedModelOrder {
  const field = message.text("field_name") || refuseMissing(`${path}.field_name`);
  const dataset = { name: message.text("dataset_name") || undefined, digest: message.text("dataset_digest") || undefined };
  return { field, descending: message.raw("ascending") === false, dataset };
}

function limitOf(message: Message): number {
  const limit = message.integer("max_results") ?? 0;
  if (limit < 0 || limit > maxResults) refuse(invalidValue("max_results", limit, `It must be from 1 to ${maxResults}.`));
  return limit === 0 ? defaultResults : limit;
}
