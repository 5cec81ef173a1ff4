/** What webhooks can subscribe to: MLflow's events of models, and the same of the prompts that its clients keep in the registry. */
import type { RegistryNotice } from "../notice.ts";

export const webhookEvents = [
  "registered_model.created",
  "model_version.created",
  "model_version_tag.set",
  "model_version_tag.deleted",
  "model_version_alias.created",
  "model_version_alias.deleted",
  "prompt.created",
  "prompt_version.created",
  "prompt_tag.set",
  "prompt_tag.deleted",
  "prompt_version_tag.set",
  "prompt_version_tag.deleted",
  "prompt_alias.created",
  "prompt_alias.deleted",
  "budget_policy.exceeded",
] as const;
export type WebhookEvent = (typeof webhookEvents)[number];

export type WebhookStatus = "ACTIVE" | "DISABLED";

export function webhookEventNamed(entity: string, action: string): WebhookEvent | undefined {
  const name = `${entity}.${action}`.toLowerCase();
  return webhookEvents.find((event) => event === name);
}

export const promptTag = "mlflow.prompt.is_prompt";
const promptTextTag = "mlflow.prompt.text";
const promptTypeTag = "_mlflow_prompt_type";

/** What is told of a notice; undefined if MLflow has no event for it. */
export function eventOf(notice: RegistryNotice, isPrompt: boolean): { event: WebhookEvent; data: object } | undefined {
  const { event, data } = notice;
  if (event === "registered_model_tag.set" || event === "registered_model_tag.deleted")
    return isPrompt ? { event: event === "registered_model_tag.set" ? "prompt_tag.set" : "prompt_tag.deleted", data } : undefined;
  if (!isPrompt) return { event, data };
  switch (event) {
    case "registered_model.created":
      return { event: "prompt.created", data: { ...data, tags: without(data.tags) } };
    case "model_version.created":
      return {
        event: "prompt_version.created",
        data: {
          name: data.name,
          version: data.version,
          template: data.tags[promptTextTag] ?? null,
          tags: without(data.tags),
          description: data.description,
        },
      };
    case "model_version_tag.set":
      return { event: "prompt_version_tag.set", data };
    case "model_version_tag.deleted":
      return { event: "prompt_version_tag.deleted", data };
    case "model_version_alias.created":
      return { event: "prompt_alias.created", data };
    case "model_version_alias.deleted":
      return { event: "prompt_alias.deleted", data };
  }
}

/** A prompt's own text and mark travel outside its tags. */
function without(tags: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(tags).filter(([key]) => ![promptTag, promptTextTag, promptTypeTag].includes(key)));
}

const named = { name: "example_name", version: "1" };
const tags = { example_key: "example_value" };
const tag = { key: "example_key", value: "example_value" };

/** What a test of a webhook sends. */
export function exampleData(event: WebhookEvent): object {
  const [entity = ""] = event.split(".");
  const model = entity.startsWith("prompt") ? { ...named, name: "example_prompt" } : { ...named, name: "example_model" };
  switch (event) {
    case "registered_model.created":
    case "prompt.created":
      return { name: model.name, tags, description: "An example" };
    case "model_version.created":
      return { ...model, source: "models:/123", run_id: "abcd1234abcd5678", tags, description: "An example" };
    case "prompt_version.created":
      return { ...model, template: "Hello {{name}}!", tags, description: "An example" };
    case "prompt_tag.set":
      return { name: model.name, ...tag };
    case "prompt_tag.deleted":
      return { name: model.name, key: tag.key };
    case "model_version_tag.set":
    case "prompt_version_tag.set":
      return { ...model, ...tag };
    case "model_version_tag.deleted":
    case "prompt_version_tag.deleted":
      return { ...model, key: tag.key };
    case "model_version_alias.created":
    case "prompt_alias.created":
      return { ...model, alias: "example_alias" };
    case "model_version_alias.deleted":
    case "prompt_alias.deleted":
      return { name: model.name, alias: "example_alias" };
    case "budget_policy.exceeded":
      return { budget_policy_id: "bp-example", budget_unit: "USD", budget_amount: 100, current_spend: 105.5, target_scope: "WORKSPACE" };
  }
}
