/**
 * Worker thread that plays history as live traffic. Per slice of an hour of event time, in this order:
 *
 *   1. push   every row that becomes known in the slice, to each source the model's views read (while the slice before is asked)
 *   2. ask    every question of the slice over HTTP, one request each, `concurrency` at a time
 *   3. label  every outcome that becomes known in the slice, of questions asked in the replay (while the slice after is asked)
 *
 * So rows are pushed an hour or two before some questions: each question carries its own time and the online store
 * answers as of that time, so what became known later in the hour cannot reach it; the parity check recomputes a sample to prove it.
 * Everything may be sent again after a crash: pushes carry producer and sequence, questions and labels their row's id.
 */
import { parentPort, workerData } from "node:worker_threads";
import type { ColumnType } from "../data/source.ts";
import { KarkhanaError, toErrorRecord } from "../kernel/error.ts";
import { MICROS_PER_HOUR } from "../kernel/time.ts";
import { openDuckDb, type ColumnTable, type DuckDb } from "../storage/duckdb/duckdb.ts";
import { quoteIdentifier } from "../storage/duckdb/quote.ts";
import { LatencyHistogram } from "../math/latency-histogram.ts";
import type { DayRequest, DayResult, ReplayReply, ReplayRequest, ReplayWorkerData } from "./replay-messages.ts";
import { ServingClient } from "./serving-client.ts";

const settings = workerData as ReplayWorkerData;
const sliceUs = MICROS_PER_HOUR;
const labelBatch = 2000;
const pushBatch = 2000;
/** More than any slice holds: were it to hold more, its last batches would take the numbers of the next slice's first, which would then not be applied. */
const batchesASlice = 1_000_000;

const tell = (reply: ReplayReply): void => parentPort?.postMessage(reply);

let retried = 0;
const client = new ServingClient({
  baseUrl: settings.servingUrl,
  token: settings.servingToken,
  maxSockets: settings.concurrency,
  patienceMs: 120_000,
  onRetry: () => (retried += 1),
});
const sources = Object.entries(settings.sources);

async function load(): Promise<DuckDb> {
  const duck = await openDuckDb({ threads: settings.threads, memoryLimitMb: 1024, tempFolder: settings.tempFolder });
  // Rows known from the replay's start on; earlier ones are in the online store already.
  await duck.run(`create table asks as select _row, _event, _known, (${settings.labelSql}) as _label, ${settings.fields.map(quoteIdentifier).join(", ")}
    from (${settings.spine}) where _event >= ${settings.fromUs} and _event < ${settings.toUs} order by _event, _row`);
  for (const [i, [, source]] of sources.entries()) {
    await duck.run(
      `create table source_${i} as select * from (${source.relation}) where _known >= ${settings.fromUs} and _known < ${settings.toUs} order by _known, _row`,
    );
  }
  return duck;
}

async function runDay(duck: DuckDb, day: DayRequest): Promise<DayResult> {
  const histogram = new LatencyHistogram();
  const retriedBefore = retried;
  const rows = await readDay(duck, day);
  const totals = { asked: 0, pushed: 0, labelled: 0 };
  let pushing = meanwhile(push(rows, day.fromUs, Math.min(day.toUs, day.fromUs + sliceUs)));
  let labelling: Promise<number> = Promise.resolve(0);
  for (let from = day.fromUs; from < day.toUs; from += sliceUs) {
    const to = Math.min(day.toUs, from + sliceUs);
    totals.pushed += await pushing;
    // The next slice's rows travel while this one's questions are asked: an answer as of t cannot see them.
    pushing = meanwhile(to < day.toUs ? push(rows, to, Math.min(day.toUs, to + sliceUs)) : Promise.resolve(0));
    totals.asked += await ask(rows.asks, from, to, histogram);
    totals.labelled += await labelling;
    labelling = meanwhile(label(rows.labels, from, to));
    tell({ kind: "progress", asked: totals.asked, atUs: to });
  }
  totals.labelled += await labelling;
  return { ...totals, retried: retried - retriedBefore, latency: histogram.entries() };
}

/** Awaited a slice later: should the day fail before that, this one's failure must not end the thread, which plays the day again. */
function meanwhile<T>(work: Promise<T>): Promise<T> {
  work.catch(() => undefined);
  return work;
}

interface DayRows {
  readonly asks: ColumnTable;
  readonly labels: ColumnTable;
  readonly sources: readonly ColumnTable[];
}

async function readDay(duck: DuckDb, { fromUs, toUs }: DayRequest): Promise<DayRows> {
  const known = `where _known >= ${fromUs} and _known < ${toUs}`;
  const perSource: ColumnTable[] = [];
  for (const [i, [, source]] of sources.entries()) {
    perSource.push(
      await duck.columns(`select _row, _known, ${Object.keys(source.columns).map(quoteIdentifier).join(", ")} from source_${i} ${known} order by _known, _row`),
    );
  }
  return {
    asks: await duck.columns(
      `select _row, _event, ${settings.fields.map(quoteIdentifier).join(", ")} from asks where _event >= ${fromUs} and _event < ${toUs} order by _event, _row`,
    ),
    labels: await duck.columns(`select _row, _known, _label::int as _label from asks ${known} and _label is not null order by _known, _row`),
    sources: perSource,
  };
}

