/**
 * What lookups gave, view by view: exact counts of lookups and of those that found no key, and of a sample the values themselves, as
 * sketches of bounded size, a day of questions each. Written to the store beside the features now and then, under the writer's own name, so
 * that they outlive a restart (but for the last seconds) and those of several processes add up.
 *
 * Per lookup it costs an increment; the first thousand lookups of a view and day are looked at, and one in 64 beyond, for 64.
 * Memory: at most `daysKept` days for each view, and at most 400 buckets and 128 texts for each feature and day.
 */
import type { Clock, Micros } from "../../kernel/clock.ts";
import { MICROS_PER_DAY } from "../../kernel/time.ts";
import type { KeyValueStore } from "../../storage/kv/port.ts";
import { featureViewHash, type FeatureViewDefinition } from "../definition.ts";
import type { FeatureValue } from "../vector.ts";
import { planView, type ViewPlan } from "../view-plan.ts";
import { profileKey, profileRange } from "./keys.ts";
import { dayOf, valueStatus, valueStatuses, ViewProfile, type ValueStatus } from "./view-profile.ts";
import type { FeatureStatus } from "./view-reading.ts";

export interface LookupWatchOptions {
  readonly store: KeyValueStore;
  readonly views: readonly FeatureViewDefinition[];
  readonly clock: Clock;
  /** Name of the process among those that write to the store: two of one name at a time would overwrite each other. */
  readonly writer: string;
}

/** What a lookup of a view found. */
export interface LookedUp {
  readonly values: readonly FeatureValue[];
  readonly statuses: readonly FeatureStatus[];
}

/** Since the process started: what counters are made of. */
export interface ViewTotals {
  readonly view: FeatureViewDefinition;
  readonly hash: string;
  lookups: number;
  notFound: number;
  /** Estimated from the sample, by feature. */
  readonly statuses: ReadonlyMap<string, Record<ValueStatus, number>>;
  /** Estimated lookups by age of the newest row: at most the edge each, and beyond the last. */
  readonly ages: Float64Array;
  ageSumSeconds: number;
}

/** Upper edges of ages, in seconds. */
export const ageEdges: readonly number[] = [1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 12 * 3600, 86_400, 3 * 86_400, 7 * 86_400, 30 * 86_400];

const daysKept = 4;
const wholeUpTo = 1000;
const oneIn = 64;

/** One view's lookups of one process. */
export class ViewWatch {
  readonly plan: ViewPlan;
  readonly totals: ViewTotals;
  readonly days: Map<number, ViewProfile> = new Map();
  /** Days to be written. */
  readonly changed: Set<number> = new Set();
  readonly #clock: Clock;
  #day = Number.NaN;
  #profile: ViewProfile | undefined;
  #gap = 1;
  #random = 1;

  constructor(view: FeatureViewDefinition, clock: Clock) {
    this.plan = planView(view);
    this.#clock = clock;
    this.totals = {
      view,
      hash: this.plan.hash,
      lookups: 0,
      notFound: 0,
      statuses: new Map(this.plan.features.map(({ name }) => [name, { PRESENT: 0, DEFAULT: 0, NULL_VALUE: 0, NOT_FOUND: 0, OUTSIDE_MAX_AGE: 0 }])),
      ages: new Float64Array(ageEdges.length + 1),
      ageSumSeconds: 0,
    };
  }

