import { KarkhanaError } from "../../kernel/error.ts";
import type { KeyValueStore, MaybePromise } from "../../storage/kv/port.ts";
import type { FeatureService, FeatureViewDefinition } from "../definition.ts";
import { boundField } from "../binding.ts";
import { referenceSlots, type RequestFields } from "../vector.ts";
import type { ViewPlan } from "../view-plan.ts";
import { blockKey, headKeyMaker } from "./keys.ts";
import { WindowBands } from "./window-bands.ts";

/** Fills the slots of a service's views for one question, as of `timeUs`, into `out[offset + slot]`; other slots are left alone. */
export type FeatureReader = (timeUs: number, fields: RequestFields, out: Float64Array, offset: number) => MaybePromise<void>;

/** The same for many: question i is written from `out[i * numSlots]`. */
export type BatchFeatureReader = (timesUs: readonly number[], fields: readonly RequestFields[], out: Float64Array) => MaybePromise<void>;

interface Probe {
  readonly plan: ViewPlan;
  readonly fields: readonly string[];
  readonly first: number;
  readonly headKeyOf: ReturnType<typeof headKeyMaker>;
}

/** One view of one question on its way through the two rounds. */
interface Lookup {
  readonly bands: WindowBands;
  readonly blocks: number[];
  headKey: Uint8Array | undefined;
  timeUs: number;
  at: number;
}

/** A writer replaces blocks between our two rounds; more often than this in a row means something else is wrong. */
const maxAttempts = 8;

/** Reads in at most two rounds: all heads, then all blocks that must be looked at row by row. Without waiting if the store does not wait. */
export class ViewsReader {
  readonly #store: KeyValueStore;
  readonly #probes: readonly Probe[];
  readonly #numSlots: number;
  /** Lookups not in use. A read that has to wait keeps its own, so reads may overlap. */
  readonly #free: Lookup[][] = [];
  #bytes: Uint8Array = new Uint8Array(1 << 16);
  #floats: Float64Array = new Float64Array(this.#bytes.buffer);

  constructor(store: KeyValueStore, service: FeatureService, planOf: (view: FeatureViewDefinition) => ViewPlan) {
    this.#store = store;
    this.#numSlots = service.slots.length;
    this.#probes = referenceSlots(service).map(({ reference, first }) => {
      const plan = planOf(reference.view);
      return {
        plan,
        first,
        fields: reference.view.entity.keys.map((key) => boundField(reference.binding, key, reference.prefix)),
        headKeyOf: headKeyMaker(plan.hash, plan.keyTypes),
      };
    });
  }

  readonly one: FeatureReader = (timeUs, fields, out, offset) => {
    const lookups = this.#free.pop() ?? this.#newLookups();
    this.#aim(lookups, timeUs, fields, offset);
    const done = this.#read(lookups, out, 1);
    if (done !== undefined) return done.then(() => void this.#free.push(lookups));
    this.#free.push(lookups);
    return undefined;
  };

  readonly many: BatchFeatureReader = (timesUs, fields, out) => {
    const groups = timesUs.map((timeUs, i) => {
      const lookups = this.#free.pop() ?? this.#newLookups();
      this.#aim(lookups, timeUs, fields[i]!, i * this.#numSlots);
      return lookups;
    });
    const done = this.#read(groups.flat(), out, 1);
    if (done !== undefined) return done.then(() => void this.#free.push(...groups));
    this.#free.push(...groups);
    return undefined;
  };

  #newLookups(): Lookup[] {
    return this.#probes.map(({ plan }) => ({ bands: new WindowBands(plan), blocks: [], headKey: undefined, timeUs: 0, at: 0 }));
  }

  #aim(lookups: readonly Lookup[], timeUs: number, fields: RequestFields, offset: number): void {
    for (let i = 0; i < lookups.length; i++) {
      const probe = this.#probes[i]!;
      const lookup = lookups[i]!;
      lookup.headKey = probe.headKeyOf(probe.fields.length === 1 ? [fields[probe.fields[0]!]] : probe.fields.map((field) => fields[field]));
      lookup.timeUs = timeUs;
      lookup.at = offset + probe.first;
    }
  }

  #read(lookups: readonly Lookup[], out: Float64Array, attempt: number): Promise<void> | undefined {
    if (attempt > maxAttempts) throw new KarkhanaError("FEATURES_CHANGING", { view: lookups[0]!.bands.plan.view.name, attempts: maxAttempts });
    const keys: Uint8Array[] = [];
    for (const lookup of lookups) if (lookup.headKey !== undefined) keys.push(lookup.headKey);
    if (keys.length === 0) return this.#afterHeads(lookups, [], out, attempt);
    const heads = this.#store.getMany(keys);
    return isPromise(heads) ? heads.then((found) => this.#afterHeads(lookups, found, out, attempt)) : this.#afterHeads(lookups, heads, out, attempt);
  }

  #afterHeads(lookups: readonly Lookup[], heads: readonly (Uint8Array | undefined)[], out: Float64Array, attempt: number): Promise<void> | undefined {
    const keys: Uint8Array[] = [];
    let next = 0;
    for (const lookup of lookups) {
      lookup.bands.start(lookup.timeUs);
      lookup.blocks.length = 0;
      if (lookup.headKey === undefined) continue;
      const head = heads[next++];
      if (head === undefined) continue;
      this.#load(head);
      lookup.bands.addHead(this.#floats, lookup.blocks);
      for (const id of lookup.blocks) keys.push(blockKey(lookup.headKey, id));
    }
    if (keys.length === 0) return finish(lookups, out);
    const blocks = this.#store.getMany(keys);
    return isPromise(blocks) ? blocks.then((found) => this.#afterBlocks(lookups, found, out, attempt)) : this.#afterBlocks(lookups, blocks, out, attempt);
  }

  #afterBlocks(lookups: readonly Lookup[], blocks: readonly (Uint8Array | undefined)[], out: Float64Array, attempt: number): Promise<void> | undefined {
    let next = 0;
    for (const lookup of lookups) {
      for (let i = 0; i < lookup.blocks.length; i++) {
        const block = blocks[next++];
        // Replaced since its head was read: nothing read so far can be kept.
        if (block === undefined) return this.#read(lookups, out, attempt + 1);
        lookup.bands.addRows(this.#floats, 0, this.#load(block));
      }
    }
    return finish(lookups, out);
  }

  /** Copies into aligned memory of our own; typed arrays made for each value would cost more than the copy. */
  #load(value: Uint8Array): number {
    if (value.length > this.#bytes.length) {
      this.#bytes = new Uint8Array(2 ** Math.ceil(Math.log2(value.length)));
      this.#floats = new Float64Array(this.#bytes.buffer);
    }
    this.#bytes.set(value);
    return value.length >>> 3;
  }
}

function finish(lookups: readonly Lookup[], out: Float64Array): undefined {
  for (const lookup of lookups) lookup.bands.finish(out, lookup.at);
}

function isPromise<T>(value: MaybePromise<T>): value is Promise<T> {
  return value instanceof Promise;
}
