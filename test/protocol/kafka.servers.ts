import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { Admin, Producer } from "@platformatic/kafka";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { openKafkaTopic } from "../../src/features/online/kafka-topic.ts";
import { openLoggedFeatures, type LoggedFeatures } from "../../src/features/online/logged-features.ts";
import { createOnlineFeatures } from "../../src/features/online/online-features.ts";
import { followTopic, type TopicFollower } from "../../src/features/online/topic-follower.ts";
import { systemClock } from "../../src/server/system.ts";
import { openLmdb } from "../../src/storage/kv/lmdb.ts";
import { openMemoryStore } from "../../src/storage/kv/memory.ts";
import type { KeyValueStore } from "../../src/storage/kv/port.ts";
import { openKafkaBroker, type KafkaBroker } from "../kafka-broker.ts";
import { bookings, bookingsOf, firstMs, hotels, type Sent } from "./kafka-world.ts";

let brokerFolder: string;
let broker: KafkaBroker;
beforeAll(async () => {
  brokerFolder = mkdtempSync(path.join(tmpdir(), "karkhana-kafka-"));
  broker = await openKafkaBroker(brokerFolder);
  await broker.start();
});
afterAll(async () => {
  await broker.kill();
  rmSync(brokerFolder, { recursive: true });
});

let folder: string;
let topic: string;
let topics = 0;
const closing: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "karkhana-follow-"));
  topic = `bookings-${topics++}`;
  await withAdmin((admin) => admin.createTopics({ topics: [topic], partitions: 3, replicas: 1 }));
});
afterEach(async () => {
  while (closing.length > 0) await closing.pop()!();
  rmSync(folder, { recursive: true });
});

async function withAdmin<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = new Admin({ clientId: "test", bootstrapBrokers: [broker.address] });
  try {
    return await work(admin);
  } finally {
    await admin.close();
  }
}

const partitionsOf = (): Promise<number> =>
  withAdmin(async (admin) => (await admin.metadata({ topics: [topic], forceUpdate: true })).topics.get(topic)?.partitionsCount ?? 0);

async function send(messages: readonly Sent[], compression: "none" | "gzip" = "none"): Promise<void> {
  const producer = new Producer({ clientId: "test", bootstrapBrokers: [broker.address], compression, idempotent: true });
  try {
    for (let from = 0; from < messages.length; from += 500)
      await producer.send({ messages: messages.slice(from, from + 500).map((message) => ({ ...message, topic })) as never, acks: -1 });
  } finally {
    await producer.close();
  }
}

interface Followed {
  readonly online: LoggedFeatures;
  readonly follower: TopicFollower;
  readonly store: KeyValueStore;
}

async function follow(store: KeyValueStore, from: "earliest" | "latest" = "earliest"): Promise<Followed> {
  const { source, views } = bookingsOf({ brokers: [broker.address], topic, from });
  const online = await openLoggedFeatures({
    online: createOnlineFeatures({ store, views, sources: [source] }),
    sources: [source],
    folder: mkdtempSync(path.join(folder, "log-")),
    clock: systemClock,
  });
  const places = { environment: {}, projectFolder: "/", leadersKnownMs: 500 };
  const follower = followTopic(online, source, await openKafkaTopic(source, source.topic!, places), { clock: systemClock });
  closing.push(async () => {
    await follower.close();
    await online.close();
  });
  return { online, follower, store };
}

/** What features say at every quarter of an hour of the messages' time. */
async function answers({ online }: Pick<Followed, "online">): Promise<unknown> {
  const { service } = bookingsOf({ brokers: [broker.address] });
  const found: unknown[] = [];
  for (let minute = 0; minute < 120; minute += 15)
    for (const hotel of hotels) {
      const [[of] = []] = await online.valuesReader(service)([(firstMs + minute * 60_000) * 1000], [{ hotel }]);
      found.push([minute, hotel, of?.values, of?.statuses]);
    }
  return found;
}

const taken = async ({ online }: Pick<Followed, "online">): Promise<number> => {
  const { rows, setAside } = await online.counters("bookings");
  return rows + setAside;
};
const patience = { timeout: 300_000, interval: 50 };

