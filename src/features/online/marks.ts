import type { Micros } from "../../kernel/clock.ts";
import type { KeyValueStore } from "../../storage/kv/port.ts";
import type { StoreReads } from "./pending-writes.ts";
import { headRange, markKey } from "./keys.ts";

/** How far a view has been filled from its source's file: what an incremental materialization need not load again. */
export type Mark = {
  /** Rows known by then are in the store ... */
  readonly untilUs: Micros;
  /** ... of those the file had then: rows appended since are loaded whatever their times, so late ones are not missed. */
  readonly numRows: number;
};

export async function readMark(store: StoreReads, viewHash: string): Promise<Mark | undefined> {
  const stored = await store.get(markKey(viewHash));
  return stored === undefined ? undefined : (JSON.parse(Buffer.from(stored).toString("utf8")) as Mark);
}

/** Whether anything of a view is in the store: filled from its file, or pushed. */
export async function isFilled(store: KeyValueStore, viewHash: string): Promise<boolean> {
  if ((await readMark(store, viewHash)) !== undefined) return true;
  const { from, to } = headRange(viewHash);
  for await (const _head of store.range(from, to, 1)) return true;
  return false;
}

export async function writeMarks(store: KeyValueStore, marks: readonly (Mark & { readonly viewHash: string })[]): Promise<void> {
  await store.write({
    puts: marks.map(({ viewHash, untilUs, numRows }) => ({ key: markKey(viewHash), value: Buffer.from(JSON.stringify({ untilUs, numRows })) })),
  });
}
