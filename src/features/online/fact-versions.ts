import { deserialize, serialize } from "node:v8";
import type { KeyValue } from "../../storage/kv/port.ts";
import { UNTIL } from "./blocks.ts";
import { versionsKey } from "./keys.ts";
import type { StoreReads } from "./pending-writes.ts";
import type { ReadRow } from "./source-rows.ts";

/** A version's rows in the views: none if it deletes the fact or lies outside of the source. */
interface VersionPart {
  readonly headKey: Uint8Array;
  readonly row: number[];
}

interface Version {
  readonly knownUs: number;
  readonly id: number;
  untilUs: number;
  readonly parts: readonly VersionPart[];
}

export interface ChangedRows {
  /** New rows, and rows whose end has changed, each as it must now lie in its key. */
  readonly rows: readonly { readonly headKey: Buffer; readonly row: number[]; readonly index: number }[];
  readonly puts: readonly KeyValue[];
}

/**
 * Which versions of each fact there are, so that a correction that moves a fact to another key or time finds the rows it replaces.
 * A version holds from its known time until the known time of the next by (known, row id), in whatever order they arrive.
 */
export class FactVersions {
  readonly #store: StoreReads;
  readonly #source: string;

  constructor(store: StoreReads, source: string) {
    this.#store = store;
    this.#source = source;
  }

  /** @param read rows with a fact that are neither late nor ahead, in their batch's order */
  async change(read: readonly ReadRow[]): Promise<ChangedRows> {
    const byFact = new Map<string | number, ReadRow[]>();
    for (const row of read) {
      const own = byFact.get(row.fact!);
      if (own === undefined) byFact.set(row.fact!, [row]);
      else own.push(row);
    }
    const facts = [...byFact];
    const keys = facts.map(([fact]) => versionsKey(this.#source, fact));
    const stored = keys.length === 0 ? [] : await this.#store.getMany(keys);
    const rows: { headKey: Buffer; row: number[]; index: number }[] = [];
    const puts: KeyValue[] = [];
    for (const [i, [, incoming]] of facts.entries()) {
      const before = stored[i];
      const versions: Version[] = before === undefined ? [] : (deserialize(before) as Version[]);
      const known = new Set(versions.map(({ id }) => id));
      const fresh = incoming.filter(({ id }) => !known.has(id) && known.add(id));
      if (fresh.length === 0) continue;
      for (const { knownUs, id, found } of fresh)
        versions.push({ knownUs, id, untilUs: Number.NaN, parts: found.map(({ headKey, row }) => ({ headKey, row })) });
      versions.sort((a, b) => a.knownUs - b.knownUs || a.id - b.id);
      for (const [v, version] of versions.entries()) {
        const untilUs = versions[v + 1]?.knownUs ?? Number.POSITIVE_INFINITY;
        if (version.untilUs === untilUs) continue;
        version.untilUs = untilUs;
        const index = fresh.find(({ id }) => id === version.id)?.index ?? fresh[0]!.index;
        for (const { headKey, row } of version.parts) {
          row[UNTIL] = untilUs;
          rows.push({ headKey: Buffer.from(headKey), row, index });
        }
      }
      puts.push({ key: keys[i]!, value: serialize(versions) });
    }
    return { rows, puts };
  }
}
