import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { inspect } from "node:util";
import { Admin, Producer } from "@platformatic/kafka";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import type { KafkaSasl, KafkaTls, KafkaTopic } from "../../src/data/source.ts";
import { openKafkaTopic } from "../../src/features/online/kafka-topic.ts";
import { createOnlineFeatures } from "../../src/features/online/online-features.ts";
import { followTopic } from "../../src/features/online/topic-follower.ts";
import type { ErrorCode } from "../../src/kernel/error-catalogue.ts";
import { systemClock } from "../../src/server/system.ts";
import { openMemoryStore } from "../../src/storage/kv/memory.ts";
import { openKafkaBroker, type KafkaBroker } from "../kafka-broker.ts";
import { makeKafkaCertificates, type KafkaCertificates } from "../kafka-certificates.ts";
import { bookings, bookingsOf } from "./kafka-world.ts";

// Kafka's own broker with certificates made here: TLS that asks for a client's certificate, and TLS with accounts.
const password = "s3cret-of-reader";
const wrongPassword = "n0t-the-password";
const environment = { KAFKA_USER: "reader", KAFKA_PASSWORD: password, WRONG: wrongPassword, OUTSIDER: "outsider", OUTSIDER_PASSWORD: "outsider-secret" };
const numRows = 60;

let folder: string;
let certificates: KafkaCertificates;
let broker: KafkaBroker;
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "karkhana-secured-"));
  certificates = makeKafkaCertificates(path.join(folder, "certificates"));
  broker = await openKafkaBroker(folder, { certificates, accounts: { reader: password, outsider: environment.OUTSIDER_PASSWORD } });
  await broker.start();
  const admin = new Admin({ clientId: "test", bootstrapBrokers: [broker.address] });
  await admin.createTopics({ topics: ["bookings"], partitions: 3, replicas: 1 });
  const denied = { resourceType: 2, resourceName: "bookings", resourcePatternType: 3, principal: "User:outsider", host: "*", operation: 3, permissionType: 2 };
  const allowed = { ...denied, principal: "User:*", operation: 2, permissionType: 3 };
  await admin.createAcls({ creations: [denied, allowed] as never });
  await admin.close();
  const producer = new Producer({ clientId: "test", bootstrapBrokers: [broker.address] });
  await producer.send({ messages: bookings(0, numRows), acks: -1 });
  await producer.close();
});
afterAll(async () => {
  await broker.kill();
  rmSync(folder, { recursive: true });
});

const closing: (() => Promise<unknown>)[] = [];
let written = "";
beforeEach(() => {
  written = "";
  for (const stream of [process.stdout, process.stderr])
    vi.spyOn(stream, "write").mockImplementation((text: string | Uint8Array) => {
      written += String(text);
      return true;
    });
});
afterEach(async () => {
  vi.restoreAllMocks();
  while (closing.length > 0) await closing.pop()!();
});

const sasl = (mechanism: KafkaSasl["mechanism"], passwordVariable = "KAFKA_PASSWORD"): KafkaSasl => ({
  mechanism,
  usernameVariable: "KAFKA_USER",
  passwordVariable,
});
const trusting = (): KafkaTls => ({ caFile: certificates.ca });
const clientTls = (): KafkaTls => ({ ...trusting(), certFile: certificates.client.cert, keyFile: certificates.client.key });

interface Opened {
  readonly online: ReturnType<typeof createOnlineFeatures>;
  readonly follower: ReturnType<typeof followTopic>;
  readonly pauses: number[];
}

/** After so many attempts the follower waits until it is closed. */
async function follow(topic: Partial<KafkaTopic> & Pick<KafkaTopic, "brokers">, attempts = 4): Promise<Opened> {
  const { source, views } = bookingsOf(topic);
  const online = createOnlineFeatures({ store: openMemoryStore(), views, sources: [source] });
  const pauses: number[] = [];
  const pause = async (ms: number, signal: AbortSignal): Promise<void> => {
    if (pauses.push(ms) < attempts) return;
    await new Promise((resolve) => {
      signal.addEventListener("abort", resolve, { once: true });
    });
  };
  const stream = await openKafkaTopic(source, source.topic!, {
    environment: { ...environment, KEY_PASSPHRASE: certificates.client.passphrase },
    projectFolder: folder,
  });
  const follower = followTopic(online, source, stream, { clock: systemClock, pause });
  closing.push(() => follower.close());
  return { online, follower, pauses };
}

