/**
 * Fetches Apache Kafka's own broker from Maven Central, once a version, and prints the folder of its jars:
 *   node scripts/kafka.ts
 * Needs Maven and a Java runtime from 17 on (Debian: apt-get install maven). Only tests and the bench start it: `test/kafka-broker.ts`.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { makeOnce } from "./make-once.ts";

const version = "4.1.0";
const folder = path.join(tmpdir(), ".karkhana-jars", `kafka-${version}`);
const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>karkhana</groupId><artifactId>kafka-broker</artifactId><version>1</version>
  <dependencies><dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${version}</version></dependency></dependencies>
</project>
`;

/** @returns the folder of the broker's jars */
export function kafkaJars(): string {
  makeOnce(folder, () => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, "pom.xml"), pom);
    const plugin = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";
    const { status, stdout, stderr, error } = spawnSync(
      "mvn",
      ["-q", "-B", "-f", path.join(folder, "pom.xml"), plugin, `-DoutputDirectory=${folder}`, "-DincludeScope=runtime"],
      {
        encoding: "utf8",
      },
    );
    if (error !== undefined || status !== 0)
      throw new Error(`Maven could not fetch Kafka's broker (${error?.message ?? ""}${stdout ?? ""}${stderr ?? ""}). Debian: apt-get install maven`);
  });
  return folder;
}

if (process.argv[1] === import.meta.filename) console.log(kafkaJars());
