import { KarkhanaError } from "../../kernel/error.ts";
import type { KeyValueStore, MaybePromise } from "../../storage/kv/port.ts";
import { boundField } from "../binding.ts";
import type { FeatureService, FeatureViewDefinition } from "../definition.ts";
import { partOfField } from "../key-part.ts";
import { categoryCodes, loggedSources, referenceSlots, type CategoryDictionary, type FeatureValue, type RequestFields } from "../vector.ts";
import type { ViewPlan } from "../view-plan.ts";
import { appliedOffsetOf, blockKey, headKeyMaker, logKey, textKey, vectorKey } from "./keys.ts";
import type { LookupWatch, ViewWatch } from "./lookup-watch.ts";
import { Texts } from "./text-ids.ts";
import { ViewReading, type FeatureStatus } from "./view-reading.ts";

/**
 * Fills the slots of a service's views for one question, as of `timeUs`, into `out[offset + slot]`; other slots are left alone.
 * @param applied filled, if given: how far the log of each of `loggedSources(service)` was applied when the values were read
 */
export type FeatureReader = (timeUs: number, fields: RequestFields, out: Float64Array, offset: number, applied?: number[]) => MaybePromise<void>;

/** The same for many: question i is written from `out[i * numSlots]`. All are read at one moment: `applied` holds for each. */
export type BatchFeatureReader = (timesUs: readonly number[], fields: readonly RequestFields[], out: Float64Array, applied?: number[]) => MaybePromise<void>;

/** A view's answer to one question, by feature in the view's order. */
export interface ViewValues {
  readonly prefix: string;
  readonly view: FeatureViewDefinition;
  readonly values: readonly FeatureValue[];
  readonly statuses: readonly FeatureStatus[];
  /** Event time of the newest row, where a feature looks at it (`latest`). */
  readonly newestUs: number | null;
}

/** Values as they are, null and NaN apart, for each question and each of the service's view references in order. */
export type ValuesReader = (timesUs: readonly number[], fields: readonly RequestFields[]) => MaybePromise<ViewValues[][]>;

/** A view's answers to many questions: by feature in the view's order, then by question. */
export interface ViewColumns {
  readonly values: readonly FeatureValue[][];
  readonly statuses: readonly FeatureStatus[][];
  readonly newestUs: readonly (number | null)[];
}

/** What `ValuesReader` gives, by column: for each of the service's view references in order. */
export type ColumnsReader = (timesUs: readonly number[], fields: readonly RequestFields[]) => MaybePromise<ViewColumns[]>;

interface Probe {
  readonly plan: ViewPlan;
  readonly prefix: string;
  readonly fields: readonly string[];
  readonly first: number;
  readonly headKeyOf: ReturnType<typeof headKeyMaker>;
  readonly watch: ViewWatch | undefined;
}

/** One view of one question on its way through the rounds. */
interface Lookup {
  readonly reading: ViewReading;
  readonly watch: ViewWatch | undefined;
  readonly blocks: number[];
  headKey: Uint8Array | undefined;
  timeUs: number;
  /** Where its slots go, and where its question's vector begins. */
  at: number;
  base: number;
  wantsVectors: boolean;
}

/** A writer replaces blocks between our rounds; more often than this in a row means something else is wrong. */
const maxAttempts = 8;

/**
 * Reads in at most four rounds: all heads, then all blocks that must be looked at row by row, then texts not met before, then vectors.
 * Without waiting if the store does not wait.
 */
export class ViewsReader {
  readonly #store: KeyValueStore;
  readonly #probes: readonly Probe[];
  readonly #numSlots: number;
  /** Where the store says how far each pushed source's log is applied. */
  readonly #logKeys: readonly Uint8Array[];
  readonly #codes: readonly ReadonlyMap<string, number>[];
  readonly #texts = new Texts();
  readonly #hasVectors: boolean;
  /** Lookups not in use. A read that has to wait keeps its own, so reads may overlap. */
  readonly #free: Lookup[][] = [];
  #bytes: Uint8Array = new Uint8Array(1 << 16);
  #floats: Float64Array = new Float64Array(this.#bytes.buffer);

