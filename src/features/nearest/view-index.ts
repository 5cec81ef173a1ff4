/**
 * The vectors of one view, kept equal to the online store and searched. Derived data: read from the store at the first question, brought up to
 * date by the keys that batches changed before each question (so what was acknowledged is found), and read anew where those are not known any more.
 *
 * What an entity's vector is at t is asked of the ordinary reader; only what may change without a batch needs care:
 *   ttl     an entity is found only while its newest row is not older (looked at in each search)
 *   ahead   rows known or happening later than t: such keys are read again at each question, until t is past them
 */
import type { Micros } from "../../kernel/clock.ts";
import { KarkhanaError } from "../../kernel/error.ts";
import type { KeyValueStore } from "../../storage/kv/port.ts";
import { featureService, type FeatureViewDefinition } from "../definition.ts";
import { embeddingProblem } from "../measure.ts";
import { batchesWritten, keysChanged } from "../online/changed-keys.ts";
import { headRange, isOfView, tupleOf } from "../online/keys.ts";
import { createOnlineFeatures, type ValuesReader } from "../online/online-features.ts";
import { fieldOfPart, type KeyPart } from "../key-part.ts";
import type { RequestFields } from "../vector.ts";
import { planView, type ViewPlan } from "../view-plan.ts";
import type { ApproximateIndex, NewApproximateIndex } from "./approximate.ts";
import { isSettled } from "./settled.ts";
import { VectorTable, type Neighbour } from "./vector-table.ts";

export interface NearestQuestion {
  /** Which embedding of the view; may be left out where there is one. */
  readonly feature?: string | undefined;
  /** A vector, or the key of an entity, whose own is then taken and which is not found itself. */
  readonly of: { readonly vector: readonly number[] } | { readonly keys: readonly KeyPart[] };
  readonly k: number;
  /** Only entities whose `latest` features have these values. */
  readonly where?: Readonly<Record<string, string | number>> | undefined;
  /** Look at every vector, however many. */
  readonly exact?: boolean | undefined;
  /** Give the neighbours' vectors too. */
  readonly vectors?: boolean | undefined;
  readonly timeUs: Micros;
}

export interface NearestAnswer {
  readonly feature: string;
  /** Whether every vector was looked at. */
  readonly exact: boolean;
  /** Entities with a vector. */
  readonly entities: number;
  readonly neighbours: readonly Neighbour[];
}

export interface ViewIndexOptions {
  readonly store: KeyValueStore;
  readonly view: FeatureViewDefinition;
  readonly feature: string;
  /** Absent: every search is exact. */
  readonly approximate?: NewApproximateIndex | undefined;
  /** Numbers in all vectors up to which each is looked at; default four million, some milliseconds. */
  readonly exactUpTo?: number;
  /** Bytes of vectors; default 1 GiB. */
  readonly maxBytes?: number;
}

const keysAtOnce = 500;
/** Vectors put into the graph before the thread looks at its messages. */
const linkedATurn = 100;

export class ViewIndex {
  readonly #options: ViewIndexOptions;
  readonly #plan: ViewPlan;
  readonly #read: ValuesReader;
  readonly #place: number;
  readonly #attributes: readonly string[];
  #table: VectorTable;
  #slotOf = new Map<string, number>();
  #unsettled = new Map<string, Buffer>();
  #graph: ApproximateIndex | undefined;
  /** Slots that the graph lacks. */
  #unlinked = new Set<number>();
  #seen: number | undefined;
  #timeUs = Number.NEGATIVE_INFINITY;
  #last: Promise<unknown> = Promise.resolve();
  #isClosed = false;
  #isLinking = false;

  constructor(options: ViewIndexOptions) {
    this.#options = options;
    const { view, store } = options;
    this.#plan = planView(view);
    this.#place = this.#plan.features.findIndex(({ name }) => name === options.feature);
    const names = Object.entries(view.features);
    this.#attributes = names.flatMap(([name, one]) => (one.aggregate === "latest" && one.embedding === undefined ? [name] : []));
    const service = featureService("nearest", [view.at(Object.fromEntries(view.entity.keys.map((key) => [key, key])))]);
    this.#read = createOnlineFeatures({ store, views: [view] }).valuesReader(service);
    this.#table = this.#newTable();
  }

