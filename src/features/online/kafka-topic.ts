/**
 * A Kafka topic as a stream of rows, by @platformatic/kafka. Partitions are read by their own offsets and not shared out by a group: the online
 * store needs all of them, and where it stands is in the store, written with the rows. Kafka is only told (`committed`), for its tools to see.
 *
 * One fetch at a time, and the next not before what it gave is taken: memory is bounded by `fetchBytes`, and a store that lags is waited for.
 * Messages of transactions that were aborted are left out.
 */
import { readFileSync } from "node:fs";
import path from "node:path";
import type { Consumer } from "@platformatic/kafka";
import type { KafkaTopic, SourceDefinition } from "../../data/source.ts";
import { KarkhanaError } from "../../kernel/error.ts";
import type { RowStream, StreamBatch, StreamMessage } from "./follow-stream.ts";
import { kafkaRows, type KafkaMessage } from "./kafka-rows.ts";
import type { SourceRow } from "./source-rows.ts";

type Environment = Readonly<Record<string, string | undefined>>;
type FetchResponse = Awaited<ReturnType<Consumer["fetch"]>>;
type FetchedPartition = FetchResponse["responses"][number]["partitions"][number];

export interface KafkaPlaces {
  readonly environment: Environment;
  readonly projectFolder: string;
}

export interface PartitionState {
  readonly partition: number;
  /** Next message the online store wants. */
  readonly next: number;
  /** Next message that Kafka will have. */
  readonly end: number;
}

export interface KafkaStream extends RowStream {
  /** Where each partition stands, as of the last fetch. */
  partitions(): PartitionState[];
  /** Messages that Kafka had deleted before they were read. */
  readonly numMissed: number;
  /** Fetches that were answered. */
  readonly numFetches: number;
  close(): Promise<void>;
}

/** Bounds what one fetch holds: of a partition, and of all. A larger message is still read. */
const partitionBytes = 256 * 1024;
const fetchBytes = 2 * 1024 * 1024;
const maxWaitMs = 500;
/** Rows given on at once: more would hold the event loop. */
const rowsABatch = 250;
const reportEveryMs = 5000;
const requestMs = 10_000;
/** Partitions that are added are found this much later. */
const leadersKnownMs = 30_000;
const [transactional, control] = [16, 32] as const;
/** Isolation levels: all there is, and only what no open transaction can still take back. */
const [uncommitted, committed] = [0, 1] as const;

/** @throws INVALID_CONFIG for an environment variable that is not set, INVALID_ARGUMENT for brokers or files that are none */
export async function openKafkaTopic(source: SourceDefinition, topic: KafkaTopic, places: KafkaPlaces): Promise<KafkaStream> {
  const options = connectionOf(source, topic, places);
  // Loaded on demand: most projects read no topic.
  const { Consumer } = await import("@platformatic/kafka");
  const groupId = topic.group ?? `karkhana-${source.name}`;
  const consumer = new Consumer({
    clientId: "karkhana",
    groupId,
    retries: 0,
    connectTimeout: requestMs,
    requestTimeout: requestMs,
    autocreateTopics: false,
    metadataMaxAge: leadersKnownMs,
    ...options,
  });
  // Of no generation and no member: offsets are told without joining the group.
  consumer.generationId = -1;
  consumer.memberId = "";
  return new FollowedTopic(consumer, source, topic);
}

class FollowedTopic implements KafkaStream {
  readonly name: string;
  numMissed = 0;
  numFetches = 0;
  readonly #consumer: Consumer;
  readonly #topic: KafkaTopic;
  readonly #rowOf: (message: KafkaMessage) => SourceRow;
  readonly #next = new Map<number, number>();
  readonly #ends = new Map<number, number>();
  /** What Kafka has not been told yet. */
  readonly #taken = new Map<number, number>();
  #telling: Promise<void> | undefined;
  #toldMs = Number.NEGATIVE_INFINITY;

  constructor(consumer: Consumer, source: SourceDefinition, topic: KafkaTopic) {
    this.name = topic.topic;
    this.#consumer = consumer;
    this.#topic = topic;
    this.#rowOf = kafkaRows(source, topic);
  }

