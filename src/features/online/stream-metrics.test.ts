import { expect, test } from "vitest";
import { streamFamilies, type FollowerReport } from "./topic-follower.ts";
import { metricLines } from "./watch-metrics.ts";

const report: FollowerReport = {
  source: "bookings",
  topic: "hotel",
  state: "away",
  problem: "no",
  lastError: null,
  failures: { STREAM_UNREACHABLE: 3, STREAM_ACCOUNT_REFUSED: 1 },
  missed: 2,
  partitions: [
    { partition: 0, next: 8, end: 10, lag: 2 },
    { partition: 1, next: 10, end: 10, lag: 0 },
  ],
};
const counters = { rows: 1, outside: 0, late: 0, deletions: 0, behind: 0, refused: {}, setAside: 0, newestKnownUs: null };

test("a topic's lag, the age of what was applied last, its errors by code and whether it is followed are told to a scraper", () => {
  const sources = [{ source: "bookings", views: ["hotel"], counters: { ...counters, newestEventUs: 5_000_000 } }];
  const lines = metricLines(streamFamilies([report], sources, 12_500_000)).filter((line) => !line.startsWith("#"));
  expect(lines).toEqual([
    'karkhana_stream_lag_messages{source="bookings",topic="hotel",partition="0"} 2',
    'karkhana_stream_lag_messages{source="bookings",topic="hotel",partition="1"} 0',
    'karkhana_stream_newest_event_age_seconds{source="bookings",topic="hotel"} 7.5',
    'karkhana_stream_errors_total{source="bookings",topic="hotel",code="STREAM_UNREACHABLE"} 3',
    'karkhana_stream_errors_total{source="bookings",topic="hotel",code="STREAM_ACCOUNT_REFUSED"} 1',
    'karkhana_stream_up{source="bookings",topic="hotel"} 0',
    'karkhana_stream_missed_messages_total{source="bookings",topic="hotel"} 2',
  ]);
});

test("of a source without an event there is no age", () => {
  const sources = [{ source: "bookings", views: [], counters: { ...counters, newestEventUs: null } }];
  expect(metricLines(streamFamilies([report], sources, 1)).join("\n")).not.toContain("newest_event_age_seconds{");
});
