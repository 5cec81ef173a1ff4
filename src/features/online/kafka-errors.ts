/** What the client's errors mean to the person who wrote the source: which field to mend. Their own texts go no further than a short problem. */
import type { KafkaTopic, SourceDefinition } from "../../data/source.ts";
import { codeOf, KarkhanaError } from "../../kernel/error.ts";

interface Found {
  readonly code: string;
  readonly message: string;
  readonly reason: string;
  readonly apiId: string;
}

/** Chains of causes are short; a ring of them must not hold us. */
const mostLinks = 50;
/** TLS alerts by which a broker refuses our certificate, or that we sent none. */
const clientRefused = /alert (?:certificate required|bad certificate|unknown ca|certificate unknown|certificate expired|access denied|handshake failure)/i;
const untrusted =
  /^(?:SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT(?:_LOCALLY)?|CERT_UNTRUSTED|CERT_SIGNATURE_FAILURE)$/;
const expired = /^CERT_(?:HAS_EXPIRED|NOT_YET_VALID)$/;

/**
 * @param seen errors of connections that the failed request was not told of: it only knows that its connection closed
 * @returns an error of ours for whatever the client threw; ours stay as they are
 */
export function kafkaError(error: unknown, source: SourceDefinition, topic: KafkaTopic, seen: readonly unknown[] = []): unknown {
  if (codeOf(error) !== undefined) return error;
  const found = [error, ...seen].flatMap(chain);
  const field = (name: string): string => `source ${source.name}, topic.${name}`;
  const tlsRefused = (name: string, problem: string): KarkhanaError => new KarkhanaError("STREAM_TLS_REFUSED", { field: field(name), problem });
  for (const { code, message, reason, apiId } of found) {
    if (apiId === "SASL_AUTHENTICATION_FAILED") return accountRefused(field, topic, "the user name or the password is not the brokers'");
    if (apiId === "UNSUPPORTED_SASL_MECHANISM")
      return new KarkhanaError("STREAM_ACCOUNT_REFUSED", {
        field: field("sasl.mechanism"),
        problem: `the brokers do not offer ${topic.sasl?.mechanism ?? "it"}`,
      });
    if (message.startsWith("Unknown topic ")) return new KarkhanaError("STREAM_TOPIC_MISSING", { field: field("topic"), topic: topic.topic });
    if (apiId.endsWith("_AUTHORIZATION_FAILED")) return new KarkhanaError("STREAM_FORBIDDEN", { field: field("topic"), topic: topic.topic, problem: apiId });
    if (code === "ERR_TLS_CERT_ALTNAME_INVALID")
      return tlsRefused("tls.serverName", `the broker's certificate is for another name: ${reason || "it has none"}`);
    if (untrusted.test(code)) return tlsRefused("tls.caFile", `the broker's certificate is signed by none that is trusted (${code})`);
    if (expired.test(code)) return tlsRefused("tls", `the broker's certificate is not valid today (${code})`);
    if (clientRefused.test(message)) return tlsRefused("tls.certFile", "the broker refuses the client's certificate, or that there is none");
    if (/^ERR_SSL_|^EPROTO$/.test(code) || /TLS handshake failed/.test(message))
      return tlsRefused("tls", "the broker does not speak TLS as this program does on that port");
  }
  // The client says no more where authentication was broken off.
  if (found.some(({ code }) => code === "PLT_KFK_AUTHENTICATION")) return accountRefused(field, topic, "authentication was broken off");
  if (!found.some(({ code }) => /^PLT_KFK_|^E[A-Z]+$/.test(code))) return error;
  const deepest = found.findLast(({ code }) => /^E[A-Z]+$/.test(code)) ?? found[0]!;
  return new KarkhanaError("STREAM_UNREACHABLE", { field: field("brokers"), problem: deepest.message.slice(0, 200) });
}

function accountRefused(field: (name: string) => string, topic: KafkaTopic, problem: string): KarkhanaError {
  const where = topic.sasl?.passwordVariable ?? topic.sasl?.passwordFile ?? "none is declared";
  return new KarkhanaError("STREAM_ACCOUNT_REFUSED", { field: field("sasl"), problem: `${problem} (password from ${where})` });
}

function chain(error: unknown): Found[] {
  const found: Found[] = [];
  const waiting: unknown[] = [error];
  while (waiting.length > 0 && found.length < mostLinks) {
    const one = waiting.shift();
    if (typeof one !== "object" || one === null) continue;
    const text = (name: string): string => {
      const value: unknown = Object.hasOwn(one, name) || name in one ? Reflect.get(one, name) : undefined;
      return typeof value === "string" ? value : "";
    };
    found.push({ code: text("code"), message: text("message"), reason: text("reason"), apiId: text("apiId") });
    if ("errors" in one && Array.isArray(one.errors)) waiting.push(...one.errors);
    if ("cause" in one) waiting.push(one.cause);
  }
  return found;
}
