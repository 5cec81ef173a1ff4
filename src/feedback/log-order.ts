/*
 * The order in which several logs are read as one, written down page by page, so that whoever reads them, and whenever, meets the same record
 * at the same place. A page says which log each of its places belongs to, as runs, and where in every log it begins.
 *
 *   page: f64 first place · f64 places · JSON {"logs": [[name, offset], …], "runs": [log, records, log, records, …]}     little-endian
 */
import { KarkhanaError } from "../kernel/error.ts";

export interface OrderPage {
  /** Place of its first record. */
  readonly at: number;
  readonly count: number;
  /** Every log known when the page was written, and the offset of its first record that no earlier page holds. */
  readonly logs: readonly (readonly [name: string, from: number])[];
  /** Pairs: an index into `logs`, and how many records of that log follow. */
  readonly runs: readonly number[];
}

const headBytes = 16;

export function encodePage({ at, count, logs, runs }: OrderPage): Buffer {
  const head = Buffer.alloc(headBytes);
  head.writeDoubleLE(at, 0);
  head.writeDoubleLE(count, 8);
  return Buffer.concat([head, Buffer.from(JSON.stringify({ logs, runs }))]);
}

/** Where a page begins and how long it is, without reading the rest. @throws FEEDBACK_RECORD_CORRUPT */
function pageHead(payload: Uint8Array): { readonly at: number; readonly count: number } {
  if (payload.length <= headBytes) throw notAPage("it is too short");
  const view = new DataView(payload.buffer, payload.byteOffset, headBytes);
  const [at, count] = [view.getFloat64(0, true), view.getFloat64(8, true)];
  if (!Number.isSafeInteger(at) || at < 0 || !Number.isSafeInteger(count) || count <= 0) throw notAPage("its head holds no places");
  return { at, count };
}

/** @throws FEEDBACK_RECORD_CORRUPT */
export function decodePage(payload: Uint8Array): OrderPage {
  const { at, count } = pageHead(payload);
  try {
    const { logs, runs } = JSON.parse(Buffer.from(payload.subarray(headBytes)).toString()) as OrderPage;
    const held = runs.reduce((sum, value, i) => (i % 2 === 1 ? sum + value : sum), 0);
    if (held !== count || runs.some((value, i) => i % 2 === 0 && logs[value] === undefined)) throw notAPage("its runs do not add up");
    return { at, count, logs, runs };
  } catch (error) {
    throw error instanceof KarkhanaError ? error : notAPage(error instanceof Error ? error.message : String(error));
  }
}

function notAPage(problem: string): KarkhanaError {
  return new KarkhanaError("FEEDBACK_RECORD_CORRUPT", { kind: "order page", problem });
}

/** Offsets at which each log goes on after a page. */
export function pageEnds({ logs, runs }: OrderPage): Map<string, number> {
  const ends = new Map<string, number>(logs);
  for (let i = 0; i < runs.length; i += 2) {
    const [name] = logs[runs[i]!]!;
    ends.set(name, ends.get(name)! + runs[i + 1]!);
  }
  return ends;
}

/**
 * Places of a page before the first whose record is kept.
 * @param skip places that are not asked about @param starts offset of the oldest record of each log
 */
export function firstKept({ logs, runs }: OrderPage, skip: number, starts: ReadonlyMap<string, number>): number | undefined {
  const next = logs.map(([, offset]) => offset);
  let place = 0;
  for (let i = 0; i < runs.length; i += 2) {
    const [log, count] = [runs[i]!, runs[i + 1]!];
    const from = next[log]!;
    next[log] = from + count;
    const gone = Math.max(0, skip - place, (starts.get(logs[log]![0]) ?? Number.POSITIVE_INFINITY) - from);
    if (gone < count) return place + gone;
    place += count;
  }
  return undefined;
}

/** Whether all that was placed before a page is gone: it says where each log stood. A log without a start is gone itself. */
export function isAllBeforeGone({ logs }: OrderPage, starts: ReadonlyMap<string, number>): boolean {
  return logs.every(([name, from]) => from <= (starts.get(name) ?? Number.POSITIVE_INFINITY));
}

/** Stretch of a page: what to read of each log, and whose turn it is at each place. */
export interface PageStretch {
  readonly reads: readonly { readonly name: string; readonly from: number; readonly count: number }[];
  /** shape [take]: an index into `reads` */
  readonly turns: Uint16Array;
}

/** @param skip places of the page that come before @param take at most what the page holds after them */
export function stretchOf({ logs, runs }: OrderPage, skip: number, take: number): PageStretch {
  const from = logs.map(([, offset]) => offset);
  const count = logs.map(() => 0);
  const turns = new Uint16Array(take);
  let before = skip;
  let done = 0;
  for (let i = 0; i < runs.length && done < take; i += 2) {
    const log = runs[i]!;
    const passed = Math.min(before, runs[i + 1]!);
    before -= passed;
    from[log]! += passed;
    const used = Math.min(runs[i + 1]! - passed, take - done);
    turns.fill(log, done, done + used);
    count[log]! += used;
    done += used;
  }
  return { reads: logs.map(([name], log) => ({ name, from: from[log]!, count: count[log]! })), turns };
}

/** New records of one log: when each was written. */
export interface Arrivals {
  readonly times: readonly number[];
  /** False if the log is known to hold more than these. */
  readonly isAll: boolean;
}

/**
 * Merges by time, then by the logs' order; records of one log keep theirs. It stops where a log that holds more runs out, so that the result
 * does not depend on how many records were looked at at a time.
 * @returns runs as in `OrderPage`
 */
export function mergeByTime(logs: readonly Arrivals[]): { readonly runs: number[]; readonly count: number } {
  const next = logs.map(() => 0);
  const runs: number[] = [];
  let count = 0;
  for (;;) {
    let first = -1;
    for (const [log, { times, isAll }] of logs.entries()) {
      const at = next[log]!;
      if (at === times.length) {
        if (!isAll) return { runs, count };
      } else if (first === -1 || times[at]! < logs[first]!.times[next[first]!]!) first = log;
    }
    if (first === -1) return { runs, count };
    next[first]!++;
    count++;
    if (runs.at(-2) === first) runs[runs.length - 1]!++;
    else runs.push(first, 1);
  }
}