const taken = async ({ online }: Opened): Promise<number> => {
  const { rows, setAside } = await online.counters("bookings");
  return rows + setAside;
};
const patience = { timeout: 300_000, interval: 20 };

test.each([
  ["a client's certificate", () => ({ brokers: [broker.tlsAddress], tls: clientTls() })],
  [
    "a client's certificate whose key is encrypted",
    () => ({
      brokers: [broker.tlsAddress],
      tls: { ...clientTls(), keyFile: certificates.client.encryptedKey, keyPassphraseVariable: "KEY_PASSPHRASE" },
    }),
  ],
  ["PLAIN", () => ({ brokers: [broker.saslAddress], tls: trusting(), sasl: sasl("PLAIN") })],
  ["SCRAM-SHA-256", () => ({ brokers: [broker.saslAddress], tls: trusting(), sasl: sasl("SCRAM-SHA-256") })],
  ["SCRAM-SHA-512", () => ({ brokers: [broker.saslAddress], tls: trusting(), sasl: sasl("SCRAM-SHA-512") })],
  [
    "an address, and the name its certificate is for",
    () => ({
      brokers: [broker.saslAddress.replace("localhost", "127.0.0.1")],
      tls: { ...trusting(), serverName: "localhost" },
      sasl: sasl("SCRAM-SHA-256"),
    }),
  ],
] as const)("a topic is followed by %s", async (_name, topic) => {
  const one = await follow(topic());
  await expect.poll(() => taken(one), patience).toBe(numRows);
  expect(one.follower.report()).toMatchObject({ state: "following", problem: null, lastError: null, failures: {} });
  expect(one.pauses).toEqual([]);
});

/** Passes bytes on and counts who came. */
async function openGate(to: string): Promise<{ readonly address: string; readonly connections: () => number }> {
  let count = 0;
  const open: Socket[] = [];
  const server: Server = createServer((socket) => {
    count++;
    const upstream = connect(Number(to.split(":")[1]), "127.0.0.1");
    open.push(socket, upstream);
    socket.pipe(upstream).pipe(socket);
    for (const one of [socket, upstream]) one.on("error", () => void [socket, upstream].map((each) => each.destroy()));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  closing.unshift(() => {
    for (const one of open) one.destroy();
    return new Promise((resolve) => void server.close(resolve));
  });
  const at = server.address();
  return { address: `127.0.0.1:${typeof at === "object" && at !== null ? at.port : 0}`, connections: () => count };
}

type Refused = readonly [
  name: string,
  listener: "tlsAddress" | "saslAddress" | "address",
  topic: () => Partial<KafkaTopic>,
  code: ErrorCode,
  field: string,
  text: string,
];

const named = (): KafkaTls => ({ ...trusting(), serverName: "localhost" });
const refusals: readonly Refused[] = [
  ["a wrong password under PLAIN", "saslAddress", () => ({ tls: named(), sasl: sasl("PLAIN", "WRONG") }), "STREAM_ACCOUNT_REFUSED", "topic.sasl", "from WRONG"],
  [
    "a wrong password under SCRAM",
    "saslAddress",
    () => ({ tls: named(), sasl: sasl("SCRAM-SHA-512", "WRONG") }),
    "STREAM_ACCOUNT_REFUSED",
    "topic.sasl",
    "WRONG",
  ],
  [
    "an unknown authority",
    "saslAddress",
    () => ({ tls: { ...named(), caFile: certificates.otherCa }, sasl: sasl("PLAIN") }),
    "STREAM_TLS_REFUSED",
    "topic.tls.caFile",
    "signed by none that is trusted",
  ],
  [
    "a certificate for another name",
    "saslAddress",
    () => ({ tls: trusting(), sasl: sasl("PLAIN") }),
    "STREAM_TLS_REFUSED",
    "topic.tls.serverName",
    "for another name",
  ],
  ["no certificate of the client's", "tlsAddress", () => ({ tls: named() }), "STREAM_TLS_REFUSED", "topic.tls.certFile", "refuses the client's certificate"],
  ["TLS where the broker speaks none", "address", () => ({ tls: named() }), "STREAM_TLS_REFUSED", "topic.tls", "does not speak TLS"],
];

test.each(refusals)("%s is told with what to mend, tried few times, and no secret is shown", async (_name, listener, topic, code, field, text) => {
  const gate = await openGate(broker[listener]);
  const attempts = 4;
  const one = await follow({ ...topic(), brokers: [gate.address] }, attempts);
  await expect.poll(() => one.pauses.length, patience).toBe(attempts);
  const report = one.follower.report();
  expect(report).toMatchObject({ state: "away", lastError: { code, message: expect.stringContaining(text) }, failures: { [code]: attempts } });
  expect(report.problem).toContain(`source bookings, ${field}: `);
  expect(report.lastError!.remedy).toContain("topic.");
  // No storm: a connection an attempt, and long pauses that grow between them.
  expect(gate.connections()).toBe(attempts);
  expect(one.pauses).toEqual([15_000, 30_000, 60_000, 120_000]);
  expect(await taken(one)).toBe(0);
  const { source } = bookingsOf({ ...topic(), brokers: [gate.address] });
  const stream = await openKafkaTopic(source, source.topic!, { environment, projectFolder: folder });
  closing.push(() => stream.close());
  const reading = stream.batches(new AbortController().signal, async () => undefined)[Symbol.asyncIterator]();
  const error: unknown = await reading.next().catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code });
  const shown = inspect(error, { depth: 20, showHidden: true }) + JSON.stringify(report) + written;
  for (const secret of [password, wrongPassword, Buffer.from(password).toString("base64")]) expect(shown).not.toContain(secret);
});

