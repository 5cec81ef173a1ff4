import type { SourceDefinition } from "../../data/source.ts";
import type { Clock, Micros } from "../../kernel/clock.ts";
import type { ErrorCode } from "../../kernel/error-catalogue.ts";
import { toErrorRecord } from "../../kernel/error.ts";
import { followStream } from "./follow-stream.ts";
import type { KafkaStream, PartitionState } from "./kafka-topic.ts";
import type { OnlineFeatures } from "./online-features.ts";
import type { MetricFamily, MetricSample, WatchedSource } from "./watch-metrics.ts";

export interface FollowerReport {
  readonly source: string;
  readonly topic: string;
  /** `away`: the brokers or the online store could not be reached, and are tried again. */
  readonly state: "following" | "away";
  readonly problem: string | null;
  /** The last one, also after it has passed. */
  readonly lastError: StreamProblem | null;
  /** Attempts that failed, by code. */
  readonly failures: Readonly<Partial<Record<ErrorCode, number>>>;
  /** Messages that Kafka had deleted before they were read. */
  readonly missed: number;
  readonly partitions: readonly (PartitionState & { readonly lag: number })[];
}

export interface StreamProblem {
  readonly code: ErrorCode;
  readonly message: string;
  readonly remedy: string;
  readonly atUs: Micros;
}

export interface FollowerOptions {
  readonly clock: Clock;
  /** Resolves after so long, or when the signal fires. */
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<void>;
}

export interface TopicFollower {
  report(): FollowerReport;
  close(): Promise<void>;
}

const firstPauseMs = 250;
const longestPauseMs = 15_000;
/** Where a person has to mend something first: brokers lock accounts that knock often. */
const firstMendingMs = 15_000;
const longestMendingMs = 300_000;

/** Follows a topic until it is closed: whatever fails is tried again, after pauses that grow. */
export function followTopic(online: OnlineFeatures, source: SourceDefinition, stream: KafkaStream, { clock, pause = wait }: FollowerOptions): TopicFollower {
  const stop = new AbortController();
  let problem: string | null = null;
  let lastError: StreamProblem | null = null;
  const failures: Partial<Record<ErrorCode, number>> = {};
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
        const { code, message, remedy, retryable } = toErrorRecord(error);
        problem = message;
        lastError = { code, message, remedy, atUs: clock.nowUs() };
        failures[code] = (failures[code] ?? 0) + 1;
        fetchesBefore = stream.numFetches;
        // What is none of ours may pass by itself.
        const needsMending = !retryable && code !== "INTERNAL";
        if (needsMending) pauseMs = Math.max(pauseMs, firstMendingMs);
        await pause(pauseMs, stop.signal);
        pauseMs = Math.min(needsMending ? longestMendingMs : longestPauseMs, pauseMs * 2);
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
      lastError,
      failures: { ...failures },
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

/** What a scraper is told of the topics. @param sources as the store tells of them now */
export function streamFamilies(reports: readonly FollowerReport[], sources: readonly WatchedSource[], nowUs: Micros): MetricFamily[] {
  const newestUs = new Map(sources.map(({ source, counters }) => [source, counters.newestEventUs]));
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
      name: "karkhana_stream_newest_event_age_seconds",
      help: "Age of the newest event applied of a topic's source, by the machine's clock.",
      type: "gauge",
      merge: "max",
      samples: reports.flatMap(({ source, topic }) => {
        const newest = newestUs.get(source) ?? null;
        return newest === null ? [] : [{ labels: { source, topic }, value: Math.max(0, (nowUs - newest) / 1e6) }];
      }),
    },
    {
      name: "karkhana_stream_errors_total",
      help: "Attempts to follow a topic that failed.",
      type: "counter",
      merge: "max",
      samples: reports.flatMap(({ source, topic, failures }) => Object.entries(failures).map(([code, value]) => ({ labels: { source, topic, code }, value }))),
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

function wait(ms: number, signal: AbortSignal): Promise<void> {
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