test("a topic's messages are rows: changed, moved and taken back by key, what is none set aside with its place, and the lag told", async () => {
  await send(bookings(0, 1200));
  await send(bookings(1200, 1500), "gzip");
  const one = await follow(openMemoryStore());
  await expect
    .poll(() => one.follower.report().partitions.reduce((sum, { lag }) => sum + lag, one.follower.report().partitions.length === 3 ? 0 : 1), patience)
    .toBe(0);
  await expect.poll(() => taken(one), patience).toBe(1500);
  expect(await one.online.counters("bookings")).toMatchObject({ setAside: 30, refused: { ROW_REFUSED: 30 } });
  const [problem] = await one.online.quarantine("bookings");
  expect(problem).toMatchObject({ code: "ROW_REFUSED", message: expect.stringContaining("the message is not JSON") });
  expect(JSON.parse(problem!.row)).toMatchObject({ _partition: expect.any(Number), _offset: expect.any(Number), _value: "{half" });
  await expect.poll(() => one.follower.report().partitions.map(({ lag }) => lag), patience).toEqual([0, 0, 0]);
  expect(one.follower.report()).toMatchObject({ state: "following", missed: 0, topic });
  expect(one.follower.report().partitions.reduce((sum, { end }) => sum + end, 0)).toBe(1500);
  // Kafka's own tools see where it stands.
  await expect
    .poll(() => withAdmin((admin) => admin.listConsumerGroupOffsets({ groups: ["karkhana-bookings"] })), patience)
    .toMatchObject([{ groupId: "karkhana-bookings", topics: expect.arrayContaining([expect.objectContaining({ name: topic })]) }]);
  // Against what the messages say, read by hand: a hotel's bookings that stand at the end.
  const standing = new Map<string, { hotel: string; nights: number; ms: number }>();
  for (const { key, value, timestamp } of bookings(0, 1500)) {
    if (value?.toString() === "{half") continue;
    if (value === undefined) standing.delete(key.toString());
    else standing.set(key.toString(), { ...(JSON.parse(value.toString()) as { after: { hotel: string; nights: number } }).after, ms: Number(timestamp) });
  }
  const { service } = bookingsOf({ brokers: [broker.address] });
  for (const hotel of hotels) {
    const own = [...standing.values()].filter((each) => each.hotel === hotel);
    const [[of] = []] = await one.online.valuesReader(service)([(firstMs + 1500 * 1000) * 1000], [{ hotel }]);
    expect(of?.values.slice(0, 2)).toEqual([own.length, own.reduce((sum, { nights }) => sum + nights, 0)]);
  }
});

