import type { WebhookParts } from "../registry/mlflow/webhook-calls.ts";
import { addressRule } from "../registry/webhooks/public-address.ts";
import { webhookSender } from "../registry/webhooks/send.ts";
import { createWebhooks, everyWebhook } from "../registry/webhooks/webhooks.ts";
import type { Vault } from "../registry/webhooks/sealed.ts";
import type { SqlDatabase } from "../storage/sql/port.ts";
import { systemClock, systemId } from "./system.ts";

/** @param targets ranges of addresses that are allowed besides the public ones */
export function webhookParts(database: SqlDatabase, vault: Vault, targets: string | undefined): WebhookParts {
  const isAllowed = addressRule(targets?.split(",") ?? []);
  return {
    webhooks: createWebhooks({ database, clock: systemClock, newId: systemId, vault }),
    receivers: everyWebhook({ database, vault }),
    send: webhookSender(isAllowed),
    isAllowed,
    allowHttp: targets !== undefined,
    clock: systemClock,
    newId: systemId,
  };
}
