import type { SourceDefinition } from "../../data/source.ts";
import { toErrorRecord } from "../../kernel/error.ts";
import { followStream } from "./follow-stream.ts";
import type { KafkaStream, PartitionState } from "./kafka-topic.ts";
import type { OnlineFeatures } from "./online-features.ts";
import type { MetricFamily, MetricSample } from "./watch-metrics.ts";

export interface FollowerReport {
  readonly source: string;
  readonly topic: string;
  /** `away`: the brokers or the online store could not be reached, and are tried again. */
  readonly state: "following" | "away";
  readonly problem: string | null;
  /** Messages that Kafka had deleted before they were read. */
  readonly missed: number;
  readonly partitions: readonly (PartitionState & { readonly lag: number })[];
}

export interface TopicFollower {
  report(): FollowerReport;
  close(): Promise<void>;
}

const firstPauseMs = 250;
const longestPauseMs = 15_000;

/** Follows a topic until it is closed: whatever fails is tried again, after pauses that grow. */
export function followTopic(online: OnlineFeatures, source: SourceDefinition, stream: KafkaStream): TopicFollower {
  const stop = new AbortController();
  let problem: string | null = null;
  let pauseMs = firstPauseMs;
  let fetchesBefore = -1;
  const isAway = (): boolean => problem !== null && stream.numFetches === fetchesBefore;
  const follow = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      try {
        await followStream(online, source.name, stream, stop.signal);
      } catch (error) {
        if (stop.signal.aborted) return;
        if (!isAway()) pauseMs = firstPauseMs;
        problem = toErrorRecord(error).message;
        fetchesBefore = stream.numFetches;
        await pause(pauseMs, stop.signal);
        pauseMs = Math.min(longestPauseMs, pauseMs * 2);
      }
    }
  };
  const following = follow();
  return {
    report: () => ({
      source: source.name,
      topic: stream.name,
      state: isAway() ? "away" : "following",
      problem: isAway() ? problem : null,
      missed: stream.numMissed,
      partitions: stream.partitions().map((each) => ({ ...each, lag: each.end - each.next })),
    }),
    close: async () => {
      stop.abort();
      // A fetch that waits for a broker ends with its connection.
      await stream.close();
      await following;
    },
  };
}

/** What a scraper is told of the topics. */
export function streamFamilies(reports: readonly FollowerReport[]): MetricFamily[] {
  const each = (value: (report: FollowerReport) => number): MetricSample[] =>
    reports.map((report) => ({ labels: { source: report.source, topic: report.topic }, value: value(report) }));
  return [
    {
      name: "karkhana_stream_lag_messages",
      help: "Messages of a topic's partition that the online store has not taken.",
      type: "gauge",
      merge: "max",
      samples: reports.flatMap(({ source, topic, partitions }) =>
        partitions.map(({ partition, lag }) => ({ labels: { source, topic, partition: String(partition) }, value: lag })),
      ),
    },
    {
      name: "karkhana_stream_up",
      help: "1 while a topic is followed, 0 while its brokers or the online store are away.",
      type: "gauge",
      merge: "max",
      samples: each(({ state }) => Number(state === "following")),
    },
    {
      name: "karkhana_stream_missed_messages_total",
      help: "Messages that Kafka had deleted before they were read.",
      type: "counter",
      merge: "max",
      samples: each(({ missed }) => missed),
    },
  ];
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener(
      "abort",
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}
