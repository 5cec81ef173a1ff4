/**
 * Removes vectors that no question may ask for any more: of rows that a newer one has replaced, or whose fact was corrected or deleted, so long ago
 * that questions are not answered exactly there (`slackUs`). Rows stay as they are and read as null where their vector is gone.
 *
 * A few keys at a time, so memory is bounded; each time one write that claims the source's next batch: it is refused, and the keys looked at
 * again, if anything was written to the source meanwhile, so no row that comes in finds the vector gone that it counts on. Killed between two
 * lines, some vectors are left for the next time, which is due as before.
 */
import { isVersioned } from "../../data/versions.ts";
import type { Micros } from "../../kernel/clock.ts";
import { codeOf } from "../../kernel/error.ts";
import type { KeyValue, KeyValueStore } from "../../storage/kv/port.ts";
import type { FeatureViewDefinition } from "../definition.ts";
import { planView, type ViewPlan } from "../view-plan.ts";
import { checkFormat, entryStride, EVENT, headerLength, ID, KNOWN, LAST, MEASURES, ROW_ID, rowStride, toFloats, UNTIL } from "./blocks.ts";
import { batchesWritten, changesKept, encodeKeys } from "./changed-keys.ts";
import { claimsKept, nextTurn } from "./ingest.ts";
import { blockKey, changesKey, headRange, vectorIdOf, vectorRange, writesKey } from "./keys.ts";
import { defaultSlackUs } from "./online-features.ts";
import { SourceCounts } from "./source-counts.ts";
import { isVectorId, readVectorCount, vectorCountPut } from "./vector-ids.ts";

export interface ReleaseOptions {
  readonly store: KeyValueStore;
  readonly view: FeatureViewDefinition;
  /** By the clock that questions are asked by: no row of a time to come makes another old. */
  readonly nowUs: Micros;
  readonly slackUs?: Micros;
}

export interface ReleasedVectors {
  readonly kept: number;
  readonly released: number;
}

/** Below it nothing is looked for; beyond, a quarter of what there was must have been put since. */
const leastPut = 256;
const keysAtOnce = 64;
const vectorsAtOnce = 256;
const maxAttempts = 100;

/** Whether so many vectors were put since the last time that a good share of all may be replaced ones. */
export async function isReleaseDue({ store, view }: Pick<ReleaseOptions, "store" | "view">): Promise<boolean> {
  const { put, kept } = await readVectorCount(store, planView(view).hash);
  return put >= Math.max(leastPut, kept / 4);
}

/** @returns undefined if the source was written to so often that no turn was left, or says no time yet */
export async function releaseVectors({ store, view, nowUs, slackUs = defaultSlackUs }: ReleaseOptions): Promise<ReleasedVectors | undefined> {
  const plan = planView(view);
  const source = view.source.name;
  const { newestEventUs, newestKnownUs } = await new SourceCounts(store, source).counters();
  if (newestEventUs === null || newestKnownUs === null) return undefined;
  const horizonUs = Math.min(nowUs, Math.max(newestEventUs, newestKnownUs)) - slackUs;
  const before = await readVectorCount(store, plan.hash);
  let [kept, released] = [0, 0];
  let { from } = headRange(plan.hash);
  const { to } = headRange(plan.hash);
  for (let size = keysAtOnce, attempt = 1; ;) {
    const headKeys: Uint8Array[] = [];
    for await (const { key } of store.range(from, to, size)) headKeys.push(Uint8Array.from(key));
    const last = headKeys.at(-1);
    if (last === undefined) break;
    const batch = await batchesWritten(store, source);
    let own = 0;
    const gone: Uint8Array[] = [];
    for (const headKey of headKeys) {
      const live = await liveVectors(store, headKey, plan, horizonUs);
      for await (const key of vectorsOf(store, headKey))
        if (live.has(vectorIdOf(key))) own++;
        else gone.push(key);
      // One key may have had many.
      if (gone.length >= vectorsAtOnce) break;
    }
    const isWhole = gone.length < vectorsAtOnce;
    if (gone.length > 0 && !(await write(store, source, batch, [], gone))) {
      if (++attempt > maxAttempts) return undefined;
      size = Math.max(1, size >> 1);
      await nextTurn();
      continue;
    }
    attempt = 1;
    released += gone.length;
    if (!isWhole) continue;
    kept += own;
    from = Buffer.concat([last, Buffer.of(0)]);
    await nextTurn();
  }
  for (let attempt = 1; attempt <= maxAttempts; attempt++) {
    const batch = await batchesWritten(store, source);
    const { put } = await readVectorCount(store, plan.hash);
    if (await write(store, source, batch, [vectorCountPut(plan.hash, { put: Math.max(0, put - before.put), kept })], [])) break;
  }
  return { kept, released };
}

