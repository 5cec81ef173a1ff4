import path from "node:path";

import { openSegmentWriter } from "../storage/segments/log.ts";
import type { SegmentReader, SegmentWriterOptions } from "../storage/segments/port.ts";
import { decodeLabel, decodePrediction, encodeLabel, encodePrediction, knownTimeOf, servedTimeOf } from "./codec.ts";
import type { LabelRecord, PredictionRecord } from "./prediction.ts";
import { openSeveralLogs } from "./several-logs.ts";

/*
 * <folder>/predictions/  what was asked and answered
 * <folder>/labels/       what came of it, in the order it arrived
 * Two logs, since outcomes arrive hours after their questions and each reader follows its own offsets. One writing process a folder
 * (`log-folders.ts`); readers read the folders of all processes as one log.
 */

/** Promises those of the segment log: resolved means the operating system has the records, so they survive a kill of this process. */
export interface FeedbackLog {
  /** In order; a batch is one write. @throws DISK_FULL, INVALID_ARGUMENT (nothing of the batch is kept) */
  logPredictions(records: readonly PredictionRecord[]): Promise<void>;
  logLabels(records: readonly LabelRecord[]): Promise<void>;
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface Logged<T> {
  /** Place in the log, the same for every reader and for ever; offset + 1 is where to go on. */
  readonly offset: number;
  readonly record: T;
}

export interface FeedbackReader {
  /** Up to `limit` records with offset >= `from`; fewer at the end of the log. @throws FEEDBACK_RECORD_CORRUPT */
  predictions(from: number, limit: number): Promise<Logged<PredictionRecord>[]>;
  labels(from: number, limit: number): Promise<Logged<LabelRecord>[]>;
  /** Offsets one past the last records. */
  ends(): Promise<{ readonly predictions: number; readonly labels: number }>;
  close(): Promise<void>;
}

export async function openFeedbackLog(folder: string, options: SegmentWriterOptions = {}): Promise<FeedbackLog> {
  const predictions = await openSegmentWriter(path.join(folder, "predictions"), options);
  const labels = await openSegmentWriter(path.join(folder, "labels"), options).catch(async (error: unknown) => {
    await predictions.close();
    throw error;
  });
  return {
    logPredictions: async (records) => {
      if (records.length > 0) await predictions.append(records.map(encodePrediction));
    },
    logLabels: async (records) => {
      if (records.length > 0) await labels.append(records.map(encodeLabel));
    },
    flush: async () => {
      await predictions.flush();
      await labels.flush();
    },
    close: async () => {
      await predictions.close();
      await labels.close();
    },
  };
}

/** Opens the logs of all serving processes for reading, as one, in any process, while their writers go on; a folder nobody wrote to yet is an empty log. */
export async function readFeedback(folder: string): Promise<FeedbackReader> {
  const predictions = await openSeveralLogs(folder, { kind: "predictions", timeOf: servedTimeOf });
  const labels = await openSeveralLogs(folder, { kind: "labels", timeOf: knownTimeOf });
  return {
    predictions: (from, limit) => read(predictions, decodePrediction, from, limit),
    labels: (from, limit) => read(labels, decodeLabel, from, limit),
    ends: async () => ({ predictions: await predictions.endOffset(), labels: await labels.endOffset() }),
    close: async () => {
      await predictions.close();
      await labels.close();
    },
  };
}

async function read<T>(log: SegmentReader, decode: (payload: Uint8Array) => T, from: number, limit: number): Promise<Logged<T>[]> {
  const records = await log.read(from, limit);
  return records.map(({ offset, payload }) => ({ offset, record: decode(payload) }));
}