test("a follower killed again and again while messages come has at the end what one has that reads them all from the beginning", async () => {
  const killed = path.join(folder, "killed");
  const runUntil = async (lines: number): Promise<void> => {
    const child = spawn(process.execPath, [path.join(import.meta.dirname, "children/kafka-follower.ts"), killed, broker.address, topic], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = new Promise((resolve) => child.once("close", resolve));
    let seen = 0;
    for await (const _ of createInterface({ input: child.stdout })) if (++seen === lines) child.kill("SIGKILL");
    await ended;
  };
  const total = 6000;
  const sending = (async () => {
    for (let from = 0; from < total; from += 300) await send(bookings(from, from + 300));
  })();
  for (const lines of [1, 3, 2, 5]) await runUntil(lines);
  await sending;
  const store = openLmdb(path.join(killed, "state"));
  const { source, views } = bookingsOf({ brokers: [broker.address], topic });
  const online = await openLoggedFeatures({
    online: createOnlineFeatures({ store, views, sources: [source] }),
    sources: [source],
    folder: path.join(killed, "log"),
    clock: systemClock,
  });
  const follower = followTopic(online, source, await openKafkaTopic(source, source.topic!, { environment: {}, projectFolder: "/" }), { clock: systemClock });
  closing.push(async () => {
    await follower.close();
    await online.close();
    await store.close();
  });
  expect(await taken({ online })).toBeGreaterThan(0);
  await expect.poll(() => taken({ online }), patience).toBe(total);
  const fresh = await follow(openMemoryStore());
  await expect.poll(() => taken(fresh), patience).toBe(total);
  expect(await answers({ online })).toEqual(await answers(fresh));
});

test("a broker that is killed, started again, and one that hangs: the follower says so, goes on, and has every message once", async () => {
  const one = await follow(openMemoryStore());
  await send(bookings(0, 300));
  await expect.poll(() => taken(one), patience).toBe(300);
  await broker.kill();
  await expect.poll(() => one.follower.report().state, patience).toBe("away");
  expect(one.follower.report().problem).not.toBeNull();
  await broker.start();
  await send(bookings(300, 600));
  await expect.poll(() => taken(one), patience).toBe(600);
  await expect.poll(() => one.follower.report().state, patience).toBe("following");
  broker.pause();
  await expect.poll(() => one.follower.report().state, patience).toBe("away");
  broker.goOn();
  await send(bookings(600, 900));
  await expect.poll(() => taken(one), patience).toBe(900);
  await expect.poll(() => one.follower.report(), patience).toMatchObject({ state: "following", missed: 0 });
});

test("a store that is away is waited for: nothing more is fetched, and nothing is missing or doubled when it is back", async () => {
  const memory = openMemoryStore();
  let isAway = false;
  const one = await follow({ ...memory, write: async (batch) => (isAway ? Promise.reject(new Error("the store is away")) : memory.write(batch)) });
  await send(bookings(0, 300));
  await expect.poll(() => taken(one), patience).toBe(300);
  isAway = true;
  await send(bookings(300, 5000));
  await expect.poll(() => one.follower.report().problem, patience).toContain("the store is away");
  isAway = false;
  await expect.poll(() => taken(one), patience).toBe(5000);
  const fresh = await follow(openMemoryStore());
  await expect.poll(() => taken(fresh), patience).toBe(5000);
  expect(await answers(one)).toEqual(await answers(fresh));
});

test("messages of a transaction count once it is committed, and those of an aborted one never", async () => {
  const producer = new Producer({ clientId: "test", bootstrapBrokers: [broker.address], idempotent: true, transactionalId: topic });
  const sendIn = async (from: number, to: number, end: "commit" | "abort"): Promise<void> => {
    const transaction = await producer.beginTransaction();
    await transaction.send({ messages: bookings(from, to).map((message) => ({ ...message, topic })) as never });
    await transaction[end]();
  };
  try {
    await sendIn(0, 40, "commit");
    await sendIn(40, 140, "abort");
    await sendIn(140, 190, "commit");
    await sendIn(190, 200, "abort");
    await sendIn(210, 250, "commit");
  } finally {
    await producer.close();
  }
  await send(bookings(200, 210));
  const one = await follow(openMemoryStore());
  await expect.poll(() => one.follower.report().partitions.map(({ lag }) => lag), patience).toEqual([0, 0, 0]);
  await expect.poll(() => taken(one), patience).toBe(140);
});

test("what Kafka had deleted before it was read is counted; a topic read from its latest begins there, and goes on there", async () => {
  await send(bookings(0, 300));
  const late = openMemoryStore();
  const first = await follow(late, "latest");
  await expect.poll(() => first.follower.report().partitions.length, patience).toBe(3);
  expect(await taken(first)).toBe(0);
  await closing.pop()!();
  await send(bookings(300, 400));
  const again = await follow(late, "latest");
  await expect.poll(() => taken(again), patience).toBe(100);
  await closing.pop()!();
  await send(bookings(400, 500));
  await withAdmin((admin) => admin.deleteRecords({ topics: [{ name: topic, partitions: [0, 1, 2].map((partition) => ({ partition, offset: -1n })) }] }));
  const after = await follow(late);
  await expect.poll(() => after.follower.report().missed, patience).toBe(100);
  await send(bookings(500, 600));
  await expect.poll(() => taken(after), patience).toBe(200);
});

/** The fetches of a follower meet the partitions that are added only when it looks for them anew. */
async function addPartitions(count: number): Promise<void> {
  await withAdmin((admin) => admin.createPartitions({ topics: [{ name: topic, count }], validateOnly: false }));
}

/** The partition of a booking's key, of more partitions than the topic began with. */
const spread = (messages: readonly Sent[], count: number): Sent[] =>
  messages.map((message) => ({ ...message, partition: Number(message.key.toString().slice(1)) % count }));

test.each(["earliest", "latest"] as const)("partitions that are added to a topic read from its %s are read whole: nothing is lost or doubled", async (from) => {
  const store = openMemoryStore();
  const one = await follow(store, from);
  await expect.poll(() => one.follower.report().partitions.length, patience).toBe(3);
  await send(bookings(0, 300));
  await expect.poll(() => taken(one), patience).toBe(300);
  const sending = (async () => {
    for (let at = 300; at < 600; at += 50) await send(bookings(at, at + 50));
  })();
  await addPartitions(5);
  await sending;
  // What is in the new ones before they are met counts too.
  await expect.poll(() => partitionsOf(), patience).toBe(5);
  await send(spread(bookings(600, 900), 5));
  await expect.poll(() => taken(one), patience).toBe(900);
  await expect.poll(() => one.follower.report().partitions.map(({ lag }) => lag), patience).toEqual([0, 0, 0, 0, 0]);
  await closing.pop()!();
  // Added while nobody follows.
  await addPartitions(6);
  await expect.poll(() => partitionsOf(), patience).toBe(6);
  await send(spread(bookings(900, 1200), 6));
  const again = await follow(store, from);
  await expect.poll(() => taken(again), patience).toBe(1200);
  await expect.poll(() => again.follower.report().partitions.map(({ lag }) => lag), patience).toEqual([0, 0, 0, 0, 0, 0]);
  expect(await taken(again)).toBe(1200);
  expect(again.follower.report().missed).toBe(0);
  const fresh = await follow(openMemoryStore());
  await expect.poll(() => taken(fresh), patience).toBe(1200);
  expect(await answers(again)).toEqual(await answers(fresh));
});

test("an empty topic read from its latest keeps what comes while nobody follows it", async () => {
  const store = openMemoryStore();
  const first = await follow(store, "latest");
  await expect.poll(() => first.follower.report().partitions.length, patience).toBe(3);
  await closing.pop()!();
  await send(bookings(0, 90));
  const again = await follow(store, "latest");
  await expect.poll(() => taken(again), patience).toBe(90);
});