async function* vectorsOf(store: KeyValueStore, headKey: Uint8Array): AsyncGenerator<Uint8Array> {
  const { from, to } = vectorRange(headKey);
  for (let next = from; ;) {
    const keys: Uint8Array[] = [];
    for await (const { key } of store.range(next, to, vectorsAtOnce)) keys.push(Uint8Array.from(key));
    yield* keys;
    const last = keys.at(-1);
    if (last === undefined || keys.length < vectorsAtOnce) return;
    next = Buffer.concat([last, Buffer.of(0)]);
  }
}

/** As a batch without rows: whoever follows the batches finds nothing changed. @returns false if another was written first */
async function write(store: KeyValueStore, source: string, before: number, puts: readonly KeyValue[], deletes: readonly Uint8Array[]): Promise<boolean> {
  const number = new Uint8Array(8);
  new DataView(number.buffer).setFloat64(0, before + 1);
  try {
    await store.write({
      claim: writesKey(source, before + 1),
      puts: [...puts, { key: writesKey(source), value: number }, { key: changesKey(source, before + 1), value: encodeKeys([]) }],
      deletes: [...deletes, writesKey(source, before + 1 - claimsKept), changesKey(source, before + 1 - changesKept)],
    });
    return true;
  } catch (error) {
    if (codeOf(error) === "WRITE_CONFLICT") return false;
    throw error;
  }
}

/** Ids that some question from the horizon on may be answered by. */
async function liveVectors(store: KeyValueStore, headKey: Uint8Array, plan: ViewPlan, horizonUs: Micros): Promise<ReadonlySet<number>> {
  const found = await store.get(headKey);
  const live = new LiveVectors(plan, horizonUs);
  if (found === undefined) return live.ids();
  const head = toFloats(found);
  checkFormat(head);
  const size = entryStride(plan.measures.length);
  const openAt = headerLength + head[2]! * size;
  live.add(head.subarray(openAt, openAt + head[3]! * rowStride(plan.measures.length)));
  for (let at = openAt - size; at >= headerLength && !live.isBefore(head[at + LAST]!); at -= size) {
    const block = await store.get(blockKey(headKey, head[at + ID]!));
    // Replaced since: the write of what is found here will be refused.
    if (block !== undefined) live.add(toFloats(block));
  }
  return live.ids();
}

/** Takes the rows of a key, the newest first. */
class LiveVectors {
  readonly #columns: readonly number[];
  readonly #stride: number;
  readonly #isVersioned: boolean;
  readonly #horizonUs: Micros;
  readonly #live = new Set<number>();
  /** The newest row that every question from the horizon on sees: event, known, row id. Older ones are answers to none of them. */
  #newest: readonly [number, number, number] | undefined;
  /** Its vectors. */
  #own: number[] = [];

  constructor(plan: ViewPlan, horizonUs: Micros) {
    this.#columns = plan.measures.flatMap(({ kind }, j) => (kind === "vector" ? [MEASURES + j] : []));
    this.#stride = rowStride(plan.measures.length);
    this.#isVersioned = isVersioned(plan.view.source);
    this.#horizonUs = horizonUs;
  }

  /** Whether rows of events up to it can be no answers. */
  isBefore(event: number): boolean {
    return this.#newest !== undefined && event < this.#newest[0];
  }

  add(rows: Float64Array): void {
    for (let at = rows.length - this.#stride; at >= 0; at -= this.#stride) {
      const [event, known, id] = [rows[at + EVENT]!, rows[at + KNOWN]!, rows[at + ROW_ID]!];
      if (rows[at + UNTIL]! <= this.#horizonUs || this.isBefore(event)) continue;
      const vectors = this.#columns.map((column) => rows[at + column]!).filter(isVectorId);
      // A version that stands may yet be ended, and then those before it count again.
      if (this.#isVersioned || event > this.#horizonUs || known > this.#horizonUs) {
        for (const one of vectors) this.#live.add(one);
        continue;
      }
      const best = this.#newest;
      const more = best === undefined ? 1 : event - best[0] || known - best[1] || id - best[2];
      if (more > 0) [this.#newest, this.#own] = [[event, known, id], vectors];
      else if (more === 0) this.#own.push(...vectors);
    }
  }

  ids(): ReadonlySet<number> {
    for (const one of this.#own) this.#live.add(one);
    return this.#live;
  }
}
