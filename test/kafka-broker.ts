/** One broker of Apache Kafka on loopback, with its data in a folder, for a test to start, kill and start again. */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, openSync, closeSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import path from "node:path";
import { kafkaJars } from "../scripts/kafka.ts";
import { freePort } from "./free-ports.ts";
import type { KafkaCertificates } from "./kafka-certificates.ts";

export interface KafkaBroker {
  readonly address: string;
  /** Of a secured broker: by TLS and a client's certificate, and by TLS and an account. */
  readonly tlsAddress: string;
  readonly saslAddress: string;
  /** Resolves once it takes connections. */
  start(): Promise<void>;
  /** As a machine that loses power. */
  kill(): Promise<void>;
  /** Takes connections and answers none of them, until it goes on. */
  pause(): void;
  goOn(): void;
}

/** Accounts are there under PLAIN and both SCRAM mechanisms; whoever comes without TLS may do everything. */
export interface KafkaSecurity {
  readonly certificates: KafkaCertificates;
  readonly accounts: Readonly<Record<string, string>>;
}

export async function openKafkaBroker(folder: string, security?: KafkaSecurity): Promise<KafkaBroker> {
  const [port, controllerPort, tlsPort, saslPort] = [await freePort(), await freePort(), await freePort(), await freePort()];
  const address = `127.0.0.1:${port}`;
  const [tlsAddress, saslAddress] = [`localhost:${tlsPort}`, `localhost:${saslPort}`];
  const data = path.join(folder, "kafka");
  const file = path.join(folder, "kafka.properties");
  const java = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", `${kafkaJars()}/*`];
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    file,
    [
      "process.roles=broker,controller",
      "node.id=1",
      `controller.quorum.voters=1@127.0.0.1:${controllerPort}`,
      `listeners=PLAINTEXT://${address},CONTROLLER://127.0.0.1:${controllerPort}${security === undefined ? "" : `,SSL://127.0.0.1:${tlsPort},SASL_SSL://127.0.0.1:${saslPort}`}`,
      `advertised.listeners=PLAINTEXT://${address}${security === undefined ? "" : `,SSL://${tlsAddress},SASL_SSL://${saslAddress}`}`,
      ...(security === undefined ? [] : securedBy(security)),
      "controller.listener.names=CONTROLLER",
      `log.dirs=${data}`,
      "offsets.topic.num.partitions=1",
      "offsets.topic.replication.factor=1",
      "transaction.state.log.num.partitions=1",
      "transaction.state.log.replication.factor=1",
      "transaction.state.log.min.isr=1",
      // The messages of the tests carry times of their own, long past: by default they would be deleted a week after those.
      "log.retention.ms=-1",
      "auto.create.topics.enable=false",
    ].join("\n"),
  );
  let running: ChildProcess | undefined;
  return {
    address,
    tlsAddress,
    saslAddress,
    start: async () => {
      if (!existsSync(data)) {
        const accounts = Object.entries(security?.accounts ?? {}).flatMap(([name, password]) =>
          ["SCRAM-SHA-256", "SCRAM-SHA-512"].flatMap((mechanism) => ["--add-scram", `${mechanism}=[name=${name},password=${password}]`]),
        );
        const format = ["kafka.tools.StorageTool", "format", "-t", "AAAAAAAAAAAAAAAAAAAAAQ", "-c", file, ...accounts];
        const made = spawnSync("java", [...java, ...format], { encoding: "utf8" });
        if (made.status !== 0) throw new Error(`Kafka's folder could not be made: ${made.error?.message ?? ""}${made.stdout}${made.stderr}`);
      }
      const log = openSync(path.join(folder, "kafka.log"), "a");
      const child = spawn("java", [...java, "kafka.Kafka", file], { stdio: ["ignore", log, log] });
      closeSync(log);
      running = child;
      while (!(await takesConnections(port))) {
        if (child.exitCode !== null) throw new Error(`Kafka ended: ${readFileSync(path.join(folder, "kafka.log"), "utf8").slice(-2000)}`);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    },
    kill: async () => {
      const child = running;
      running = undefined;
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await ended;
    },
    pause: () => void running?.kill("SIGSTOP"),
    goOn: () => void running?.kill("SIGCONT"),
  };
}

function securedBy({ certificates, accounts }: KafkaSecurity): string[] {
  const plain = Object.entries(accounts).map(([name, password]) => ` user_${name}="${password}"`);
  const own = "listener.name.sasl_ssl";
  const logins = "org.apache.kafka.common.security";
  return [
    "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL",
    "ssl.keystore.type=PEM",
    `ssl.keystore.location=${certificates.broker}`,
    "ssl.truststore.type=PEM",
    `ssl.truststore.location=${certificates.ca}`,
    "listener.name.ssl.ssl.client.auth=required",
    `${own}.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512`,
    `${own}.plain.sasl.jaas.config=${logins}.plain.PlainLoginModule required${plain.join("")};`,
    `${own}.scram-sha-256.sasl.jaas.config=${logins}.scram.ScramLoginModule required;`,
    `${own}.scram-sha-512.sasl.jaas.config=${logins}.scram.ScramLoginModule required;`,
    "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users=User:ANONYMOUS",
    "allow.everyone.if.no.acl.found=true",
  ];
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
