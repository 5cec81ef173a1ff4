/**
 * A Kafka topic as a stream of rows, by @platformatic/kafka. Partitions are read by their own offsets and not shared out by a group: the online
 * store needs all of them, and where it stands is in the store, written with the rows. Kafka is only told (`committed`), for its tools to see.
 *
 * One fetch at a time, and the next not before what it gave is taken: memory is bounded by `fetchBytes`, and a store that lags is waited for.
 * Messages of transactions that were aborted are left out.
 */
import type { Consumer } from "@platformatic/kafka";
import type { KafkaTopic, SourceDefinition } from "../../data/source.ts";
import { codeOf, KarkhanaError } from "../../kernel/error.ts";
import type { RowStream, StreamBatch, StreamMessage } from "./follow-stream.ts";
import { kafkaConnection, type KafkaPlaces } from "./kafka-connection.ts";
import { kafkaError } from "./kafka-errors.ts";
import { kafkaRows, type KafkaMessage } from "./kafka-rows.ts";
import type { SourceRow } from "./source-rows.ts";

type FetchResponse = Awaited<ReturnType<Consumer["fetch"]>>;
type FetchedPartition = FetchResponse["responses"][number]["partitions"][number];

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
/** No partition: that the topic was met is kept under it. */
const metPartition = -1;
const [transactional, control] = [16, 32] as const;
/** Isolation levels: all there is, and only what no open transaction can still take back. */
const [uncommitted, committed] = [0, 1] as const;

/** @throws INVALID_CONFIG for an environment variable that is not set, INVALID_ARGUMENT for brokers or files that are none */
export async function openKafkaTopic(source: SourceDefinition, topic: KafkaTopic, places: KafkaPlaces): Promise<KafkaStream> {
  kafkaConnection(source, topic, places);
  // Loaded on demand: most projects read no topic.
  const client = await import("@platformatic/kafka");
  return new FollowedTopic(source, topic, () => connect(client.Consumer, source, topic, places));
}

function connect(Client: typeof Consumer, source: SourceDefinition, topic: KafkaTopic, places: KafkaPlaces): Consumer {
  const consumer = new Client({
    clientId: "karkhana",
    groupId: topic.group ?? `karkhana-${source.name}`,
    retries: 0,
    connectTimeout: requestMs,
    requestTimeout: requestMs,
    autocreateTopics: false,
    metadataMaxAge: places.leadersKnownMs ?? leadersKnownMs,
    ...kafkaConnection(source, topic, places),
  });
  // Of no generation and no member: offsets are told without joining the group.
  consumer.generationId = -1;
  consumer.memberId = "";
  return consumer;
}

