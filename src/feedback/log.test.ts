import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { openSegmentWriter } from "../storage/segments/log.ts";
import { openFeedbackLog, readFeedback } from "./log.ts";
import type { LabelRecord, PredictionRecord } from "./prediction.ts";

function prediction(i: number): PredictionRecord {
  return {
    id: `q${i}`,
    model: "m",
    version: 1,
    role: "champion",
    askedUs: i,
    servedUs: i + 1,
    score: i / 1000,
    vector: Float64Array.of(i, Number.NaN),
    serviceHash: "s",
    fields: { origin: "ATL", distance: i, carrier: null },
    latencyUs: 3,
  };
}

function label(i: number): LabelRecord {
  return { id: `q${i}`, model: "m", label: i % 2 === 0 ? 0 : 1, knownUs: i + 10 };
}

describe("the feedback log", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "karkhana-feedback-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it("gives back predictions and labels, each in its own order with its own offsets, while they are written", async () => {
    const log = await openFeedbackLog(folder);
    const reader = await readFeedback(folder);
    await log.logPredictions([prediction(0), prediction(1)]);
    await log.logLabels([label(0)]);
    expect(await reader.predictions(0, 10)).toEqual([
      { offset: 0, record: prediction(0) },
      { offset: 1, record: prediction(1) },
    ]);
    await log.logPredictions([prediction(2)]);
    expect(await reader.predictions(2, 10)).toEqual([{ offset: 2, record: prediction(2) }]);
    expect(await reader.predictions(1, 1)).toEqual([{ offset: 1, record: prediction(1) }]);
    expect(await reader.labels(0, 10)).toEqual([{ offset: 0, record: label(0) }]);
    expect(await reader.ends()).toEqual({ predictions: 3, labels: 1 });
    await reader.close();
    await log.close();
  });

  it("goes on where it ended when it is opened again", async () => {
    for (let i = 0; i < 3; i++) {
      const log = await openFeedbackLog(folder);
      await log.logPredictions([prediction(i)]);
      await log.logLabels([label(i)]);
      await log.close();
    }
    const reader = await readFeedback(folder);
    expect((await reader.predictions(0, 10)).map((r) => r.record)).toEqual([prediction(0), prediction(1), prediction(2)]);
    expect((await reader.labels(0, 10)).map((r) => r.offset)).toEqual([0, 1, 2]);
    await reader.close();
  });

  it("is empty before anyone has written, and after an empty batch", async () => {
    const reader = await readFeedback(path.join(folder, "nobody"));
    expect(await reader.predictions(0, 10)).toEqual([]);
    expect(await reader.ends()).toEqual({ predictions: 0, labels: 0 });
    await reader.close();
    const log = await openFeedbackLog(folder);
    await log.logPredictions([]);
    await log.logLabels([]);
    await log.close();
    const after = await readFeedback(folder);
    expect(await after.ends()).toEqual({ predictions: 0, labels: 0 });
    await after.close();
  });

  it("keeps nothing of a batch in which one record cannot be written", async () => {
    const log = await openFeedbackLog(folder);
    await expect(log.logPredictions([prediction(0), { ...prediction(1), id: "\ud800" }])).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      details: { field: "id" },
    });
    await log.logPredictions([prediction(2)]);
    await log.close();
    const reader = await readFeedback(folder);
    expect((await reader.predictions(0, 10)).map((r) => r.record.id)).toEqual(["q2"]);
    await reader.close();
  });

  it("refuses a record of a newer format, naming the log it is in", async () => {
    const writer = await openSegmentWriter(path.join(folder, "labels"), {});
    await writer.append([Uint8Array.of(9, 0x4c, 0, 0)]);
    await writer.close();
    const reader = await readFeedback(folder);
    await expect(reader.labels(0, 10)).rejects.toMatchObject({ code: "FEEDBACK_RECORD_CORRUPT", details: { kind: "label" } });
    await reader.close();
  });

  it("lets a second writer in only after the first has closed, and then into both logs", async () => {
    const first = await openFeedbackLog(folder);
    await expect(openFeedbackLog(folder)).rejects.toMatchObject({ code: "FOLDER_LOCKED" });
    await first.close();
    const second = await openFeedbackLog(folder);
    await second.logPredictions([prediction(0)]);
    await second.logLabels([label(0)]);
    await second.close();
  });

  it("has every acknowledged record after kill -9 of its writer", async () => {
    const code = `
      import { openFeedbackLog } from ${JSON.stringify(pathToFileURL(path.join(import.meta.dirname, "log.ts")).href)};
      const log = await openFeedbackLog(${JSON.stringify(folder)});
      for (let i = 0; ; i += 3) {
        const three = [i, i + 1, i + 2];
        await log.logPredictions(three.map((k) => (${prediction.toString()})(k)));
        await log.logLabels(three.map((k) => (${label.toString()})(k)));
        process.stdout.write(i + 3 + "\\n");
      }`;
    const writer = spawn(process.execPath, ["--input-type=module", "-e", code], { stdio: ["ignore", "pipe", "inherit"] });
    const exit = once(writer, "exit");
    let acknowledged = 0;
    for await (const line of createInterface({ input: writer.stdout })) {
      acknowledged = Number(line);
      if (acknowledged > 600) writer.kill("SIGKILL");
    }
    await exit;
    expect(acknowledged).toBeGreaterThan(600);
    const log = await openFeedbackLog(folder);
    const reader = await readFeedback(folder);
    const { predictions, labels } = await reader.ends();
    expect(predictions).toBeGreaterThanOrEqual(acknowledged);
    expect(labels).toBeGreaterThanOrEqual(acknowledged);
    expect((await reader.predictions(0, predictions)).map((r) => r.record)).toEqual(Array.from({ length: predictions }, (_, i) => prediction(i)));
    expect((await reader.labels(0, labels)).map((r) => r.record)).toEqual(Array.from({ length: labels }, (_, i) => label(i)));
    await reader.close();
    await log.close();
  });
});
