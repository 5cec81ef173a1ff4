import type { ErrorCode } from "../../kernel/error-catalogue.ts";
import type { KeyValue, KeyValueStore } from "../../storage/kv/port.ts";
import { countersKey, quarantineKey } from "./keys.ts";
import type { StoreReads } from "./pending-writes.ts";
import type { ReadRow, SourceRow } from "./source-rows.ts";

/** What became of a source's rows since the store was made; kept in the store, written with the rows. */
export interface SourceCounters {
  /** Rows taken: they reach features unless they are among those named below. */
  readonly rows: number;
  /** Left out by the source's `where`. */
  readonly outside: number;
  /** Known later after their event than the source's lateness: they reach no feature, here or offline. */
  readonly late: number;
  readonly deletions: number;
  /** Pushed so long after what was known of their key that their time was added up already: a view of sawtooth windows lacks them. */
  readonly behind: number;
  /** Set aside with a reason, by code. */
  readonly refused: Readonly<Record<string, number>>;
  /** Rows ever set aside; the last of them are kept. */
  readonly setAside: number;
  /** Greatest of the rows taken; null before the first. Freshness is a clock's time less these. */
  readonly newestEventUs: number | null;
  readonly newestKnownUs: number | null;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const none: SourceCounters = { rows: 0, outside: 0, late: 0, deletions: 0, behind: 0, refused: {}, setAside: 0, newestEventUs: null, newestKnownUs: null };

export interface SetAside {
  readonly row: SourceRow;
  readonly code: ErrorCode;
  readonly message: string;
}

export interface QuarantinedRow {
  readonly number: number;
  readonly code: string;
  readonly message: string;
  /** As JSON, cut where it is long. */
  readonly row: string;
}

/** A stream of poison must not fill the disk: a row overwrites the one so many before it. */
const maxQuarantined = 1000;
const maxRowText = 2000;

export class SourceCounts {
  readonly #store: KeyValueStore;
  readonly #source: string;

  constructor(store: KeyValueStore, source: string) {
    this.#store = store;
    this.#source = source;
  }

  /** @param from the store, unless told */
  async counters(from: StoreReads = this.#store): Promise<SourceCounters> {
    const stored = await from.get(countersKey(this.#source));
    return stored === undefined ? none : { ...none, ...(JSON.parse(Buffer.from(stored).toString("utf8")) as Partial<SourceCounters>) };
  }

  /** The rows last set aside, oldest first. */
  async quarantine(): Promise<QuarantinedRow[]> {
    const found: QuarantinedRow[] = [];
    for await (const { value } of this.#store.range(quarantineKey(this.#source, 0), quarantineKey(this.#source, maxQuarantined)))
      found.push(JSON.parse(Buffer.from(value).toString("utf8")) as QuarantinedRow);
    return found.sort((a, b) => a.number - b.number);
  }

  writes(
    before: SourceCounters,
    read: readonly ReadRow[],
    rejected: readonly { readonly code: string }[],
    aside: readonly SetAside[],
    behind: number,
  ): KeyValue[] {
    const refused: Record<string, number> = { ...before.refused };
    for (const { code } of rejected) refused[code] = (refused[code] ?? 0) + 1;
    const after: Mutable<SourceCounters> = { ...before, refused, setAside: before.setAside + aside.length, behind: before.behind + behind };
    let [event, known] = [before.newestEventUs ?? Number.NEGATIVE_INFINITY, before.newestKnownUs ?? Number.NEGATIVE_INFINITY];
    for (const { fate, eventUs, knownUs } of read) {
      after.rows++;
      if (fate === "outside") after.outside++;
      else if (fate === "late") after.late++;
      else if (fate === "deleted") after.deletions++;
      else {
        if (eventUs > event) event = eventUs;
        if (knownUs > known) known = knownUs;
      }
    }
    after.newestEventUs = Number.isFinite(event) ? event : null;
    after.newestKnownUs = Number.isFinite(known) ? known : null;
    const kept = aside.slice(-maxQuarantined).map(({ row, code, message }, i) => {
      const number = after.setAside - Math.min(aside.length, maxQuarantined) + i;
      const entry: QuarantinedRow = { number, code, message: message.slice(0, maxRowText), row: textOf(row).slice(0, maxRowText) };
      return { key: quarantineKey(this.#source, number % maxQuarantined), value: Buffer.from(JSON.stringify(entry)) };
    });
    return [{ key: countersKey(this.#source), value: Buffer.from(JSON.stringify(after)) }, ...kept];
  }
}

function textOf(row: SourceRow): string {
  try {
    return JSON.stringify(row, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value));
  } catch {
    return "a row that JSON cannot hold";
  }
}