  partitions(): PartitionState[] {
    return [...this.#ends]
      .map(([partition, end]) => ({ partition, next: Math.min(this.#next.get(partition) ?? 0, end), end }))
      .sort((a, b) => a.partition - b.partition);
  }

  async *batches(signal: AbortSignal, nextOffset: (partition: number) => Promise<number | undefined>): AsyncGenerator<StreamBatch> {
    this.#next.clear();
    // After a failure leaders may be others.
    for (let isFirst = true; !signal.aborted; isFirst = false) {
      const { id, leaders } = await this.#leaders(isFirst);
      this.#tell();
      const unknown = [...leaders.keys()].filter((partition) => !this.#next.has(partition));
      if (unknown.length > 0) yield* this.#begin(unknown, nextOffset);
      for (const node of new Set(leaders.values())) {
        const own = [...leaders].filter(([, leader]) => leader === node).map(([partition]) => partition);
        let answer: FetchResponse;
        try {
          answer = await this.#fetch(id, node, own, committed);
        } catch (error) {
          if (!isOutOfRange(error)) throw error;
          await this.#goOnAfterGap(own);
          continue;
        }
        this.numFetches++;
        if (signal.aborted) return;
        for (const fetched of answer.responses.flatMap(({ partitions }) => partitions)) {
          let { records } = fetched;
          if (fetched.abortedTransactions.length > 0) {
            // The client leaves out more than was aborted (1.35.0: a producer's committed transactions after an aborted one), so all are fetched.
            const whole = await this.#fetch(id, node, [fetched.partitionIndex], uncommitted);
            records = whole.responses[0]?.partitions[0]?.records?.filter((batch) => batch.firstOffset < fetched.lastStableOffset);
          }
          yield* this.#messagesOf(fetched, records ?? []);
        }
      }
    }
  }

  async committed(partition: number, offset: number): Promise<void> {
    this.#taken.set(partition, offset + 1);
  }

  async close(): Promise<void> {
    await this.#telling;
    try {
      await this.#consumer.close(true);
    } catch {
      // A broker that is away need not hear of it.
    }
  }

  /** For Kafka's tools alone: nothing waits for it, and what fails is told again. */
  #tell(): void {
    if (this.#telling !== undefined || this.#taken.size === 0 || performance.now() - this.#toldMs < reportEveryMs) return;
    const offsets = [...this.#taken].map(([partition, next]) => ({ topic: this.name, partition, offset: BigInt(next), leaderEpoch: -1 }));
    const commit = async (): Promise<void> => {
      try {
        await this.#consumer.commit({ offsets });
        for (const { partition, offset } of offsets) if (this.#taken.get(partition) === Number(offset)) this.#taken.delete(partition);
      } catch {
        // The first of a group finds no coordinator yet.
      } finally {
        this.#toldMs = performance.now();
        this.#telling = undefined;
      }
    };
    this.#telling = commit();
  }

  async #leaders(forceUpdate: boolean): Promise<{ readonly id: string; readonly leaders: ReadonlyMap<number, number> }> {
    const { topics } = await this.#consumer.metadata({ topics: [this.name], forceUpdate });
    const found = topics.get(this.name);
    if (found === undefined) throw new KarkhanaError("INVALID_ARGUMENT", { field: "topic", problem: "the brokers have no such topic", value: this.name });
    const leaders = new Map<number, number>();
    for (const [partition, of] of found.partitions.entries()) if (of !== undefined && of.leader >= 0) leaders.set(partition, of.leader);
    if (leaders.size === 0) throw new Error(`no partition of ${this.name} has a leader`);
    return { id: found.id, leaders };
  }

  async *#begin(partitions: readonly number[], nextOffset: (partition: number) => Promise<number | undefined>): AsyncGenerator<StreamBatch> {
    const wanted = await Promise.all(partitions.map(async (partition) => [partition, await nextOffset(partition)] as const));
    const fresh = wanted.filter(([, next]) => next === undefined).map(([partition]) => partition);
    const starts = fresh.length === 0 ? [] : await this.#listOffsets(this.#topic.from === "latest" ? -1n : -2n);
    for (const [partition, next] of wanted) {
      const at = next ?? starts[partition] ?? 0;
      this.#next.set(partition, at);
      if (next === undefined && at > 0) yield { partition, messages: [], from: at };
    }
  }

  #fetch(topicId: string, node: number, partitions: readonly number[], isolationLevel: number): Promise<FetchResponse> {
    return this.#consumer.fetch({
      node,
      minBytes: 1,
      maxBytes: fetchBytes,
      maxWaitTime: maxWaitMs,
      isolationLevel,
      topics: [
        {
          topicId,
          partitions: partitions.map((partition) => ({
            partition,
            currentLeaderEpoch: -1,
            fetchOffset: BigInt(this.#next.get(partition) ?? 0),
            lastFetchedEpoch: -1,
            partitionMaxBytes: partitionBytes,
          })),
        },
      ],
    });
  }

  *#messagesOf(
    { partitionIndex: partition, lastStableOffset, abortedTransactions }: FetchedPartition,
    records: NonNullable<FetchedPartition["records"]>,
  ): Generator<StreamBatch> {
    this.#ends.set(partition, Number(lastStableOffset));
    const from = this.#next.get(partition) ?? 0;
    const aborted = [...abortedTransactions].sort((a, b) => Number(a.firstOffset - b.firstOffset));
    const aborting = new Set<bigint>();
    let messages: StreamMessage[] = [];
    let next = from;
    for (const batch of records) {
      while (aborted[0] !== undefined && aborted[0].firstOffset <= batch.firstOffset) aborting.add(aborted.shift()!.producerId);
      const after = Number(batch.firstOffset) + batch.lastOffsetDelta + 1;
      const isControl = (batch.attributes & control) !== 0;
      // A producer's next transaction begins after the marker that ends this one.
      if (isControl) aborting.delete(batch.producerId);
      const isLeftOut = isControl || ((batch.attributes & transactional) !== 0 && aborting.has(batch.producerId));
      for (const { offsetDelta, timestampDelta, key, value } of isLeftOut ? [] : batch.records) {
        const offset = Number(batch.firstOffset) + offsetDelta;
        if (offset < from) continue;
        messages.push({ offset, value: this.#rowOf({ partition, offset, timestampMs: Number(batch.firstTimestamp + timestampDelta), key, value }) });
        if (messages.length < rowsABatch) continue;
        yield { partition, messages };
        this.#next.set(partition, offset + 1);
        messages = [];
      }
      next = Math.max(next, after);
    }
    if (messages.length > 0) yield { partition, messages };
    this.#next.set(partition, next);
  }

  /** Kafka has deleted what was to be read next, or the topic is another one by now: the first is counted and gone on after, the second is a person's to decide. */
  async #goOnAfterGap(partitions: readonly number[]): Promise<void> {
    const [first, end] = await Promise.all([this.#listOffsets(-2n), this.#listOffsets(-1n)]);
    for (const partition of partitions) {
      const at = this.#next.get(partition) ?? 0;
      if (at > (end[partition] ?? 0))
        throw new KarkhanaError("INVALID_ARGUMENT", {
          field: `topic ${this.name}, partition ${partition}`,
          problem: `ends before message ${at}, where the online store goes on: it was made anew; give it another name, or the source`,
          value: end[partition] ?? 0,
        });
      const earliest = first[partition] ?? 0;
      if (at >= earliest) continue;
      this.numMissed += earliest - at;
      this.#next.set(partition, earliest);
    }
  }

  async #listOffsets(timestamp: bigint): Promise<number[]> {
    const found = await this.#consumer.listOffsets({ topics: [this.name], timestamp });
    return (found.get(this.name) ?? []).map(Number);
  }
}

function isOutOfRange(error: unknown): boolean {
  const errors = error instanceof AggregateError ? error.errors : [error];
  return errors.some((one: unknown) => typeof one === "object" && one !== null && "apiId" in one && one.apiId === "OFFSET_OUT_OF_RANGE");
}

function connectionOf(source: SourceDefinition, { brokers, tls, sasl }: KafkaTopic, { environment, projectFolder }: KafkaPlaces) {
  const field = `source ${source.name}, topic`;
  const variable = (name: string): string => {
    const value = environment[name];
    if (value === undefined || value === "") throw new KarkhanaError("INVALID_CONFIG", { field: name, problem: `is not set; ${field} needs it`, value: "" });
    return value;
  };
  const read = (file: string | undefined, what: string): Buffer | undefined => {
    if (file === undefined) return undefined;
    try {
      return readFileSync(path.resolve(projectFolder, file));
    } catch (cause) {
      throw new KarkhanaError("INVALID_ARGUMENT", { field: `${field}.tls.${what}`, problem: "cannot be read", value: file }, { cause });
    }
  };
  const list =
    "variable" in brokers
      ? variable(brokers.variable)
          .split(",")
          .map((one) => one.trim())
      : [...brokers];
  const wrong = list.find((one) => !/^.+:\d{1,5}$/.test(one));
  if (list.length === 0 || wrong !== undefined)
    throw new KarkhanaError("INVALID_ARGUMENT", { field: `${field}.brokers`, problem: 'expected "host:port"', value: wrong ?? null });
  const { caFile, certFile, keyFile } = tls === true || tls === undefined ? {} : tls;
  const [ca, cert, key] = [read(caFile, "caFile"), read(certFile, "certFile"), read(keyFile, "keyFile")];
  return {
    bootstrapBrokers: list,
    ...(tls === undefined
      ? {}
      : { tlsServerName: true, tls: { ...(ca === undefined ? {} : { ca }), ...(cert === undefined ? {} : { cert }), ...(key === undefined ? {} : { key }) } }),
    ...(sasl === undefined
      ? {}
      : { sasl: { mechanism: sasl.mechanism, username: variable(sasl.usernameVariable), password: variable(sasl.passwordVariable) } }),
  };
}