  get #embedding(): NonNullable<FeatureViewDefinition["features"][string]["embedding"]> {
    return this.#options.view.features[this.#options.feature]!.embedding!;
  }

  #newTable(): VectorTable {
    const { view, feature, maxBytes = 2 ** 30 } = this.#options;
    const { dimensions, metric } = view.features[feature]!.embedding!;
    return new VectorTable({ name: `${view.name}.${feature}`, dimensions, metric, maxBytes });
  }

  /** @throws EMBEDDING_INVALID, EMBEDDING_NOT_FOUND, NEAREST_INDEX_FULL, INVALID_ARGUMENT, and what the store throws */
  async nearest(question: NearestQuestion): Promise<NearestAnswer> {
    // Two questions at once would catch up twice.
    const caught = this.#last.then(() => this.#catchUp(question.timeUs));
    this.#last = caught.catch(() => undefined);
    try {
      await caught;
    } catch (error) {
      // Nothing half-read is kept.
      this.#seen = undefined;
      throw error;
    }
    return this.#search(question);
  }

  close(): void {
    this.#isClosed = true;
  }

  #search({ of, k, where = {}, exact = false, vectors = false }: NearestQuestion): NearestAnswer {
    const { feature, view, exactUpTo = 4_000_000 } = this.#options;
    const { dimensions, metric } = this.#embedding;
    for (const name of Object.keys(where))
      if (!this.#attributes.includes(name))
        throw new KarkhanaError("INVALID_ARGUMENT", {
          field: "where",
          problem: `names no latest feature of ${view.name}; there are ${this.#attributes.join(", ") || "none"}`,
          value: name.slice(0, 100),
        });
    const own = "keys" in of ? this.#slotOf.get(nameOf(of.keys)) : undefined;
    if ("keys" in of && (own === undefined || !this.#isFresh(own)))
      throw new KarkhanaError("EMBEDDING_NOT_FOUND", { view: view.name, key: JSON.stringify(of.keys).slice(0, 200) });
    const vector = "vector" in of ? Float32Array.from(of.vector) : this.#table.vectorAt(own!).slice();
    const problem = embeddingProblem(vector, dimensions, metric);
    if (problem !== undefined) throw new KarkhanaError("EMBEDDING_INVALID", { field: "vector", problem });
    const wanted = Object.entries(where);
    const admits = (slot: number): boolean =>
      slot !== own && this.#isFresh(slot) && wanted.every(([name, value]) => this.#table.entityAt(slot)!.attributes[name] === value);
    const entities = this.#table.size;
    const graph = this.#graph;
    if (!exact && wanted.length === 0 && graph !== undefined && this.#unlinked.size === 0 && entities * dimensions > exactUpTo) {
      const candidates = graph.search(vector, 2 * k + 16);
      const neighbours = this.#table.nearestAmong(candidates, vector, k, admits, vectors);
      // Fewer than asked for: what was found was too old. Then all are looked at.
      if (neighbours.length === k) return { feature, exact: false, entities, neighbours };
    }
    return { feature, exact: true, entities, neighbours: this.#table.nearest(vector, k, admits, vectors) };
  }

  #isFresh(slot: number): boolean {
    const entity = this.#table.entityAt(slot);
    return entity !== undefined && this.#timeUs - entity.eventUs <= this.#plan.latestUs!;
  }

  async #catchUp(timeUs: Micros): Promise<void> {
    const { store, view } = this.#options;
    // A clock that goes back shows nothing that was hidden: what was seen once stays seen.
    this.#timeUs = Math.max(this.#timeUs, timeUs);
    const now = await batchesWritten(store, view.source.name);
    const changed = this.#seen === undefined ? undefined : await keysChanged(store, view.source.name, this.#seen, now);
    if (changed === undefined) await this.#rebuild();
    else {
      const own = changed.filter((key) => isOfView(key, this.#plan.hash));
      const again = new Map([...own, ...this.#unsettled.values()].map((key) => [key.toString("latin1"), key]));
      await this.#refresh([...again.values()]);
    }
    this.#seen = now;
    this.#startLinking();
  }

  /** The number of batches was read before: what comes in meanwhile is read again, which changes nothing. */
  async #rebuild(): Promise<void> {
    this.#table = this.#newTable();
    this.#slotOf = new Map();
    this.#unsettled = new Map();
    this.#unlinked = new Set();
    this.#graph = undefined;
    const { from, to } = headRange(this.#plan.hash);
    let keys: Buffer[] = [];
    for await (const { key } of this.#options.store.range(from, to)) {
      if (keys.push(Buffer.from(key)) < keysAtOnce) continue;
      await this.#refresh(keys);
      keys = [];
    }
    await this.#refresh(keys);
  }

  async #refresh(headKeys: readonly Buffer[]): Promise<void> {
    for (let from = 0; from < headKeys.length; from += keysAtOnce) await this.#refreshSome(headKeys.slice(from, from + keysAtOnce));
  }

  async #refreshSome(headKeys: readonly Buffer[]): Promise<void> {
    const { view, store } = this.#options;
    const keyed = headKeys.flatMap((headKey) => {
      const keys = tupleOf(headKey);
      // A key kept by its digest has no embedding: its rows were set aside.
      return keys === undefined ? [] : [{ headKey, keys }];
    });
    if (keyed.length === 0) return;
    const fields = keyed.map(({ keys }): RequestFields => Object.fromEntries(view.entity.keys.map((key, i) => [key, fieldOfPart(keys[i]!)])));
    const found = await this.#read(
      keyed.map(() => this.#timeUs),
      fields,
    );
    const heads = await store.getMany(keyed.map(({ headKey }) => headKey));
    const settled = heads.map((head) => head === undefined || isSettled(head, this.#plan, this.#timeUs));
    for (const [i, { headKey, keys }] of keyed.entries()) {
      const [answer] = found[i]!;
      const name = nameOf(keys);
      const place = headKey.toString("latin1");
      if (settled[i]!) this.#unsettled.delete(place);
      else this.#unsettled.set(place, headKey);
      const before = this.#slotOf.get(name);
      if (before !== undefined) this.#remove(name, before);
      const vector = answer?.values[this.#place];
      if (answer === undefined || answer.newestUs === null || !Array.isArray(vector)) continue;
      const attributes = Object.fromEntries(this.#attributes.map((one) => [one, answer.values[this.#plan.features.findIndex((f) => f.name === one)] ?? null]));
      const slot = this.#table.add({ keys, eventUs: answer.newestUs, vector: Float32Array.from(vector as readonly number[]), attributes });
      this.#slotOf.set(name, slot);
      this.#unlinked.add(slot);
    }
  }

  #remove(name: string, slot: number): void {
    this.#table.remove(slot);
    this.#slotOf.delete(name);
    // Linked slots leave the graph; its own neighbours are mended as usearch does.
    if (!this.#unlinked.delete(slot)) this.#graph?.remove(slot);
  }

  /** Builds the graph, or brings it up to date, between questions; until it is whole, searches are exact. */
  #startLinking(): void {
    const { approximate, exactUpTo = 4_000_000 } = this.#options;
    const { dimensions, metric } = this.#embedding;
    if (approximate === undefined || this.#table.size * dimensions <= exactUpTo) return;
    const [table, unlinked] = [this.#table, this.#unlinked];
    if (this.#graph !== undefined && unlinked.size <= linkedATurn) {
      for (const slot of unlinked) this.#graph.add(slot, table.vectorAt(slot));
      unlinked.clear();
      return;
    }
    const graph = (this.#graph ??= approximate(dimensions, metric));
    const link = (): void => {
      if (this.#isClosed || this.#unlinked !== unlinked || this.#graph !== graph) {
        // Read anew meanwhile: the new vectors are linked from the next question on.
        this.#isLinking = false;
        return;
      }
      let linked = 0;
      for (const slot of unlinked) {
        if (linked++ === linkedATurn) break;
        graph.add(slot, table.vectorAt(slot));
        unlinked.delete(slot);
      }
      if (unlinked.size > 0) setImmediate(link);
      else this.#isLinking = false;
    };
    if (this.#isLinking) return;
    this.#isLinking = true;
    setImmediate(link);
  }

  /** Resolves once the graph holds every vector, or there is none to build. */
  async linked(): Promise<void> {
    while (this.#isLinking && !this.#isClosed) {
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
  }
}

function nameOf(keys: readonly KeyPart[]): string {
  return JSON.stringify(keys);
}
