import type { OnlineFeatures, SourceRow } from "./online-features.ts";

/** A message of one partition. Offsets of a partition grow; gaps are allowed. */
export interface StreamMessage {
  readonly offset: number;
  /** What the message says: the source's columns. Anything but an object is set aside as a row without its columns. */
  readonly value: unknown;
}

export interface StreamBatch {
  readonly partition: number;
  readonly messages: readonly StreamMessage[];
  /** Of a partition nothing was read of yet: what lies below is not wanted. Kept, so that a restart does not begin anew. */
  readonly from?: number;
}

/**
 * Rows of a source as a topic has them: what a Kafka consumer, a file that grows or a test gives. Delivery is at least once: after a restart a
 * partition may begin again before where it ended, cut into other batches.
 */
export interface RowStream {
  readonly name: string;
  /** @param nextOffset where the online store goes on in a partition; undefined if it has nothing of it */
  batches(signal: AbortSignal, nextOffset: (partition: number) => Promise<number | undefined>): AsyncIterable<StreamBatch>;
  /** Told once the messages up to the offset are durable in the online store. */
  committed(partition: number, offset: number): Promise<void>;
}

/**
 * Brings a stream's rows into the online store until it ends or the signal fires. Each message counts once: a partition is a producer and an
 * offset its sequence, which the store keeps with the rows. A row's place in the stream (`_row`), where it does not say its own, is its
 * offset; rows of versioned sources that come from several partitions must bring their own.
 * @returns messages taken and messages that had been taken before
 */
export async function followStream(
  online: OnlineFeatures,
  source: string,
  stream: RowStream,
  signal: AbortSignal,
): Promise<{ readonly taken: number; readonly again: number }> {
  let [taken, again] = [0, 0];
  const producerOf = (partition: number): string => `stream ${stream.name}/${partition}`;
  const nextOffset = async (partition: number): Promise<number | undefined> => {
    const applied = await online.appliedSequence(source, producerOf(partition));
    return applied < 0 ? undefined : applied + 1;
  };
  for await (const { partition, messages, from = 0 } of stream.batches(signal, nextOffset)) {
    const last = messages.at(-1);
    const producer = producerOf(partition);
    const applied = await online.appliedSequence(source, producer);
    if (from > 0 && applied < 0) await online.ingest(source, [], { producer, sequence: from - 1 });
    if (last === undefined) continue;
    const fresh = messages.filter(({ offset }) => offset > applied);
    again += messages.length - fresh.length;
    if (fresh.length > 0) {
      await online.ingest(source, fresh.map(rowOf), { producer, sequence: last.offset });
      taken += fresh.length;
    }
    await stream.committed(partition, last.offset);
    if (signal.aborted) break;
  }
  return { taken, again };
}

function rowOf({ offset, value }: StreamMessage): SourceRow {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return { _row: offset };
  return { _row: offset, ...value };
}