async function push(rows: DayRows, fromUs: number, toUs: number): Promise<number> {
  const counts = await Promise.all(
    sources.map(async ([name, source], i) => {
      const table = rows.sources[i]!;
      const [from, to] = sliceOf(table, "_known", fromUs, toUs);
      for (let at = from; at < to; at += pushBatch) {
        // The sequence grows with event time, so a batch sent again after a crash has the number it had and is applied once.
        const sequence = Math.round(fromUs / sliceUs) * batchesASlice + (at - from) / pushBatch;
        const batch = rowsOf(table, source.columns, at, Math.min(to, at + pushBatch));
        const reply = await client.post<{ rejected: readonly { message: string }[] }>(`/v1/sources/${encodeURIComponent(name)}/push`, {
          producer: `replay:${name}`,
          sequence,
          rows: batch,
        });
        const [first] = reply.rejected;
        if (first !== undefined)
          throw new KarkhanaError("INTERNAL", { problem: `the store rejected ${reply.rejected.length} replayed rows: ${first.message}` });
      }
      return to - from;
    }),
  );
  return counts.reduce((sum, n) => sum + n, 0);
}

async function ask(asks: ColumnTable, fromUs: number, toUs: number, histogram: LatencyHistogram): Promise<number> {
  const [from, to] = sliceOf(asks, "_event", fromUs, toUs);
  const path = `/v1/models/${encodeURIComponent(settings.model)}/predict`;
  const event = asks.columns.get("_event")!;
  const row = asks.columns.get("_row")!;
  let next = from;
  const lane = async (): Promise<void> => {
    while (next < to) {
      const i = next++;
      const fields = Object.fromEntries(settings.fields.map((name) => [name, plain(asks.columns.get(name)?.[i])]));
      const started = performance.now();
      await client.post(path, { instances: [{ id: String(row[i]), time: event[i], fields }] });
      histogram.add((performance.now() - started) * 1000);
    }
  };
  await Promise.all(Array.from({ length: Math.min(settings.concurrency, to - from) }, lane));
  return to - from;
}

async function label(labels: ColumnTable, fromUs: number, toUs: number): Promise<number> {
  const [from, to] = sliceOf(labels, "_known", fromUs, toUs);
  const [row, known, value] = ["_row", "_known", "_label"].map((name) => labels.columns.get(name)!);
  for (let at = from; at < to; at += labelBatch) {
    const length = Math.min(labelBatch, to - at);
    const batch = Array.from({ length }, (_, i) => ({ id: String(row![at + i]), label: value![at + i], knownTime: known![at + i] }));
    await client.post(`/v1/models/${encodeURIComponent(settings.model)}/labels`, { labels: batch });
  }
  return to - from;
}

/** Positions [first, end) of the rows whose time lies in [fromUs, toUs); the table is sorted by that time. */
function sliceOf(table: ColumnTable, time: string, fromUs: number, toUs: number): [number, number] {
  const times = table.columns.get(time)!;
  const firstAtOrAfter = (us: number): number => {
    let [low, high] = [0, table.numRows];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (Number(times[middle]) < us) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return [firstAtOrAfter(fromUs), firstAtOrAfter(toUs)];
}

function rowsOf(table: ColumnTable, types: Readonly<Record<string, ColumnType>>, from: number, to: number): Record<string, string | number | boolean | null>[] {
  return Array.from({ length: to - from }, (_, n) => {
    const i = from + n;
    const row: Record<string, string | number | boolean | null> = { _row: Number(table.columns.get("_row")?.[i]) };
    for (const [name, type] of Object.entries(types)) {
      const value = plain(table.columns.get(name)?.[i]);
      row[name] = type === "boolean" && value !== null ? value === 1 : value;
    }
    return row;
  });
}

function plain(value: string | number | null | undefined): string | number | null {
  return value === undefined || (typeof value === "number" && Number.isNaN(value)) ? null : value;
}

try {
  const duck = await load();
  const [{ n } = { n: 0 }] = await duck.rows("select count(*)::int as n from asks");
  tell({ kind: "loaded", rows: Number(n) });
  const leave = async (): Promise<void> => {
    client.close();
    await duck.close();
    parentPort?.close();
  };
  parentPort?.on("message", (request: ReplayRequest) => {
    if (request.kind === "stop") {
      void leave();
      return;
    }
    runDay(duck, request).then(
      (result) => tell({ kind: "done", result }),
      (error: unknown) => tell({ kind: "failed", error: toErrorRecord(error) }),
    );
  });
} catch (error) {
  tell({ kind: "failed", error: toErrorRecord(error) });
}
