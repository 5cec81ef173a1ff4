import { lookup as resolve, type LookupAddress } from "node:dns";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { isIP, type LookupFunction } from "node:net";

import type { AddressRule } from "./public-address.ts";

export interface WebhookRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface WebhookResponse {
  readonly status: number;
  /** The first `maxResponseBytes` of it. */
  readonly body: string;
  readonly retryAfterSeconds?: number;
}

export type SendWebhook = (request: WebhookRequest) => Promise<WebhookResponse>;

const maxResponseBytes = 16 * 1024;
const timeoutMs = 30_000;

/** The target may not be reached. Trying again would not change that. */
export class TargetRefused extends Error {}

/**
 * Sends to allowed addresses only. The name is resolved once, by the connection itself, and each address it may use is checked there, so that
 * a name that answers otherwise the second time (DNS rebinding) gains nothing. Redirects are not followed: where they lead was never checked.
 */
export function webhookSender(isAllowed: AddressRule, resolveName: typeof resolve = resolve): SendWebhook {
  const lookup: LookupFunction = (host, options, callback) => {
    resolveName(host, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
      if (error !== null) return callback(error, "", 4);
      const refused = addresses.find(({ address }) => !isAllowed(address));
      const [first] = addresses;
      if (refused !== undefined || first === undefined) return callback(refusal(host, refused?.address), "", 4);
      if (options.all === true) return callback(null, addresses);
      return callback(null, first.address, first.family);
    });
  };
  return async ({ url, headers, body }) => {
    const target = new URL(url);
    const host = target.hostname.replace(/^\[|\]$/g, "");
    // An address is connected to without a look-up.
    if (isIP(host) !== 0 && !isAllowed(host)) throw refusal(host, host);
    const start = target.protocol === "https:" ? httpsRequest : httpRequest;
    const bytes = Buffer.from(body, "utf8");
    const { promise, resolve: answered, reject } = Promise.withResolvers<WebhookResponse>();
    const request = start(
      target,
      // No agent: a connection is never another request's. No proxy is asked either: it would be what is checked.
      { method: "POST", headers: { ...headers, "content-length": String(bytes.length) }, lookup, agent: false, signal: AbortSignal.timeout(timeoutMs) },
      (response) => void readResponse(response).then(answered, reject),
    );
    request.on("socket", (socket) => {
      socket.on("connect", () => {
        if (!isAllowed(socket.remoteAddress ?? "")) request.destroy(refusal(host, socket.remoteAddress));
      });
    });
    request.on("error", reject);
    request.end(bytes);
    return promise;
  };
}

function refusal(host: string, address: string | undefined): TargetRefused {
  return new TargetRefused(`${host} is at ${address ?? "no address"}, which webhooks may not reach; KARKHANA_WEBHOOK_TARGETS allows ranges of addresses`);
}

async function readResponse(response: IncomingMessage): Promise<WebhookResponse> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    const part = Buffer.from(chunk);
    chunks.push(part);
    size += part.length;
    if (size >= maxResponseBytes) {
      response.destroy();
      break;
    }
  }
  const retryAfter = /^\d{1,6}$/.exec(response.headers["retry-after"] ?? "")?.[0];
  return {
    status: response.statusCode ?? 0,
    body: Buffer.concat(chunks).subarray(0, maxResponseBytes).toString("utf8"),
    ...(retryAfter === undefined ? {} : { retryAfterSeconds: Number(retryAfter) }),
  };
}
