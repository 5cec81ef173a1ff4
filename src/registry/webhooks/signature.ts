import { createHmac } from "node:crypto";

/** The header that proves who sent a delivery: HMAC-SHA256 over id, time and body, as MLflow signs and its documentation has receivers check. */
export function signatureOf(secret: string, deliveryId: string, timestampSeconds: number, body: string): string {
  const signed = createHmac("sha256", secret).update(`${deliveryId}.${timestampSeconds}.${body}`).digest("base64");
  return `v1,${signed}`;
}