class FollowedTopic implements KafkaStream {
  readonly name: string;
  numMissed = 0;
  numFetches = 0;
  readonly #connect: () => Consumer;
  #opened: Consumer | undefined;
  /** Why connections ended since the last answer: who waited for one is only told that it closed. */
  #ended: unknown[] = [];
  readonly #source: SourceDefinition;
  readonly #topic: KafkaTopic;
  readonly #rowOf: (message: KafkaMessage) => SourceRow;
  readonly #next = new Map<number, number>();
  readonly #ends = new Map<number, number>();
  /** What Kafka has not been told yet. */
  readonly #taken = new Map<number, number>();
  #telling: Promise<void> | undefined;
  #toldMs = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  constructor(source: SourceDefinition, topic: KafkaTopic, connect: () => Consumer) {
    this.name = topic.topic;
    this.#connect = connect;
    this.#source = source;
    this.#topic = topic;
    this.#rowOf = kafkaRows(source, topic);
  }

  partitions(): PartitionState[] {
    return [...this.#ends]
      .map(([partition, end]) => ({ partition, next: Math.min(this.#next.get(partition) ?? 0, end), end }))
      .sort((a, b) => a.partition - b.partition);
  }

  async *batches(signal: AbortSignal, nextOffset: (partition: number) => Promise<number | undefined>): AsyncGenerator<StreamBatch> {
    this.#ended = [];
    try {
      yield* this.#read(signal, nextOffset);
    } catch (thrown) {
      const error = kafkaError(thrown, this.#source, this.#topic, this.#ended);
      // What a person mends (a password, a certificate) is read anew the next time.
      if (isRefusal(error)) await this.#disconnect();
      throw error;
    }
  }

  async *#read(signal: AbortSignal, nextOffset: (partition: number) => Promise<number | undefined>): AsyncGenerator<StreamBatch> {
    this.#next.clear();
    // After a failure leaders may be others.
    for (let isFirst = true; !signal.aborted; isFirst = false) {
      const { id, leaders } = await this.#leaders(isFirst);
      this.#tell();
      const unknown = [...leaders.keys()].filter((partition) => !this.#next.has(partition));
      if (unknown.length > 0) yield* this.#begin(unknown, isFirst, nextOffset);
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
        this.#ended = [];
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
    this.#isClosed = true;
    await this.#disconnect();
  }

  get #consumer(): Consumer {
    if (this.#isClosed) throw new KarkhanaError("STORAGE_CLOSED", { store: `topic ${this.name}` });
    if (this.#opened !== undefined) return this.#opened;
    const consumer = this.#connect();
    // An error of a connection that nobody listens to would end the process: the client (1.35.0) listens to the first alone, and one whose
    // account was refused is often reset afterwards.
    consumer.on("client:broker:connect", ({ connection }) => {
      connection.on("error", (error) => {
        if (this.#ended.length < 10) this.#ended.push(error);
      });
    });
    consumer.on("client:broker:failed", ({ connection }) => {
      connection.on("error", () => undefined);
      connection.socket.destroy();
    });
    return (this.#opened = consumer);
  }

  async #disconnect(): Promise<void> {
    const consumer = this.#opened;
    this.#opened = undefined;
    try {
      await consumer?.close(true);
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
    if (found === undefined) throw new KarkhanaError("STREAM_TOPIC_MISSING", { field: `source ${this.#source.name}, topic.topic`, topic: this.name });
    const leaders = new Map<number, number>();
    for (const [partition, of] of found.partitions.entries()) if (of !== undefined && of.leader >= 0) leaders.set(partition, of.leader);
    if (leaders.size === 0) throw new Error(`no partition of ${this.name} has a leader`);
    return { id: found.id, leaders };
  }

  /**
   * Where partitions begin that nothing was read of in this life. A topic that is read from its latest begins there once, when it is met; what
   * comes later, while it is followed or while nobody runs, is wanted whole, also of partitions that were added or were empty then.
   */
  async *#begin(partitions: readonly number[], isFirst: boolean, nextOffset: (partition: number) => Promise<number | undefined>): AsyncGenerator<StreamBatch> {
    const wanted = await Promise.all(partitions.map(async (partition) => [partition, await nextOffset(partition)] as const));
    const fresh = wanted.filter(([, next]) => next === undefined).map(([partition]) => partition);
    const isMet = !isFirst || fresh.length < wanted.length || (await nextOffset(metPartition)) !== undefined;
    const isFromLatest = this.#topic.from === "latest" && !isMet;
    const starts = fresh.length === 0 ? [] : await this.#listOffsets(isFromLatest ? -1n : -2n);
    for (const [partition, next] of wanted) {
      const at = next ?? starts[partition] ?? 0;
      this.#next.set(partition, at);
      if (next === undefined && at > 0) yield { partition, messages: [], from: at };
    }
    // Of empty partitions there is no message to remember the place by.
    if (isFromLatest) yield { partition: metPartition, messages: [], from: 1 };
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

/** Whether a person has to mend something: asking again soon helps nobody, and may lock the account. */
function isRefusal(error: unknown): boolean {
  const code = codeOf(error);
  return code === "STREAM_ACCOUNT_REFUSED" || code === "STREAM_TLS_REFUSED" || code === "STREAM_FORBIDDEN";
}
