import type { Clock, Micros } from "../../kernel/clock.ts";
import { codeOf } from "../../kernel/error.ts";
import type { Delivery, Outbox } from "./outbox.ts";
import { TargetRefused, type SendWebhook, type WebhookResponse } from "./send.ts";
import { signatureOf } from "./signature.ts";
import type { Webhooks } from "./webhooks.ts";

/** With the doubling waits below, about a day. */
const maxAttempts = 30;
const firstWaitSeconds = 1;
const longestWaitSeconds = 3600;
const defaultLeaseUs = 60_000_000;
const atOnce = 8;
const pollMs = 500;

export interface DelivererParts {
  readonly outbox: Outbox;
  readonly webhooks: Pick<Webhooks, "get" | "secretOf">;
  readonly send: SendWebhook;
  readonly clock: Clock;
  /** After how long a delivery whose sender died is sent by another; longer than a request may take. */
  readonly leaseUs?: Micros;
}

export interface Deliverer {
  /** Sends what is due now. @returns how many deliveries it began */
  deliverDue(): Promise<number>;
  start(): void;
  /** Waits for requests under way. What is not delivered then stays owed. */
  stop(): Promise<void>;
}

/**
 * Sends what is owed to webhooks: each delivery at least once, with the same id and body each time, for as long as its target fails in a
 * way that may pass (no answer, 408, 429, 5xx), waiting twice as long after each failure. What a target refuses is not sent again.
 */
export function createDeliverer({ outbox, webhooks, send, clock, leaseUs = defaultLeaseUs }: DelivererParts): Deliverer {
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<unknown> = Promise.resolve();
  let stopped = false;

  const deliver = async (delivery: Delivery): Promise<void> => {
    const { deliveryId, webhookId, attempt } = delivery;
    const outcome = await attemptOf(delivery, webhooks, send, clock);
    if (outcome.kind === "delivered") return outbox.delivered(deliveryId);
    if (outcome.kind === "gone") return outbox.giveUp(deliveryId, `webhook ${webhookId} is deleted or disabled`);
    if (outcome.kind === "refused" || attempt >= maxAttempts) return outbox.giveUp(deliveryId, outcome.problem);
    const waitSeconds = Math.min(longestWaitSeconds, Math.max(outcome.waitSeconds, firstWaitSeconds * 2 ** (attempt - 1)));
    return outbox.retry(deliveryId, clock.nowUs() + waitSeconds * 1_000_000, outcome.problem);
  };
  const deliverDue = async (): Promise<number> => {
    const deliveries = await outbox.claim(atOnce, leaseUs);
    await Promise.all(deliveries.map(deliver));
    return deliveries.length;
  };
  const round = async (): Promise<void> => {
    try {
      while ((await deliverDue()) > 0) if (stopped) return;
    } catch (error) {
      // A database that does not answer now is asked again at the next poll; what was claimed comes up again when its claim ends.
      console.error(error);
    }
  };
  const roundAndNext = async (): Promise<void> => {
    await round();
    if (!stopped) start();
  };
  const start = (): void => {
    timer = setTimeout(() => {
      running = roundAndNext();
    }, pollMs);
    timer.unref();
  };
  return {
    deliverDue,
    start,
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}

type Outcome =
  | { readonly kind: "delivered" }
  | { readonly kind: "gone" }
  | { readonly kind: "refused"; readonly problem: string }
  | { readonly kind: "failed"; readonly problem: string; readonly waitSeconds: number };

async function attemptOf({ deliveryId, webhookId, body }: Delivery, webhooks: DelivererParts["webhooks"], send: SendWebhook, clock: Clock): Promise<Outcome> {
  try {
    const webhook = await webhooks.get(webhookId);
    if (webhook.status !== "ACTIVE") return { kind: "gone" };
    const secret = await webhooks.secretOf(webhookId);
    return outcomeOf(await send(signedRequest({ url: webhook.url, secret, deliveryId, body, clock })));
  } catch (error) {
    if (codeOf(error) === "WEBHOOK_NOT_FOUND") return { kind: "gone" };
    const problem = error instanceof Error ? error.message.slice(0, 500) : "unknown";
    return error instanceof TargetRefused ? { kind: "refused", problem } : { kind: "failed", problem, waitSeconds: 0 };
  }
}

function outcomeOf({ status, retryAfterSeconds }: WebhookResponse): Outcome {
  if (status >= 200 && status < 300) return { kind: "delivered" };
  const problem = `answered ${status}`;
  const mayPass = status === 408 || status === 429 || status >= 500;
  return mayPass ? { kind: "failed", problem, waitSeconds: retryAfterSeconds ?? 0 } : { kind: "refused", problem };
}

export interface MessageParts {
  readonly url: string;
  readonly secret: string | undefined;
  readonly deliveryId: string;
  readonly body: string;
  readonly clock: Clock;
}

/** The time is of the attempt, not of the event: receivers refuse what is old. */
export function signedRequest({ url, secret, deliveryId, body, clock }: MessageParts): Parameters<SendWebhook>[0] {
  const timestamp = Math.floor(clock.nowUs() / 1_000_000);
  return {
    url,
    body,
    headers: {
      "content-type": "application/json",
      "x-mlflow-delivery-id": deliveryId,
      "x-mlflow-timestamp": String(timestamp),
      ...(secret === undefined ? {} : { "x-mlflow-signature": signatureOf(secret, deliveryId, timestamp, body) }),
    },
  };
}
