import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { openFeedbackLog, readFeedback } from "../feedback/log.ts";
import type { PredictionRecord } from "../feedback/prediction.ts";
import { lastQuestion } from "./last-question.ts";

const asked = (model: string, id: string): PredictionRecord => ({
  id,
  model,
  version: 1,
  role: "champion",
  askedUs: 1,
  servedUs: 2,
  score: 0.5,
  vector: new Float64Array(0),
  serviceHash: "hash",
  fields: {},
  latencyUs: 3,
});

test("the newest question is this model's, however many others were asked of another since", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "karkhana-last-"));
  const log = await openFeedbackLog(folder);
  const reader = await readFeedback(folder);
  try {
    expect(await lastQuestion(reader, "rare")).toBeUndefined();
    await log.logPredictions([asked("rare", "first"), asked("rare", "last")]);
    await log.logPredictions(Array.from({ length: 2500 }, (_, i) => asked("busy", String(i))));
    expect((await lastQuestion(reader, "rare"))?.id).toBe("last");
    expect((await lastQuestion(reader, "busy"))?.id).toBe("2499");
    expect(await lastQuestion(reader, "never")).toBeUndefined();
  } finally {
    await reader.close();
    await log.close();
    rmSync(folder, { recursive: true });
  }
});
