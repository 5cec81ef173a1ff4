/** One broker of Apache Kafka on loopback, with its data in a folder, for a test to start, kill and start again. */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, openSync, closeSync, readFileSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import path from "node:path";
import { kafkaJars } from "../scripts/kafka.ts";

export interface KafkaBroker {
  readonly address: string;
  /** Resolves once it takes connections. */
  start(): Promise<void>;
  /** As a machine that loses power. */
  kill(): Promise<void>;
  /** Takes connections and answers none of them, until it goes on. */
  pause(): void;
  goOn(): void;
}

export async function openKafkaBroker(folder: string): Promise<KafkaBroker> {
  const [port, controllerPort] = [await freePort(), await freePort()];
  const address = `127.0.0.1:${port}`;
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
      `listeners=PLAINTEXT://${address},CONTROLLER://127.0.0.1:${controllerPort}`,
      `advertised.listeners=PLAINTEXT://${address}`,
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
    start: async () => {
      if (!existsSync(data)) {
        const made = spawnSync("java", [...java, "kafka.tools.StorageTool", "format", "-t", "AAAAAAAAAAAAAAAAAAAAAQ", "-c", file], { encoding: "utf8" });
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

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
