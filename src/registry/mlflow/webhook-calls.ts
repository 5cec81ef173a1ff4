import { lookup } from "node:dns/promises";
import { isIP } from "node:net";

import type { Clock } from "../../kernel/clock.ts";
import type { NewId } from "../../kernel/ids.ts";
import { invalidValue, refuse, refuseMissing, type Message } from "../../tracking/mlflow/message.ts";
import { signedRequest } from "../webhooks/deliverer.ts";
import { exampleData, webhookEventNamed, type WebhookEvent, type WebhookStatus } from "../webhooks/event.ts";
import { messageBody } from "../webhooks/outbox.ts";
import type { AddressRule } from "../webhooks/public-address.ts";
import type { SendWebhook } from "../webhooks/send.ts";
import type { Webhook, Webhooks } from "../webhooks/webhooks.ts";
import type { RegistryCall } from "./call.ts";
import { done } from "./model-calls.ts";
import { pageJson } from "./entities.ts";

export interface WebhookParts {
  readonly webhooks: Webhooks;
  /** Of every workspace, for whoever delivers to them. */
  readonly receivers: Pick<Webhooks, "get" | "secretOf">;
  readonly send: SendWebhook;
  readonly isAllowed: AddressRule;
  /** True where the configuration names targets of its own network, which may have no certificate. */
  readonly allowHttp: boolean;
  readonly clock: Clock;
  readonly newId: NewId;
}

export function webhookCalls(parts: WebhookParts): readonly RegistryCall[] {
  const { webhooks } = parts;
  return [
    {
      method: "POST",
      path: "webhooks",
      answer: async (message) => {
        const name = nameOf(message.requiredText("name"));
        const url = await urlOf(message.requiredText("url"), parts);
        const events = eventsOf(message);
        if (events === undefined) return refuseMissing("events");
        return { webhook: webhookJson(await webhooks.create({ ...changeOf(message), name, url, events })) };
      },
    },
    {
      method: "GET",
      path: "webhooks",
      answer: async (message) => {
        const limit = message.integer("max_results") || 100;
        if (limit < 1 || limit > 1000) refuse("max_results must be between 1 and 1000.");
        return pageJson("webhooks", await webhooks.list({ limit, token: message.text("page_token") || undefined }), webhookJson);
      },
    },
    { method: "GET", path: "webhooks/:webhook_id", answer: async (message) => ({ webhook: webhookJson(await webhooks.get(idOf(message))) }) },
    {
      method: "PATCH",
      path: "webhooks/:webhook_id",
      answer: async (message) => {
        const [name, url] = [message.text("name") || undefined, message.text("url") || undefined];
        const change = {
          ...changeOf(message),
          events: eventsOf(message),
          name: name === undefined ? undefined : nameOf(name),
          url: url === undefined ? undefined : await urlOf(url, parts),
        };
        return { webhook: webhookJson(await webhooks.update(idOf(message), change)) };
      },
    },
    { method: "DELETE", path: "webhooks/:webhook_id", answer: async (message) => done(webhooks.delete(idOf(message))) },
    { method: "POST", path: "webhooks/:webhook_id/test", answer: async (message) => ({ result: await tried(message, parts) }) },
  ];
}

const idOf = (message: Message): string => message.requiredText("webhook_id");
const maxSecretLength = 1000;
const maxUrlLength = 500;

/** Sends an example now, once, and says what came of it. */
async function tried(message: Message, { webhooks, send, clock, newId }: WebhookParts): Promise<object> {
  const webhook = await webhooks.get(idOf(message));
  const asked = message.item("event");
  const event = asked === undefined ? webhook.events[0] : eventOf(asked);
  if (event === undefined) return refuseMissing("event");
  const secret = await webhooks.secretOf(webhook.webhookId);
  const body = messageBody(event, exampleData[event], clock.nowUs());
  try {
    const response = await send(signedRequest({ url: webhook.url, secret, deliveryId: newId(), body, clock }));
    return { success: response.status >= 200 && response.status < 400, response_status: response.status, response_body: response.body };
  } catch (error) {
    return { success: false, error_message: `Failed to test webhook: ${error instanceof Error ? error.message : "unknown"}` };
  }
}

