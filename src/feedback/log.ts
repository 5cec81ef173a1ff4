import path from "node:path";

import { openSegmentReader, openSegmentWriter } from "../storage/segments/log.ts";
import type { SegmentReader, SegmentWriterOptions } from "../storage/segments/port.ts";
import { decodeLabel, decodePrediction, encodeLabel, encodePrediction } from "./codec.ts";
import type { LabelRecord, PredictionRecord } from "./prediction.ts";

/*
 * <folder>/predictions/  what was asked and answered
 * <folder>/labels/       what came of it, in the order it arrived
 * Two logs, since outcomes arrive hours after their questions and each reader follows its own offsets. One writing process a folder.
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
  /** Position in its log; offset + 1 is where to go on. */
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

/** Opens the log for reading, in any process, while its writer goes on; a folder nobody wrote to yet is an empty log. */
export async function readFeedback(folder: string): Promise<FeedbackReader> {
  const predictions = await openSegmentReader(path.join(folder, "predictions"));
  const labels = await openSegmentReader(path.join(folder, "labels"));
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