  constructor(
    store: KeyValueStore,
    service: FeatureService,
    planOf: (view: FeatureViewDefinition) => ViewPlan,
    dictionary: CategoryDictionary,
    watch?: LookupWatch,
  ) {
    this.#store = store;
    this.#numSlots = service.slots.length;
    this.#logKeys = loggedSources(service).map(logKey);
    this.#codes = service.slots.map(({ name }) => categoryCodes(dictionary, name));
    this.#probes = referenceSlots(service).map(({ reference, first }) => {
      const plan = planOf(reference.view);
      return {
        plan,
        first,
        prefix: reference.prefix,
        fields: reference.view.entity.keys.map((key) => boundField(reference.binding, key, reference.prefix)),
        headKeyOf: headKeyMaker(plan.hash, plan.keyTypes),
        watch: watch?.ofView(plan.hash),
      };
    });
    this.#hasVectors = this.#probes.some(({ plan }) => plan.measures.some(({ kind }) => kind === "vector"));
  }

  readonly one: FeatureReader = (timeUs, fields, out, offset, applied) => {
    const lookups = this.#aimed(timeUs, fields, offset);
    const done = this.#read(lookups, () => this.#write(lookups, out), applied, 1);
    if (done !== undefined) return done.then(() => void this.#free.push(lookups));
    this.#free.push(lookups);
    return undefined;
  };

  readonly many: BatchFeatureReader = (timesUs, fields, out, applied) => {
    const groups = timesUs.map((timeUs, i) => this.#aimed(timeUs, fields[i]!, i * this.#numSlots));
    const all = groups.flat();
    const done = this.#read(all, () => this.#write(all, out), applied, 1);
    if (done !== undefined) return done.then(() => void this.#free.push(...groups));
    this.#free.push(...groups);
    return undefined;
  };

  readonly values: ValuesReader = (timesUs, fields) => {
    const groups = timesUs.map((timeUs, i) => this.#aimed(timeUs, fields[i]!, 0, true));
    const found: ViewValues[][] = [];
    const take = (): void => {
      for (const lookups of groups)
        found.push(
          lookups.map((lookup, i) => {
            const { reading } = lookup;
            this.#watched(lookup);
            return { prefix: this.#probes[i]!.prefix, view: reading.plan.view, ...reading.values(this.#texts) };
          }),
        );
      this.#free.push(...groups);
    };
    const done = this.#read(groups.flat(), take, undefined, 1);
    return done === undefined ? found : done.then(() => found);
  };

  readonly columns: ColumnsReader = (timesUs, fields) => {
    const groups = timesUs.map((timeUs, i) => this.#aimed(timeUs, fields[i]!, 0, true));
    const found = this.#probes.map(({ plan }) => ({
      values: plan.features.map((): FeatureValue[] => []),
      statuses: plan.features.map((): FeatureStatus[] => []),
      newestUs: [] as (number | null)[],
    }));
    const take = (): void => {
      for (let question = 0; question < groups.length; question++) {
        const lookups = groups[question]!;
        for (let i = 0; i < lookups.length; i++) {
          const { reading } = lookups[i]!;
          const { values, statuses, newestUs } = found[i]!;
          newestUs.push(reading.writeColumns(values, statuses, question, this.#texts));
          this.#watched(lookups[i]!);
        }
      }
      this.#free.push(...groups);
    };
    const done = this.#read(groups.flat(), take, undefined, 1);
    return done === undefined ? found : done.then(() => found);
  };

  #aimed(timeUs: number, fields: RequestFields, offset: number, wantsVectors = false): Lookup[] {
    const lookups =
      this.#free.pop() ??
      this.#probes.map(({ plan, watch }): Lookup => ({
        reading: new ViewReading(plan),
        watch,
        blocks: [],
        headKey: undefined,
        timeUs: 0,
        at: 0,
        base: 0,
        wantsVectors: false,
      }));
    for (let i = 0; i < lookups.length; i++) {
      const probe = this.#probes[i]!;
      const lookup = lookups[i]!;
      lookup.headKey = probe.headKeyOf(probe.fields.map((field, part) => partOfField(fields[field], probe.plan.keyTypes[part]!)));
      lookup.timeUs = timeUs;
      lookup.at = offset + probe.first;
      lookup.base = offset;
      lookup.wantsVectors = wantsVectors;
    }
    return lookups;
  }

  /**
   * What is applied is read with the heads, in one round: a batch's rows and its place in the log are one write, blocks never change, and
   * an attempt that meets a block that is gone begins again with both.
   */
  #read(lookups: readonly Lookup[], finish: () => void, applied: number[] | undefined, attempt: number): Promise<void> | undefined {
    if (attempt > maxAttempts) throw new KarkhanaError("FEATURES_CHANGING", { view: lookups[0]!.reading.plan.view.name, attempts: maxAttempts });
    const keys: Uint8Array[] = [];
    for (const lookup of lookups) if (lookup.headKey !== undefined) keys.push(lookup.headKey);
    if (applied !== undefined) for (const key of this.#logKeys) keys.push(key);
    return this.#asked(keys, (heads) => this.#afterHeads(lookups, heads, finish, applied, attempt));
  }

  #asked(keys: readonly Uint8Array[], then: (found: readonly (Uint8Array | undefined)[]) => Promise<void> | undefined): Promise<void> | undefined {
    if (keys.length === 0) return then([]);
    const found = this.#store.getMany(keys);
    return isPromise(found) ? found.then(then) : then(found);
  }

  #afterHeads(
    lookups: readonly Lookup[],
    heads: readonly (Uint8Array | undefined)[],
    finish: () => void,
    applied: number[] | undefined,
    attempt: number,
  ): Promise<void> | undefined {
    const keys: Uint8Array[] = [];
    let next = 0;
    for (const lookup of lookups) {
      lookup.reading.start(lookup.timeUs);
      lookup.blocks.length = 0;
      if (lookup.headKey === undefined) continue;
      const head = heads[next++];
      if (head === undefined) continue;
      this.#load(head);
      lookup.reading.addHead(this.#floats, lookup.blocks);
      for (const id of lookup.blocks) keys.push(blockKey(lookup.headKey, id));
    }
    if (applied !== undefined) for (let i = 0; i < this.#logKeys.length; i++) applied[i] = appliedOffsetOf(heads[next++]);
    return this.#asked(keys, (blocks) => this.#afterBlocks(lookups, blocks, finish, applied, attempt));
  }

  #afterBlocks(
    lookups: readonly Lookup[],
    blocks: readonly (Uint8Array | undefined)[],
    finish: () => void,
    applied: number[] | undefined,
    attempt: number,
  ): Promise<void> | undefined {
    let next = 0;
    for (const lookup of lookups) {
      for (let i = 0; i < lookup.blocks.length; i++) {
        const block = blocks[next++];
        // Replaced since its head was read: nothing read so far can be kept.
        if (block === undefined) return this.#read(lookups, finish, applied, attempt + 1);
        lookup.reading.addRows(this.#floats, 0, this.#load(block));
      }
    }
    this.#texts.trim();
    return this.#withTexts(lookups, finish);
  }

  /** Asks until none is missing: an overlapping read may have trimmed what this one had found there. */
  #withTexts(lookups: readonly Lookup[], finish: () => void): Promise<void> | undefined {
    const missing = new Set<number>();
    for (const { reading, wantsVectors } of lookups) reading.missingTexts(this.#texts, missing, wantsVectors);
    if (missing.size === 0) return this.#withVectors(lookups, finish);
    const ids = [...missing];
    return this.#asked(ids.map(textKey), (texts) => {
      for (const [i, id] of ids.entries()) {
        const text = texts[i];
        if (text === undefined) throw new KarkhanaError("STORAGE_CORRUPT", { path: "online features", store: "a text for each id", problem: `none for ${id}` });
        this.#texts.learn(id, text);
      }
      return this.#withTexts(lookups, finish);
    });
  }

  #withVectors(lookups: readonly Lookup[], finish: () => void): Promise<void> | undefined {
    const keys: Uint8Array[] = [];
    const asked: { readonly reading: ViewReading; readonly id: number }[] = [];
    for (const { reading, headKey, wantsVectors } of this.#hasVectors ? lookups : []) {
      if (headKey === undefined) continue;
      for (const id of reading.vectorIds(wantsVectors)) {
        keys.push(vectorKey(headKey, id));
        asked.push({ reading, id });
      }
    }
    return this.#asked(keys, (vectors) => {
      for (const [i, { reading, id }] of asked.entries()) reading.learnVector(id, vectors[i]);
      finish();
      return undefined;
    });
  }

  #write(lookups: readonly Lookup[], out: Float64Array): void {
    for (const lookup of lookups) {
      lookup.reading.write(out, lookup.at, lookup.base, this.#texts, this.#codesAt);
      this.#watched(lookup);
    }
  }

  #watched({ watch, timeUs, reading }: Lookup): void {
    if (watch === undefined) return;
    const weight = watch.looked(timeUs, reading.isFound);
    if (weight > 0) watch.take(timeUs, weight, reading.newestUs, reading.values(this.#texts));
  }

  readonly #codesAt = (slot: number): ReadonlyMap<string, number> => this.#codes[slot]!;

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

function isPromise<T>(value: MaybePromise<T>): value is Promise<T> {
  return value instanceof Promise;
}
