/** How a topic's brokers are reached: secrets and certificates are read from where the project says they lie, never from the project itself. */
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import path from "node:path";
import { createSecureContext, type SecureContextOptions } from "node:tls";
import type { ConsumerOptions } from "@platformatic/kafka";
import type { KafkaTopic, SourceDefinition } from "../../data/source.ts";
import { KarkhanaError } from "../../kernel/error.ts";

export interface KafkaPlaces {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly projectFolder: string;
  /** Partitions that are added are found this much later; default 30 s. */
  readonly leadersKnownMs?: number;
}

export type KafkaConnection = Pick<ConsumerOptions<Buffer, Buffer, Buffer, Buffer>, "bootstrapBrokers" | "tls" | "tlsServerName" | "sasl">;

/**
 * Reads everything anew each time, so that a password or certificate that was mended is taken without a restart.
 * @throws INVALID_CONFIG for an environment variable that is not set, INVALID_ARGUMENT for brokers or files that are none; a secret is in neither
 */
export function kafkaConnection(source: SourceDefinition, { brokers, tls, sasl }: KafkaTopic, { environment, projectFolder }: KafkaPlaces): KafkaConnection {
  const field = `source ${source.name}, topic`;
  const variable = (name: string): string => {
    const value = environment[name];
    if (value === undefined || value === "") throw new KarkhanaError("INVALID_CONFIG", { field: name, problem: `is not set; ${field} needs it`, value: "" });
    return value;
  };
  const read = (file: string, what: string): Buffer => {
    try {
      return readFileSync(path.resolve(projectFolder, file));
    } catch (cause) {
      throw new KarkhanaError("INVALID_ARGUMENT", { field: `${field}.${what}`, problem: "cannot be read", value: file }, { cause });
    }
  };
  const secret = (name: string | undefined, file: string | undefined, what: string): string => {
    if (name !== undefined) return variable(name);
    // An editor ends a file with a line break that is not part of the secret.
    const text = read(file!, what)
      .toString("utf8")
      .replace(/\r?\n$/, "");
    if (text === "") throw new KarkhanaError("INVALID_ARGUMENT", { field: `${field}.${what}`, problem: "is empty", value: file });
    return text;
  };
  const list =
    "variable" in brokers
      ? variable(brokers.variable)
          .split(",")
          .map((one) => one.trim())
      : [...brokers];
  const wrong = list.find((one) => !/^.+:\d{1,5}$/.test(one) || Number(one.slice(one.lastIndexOf(":") + 1)) > 65_535);
  if (list.length === 0 || wrong !== undefined)
    throw new KarkhanaError("INVALID_ARGUMENT", { field: `${field}.brokers`, problem: 'expected "host:port"', value: wrong ?? null });
  const { caFile, certFile, keyFile, keyPassphraseVariable, serverName } = tls === true || tls === undefined ? {} : tls;
  // An address is no name to ask a server for (RFC 6066); the certificate is then held against the address.
  const hasAddress = list.some((one) => isIP(one.slice(0, one.lastIndexOf(":"))) !== 0);
  const files: SecureContextOptions = {
    ...(caFile === undefined ? {} : { ca: read(caFile, "tls.caFile") }),
    ...(certFile === undefined ? {} : { cert: read(certFile, "tls.certFile") }),
    ...(keyFile === undefined ? {} : { key: read(keyFile, "tls.keyFile") }),
    ...(keyPassphraseVariable === undefined ? {} : { passphrase: variable(keyPassphraseVariable) }),
  };
  try {
    // The client would throw where nobody catches it.
    createSecureContext(files);
  } catch (cause) {
    const problem = `the certificate and its key cannot be used${cause instanceof Error && "code" in cause ? ` (${String(cause.code)})` : ""}`;
    throw new KarkhanaError("STREAM_TLS_REFUSED", { field: `${field}.tls.keyFile`, problem }, { cause });
  }
  return {
    bootstrapBrokers: list,
    ...(tls === undefined ? {} : { tlsServerName: serverName ?? !hasAddress, tls: files }),
    ...(sasl === undefined
      ? {}
      : {
          sasl: {
            mechanism: sasl.mechanism,
            username: secret(sasl.usernameVariable, sasl.usernameFile, "sasl.usernameFile"),
            password: secret(sasl.passwordVariable, sasl.passwordFile, "sasl.passwordFile"),
          },
        }),
  };
}