  /** @returns for how many lookups this one's values stand; 0 if they are not wanted */
  looked(timeUs: Micros, found: boolean): number {
    this.totals.lookups++;
    if (!found) this.totals.notFound++;
    const day = dayOf(timeUs);
    if (day !== this.#day) {
      this.#day = day;
      this.#profile = this.#profileOf(day);
    }
    const profile = this.#profile;
    if (profile === undefined) return 0;
    this.changed.add(day);
    if (!found) profile.notFound++;
    if (timeUs < profile.fromUs) profile.fromUs = timeUs;
    if (timeUs > profile.toUs) profile.toUs = timeUs;
    if (++profile.lookups <= wholeUpTo) return 1;
    if (--this.#gap > 0) return 0;
    // Uneven gaps, `oneIn` on average: clients that ask in turn must not be sampled in step.
    this.#random = (Math.imul(this.#random, 1_664_525) + 1_013_904_223) >>> 0;
    this.#gap = 1 + Math.floor((this.#random / 2 ** 32) * (2 * oneIn - 1));
    return oneIn;
  }

  take(timeUs: Micros, weight: number, newestUs: number | undefined, { values, statuses }: LookedUp): void {
    const profile = this.#profile;
    const { totals } = this;
    for (const [f, feature] of this.plan.features.entries()) {
      const value = values[f] ?? null;
      const status = valueStatus(feature, value, statuses[f]!);
      totals.statuses.get(feature.name)![status] += weight;
      // Of a vector its length is told, not each of its numbers.
      const told = this.plan.view.features[feature.name]?.embedding === undefined ? value : lengthOf(value);
      profile?.features.get(feature.name)?.add(told, status, weight);
    }
    if (newestUs === undefined) return;
    const age = Math.max(0, (timeUs - newestUs) / 1e6);
    profile?.ages.add(age, weight);
    totals.ageSumSeconds += age * weight;
    let edge = 0;
    while (edge < ageEdges.length && age > ageEdges[edge]!) edge++;
    totals.ages[edge] = totals.ages[edge]! + weight;
  }

  /** A question of another day than those kept is not profiled, unless it is newer than they: then the oldest goes. */
  #profileOf(day: number): ViewProfile | undefined {
    const kept = this.days.get(day);
    if (kept !== undefined) return kept;
    // A question about next year must not push today out.
    if (!Number.isFinite(day) || day > dayOf(this.#clock.nowUs() + MICROS_PER_DAY)) return undefined;
    const oldest = Math.min(...this.days.keys());
    if (this.days.size >= daysKept && day < oldest) return undefined;
    if (this.days.size >= daysKept) this.days.delete(oldest);
    const profile = new ViewProfile(this.plan);
    this.days.set(day, profile);
    return profile;
  }
}

function lengthOf(vector: FeatureValue): FeatureValue {
  if (!Array.isArray(vector) || vector.length === 0) return null;
  return Math.hypot(...(vector as readonly number[]));
}

export class LookupWatch {
  readonly #options: LookupWatchOptions;
  readonly #views = new Map<string, ViewWatch>();
  /** Days that lie in the store under this writer's name, by view. */
  readonly #stored = new Map<string, Set<number>>();
  #writing: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: LookupWatchOptions) {
    this.#options = options;
    for (const view of options.views) this.#views.set(featureViewHash(view), new ViewWatch(view, options.clock));
  }

  /** Goes on from what this writer stored before. */
  async start(everyMs: number): Promise<void> {
    for (const [hash, watch] of this.#views) {
      const stored = new Set<number>();
      this.#stored.set(hash, stored);
      for await (const { day, writer, profile } of profilesIn(this.#options.store, watch.plan)) {
        if (writer !== writerDigest(hash, this.#options.writer)) continue;
        stored.add(day);
        watch.days.set(day, profile);
      }
    }
    this.#timer = setInterval(() => void this.write().catch(() => undefined), everyMs);
    this.#timer.unref();
  }

  ofView(hash: string): ViewWatch | undefined {
    return this.#views.get(hash);
  }

  totals(): ViewTotals[] {
    return [...this.#views.values()].map((watch) => watch.totals);
  }

  /** Writes the days that changed, a day at a time. What cannot be written is tried again with the next. */
  write(): Promise<void> {
    this.#writing = this.#writing.catch(() => undefined).then(() => this.#writeChanged());
    return this.#writing;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.write();
  }

  async #writeChanged(): Promise<void> {
    const { store, writer } = this.#options;
    for (const [hash, watch] of this.#views) {
      const stored = this.#stored.get(hash) ?? new Set();
      this.#stored.set(hash, stored);
      for (const day of watch.changed) {
        const profile = watch.days.get(day);
        watch.changed.delete(day);
        if (profile === undefined) continue;
        const gone = [...stored].filter((one) => !watch.days.has(one));
        try {
          await store.write({
            puts: [{ key: profileKey(hash, writer, day), value: profile.store() }],
            deletes: gone.map((one) => profileKey(hash, writer, one)),
          });
        } catch (error) {
          watch.changed.add(day);
          throw error;
        }
        stored.add(day);
        for (const one of gone) stored.delete(one);
      }
    }
  }
}

/** Profiles of a view as they lie in the store, by day and writer. */
async function* profilesIn(store: KeyValueStore, plan: ViewPlan): AsyncGenerator<{ day: number; writer: string; profile: ViewProfile }> {
  const { from, to } = profileRange(plan.hash);
  for await (const { key, value } of store.range(from, to)) {
    const place = Buffer.from(key);
    const profile = ViewProfile.read(plan, value);
    if (profile !== undefined) yield { day: place.readDoubleBE(place.length - 8), writer: place.toString("hex", 0, place.length - 8), profile };
  }
}

function writerDigest(hash: string, writer: string): string {
  const key = Buffer.from(profileKey(hash, writer, 0));
  return key.toString("hex", 0, key.length - 8);
}

/** Lookups of all processes on the newest days of questions. @param days how many days, the newest first */
export async function readViewProfile(store: KeyValueStore, view: FeatureViewDefinition, days = 2): Promise<ViewProfile> {
  const plan = planView(view);
  const found: { day: number; profile: ViewProfile }[] = [];
  for await (const one of profilesIn(store, plan)) found.push(one);
  const newest = Math.max(...found.map(({ day }) => day));
  const merged = new ViewProfile(plan);
  for (const { day, profile } of found) if (day > newest - days) merged.merge(profile);
  return merged;
}

/** Share of values of each status; 0 each where nothing was looked at. */
export function shares(statuses: Readonly<Record<ValueStatus, number>>): Record<ValueStatus, number> {
  const all = valueStatuses.reduce((sum, status) => sum + statuses[status], 0);
  const share = (status: ValueStatus): number => (all === 0 ? 0 : statuses[status] / all);
  return {
    PRESENT: share("PRESENT"),
    DEFAULT: share("DEFAULT"),
    NULL_VALUE: share("NULL_VALUE"),
    NOT_FOUND: share("NOT_FOUND"),
    OUTSIDE_MAX_AGE: share("OUTSIDE_MAX_AGE"),
  };
}
