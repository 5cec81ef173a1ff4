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

const promptEvents: Readonly<Record<RegistryNotice["event"], WebhookEvent>> = {
  "registered_model.created": "prompt.created",
  "registered_model_tag.set": "prompt_tag.set",
  "registered_model_tag.deleted": "prompt_tag.deleted",
  "model_version.created": "prompt_version.created",
  "model_version_tag.set": "prompt_version_tag.set",
  "model_version_tag.deleted": "prompt_version_tag.deleted",
  "model_version_alias.created": "prompt_alias.created",
  "model_version_alias.deleted": "prompt_alias.deleted",
};

/** What is told of a notice; undefined if MLflow has no event for it. */
export function eventOf(notice: RegistryNotice, isPrompt: boolean): { event: WebhookEvent; data: object } | undefined {
  const { event, data } = notice;
  if (!isPrompt) return event === "registered_model_tag.set" || event === "registered_model_tag.deleted" ? undefined : { event, data };
  return { event: promptEvents[event], data: promptData(notice) };
}

function promptData({ event, data }: RegistryNotice): object {
  if (event === "registered_model.created") return { ...data, tags: without(data.tags) };
  if (event !== "model_version.created") return data;
  const { name, version, tags, description } = data;
  return { name, version, template: tags[promptTextTag] ?? null, tags: without(tags), description };
}

/** A prompt's own text and mark travel outside its tags. */
function without(tags: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(tags).filter(([key]) => ![promptTag, promptTextTag, promptTypeTag].includes(key)));
}

const model = { name: "example_model", version: "1" };
const prompt = { name: "example_prompt", version: "1" };
const tags = { example_key: "example_value" };
const tag = { key: "example_key", value: "example_value" };
const description = "An example";

/** What a test of a webhook sends. */
export const exampleData: Readonly<Record<WebhookEvent, object>> = {
  "registered_model.created": { name: model.name, tags, description },
  "model_version.created": { ...model, source: "models:/123", run_id: "abcd1234abcd5678", tags, description },
  "model_version_tag.set": { ...model, ...tag },
  "model_version_tag.deleted": { ...model, key: tag.key },
  "model_version_alias.created": { ...model, alias: "example_alias" },
  "model_version_alias.deleted": { name: model.name, alias: "example_alias" },
  "prompt.created": { name: prompt.name, tags, description },
  "prompt_version.created": { ...prompt, template: "Hello {{name}}!", tags, description },
  "prompt_tag.set": { name: prompt.name, ...tag },
  "prompt_tag.deleted": { name: prompt.name, key: tag.key },
  "prompt_version_tag.set": { ...prompt, ...tag },
  "prompt_version_tag.deleted": { ...prompt, key: tag.key },
  "prompt_alias.created": { ...prompt, alias: "example_alias" },
  "prompt_alias.deleted": { name: prompt.name, alias: "example_alias" },
  "budget_policy.exceeded": { budget_policy_id: "bp-example", budget_unit: "USD", budget_amount: 100, current_spend: 105.5, target_scope: "WORKSPACE" },
};