function changeOf(message: Message): { description?: string | undefined; secret?: string | undefined; status?: WebhookStatus | undefined } {
  const [description, secret, status] = [message.text("description"), message.text("secret"), message.raw("status")];
  if (description !== undefined && description.length > 1000) refuse("'description' exceeds the maximum length of 1000 characters");
  if (secret !== undefined && secret.length > maxSecretLength) refuse(`'secret' exceeds the maximum length of ${maxSecretLength} characters`);
  if (status !== undefined && status !== "ACTIVE" && status !== "DISABLED") return refuse(invalidValue("status", status));
  return { description, secret, status };
}

function nameOf(name: string): string {
  if (/^(?=.{1,63}$)[a-z0-9]([a-z0-9._-]*[a-z0-9])?$/i.test(name)) return name;
  return refuse(
    `Webhook name '${name.slice(0, 100)}' is invalid. It must start and end with a letter or digit, be less than 63 characters long, and contain only letters, digits, dots (.), underscores (_), and hyphens (-).`,
  );
}

/** What can be known now is refused now; what a name stands for is checked again by each connection. */
async function urlOf(text: string, { isAllowed, allowHttp }: WebhookParts): Promise<string> {
  if (text.trim() === "") refuse(`Webhook URL cannot be empty or just whitespace: '${text}'`);
  if (text.length > maxUrlLength) refuse(`'url' exceeds the maximum length of ${maxUrlLength} characters`);
  const schemes = allowHttp ? ["https", "http"] : ["https"];
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]?.toLowerCase() ?? "";
  if (!schemes.includes(scheme)) refuse(`Invalid webhook URL scheme: '${scheme}'. Allowed schemes are: ${schemes.join(", ")}.`);
  if (!URL.canParse(text)) refuse(`Webhook URL must include a hostname: '${text}'`);
  const url = new URL(text);
  if (url.username !== "" || url.password !== "") refuse("Webhook URL must not hold a user name or a password; use the webhook's secret.");
  const host = url.hostname.replace(/^\[|\]$/g, "");
  for (const address of isIP(host) === 0 ? await addressesOf(host) : [host]) {
    if (!isAllowed(address)) refuse(`Webhook URL must not resolve to a non-public IP address: ${host} is at ${address}.`);
  }
  return text;
}

/** A name that does not resolve now may later. */
async function addressesOf(host: string): Promise<string[]> {
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch {
    return [];
  }
}

/** Undefined if none are named, which leaves them as they are. */
function eventsOf(message: Message): WebhookEvent[] | undefined {
  const events = message.items("events").map(({ message: item }) => eventOf(item));
  return events.length === 0 ? undefined : events;
}

function eventOf(item: Message): WebhookEvent {
  const [entity, action] = [item.requiredText("entity"), item.requiredText("action")];
  return (
    webhookEventNamed(entity, action) ?? refuse(`Invalid action '${action.slice(0, 100).toLowerCase()}' for entity '${entity.slice(0, 100).toLowerCase()}'.`)
  );
}

function webhookJson(webhook: Webhook): Readonly<Record<string, unknown>> {
  return {
    webhook_id: webhook.webhookId,
    name: webhook.name,
    url: webhook.url,
    events: webhook.events.map((event) => {
      const [entity = "", action = ""] = event.toUpperCase().split(".");
      return { entity, action };
    }),
    ...(webhook.description === undefined || webhook.description === "" ? {} : { description: webhook.description }),
    status: webhook.status,
    creation_timestamp: Math.floor(webhook.createdUs / 1000),
    last_updated_timestamp: Math.floor(webhook.updatedUs / 1000),
  };
}
