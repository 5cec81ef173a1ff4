import { mkdtempSync, rmSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { openFeedbackLog, readFeedback } from "../feedback/log.ts";
import { listSegments } from "../storage/segments/folder.ts";
import { runJob } from "./jobs/run-job.ts";

test("the retention is kept in a worker thread while the log is written and read", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "karkhana-served-logs-"));
  const log = await openFeedbackLog(folder, { maxSegmentBytes: 200 });
  const reader = await readFeedback(folder);
  for (let i = 0; i < 20; i++) await log.logLabels([{ id: `question-${i}`, model: "m", label: 1, knownUs: i }]);
  expect((await reader.labels(0, 5)).map(({ offset }) => offset)).toEqual([0, 1, 2, 3, 4]);
  const segments = await listSegments(path.join(folder, "labels"));
  expect(segments.length).toBeGreaterThan(3);
  for (const segment of segments.slice(0, 2)) utimesSync(segment.path, 1000, 1000);
  for (const segment of segments.slice(2)) utimesSync(segment.path, 2000, 2000);
  const options = { logFolder: folder, keptUs: 500_000_000, maxBytes: Number.MAX_SAFE_INTEGER, neededUs: 0, nowUs: 2_000_000_000 };
  expect(await runJob("keepLogs", options, () => undefined)).toEqual({ dropped: 2 });
  await log.logLabels([{ id: "question-20", model: "m", label: 0, knownUs: 20 }]);
  const ids = (await reader.labels(segments[1]!.base, 100)).map(({ record }) => record.id);
  expect(ids).toEqual(Array.from({ length: 21 - segments[2]!.base }, (_, i) => `question-${segments[2]!.base + i}`));
  await Promise.all([log.close(), reader.close()]);
  rmSync(folder, { recursive: true });
});