test("an account that may not read the topic is told so", async () => {
  const one = await follow({
    brokers: [broker.saslAddress],
    tls: trusting(),
    sasl: { mechanism: "SCRAM-SHA-256", usernameVariable: "OUTSIDER", passwordVariable: "OUTSIDER_PASSWORD" },
  });
  await expect.poll(() => one.pauses.length, patience).toBe(4);
  expect(one.follower.report()).toMatchObject({ state: "away", lastError: { code: "STREAM_FORBIDDEN" } });
  expect(one.follower.report().problem).toContain("may not read topic bookings");
});

test("a topic that is not there yet is looked for again", async () => {
  const one = await follow({ brokers: [broker.saslAddress], tls: trusting(), sasl: sasl("PLAIN"), topic: "later" }, 2);
  await expect.poll(() => one.follower.report().lastError?.code, patience).toBe("STREAM_TOPIC_MISSING");
  expect(one.pauses[0]).toBe(250);
});

test("a password that is mended in its file is taken at the next attempt", async () => {
  const [user, secret] = [path.join(folder, "user"), path.join(folder, "password")];
  writeFileSync(user, "reader\n");
  writeFileSync(secret, `${wrongPassword}\n`);
  const { source, views } = bookingsOf({
    brokers: [broker.saslAddress],
    tls: trusting(),
    sasl: { mechanism: "SCRAM-SHA-256", usernameFile: "user", passwordFile: "password" },
  });
  const online = createOnlineFeatures({ store: openMemoryStore(), views, sources: [source] });
  const stream = await openKafkaTopic(source, source.topic!, { environment: {}, projectFolder: folder });
  let failed = 0;
  const follower = followTopic(online, source, stream, {
    clock: systemClock,
    pause: async () => {
      if (++failed === 2) writeFileSync(secret, `${password}\n`);
    },
  });
  closing.push(() => follower.close());
  await expect.poll(() => taken({ online, follower, pauses: [] }), patience).toBe(numRows);
  expect(follower.report()).toMatchObject({ state: "following", lastError: { code: "STREAM_ACCOUNT_REFUSED" }, failures: { STREAM_ACCOUNT_REFUSED: 2 } });
});

test.each([
  [{ passwordVariable: "NOT_SET" }, "INVALID_CONFIG", "NOT_SET"],
  [{ passwordVariable: undefined, passwordFile: "nowhere" }, "INVALID_ARGUMENT", "topic.sasl.passwordFile"],
])("a secret that cannot be read stops the start: %j", async (over, code, text) => {
  const { source } = bookingsOf({ brokers: [broker.saslAddress] });
  const topic = { ...source.topic!, sasl: { ...sasl("PLAIN"), ...over } as KafkaSasl };
  await expect(openKafkaTopic(source, topic, { environment, projectFolder: folder })).rejects.toMatchObject({ code, message: expect.stringContaining(text) });
});

test("a key that does not fit its certificate stops the start", async () => {
  const { source } = bookingsOf({ brokers: [broker.tlsAddress] });
  const topic = { ...source.topic!, tls: { ...clientTls(), keyFile: path.join(folder, "certificates", "ca.key") } };
  await expect(openKafkaTopic(source, topic, { environment, projectFolder: folder })).rejects.toMatchObject({ code: "STREAM_TLS_REFUSED" });
});
