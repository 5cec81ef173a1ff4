/**
 * <folder>/exchanges/  what language models were asked and what it took, a JSON object a record; texts only where their backend's
 * declaration says so. One writing process a folder; it is made with its first record.
 */
import path from "node:path";
import { KarkhanaError } from "../kernel/error.ts";
import { otherLogs } from "./log-folders.ts";
import { openSegmentReader, openSegmentWriter } from "../storage/segments/log.ts";
import type { SegmentWriter, SegmentWriterOptions } from "../storage/segments/port.ts";

export interface ExchangeRecord {
  readonly id: string;
  /** As asked for. */
  readonly model: string;
  /** Which backend answered, or was the last to be asked. */
  readonly backend: string;
  readonly version: number;
  readonly route: string;
  readonly tenant: string;
  readonly stream: boolean;
  readonly askedUs: number;
  readonly servedUs: number;
  readonly outcome: string;
  /** HTTP status that the client was told; 200 too where a stream broke off later. */
  readonly status: number;
  readonly code: string | null;
  /** Null where nobody counted. */
  readonly promptTokens: number | null;
  readonly completionTokens: number | null;
  /** From the question to the first token. */
  readonly firstTokenUs: number | null;
  readonly totalUs: number;
  readonly cost: number | null;
  readonly currency: string | null;
  /** Backends that were asked before the one that answered. */
  readonly fellBack: readonly string[];
  readonly prompt: string | null;
  readonly completion: string | null;
}

export interface ExchangeLog {
  /** Resolves once the operating system has the records. @throws DISK_FULL, STORAGE_WRITE_FAILED */
  logExchanges(records: readonly ExchangeRecord[]): Promise<void>;
  close(): Promise<void>;
}

export function openExchangeLog(folder: string, options: SegmentWriterOptions = {}): ExchangeLog {
  let writer: Promise<SegmentWriter> | undefined;
  return {
    logExchanges: async (records) => {
      writer ??= openSegmentWriter(path.join(folder, "exchanges"), options);
      const open = await writer.catch((error: unknown) => {
        writer = undefined;
        throw error;
      });
      await open.append(records.map((record) => Buffer.from(JSON.stringify(record))));
    },
    close: async () => {
      await (await writer?.catch(() => undefined))?.close();
    },
  };
}

/** Records looked through for those of one model, in each log. */
const lookedThrough = 2000;

export type LatestExchanges = (model: string, limit: number) => Promise<readonly ExchangeRecord[]>;

/** Reads the latest questions to a model out of every serving process's log, newest first. */
export function latestExchanges(logFolder: string): LatestExchanges {
  return async (model, limit) => {
    const found: ExchangeRecord[] = [];
    for (const name of ["", ...(await otherLogs(logFolder, "exchanges"))]) {
      const reader = await openSegmentReader(path.join(logFolder, name, "exchanges"));
      try {
        const from = Math.max(0, (await reader.endOffset()) - lookedThrough);
        const records = await reader.read(from, lookedThrough);
        found.push(...records.map(({ offset, payload }) => parse(payload, offset)).filter((record) => record.model === model));
      } finally {
        await reader.close();
      }
    }
    return found
      .toReversed()
      .sort((a, b) => b.askedUs - a.askedUs)
      .slice(0, limit);
  };
}

/** Up to `limit` records from the position `from` on, while their writer goes on. @throws FEEDBACK_RECORD_CORRUPT */
export async function readExchanges(folder: string, from = 0, limit = 1000): Promise<ExchangeRecord[]> {
  const reader = await openSegmentReader(path.join(folder, "exchanges"));
  try {
    const records = await reader.read(from, limit);
    return records.map(({ offset, payload }) => parse(payload, offset));
  } finally {
    await reader.close();
  }
}

function parse(payload: Uint8Array, offset: number): ExchangeRecord {
  try {
    return JSON.parse(new TextDecoder().decode(payload)) as ExchangeRecord;
  } catch (cause) {
    throw new KarkhanaError("FEEDBACK_RECORD_CORRUPT", { kind: "exchange", problem: `the one at ${offset} is not JSON` }, { cause });
  }
}
